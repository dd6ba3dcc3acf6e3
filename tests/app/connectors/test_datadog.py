"""Datadog's addresses, its keys, and what its widgets show."""

import copy
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import pytest

from app.connectors import find
from app.connectors.datadog import SITES, TYPES, Datadog
from app.testing.contract import ConnectorContract, sent_headers, settings_of
from templates_schemas import payload

KEYS: Final = {"DD_API_KEY": "the-api-key", "DD_APPLICATION_KEY": "the-application-key"}
SENT: Final = {"DD-API-KEY": "the-api-key", "DD-APPLICATION-KEY": "the-application-key"}
API: Final = "https://api.datadoghq.com/api/v2/widgets"
UUID: Final = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
PAGE: Final = f"{API}/ccm_reports/{UUID}"

MATCHES: Final = {
    PAGE: PAGE,
    f"{PAGE}/": PAGE,
    f"{PAGE}?x=1": PAGE,
    f"{PAGE}#json": PAGE,
    f"http://api.datadoghq.com/api/v2/widgets/ccm_reports/{UUID}": PAGE,
    f"HTTPS://API.DatadogHQ.com:443/api/v2/widgets/ccm_reports/{UUID}": PAGE,
    f"{API}/ccm_reports/{UUID.upper()}": f"{API}/ccm_reports/{UUID.upper()}",
    f"{API}/logs_reports/{UUID}": f"{API}/logs_reports/{UUID}",
    f"{API}/csv_reports/{UUID}": f"{API}/csv_reports/{UUID}",
    f"{API}/product_analytics/{UUID}": f"{API}/product_analytics/{UUID}",
} | {
    address: address
    for site in SITES[1:]
    for address in [f"https://api.{site}/api/v2/widgets/logs_reports/{UUID}"]
}
NEAR_MISSES: Final = (
    # Another host: no site of Datadog's, or a site without its API.
    f"https://datadoghq.com/api/v2/widgets/ccm_reports/{UUID}",
    f"https://app.datadoghq.com/api/v2/widgets/ccm_reports/{UUID}",
    f"https://api.us1.datadoghq.com/api/v2/widgets/ccm_reports/{UUID}",
    f"https://api.us2.datadoghq.com/api/v2/widgets/ccm_reports/{UUID}",
    f"https://api.us3.datadoghq.eu/api/v2/widgets/ccm_reports/{UUID}",
    f"https://api.ddog-gov.com.evil.example/api/v2/widgets/ccm_reports/{UUID}",
    # Another page.
    API,
    f"{API}/ccm_reports",
    f"{API}/ccm_reports/",
    f"{API}/ccm_reports/{UUID}/favorite",
    f"{API}/CCM_reports/{UUID}",
    f"{API}/metric_reports/{UUID}",
    f"{API}/ccm_reports//{UUID}",
    f"{API}/ccm_reports/{UUID}//",
    f"https://api.datadoghq.com/api/v1/widgets/ccm_reports/{UUID}",
    f"https://api.datadoghq.com/api/v2/dashboards/ccm_reports/{UUID}",
    # A uuid that is none.
    f"{API}/ccm_reports/{UUID[:-1]}",
    f"{API}/ccm_reports/{UUID}0",
    f"{API}/ccm_reports/{UUID.replace('-', '')}",
    f"{API}/ccm_reports/g{UUID[1:]}",
    f"{API}/ccm_reports/\uff11{UUID[1:]}",
    f"{API}/ccm_reports/..%2F{UUID}",
)
RESOURCE: Final[dict[str, Any]] = {
    "data": {
        "attributes": {
            "definition": {"title": "AWS spend by service", "type": "cloud_cost_summary"},
            "tags": ["team:finops", "aws"],
            "created_at": "2026-01-15T09:30:00.000Z",
            "modified_at": "2026-02-03T16:05:12.000Z",
        },
        "relationships": {
            "created_by": {"data": {"id": "user-1"}},
            "modified_by": {"data": {"id": "user-2"}},
        },
    },
    "included": [
        {"id": "user-1", "attributes": {"name": "Alice Example", "handle": "alice@example.com"}},
        {"id": "user-2", "attributes": {"name": "Bob Example", "handle": "bob@example.com"}},
    ],
}


class TestDatadog(ConnectorContract):
    connector = Datadog
    environment = KEYS
    matches = MATCHES
    near_misses = NEAR_MISSES
    resource = RESOURCE
    corpora: ClassVar[Mapping[str, str]] = {"datadog/widget_definitions": PAGE}

    def answer_of(self, payload: Any) -> Any:
        return _changed({"definition": payload})


def test_keys_go_to_the_default_site_only() -> None:
    known = Datadog(settings_of(KEYS))
    assert {site for site in SITES if sent_headers(known, f"https://api.{site}/")} == {
        "datadoghq.com"
    }
    assert sent_headers(known, PAGE) == SENT


@pytest.mark.parametrize("site", SITES)
def test_keys_go_to_the_site_of_the_setting_only(site: str) -> None:
    known = Datadog(settings_of({**KEYS, "DD_SITE": site}))
    sent = {other: sent_headers(known, f"https://api.{other}/") for other in SITES}
    assert {other for other, headers in sent.items() if headers} == {site}
    assert sent[site] == SENT


@pytest.mark.parametrize(
    "url", ["https://datadoghq.com/", "https://api.datadoghq.com.evil.example"]
)
def test_keys_go_to_no_other_host(url: str) -> None:
    assert sent_headers(Datadog(settings_of(KEYS)), url) == {}


@pytest.mark.parametrize("name", KEYS)
def test_one_key_without_the_other_is_not_sent(name: str) -> None:
    assert sent_headers(Datadog(settings_of({name: "the-key"})), PAGE) == {}


@pytest.mark.parametrize(
    ("given", "text", "color"),
    [
        *((name, label, color) for name, (label, color) in TYPES.items()),
        ("run_workflow", "Run workflow", "none"),
        ("", "Widget", "none"),
        ("\u200b", "Widget", "none"),
    ],
)
def test_type_is_shown_in_its_colour(given: str, text: str, color: str) -> None:
    card = _card(_changed({"definition": {"title": "A title", "type": given}}))
    assert _shown(card)["Type"] == text
    assert (card["fields"][0]["type"], card["fields"][0]["color"]) == ("pill", color)


@pytest.mark.parametrize("title", [{}, {"title": None}, {"title": ""}, {"title": " \u200b"}])
def test_widget_without_a_title_is_named_after_its_type(title: dict[str, Any]) -> None:
    card = _card(_changed({"definition": {"type": "query_value", **title}}))
    assert card["title"] == "Untitled query value"


def test_owner_and_whoever_else_changed_it_are_named() -> None:
    shown = _shown(_card(RESOURCE))
    assert (shown["Owner"], shown["Modified by"]) == ("Alice Example", "Bob Example")


def test_owner_who_changed_it_last_is_named_once() -> None:
    resource = copy.deepcopy(RESOURCE)
    resource["data"]["relationships"]["modified_by"]["data"]["id"] = "user-1"
    shown = _shown(_card(resource))
    assert shown["Owner"] == "Alice Example"
    assert "Modified by" not in shown


@pytest.mark.parametrize("name", [{}, {"name": None}, {"name": ""}])
def test_owner_without_a_name_is_shown_by_the_handle(name: dict[str, Any]) -> None:
    resource = copy.deepcopy(RESOURCE)
    resource["included"][0]["attributes"] = {"handle": "alice@example.com", **name}
    assert _shown(_card(resource))["Owner"] == "alice@example.com"


@pytest.mark.parametrize("included", [None, [], [{"id": "user-1"}], [{"id": "user-9"}]])
def test_owner_whom_the_answer_does_not_name_is_left_out(included: Any) -> None:
    shown = _shown(_card({**RESOURCE, "included": included}))
    assert list(shown) == ["Type", "Tags"]


@pytest.mark.parametrize(
    "relationships", [None, {}, {"created_by": None}, {"created_by": {"data": None}}]
)
def test_widget_without_relationships_has_no_owner(relationships: Any) -> None:
    resource = copy.deepcopy(RESOURCE)
    resource["data"]["relationships"] = relationships
    assert "Owner" not in _shown(_card(resource))


def _changed(attributes: Mapping[str, Any]) -> dict[str, Any]:
    resource = copy.deepcopy(RESOURCE)
    resource["data"]["attributes"].update(attributes)
    return resource


def _card(resource: Mapping[str, Any]) -> dict[str, Any]:
    known, match = find(PAGE, [Datadog(settings_of({}))])
    card = known.widget(known.schema().load(resource), match)
    metadata: dict[str, Any] = payload(card)["metadata"]
    return metadata


def _shown(card: Mapping[str, Any]) -> dict[str, str]:
    return {field["name"]: field["text"] for field in card["fields"] if "text" in field}
