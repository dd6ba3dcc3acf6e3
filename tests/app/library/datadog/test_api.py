"""The Datadog dialect, asked by Datadog's own client and by hand."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import ApiException
from datadog_api_client.v2.api.widgets_api import WidgetsApi
from datadog_api_client.v2.model.create_or_update_widget_request import CreateOrUpdateWidgetRequest
from datadog_api_client.v2.model.create_or_update_widget_request_attributes import (
    CreateOrUpdateWidgetRequestAttributes,
)
from datadog_api_client.v2.model.create_or_update_widget_request_data import (
    CreateOrUpdateWidgetRequestData,
)
from datadog_api_client.v2.model.widget_definition import WidgetDefinition
from datadog_api_client.v2.model.widget_experience_type import WidgetExperienceType
from datadog_api_client.v2.model.widget_type import WidgetType
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.library.core.models import FavoriteRow, SavedWidgetRow
from app.library.datadog.api import READ, WRITE
from app.library.datadog.schemas import EXPERIENCE_TYPES, WIDGET_TYPES
from app.library.http.context import Library
from tests.app.library.conftest import ALICE, MakeToken, application, library_of, token_of

UNKNOWN = UUID("e3b75bff-dfd6-42e7-b186-620cfd68c2c5")
CCM = "/api/v2/widgets/ccm_reports"
DEFINITION: dict[str, Any] = {
    "type": "cloud_cost_summary",
    "title": "AWS spend by service",
    "requests": [{"queries": [{"name": "q", "query": "sum:aws.cost{*}"}], "b": 1, "a": 2.5}],
    "graph_options": [{"type": "query_value", "view": "total"}],
    "zz_unknown": {"é": None, "a": True},
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

Ask = Callable[..., TestResponse]


def body(definition: Any = None, tags: Any = ("team:a",), **data: Any) -> dict[str, Any]:
    attributes = {"definition": DEFINITION if definition is None else definition}
    if tags is not None:
        attributes["tags"] = tags
    return {"data": {"type": "widgets", "attributes": attributes} | data}


@pytest.fixture
def ask(library_app: Flask, token: str) -> Ask:
    """Ask with Alice's token, unless headers are given."""

    def ask(method: str, path: str, **options: Any) -> TestResponse:
        headers = options.pop("headers", {"DD-APPLICATION-KEY": token})
        return library_app.test_client().open(path, method=method, headers=headers, **options)

    return ask


@pytest.fixture
def api(served: str, token: str) -> Iterator[WidgetsApi]:
    """Datadog's client, with nothing changed but its address."""
    with client_of(served, token) as api:
        yield WidgetsApi(api)


def client_of(base: str, token: str) -> ApiClient:
    configuration = Configuration(
        host=base, api_key={"apiKeyAuth": "any", "appKeyAuth": token}, enable_retry=False
    )
    return ApiClient(configuration)


def test_the_official_client_creates_and_gets_a_widget(api: WidgetsApi) -> None:
    definition = WidgetDefinition(**(DEFINITION | {"type": WidgetType(DEFINITION["type"])}))
    request = CreateOrUpdateWidgetRequest(
        data=CreateOrUpdateWidgetRequestData(
            type="widgets",
            attributes=CreateOrUpdateWidgetRequestAttributes(
                definition=definition, tags=["team:a"]
            ),
        )
    )
    made = api.create_widget(WidgetExperienceType("ccm_reports"), request)
    got = api.get_widget(WidgetExperienceType("ccm_reports"), UUID(made.data.id))
    attributes = got.data.attributes
    assert got.to_dict() == made.to_dict()
    assert attributes.definition.to_dict() == DEFINITION
    assert (attributes.tags, attributes.is_favorited) == (["team:a"], False)
    assert attributes.created_at == attributes.modified_at
    (person,) = got.included
    assert (person.attributes.handle, person.attributes.name) == (ALICE, "Alice")
    assert person.id == got.data.relationships.created_by.data.id


def test_the_official_client_reads_what_is_wrong(api: WidgetsApi) -> None:
    with pytest.raises(ApiException) as caught:
        api.get_widget(WidgetExperienceType("ccm_reports"), uuid4())
    assert caught.value.status == 404
    assert caught.value.body["errors"][0].startswith("There is no widget ")


def test_a_definition_is_echoed_with_its_keys_in_their_order(ask: Ask) -> None:
    made = ask("POST", CCM, data=json.dumps(body()))
    got = ask("GET", f"{CCM}/{made.json['data']['id']}")  # type: ignore[index]
    assert (made.status_code, got.status_code) == (200, 200)
    assert made.data == got.data
    written = json.dumps(DEFINITION, ensure_ascii=False, separators=(",", ":"))
    assert f'"definition":{written}' in got.text


def test_a_resource_has_all_its_parts(ask: Ask) -> None:
    made = ask("POST", CCM, json=body(tags=None)).get_json()
    null = body(attributes={"definition": DEFINITION, "tags": None})
    assert ask("POST", CCM, json=null).get_json()["data"]["attributes"]["tags"] == []
    attributes = made["data"]["attributes"]
    assert set(made["data"]) == {"id", "type", "attributes", "relationships"}
    assert (made["data"]["type"], attributes["tags"]) == ("widgets", [])
    assert attributes["is_favorited"] is False
    assert TIME.fullmatch(attributes["created_at"])
    assert TIME.fullmatch(attributes["modified_at"])
    assert [person["type"] for person in made["included"]] == ["users"]


def test_a_favorite_is_the_caller_s_own(ask: Ask, library: Library, make_token: MakeToken) -> None:
    made = ask("POST", CCM, json=body()).get_json()["data"]
    with library.store.writing() as session:
        row = session.scalars(select(SavedWidgetRow)).one()
        session.add(
            FavoriteRow(user_id=row.created_by_id, widget_id=row.id, created_at=row.created_at)
        )
    bob = {"DD-APPLICATION-KEY": make_token(subject="bob@example.com", name="Bob")}
    seen = [ask("GET", f"{CCM}/{made['id']}"), ask("GET", f"{CCM}/{made['id']}", headers=bob)]
    assert [answer.get_json()["data"]["attributes"]["is_favorited"] for answer in seen] == [
        True,
        False,
    ]


def test_another_experience_type_does_not_see_a_widget(ask: Ask) -> None:
    made = ask("POST", CCM, json=body()).get_json()["data"]
    assert ask("GET", f"/api/v2/widgets/logs_reports/{made['id']}").status_code == 404
    assert ask("GET", f"{CCM}/{made['id'].upper()}").status_code == 200


def test_a_deleted_widget_is_answered_to_nobody(ask: Ask, library: Library) -> None:
    made = ask("POST", CCM, json=body()).get_json()["data"]
    with library.store.writing() as session:
        row = session.scalars(select(SavedWidgetRow)).one()
        row.deleted_at = row.created_at
    assert ask("GET", f"{CCM}/{made['id']}").status_code == 404


@pytest.mark.parametrize("kind", WIDGET_TYPES)
@pytest.mark.parametrize("experience", EXPERIENCE_TYPES[:1])
def test_every_type_is_kept_where_it_is_whole(ask: Ask, kind: str, experience: str) -> None:
    whole = {"title": "x" * 100, "requests": [], "graph_options": [], "style": {}, "view": {}}
    answer = ask("POST", f"/api/v2/widgets/{experience}", json=body(whole | {"type": kind}))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "$.data: is missing"),
        ([], "$: must be a JSON object"),
        ({"data": None}, "$.data: must not be null"),
        ({"data": 1}, "$.data: Invalid"),
        (body(type="widget"), "$.data.type: "),
        ({"data": {"type": "widgets"}}, "$.data.attributes: is missing"),
        (body(tags="a"), "$.data.attributes.tags: Not a valid list"),
        (body(tags=["a", 1]), "$.data.attributes.tags[1]: Not a valid string"),
        (body({"type": "change", "requests": []}),
         "$.data.attributes.definition.title: is missing"),
        (body({"title": "x" * 101, "type": "change", "requests": []}),
         "$.data.attributes.definition.title: Length must be between 1 and 100."),
        (body({"title": "x", "type": "note", "requests": []}),
         "$.data.attributes.definition.type: Must be one of"),
        (body({"title": "x", "type": "change"}),
         "$.data.attributes.definition.requests: is missing"),
        (body({"title": "x", "type": "change", "requests": {}}),
         "$.data.attributes.definition.requests: Not a valid list"),
        (body({"title": "x", "type": "cloud_cost_summary", "requests": []}),
         "$.data.attributes.definition.graph_options: is missing: a cloud_cost_summary needs it"),
        (body({"title": "x", "type": "geomap", "requests": [], "view": {}, "style": 1}),
         "$.data.attributes.definition.style: must be an object"),
    ],
)  # fmt: skip
def test_a_body_that_is_wrong_is_told_where(ask: Ask, given: Any, told: str) -> None:
    answer = ask("POST", CCM, json=given)
    assert answer.status_code == 400
    assert set(answer.get_json()) == {"errors"}
    assert any(sentence.startswith(told) for sentence in answer.get_json()["errors"])


def test_all_that_is_wrong_is_told_at_once(ask: Ask) -> None:
    answer = ask("POST", CCM, json=body({"title": "", "type": "x"}))
    assert len(answer.get_json()["errors"]) == 3


@pytest.mark.parametrize(
    "path", ["/api/v2/widgets/dashboards", f"/api/v2/widgets/CCM_REPORTS/{UNKNOWN}"]
)
def test_another_experience_type_is_refused(ask: Ask, path: str) -> None:
    answer = ask("GET" if path.count("/") > 4 else "POST", path, json=body())
    assert (answer.status_code, len(answer.get_json()["errors"])) == (400, 1)


@pytest.mark.parametrize("given", ["x", "1", f"{{{UNKNOWN}}}", UNKNOWN.hex, UNKNOWN.urn])
def test_a_malformed_uuid_is_refused(ask: Ask, given: str) -> None:
    answer = ask("GET", f"{CCM}/{given}")
    assert answer.status_code == 400
    assert answer.get_json()["errors"][0].startswith("uuid: is not a UUID")


@pytest.mark.parametrize("scope", [*READ, *WRITE])
def test_any_of_the_scopes_that_the_page_names_is_enough(
    ask: Ask, make_token: MakeToken, scope: str
) -> None:
    made = ask("POST", CCM, json=body()).get_json()["data"]
    only = {"DD-APPLICATION-KEY": make_token(scopes=(scope,))}
    read = ask("GET", f"{CCM}/{made['id']}", headers=only)
    written = ask("POST", CCM, json=body(), headers=only)
    assert read.status_code == (200 if scope in READ else 403)
    assert written.status_code == (200 if scope in WRITE else 403)


def test_a_lacking_scope_is_named(ask: Ask, make_token: MakeToken) -> None:
    only = {"DD-APPLICATION-KEY": make_token(scopes=("custom_widget:write",))}
    answer = ask("POST", CCM, json=body(), headers=only)
    assert answer.status_code == 403
    assert "generate_log_reports" in answer.get_json()["errors"][0]


def test_the_api_key_is_matched_where_one_is_configured(database_url: str) -> None:
    key = "0123456789abcdef"
    with application(
        database_url=database_url, library_api_keys=f"another-key-of-ours,{key}"
    ) as app:
        token = token_of(library_of(app))
        statuses = [
            app.test_client()
            .post(CCM, json=body(), headers={"DD-APPLICATION-KEY": token, **given})
            .status_code
            for given in ({"DD-API-KEY": key}, {"DD-API-KEY": "wrong"}, {"DD-API-KEY": "ä"}, {})
        ]
    assert statuses == [200, 403, 403, 403]


def test_a_token_may_be_confined_to_experience_types(
    library_app: Flask, token: str, make_token: MakeToken
) -> None:
    confined = {"DD-APPLICATION-KEY": make_token(experiences=("logs_reports",))}
    client = library_app.test_client()
    made = client.post(CCM, json=body(), headers={"DD-APPLICATION-KEY": token}).get_json()["data"]
    one, mark = f"{CCM}/{made['id']}", f"/api/v2/favorites/widgets/{made['id']}"
    for method, path in (("GET", CCM), ("POST", CCM), ("GET", one), ("PUT", one), ("DELETE", one)):
        answer = client.open(path, method=method, json=body(), headers=confined)
        assert answer.status_code == 403
        assert answer.get_json()["errors"] == [
            "Forbidden: the token is not for this experience type."
        ]
    for method in ("PUT", "DELETE"):
        assert client.open(mark, method=method, headers=confined).status_code == 404
    own = CCM.replace("ccm_reports", "logs_reports")
    assert client.post(own, json=body(), headers=confined).status_code == 200
    unknown = client.get(CCM.replace("ccm_reports", "x"), headers=confined)
    assert unknown.status_code == 400
