"""That what is described is what is served."""

import re
from typing import Any

import pytest
from flask import Flask
from marshmallow import RAISE, Schema, fields

from app.library.http.context import Library
from app.library.wiring import AZURE_DEVOPS
from tests.app.library.azure_devops.asking import (
    DASHBOARDS,
    WIDGET,
    Ask,
    a_dashboard,
    a_widget,
    on_sqlite,
    version,
)
from tests.app.library.conftest import dialect_applications


def azure_application(library: Library) -> Flask:
    *_, app = dialect_applications(library)
    return app


@on_sqlite
def test_every_route_is_described_and_nothing_else(library: Library) -> None:
    described = {(one.id, one.method.upper()) for one in AZURE_DEVOPS.operations}
    rules = azure_application(library).url_map.iter_rules()
    served = {
        (f"azure_{rule.endpoint.removeprefix('azure_api.')}", method)
        for rule in rules
        for method in (rule.methods or set()) - {"HEAD"}
    }
    assert described == served
    assert len(AZURE_DEVOPS.operations) == len(described)


@on_sqlite
@pytest.mark.parametrize("operation", AZURE_DEVOPS.operations, ids=lambda one: str(one.id))
def test_what_is_described_is_at_its_address(library: Library, operation: Any) -> None:
    assert operation.parameters is not None
    names = {field.data_key or name for name, field in operation.parameters().fields.items()}
    assert names == set(re.findall(r"\{(\w+)\}", operation.path))
    path = re.sub(r"\{(\w+)\}", "x", operation.path)
    adapter = azure_application(library).url_map.bind("localhost")
    endpoint, _ = adapter.match(path, method=operation.method.upper())
    assert f"azure_{endpoint.rpartition('.')[2]}" == operation.id


def test_answers_are_as_they_are_described(ask: Ask, library: Library) -> None:
    answers = {one.id: one.answers for one in AZURE_DEVOPS.operations}
    board = a_dashboard(ask, widgets=[WIDGET])
    made = a_widget(ask, board, isEnabled=True, allowedSizes=[{"rowSpan": 1, "columnSpan": 2}])
    one = f"{board}/widgets/{made['id']}"
    entries = {"dashboardEntries": [{"id": board.rpartition("/")[2]}]}
    area = "31c84e0a-3ece-48fd-a29d-100849af99ba"
    for view, answer in {
        "list_locations": ask("OPTIONS", "/c/_apis"),
        "list_locations_of_area": ask("OPTIONS", "/c/_apis/dashboard"),
        "list_areas": ask("GET", "/c/_apis/ResourceAreas"),
        "show_area": ask("GET", f"/c/_apis/ResourceAreas/{area}"),
        "show_project": ask("GET", "/c/_apis/projects/Fabrikam"),
        "list_dashboards": ask("GET", DASHBOARDS),
        "create_dashboard": ask("POST", DASHBOARDS, json={"name": "x"}),
        "replace_dashboards": ask("PUT", DASHBOARDS, json=entries),
        "show_dashboard": ask("GET", board),
        "replace_dashboard": ask("PUT", board, json={"name": "x"}),
        "list_widgets": ask("GET", f"{board}/widgets"),
        "create_widget": ask("POST", f"{board}/widgets", json=WIDGET),
        "update_widgets": ask("PATCH", f"{board}/widgets", json=[], headers=version(ask, board)),
        "show_widget": ask("GET", one),
        "update_widget": ask("PATCH", one, json={"eTag": "1"}),
        "replace_widget": ask("PUT", one, json=WIDGET | {"eTag": "2"}),
        "delete_widget": ask("DELETE", f"{one}?api-version=7.1"),
        "replace_widgets": ask("PUT", f"{board}/widgets", json=[], headers=version(ask, board)),
        "delete_dashboard": ask("DELETE", board),
    }.items():
        assert answer.status_code < 300, view
        described = answers[f"azure_{view}"][answer.status_code]
        if described.body is None:
            assert answer.data == b""
        else:
            assert strict(described.body.schema()).validate(answer.get_json()) == {}, view
        assert (described.headers is not None) == ("ETag" in answer.headers), view


def strict(schema: Schema) -> Schema:
    """Make a schema refuse what it does not know, however deep."""
    schema.unknown = RAISE
    for field in schema.fields.values():
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Nested):
            inner.unknown = RAISE
            strict(inner.schema)
    return schema
