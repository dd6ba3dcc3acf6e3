"""`GET /typeahead`: addresses, short forms, what was attached lately, and what refuses it."""

from pathlib import Path
from typing import Final

import pytest
import responses
from structlog.testing import capture_logs

from app.telemetry.logs import merge_log_fields
from tests.conftest import MakeHost
from tests.host import EXPIRES_AT, ISSUE, Host, query_of, signature, token
from tests.interface import judge
from tests.proofs import API_ISSUE, ISSUE_JSON, bearer
from tests.redis_server import RunRedis
from tests.waiting import wait_until

ITEM: Final = {
    "title": "An issue",
    "value": ISSUE,
    "subtitle": "pallets/flask #1",
    "icon_url": "https://github.githubassets.com/favicons/favicon.png",
}
NOT_FOUND: Final = "Not found. GitHub has no such page, or does not show it to us."


@pytest.fixture
def signed_host(make_host: MakeHost) -> Host:
    """The host of a service that takes signatures only, and has no credential."""
    return make_host(verify="signature")


@pytest.mark.parametrize(
    "text", [ISSUE, f"{ISSUE}?a=b#c", "github.com/pallets/flask/issues/1", "pallets/flask#1"]
)
def test_an_address_and_a_short_form_give_their_card(
    signed_host: Host, upstream: responses.RequestsMock, text: str
) -> None:
    upstream.get(API_ISSUE, json=ISSUE_JSON)

    answer = signed_host.suggest(text)

    assert judge("typeahead", answer) == 200
    assert answer.get_json() == {"items": [ITEM], "header": "GitHub"}


def test_a_picked_item_costs_one_call_in_all(
    signed_host: Host, upstream: responses.RequestsMock
) -> None:
    upstream.get(API_ISSUE, json=ISSUE_JSON)

    (item,) = signed_host.suggest(ISSUE).get_json()["items"]
    attached = signed_host.attach(item["value"]).get_json()
    shown = signed_host.ask_signed(
        query_of(resource_url=attached["resource_url"], workspace="12345", expires_at=EXPIRES_AT)
    )

    assert shown.get_json()["metadata"]["title"] == attached["resource_name"]
    assert len(upstream.calls) == 1


@pytest.mark.parametrize(
    ("text", "header"),
    [
        (ISSUE, NOT_FOUND),
        ("https://example.com/", "Not found."),
        ("example.com/page", "Not found."),
    ],
)
def test_an_address_without_a_card_gives_no_item_and_says_why(
    signed_host: Host, text: str, header: str
) -> None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as outside:
        outside.get(API_ISSUE, status=404)
        answer = signed_host.suggest(text)

    assert judge("typeahead", answer) == 200
    assert answer.get_json() == {"items": [], "header": header}


@pytest.mark.parametrize("text", ["", "a", "ab", "  ab  ", "\u200b"])
def test_few_characters_are_answered_with_what_was_attached_lately(
    signed_host: Host, upstream: responses.RequestsMock, text: str
) -> None:
    upstream.get(API_ISSUE, json=ISSUE_JSON)
    upstream.get("https://api.github.com/repos/o/r/issues/2", json=ISSUE_JSON)
    signed_host.attach(ISSUE)
    signed_host.attach("o/r#2")
    signed_host.attach(ISSUE)

    answer = signed_host.suggest(text)

    assert judge("typeahead", answer) == 200
    assert answer.get_json()["header"] == "Recently attached"
    assert [item["value"] for item in answer.get_json()["items"]] == [
        ISSUE,
        "https://github.com/o/r/issues/2",
    ]
    assert signed_host.suggest(text, workspace="2").get_json() == {"items": []}


def test_a_number_is_one_of_the_repository_that_was_attached_last(
    signed_host: Host, upstream: responses.RequestsMock
) -> None:
    upstream.get(API_ISSUE, json=ISSUE_JSON)
    upstream.get("https://api.github.com/repos/pallets/flask/issues/22", json=ISSUE_JSON)
    signed_host.attach(ISSUE)

    (item,) = signed_host.suggest("#22").get_json()["items"]

    assert item["value"] == "https://github.com/pallets/flask/issues/22"
    assert signed_host.suggest("#22", workspace="2").get_json() == {"items": []}


def test_without_a_proven_workspace_nothing_is_remembered(
    host: Host, upstream: responses.RequestsMock
) -> None:
    upstream.get(API_ISSUE, json=ISSUE_JSON)
    data = f'{{"query": "{ISSUE}", "workspace": "1"}}'

    attached = host.client.post("/attach", json={"data": data}, headers=bearer(token()))
    answer = host.client.get("/typeahead?query=&workspace=1", headers=bearer(token()))

    assert attached.status_code == 200
    assert answer.get_json() == {"items": []}


def test_recent_ones_are_offered_only_with_the_credential_that_showed_them(
    make_host: MakeHost,
    upstream: responses.RequestsMock,
    run_redis: RunRedis,
    tmp_path: Path,
) -> None:
    """Three services share a cache; the second has another token for GitHub."""
    upstream.get(API_ISSUE, json=ISSUE_JSON)
    with run_redis(tmp_path) as redis:
        settings = {"verify": "signature", "cache_url": redis.url}
        first, second, third = (
            make_host(**settings, github_token=given) for given in ("one", "two", "one")
        )
        first.attach(ISSUE)

        assert len(first.suggest("").get_json()["items"]) == 1
        assert second.suggest("").get_json() == {"items": []}
        assert len(third.suggest("").get_json()["items"]) == 1


def test_offline_the_samples_are_found_and_attached(make_host: MakeHost) -> None:
    local = make_host(mode="local", verify="signature")
    # The first search draws the cards of all samples.
    wait_until(lambda: local.suggest("CART total").get_json()["items"])

    answer = local.suggest("CART total")

    assert judge("typeahead", answer) == 200
    assert answer.get_json()["header"] == "the samples"
    items = answer.get_json()["items"]
    assert items
    assert not [item["value"] for item in items if item["value"].endswith("/overview")]
    for item in items:
        text = f"{item['title']} {item.get('subtitle', '')}".casefold()
        assert "cart" in text
        assert "total" in text
        assert judge("attach", local.attach(item["value"])) == 200


@pytest.mark.parametrize("name", ["query", "value", "fragment"])
def test_older_hosts_name_what_was_typed_differently(signed_host: Host, name: str) -> None:
    query = query_of(**{name: "example.com/page"}, workspace="1", expires_at=EXPIRES_AT)
    proof = {"x-asana-request-signature": signature(query)}

    answer = signed_host.client.get(f"/typeahead?{query}", headers=proof)

    assert answer.get_json() == {"items": [], "header": "Not found."}


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("workspace=1", "`query` is missing."),
        ("query=abc&query=abd", "`query` is given more than once."),
        ("query=abc&workspace=1&workspace=2", "`workspace` is given more than once."),
        (f"query={'x' * 8193}", "`query` is over 8192 characters."),
    ],
)
def test_parameters_are_judged(host: Host, query: str, told: str) -> None:
    answer = host.client.get(f"/typeahead?{query}", headers=bearer(token()))

    assert judge("typeahead", answer) == 400
    assert answer.get_json() == {"data": {"error": f"Illegal or malformed request. {told}"}}


def test_a_refused_request_asks_nothing(
    signed_host: Host, upstream: responses.RequestsMock
) -> None:
    query = query_of(query=ISSUE, expires_at=EXPIRES_AT)
    for headers in ({}, {"x-asana-request-signature": signature(f"{query}&")}):
        answer = signed_host.client.get(f"/typeahead?{query}", headers=headers)
        assert judge("typeahead", answer) == 401
    assert len(upstream.calls) == 0


def test_the_log_says_what_was_searched_and_never_what_was_typed(signed_host: Host) -> None:
    with capture_logs(processors=[merge_log_fields]) as log:
        signed_host.suggest("a secret word")

    assert log[-1]["searched"] == []
    assert log[-1]["items"] == 0
    assert "secret word" not in str(log)
    counted = signed_host.client.get("/metrics").text
    assert 'placard_requests_total{outcome="ok",route="typeahead"} 1.0' in counted
