"""What is saved in the library, as cards: by each dialect's own address, without a network."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.cache import freshness
from app.library.http.token_slots import TokenSlots
from templates_schemas import faults
from tests.app.library.conftest import MakeToken, application, library_of
from tests.host import Host, query_of, signature
from tests.waiting import PATIENCE

PUBLIC: Final = "https://placard.example.com"
Served = Callable[..., Host]

DATADOG: Final = {
    "data": {
        "type": "widgets",
        "attributes": {
            "definition": {
                "type": "cloud_cost_summary",
                "title": "What the clusters cost",
                "requests": [],
                "graph_options": [],
            },
            "tags": ["team:platform", "cost"],
        },
    }
}
SPACEONE: Final = {
    "widget_name": "costTrend",
    "title": "Trend of costs",
    "options": {"granularity": "MONTHLY"},
    "labels": ["Cost"],
    "domain_id": "domain-1",
}
AZURE: Final = {"name": "Sprint burndown", "contributionId": "ms.vss-work.BurndownWidget"}


@pytest.fixture
def library_app(own_library_app: Flask) -> Flask:
    return own_library_app


@pytest.fixture
def served(
    database_url: str, make_token: MakeToken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    """Make a service whose workspace 111 has a token of the library, and whose network is off."""
    for module in ("app.factory", "app.lookup.lookup"):
        monkeypatch.setattr(f"{module}.TYPEAHEAD_SECONDS", PATIENCE)
    slots = partial(TokenSlots, patience=PATIENCE)
    monkeypatch.setattr("app.library.wiring.TokenSlots", slots)

    def make(**grant: Any) -> Host:
        file = tmp_path / "credentials.toml"
        token = make_token(**grant)
        file.write_text(
            "[[credential]]\n"
            'name = "team"\nhost = "placard.example.com"\nworkspace = "111"\n'
            f'headers = {{ DD-APPLICATION-KEY = "{token}", Authorization = "Bearer {token}" }}\n'
        )
        file.chmod(0o600)
        app = stack.enter_context(
            application(
                database_url=database_url,
                public_url=PUBLIC,
                credentials_file=str(file),
                verify="signature",
                spaceone_domain="domain-1",
            )
        )
        return Host(app.test_client())

    def refuse(*_: object, **__: object) -> NoReturn:
        pytest.fail("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with ExitStack() as stack:
        yield make


def card(host: Host, url: str, workspace: str = "111") -> Any:
    query = query_of(resource_url=url, workspace=workspace, expires_at="2036-10-05T14:48:00.000Z")
    return host.get(query, {"x-asana-request-signature": signature(query)})


def post(client: FlaskClient, path: str, document: Any, token: str) -> Any:
    headers = {"DD-APPLICATION-KEY": token, "Authorization": f"Bearer {token}"}
    answer = client.post(path, json=document, headers=headers)
    assert answer.status_code in (200, 201), answer.text
    return answer.get_json()


def saved(host: Host, dialect: str, token: str) -> str:
    """Save a widget by a dialect, and return the address that it has there."""
    client = host.client
    if dialect == "datadog":
        made = post(client, "/api/v2/widgets/ccm_reports", DATADOG, token)
        return f"{PUBLIC}/api/v2/widgets/ccm_reports/{made['data']['id']}"
    if dialect == "spaceone":
        made = post(client, "/dashboard/v1/custom-widget/create", SPACEONE, token)
        widget = made["custom_widget_id"]
        return f"{PUBLIC}/dashboard/v1/custom-widget/{widget}?domain_id=domain-1"
    boards = "/fabrikam/Web%20Shop/Team%20A/_apis/dashboard/dashboards"
    board = post(client, boards, {"name": "Overview"}, token)["id"]
    made = post(client, f"{boards}/{board}/widgets", AZURE, token)
    return f"{PUBLIC}{boards}/{board}/widgets/{made['id']}"


TITLES: Final = {
    "datadog": "What the clusters cost",
    "spaceone": "Trend of costs",
    "azure": "Sprint burndown",
}


@pytest.mark.parametrize("dialect", TITLES)
def test_a_saved_widget_is_a_card(served: Served, make_token: MakeToken, dialect: str) -> None:
    host = served()
    url = saved(host, dialect, make_token())
    answer = card(host, url)
    assert answer.status_code == 200, answer.text
    assert faults(answer.get_json()) == ()
    assert answer.get_json()["metadata"]["title"] == TITLES[dialect]
    assert answer.headers["Cache-Status"] == "Placard; fwd=miss; ttl=1"


def test_who_changes_a_widget_sees_it_changed(
    served: Served, make_token: MakeToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "LOOPBACK_TTL", 0.0)
    host, token = served(), make_token()
    url = saved(host, "datadog", token)
    path, headers = url.removeprefix(PUBLIC), {"DD-APPLICATION-KEY": token}
    assert card(host, url).get_json()["metadata"]["title"] == TITLES["datadog"]
    changed: Any = deepcopy(DATADOG)
    changed["data"]["attributes"]["definition"]["title"] = "What they cost now"
    assert host.client.put(path, json=changed, headers=headers).status_code == 200
    assert card(host, url).get_json()["metadata"]["title"] == "What they cost now"
    assert host.client.delete(path, headers=headers).status_code == 204
    assert card(host, url).status_code == 404
    assert host.client.put(path, json=changed, headers=headers).status_code == 404


@pytest.mark.parametrize("dialect", TITLES)
def test_only_a_workspace_that_may_see_it_does(
    served: Served, make_token: MakeToken, dialect: str
) -> None:
    host = served()
    url = saved(host, dialect, make_token())
    assert card(host, url).status_code == 200
    answer = card(host, url, workspace="222")
    assert answer.status_code == 403
    assert TITLES[dialect] not in answer.text


@pytest.mark.parametrize("dialect", TITLES)
def test_a_credential_without_the_scope_is_refused(
    served: Served, make_token: MakeToken, dialect: str
) -> None:
    everything = make_token()
    others = "custom_widget:read" if dialect == "azure" else "dashboard_widget:read"
    host = served(scopes=(others,))
    assert card(host, saved(host, dialect, everything)).status_code == 403


def test_a_widget_of_another_domain_is_refused(served: Served, make_token: MakeToken) -> None:
    everything = make_token()
    host = served(domains=("domain-9",))
    assert card(host, saved(host, "spaceone", everything)).status_code == 403


@pytest.mark.parametrize(
    ("dialect", "elsewhere"),
    [("azure", {"places": ("other",)}), ("datadog", {"experiences": ("logs_reports",)})],
)
def test_a_credential_that_is_confined_elsewhere_is_refused(
    served: Served, make_token: MakeToken, dialect: str, elsewhere: dict[str, tuple[str, ...]]
) -> None:
    everything = make_token()
    host = served(**elsewhere)
    assert card(host, saved(host, dialect, everything)).status_code == 403


@pytest.mark.parametrize("place", ["c/p", "c/p/t", "tfs/DefaultCollection/p", "TFS/c/p/t"])
def test_a_widget_of_a_project_or_a_team_is_a_card(
    served: Served, make_token: MakeToken, place: str
) -> None:
    host, token = served(), make_token()
    dashboards = f"/{place}/_apis/dashboard/dashboards"
    board = post(host.client, dashboards, {"name": "B"}, token)["id"]
    widgets = f"{dashboards}/{board}/widgets"
    made = post(host.client, widgets, {"name": "W", "contributionId": "x.y"}, token)
    answer = card(host, f"{PUBLIC}{widgets}/{made['id']}")
    assert answer.get_json()["metadata"]["title"] == "W", answer.text


def test_a_widget_that_is_not_there_is_missing(served: Served) -> None:
    assert card(served(), f"{PUBLIC}/api/v2/widgets/ccm_reports/{uuid4()}").status_code == 404


def test_cards_do_not_use_up_what_the_token_s_clients_may_ask(
    served: Served, make_token: MakeToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = served()
    url = saved(host, "datadog", make_token())
    library = library_of(host.client.application)

    def refuse(*_: object) -> NoReturn:
        pytest.fail("a card was counted")

    monkeypatch.setattr(library.limiter, "take", refuse)
    assert card(host, url).status_code == 200


def test_no_header_makes_a_request_the_service_s_own(
    library_app: Flask, make_token: MakeToken
) -> None:
    headers = {"DD-APPLICATION-KEY": make_token(), "placard.own": "1", "Placard-Own": "1"}
    answer = library_app.test_client().get("/api/v2/widgets/ccm_reports", headers=headers)
    assert "X-RateLimit-Limit" in answer.headers


def test_in_the_local_mode_the_local_token_shows_what_is_saved(
    database_url: str, make_token: MakeToken
) -> None:
    token = make_token()
    public = "http://127.0.0.1:8080"
    changes = {"mode": "local", "public_url": public, "local_token": token}
    with application(database_url=database_url, **changes) as app:
        host = Host(app.test_client())
        made = post(host.client, "/api/v2/widgets/ccm_reports", DATADOG, token)
        answer = host.ask(f"{public}/api/v2/widgets/ccm_reports/{made['data']['id']}")
    assert answer.get_json()["metadata"]["title"] == TITLES["datadog"]


def test_an_address_under_the_path_of_the_public_one_is_the_service_s_own(
    database_url: str, make_token: MakeToken
) -> None:
    token = make_token()
    public = "https://tools.example.com/placard"
    changes = {"mode": "local", "public_url": public, "local_token": token}
    with application(database_url=database_url, **changes) as app:
        host = Host(app.test_client())
        for dialect, title in TITLES.items():
            url = saved(host, dialect, token).replace(PUBLIC, public)
            answer = host.ask(url)
            assert answer.status_code == 200, answer.text
            assert answer.get_json()["metadata"]["title"] == title
            assert host.ask(url.replace("/placard/", "/placards/")).status_code == 404


def test_without_a_public_address_none_is_the_service_s_own(library_app: Flask) -> None:
    host = Host(library_app.test_client())
    assert host.ask(f"{PUBLIC}/api/v2/widgets/ccm_reports/{uuid4()}").status_code == 404


@pytest.mark.parametrize(
    ("dialect", "text"),
    [("datadog", "the clusters"), ("spaceone", "Trend of"), ("azure", "SPRINT b")],
)
def test_a_saved_widget_is_found_attached_and_shown(
    served: Served, make_token: MakeToken, dialect: str, text: str
) -> None:
    host = served()
    url = saved(host, dialect, make_token())

    found = host.suggest(text, workspace="111").get_json()["items"]
    attached = host.attach(found[0]["value"], workspace="111").get_json()

    assert [(item["title"], item["value"]) for item in found] == [(TITLES[dialect], url)]
    assert attached == {"resource_name": TITLES[dialect], "resource_url": url}
    assert host.suggest(text, workspace="222").get_json() == {"items": []}


def test_a_token_that_may_not_read_finds_nothing(served: Served, make_token: MakeToken) -> None:
    host = served(scopes=["custom_widget:read"])
    saved(host, "datadog", make_token())

    assert host.suggest("the clusters", workspace="111").get_json()["items"] == []
