"""The service's own description: it tells of all routes, and the service does as it says."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from flask import Blueprint, Flask
from hypothesis import HealthCheck, Phase, given, settings as examples, strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter
from jsonschema_rs import Draft202012Validator
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode
from schemathesis.openapi import from_wsgi
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from app.library.azure_devops.dashboard_store import Dashboards
from app.library.azure_devops.records import DashboardDraft, DashboardWidgetDraft, TeamContext
from app.library.core.callers import Caller
from app.library.datadog.store import SavedWidgetDraft, SavedWidgets
from app.library.http.context import Library
from app.library.http.dialect import Dialect, init_dialect
from app.library.http.operation import Operations
from app.library.wiring import DIALECTS, SCOPES
from app.openapi.description import describe
from app.openapi.operation import Answer, Operation
from app.web.examples import HEALTH_EXAMPLES, HOST_EXAMPLES
from tests.app.library.conftest import application, dialect_applications, library_of, token_of
from tests.host import TOKEN_SECRET
from tests.profiles import share

WALKED = [
    pytest.param(dialect, operation, id=operation.id)
    for dialect in DIALECTS
    for operation in dialect.operations
]


@pytest.fixture(autouse=True)
def _printed_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo, after each test, that Schemathesis makes hypothesis print no value of an example."""
    monkeypatch.setattr("hypothesis.core.RepresentationPrinter", RepresentationPrinter)


def a_saved_widget(library: Library, caller: Caller) -> dict[str, str]:
    draft = SavedWidgetDraft({"title": "T", "type": "change", "requests": []}, ("a",))
    made = SavedWidgets(library.store).create(caller, "ccm_reports", draft)
    return {"uuid": str(made.id), "experience_type": "ccm_reports"}


def a_custom_widget(_: Library, __: Caller) -> dict[str, str]:
    return {}  # its addresses have no parts


def a_dashboard_s_widget(library: Library, caller: Caller) -> dict[str, str]:
    draft = DashboardWidgetDraft(name="W", contribution_id="ms.vss.Text")
    place = TeamContext("fabrikam", "Web", "Team")
    board, (widget,) = Dashboards(library.store).create(
        caller, place, DashboardDraft("Overview", widgets=(draft,))
    )
    return {
        "collection": place.collection,
        "project": place.project,
        "team": place.team,
        "dashboardId": str(board.id),
        "widgetId": str(widget.id),
        "areaId": "31c84e0a-3ece-48fd-a29d-100849af99ba",
    }


# For each dialect something that is there: the parts of its address.
THERE: Final[Mapping[str, Callable[[Library, Caller], dict[str, str]]]] = {
    "datadog_api": a_saved_widget,
    "spaceone_api": a_custom_widget,
    "azure_api": a_dashboard_s_widget,
}


@pytest.fixture(scope="module")
def on_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An application on SQLite alone."""
    file = shutil.copy(sqlite_template, tmp_path_factory.mktemp("described") / "library.db")
    with application(database_url=f"sqlite:///{file}", docs="on") as app:
        yield app


@pytest.fixture(scope="module")
def described(on_sqlite: Flask) -> Any:
    # Of texts deep in a free document, the description says in words that they have no U+0000.
    config = SchemathesisConfig.from_dict({"generation": {"allow-x00": False}})
    return from_wsgi("/openapi.json", on_sqlite, config=config)


def headers_of(dialect: Dialect, token: str) -> dict[str, str]:
    if "application_key" in dialect.token.schemes:
        return {"DD-APPLICATION-KEY": token}
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.hypothesis
@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize(("dialect", "operation"), WALKED)
def test_every_operation_answers_as_it_is_described(
    on_sqlite: Flask, described: Any, dialect: Dialect, operation: Operation, mode: GenerationMode
) -> None:
    library = library_of(on_sqlite)
    token = token_of(library)
    there = THERE[dialect.blueprint.name](library, library.tokens.caller(token))
    told = described[operation.path][operation.method.upper()]
    # A parameter that is wrong for being an empty list is not there once it is in an address.
    excluded = [negative_data_rejection] if operation.query else []
    if dialect.blueprint.name != "datadog_api" and operation.request:
        # Which keys and stages of a query fit together, and that widgets come with their version,
        # are rules beyond a schema: own tests hold them.
        excluded.append(positive_data_acceptance)

    @examples(
        max_examples=share(7 if mode is GenerationMode.POSITIVE else 10),
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    # The first example is of what is there.
    @given(case=told.as_strategy(mode), known=st.sampled_from((True, False)))
    def holds(case: Any, known: bool) -> None:
        if known and mode is GenerationMode.POSITIVE:
            case.path_parameters.update(
                {name: there[name] for name in case.path_parameters if name in there}
            )
        case.call_and_validate(headers=headers_of(dialect, token), excluded_checks=excluded)

    holds()


@pytest.mark.hypothesis
@pytest.mark.parametrize("path", ["/widget", "/healthz", "/readyz", "/metrics"])
def test_the_service_s_own_routes_answer_as_they_are_described(described: Any, path: str) -> None:
    @examples(max_examples=share(5), suppress_health_check=list(HealthCheck))
    @given(case=described[path]["GET"].as_strategy())
    def holds(case: Any) -> None:
        case.call_and_validate()

    holds()


def routes(app: Flask) -> set[tuple[str, str]]:
    """List the methods and addresses of an application, as OpenAPI writes them."""
    return {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for each in (app, *dialect_applications(library_of(app)))
        for rule in each.url_map.iter_rules()
        # The routes of Azure DevOps' dialect, one a kind of address, are told in its own tests.
        if rule.endpoint.partition(".")[0] not in ("docs", "azure_api")
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }


def test_every_route_is_described_and_no_other(on_sqlite: Flask) -> None:
    told = on_sqlite.test_client().get("/openapi.json").get_json()["paths"]
    described = {
        (method, path)
        for path, methods in told.items()
        for method, one in methods.items()
        if not one["operationId"].startswith("azure_")
    }
    assert described == routes(on_sqlite)


@pytest.mark.parametrize(("dialect", "operation"), WALKED)
def test_an_operation_tells_the_parts_of_its_address(
    dialect: Dialect, operation: Operation
) -> None:
    parts = set(re.findall(r"\{(\w+)\}", operation.path))
    schema = operation.parameters
    named = schema().fields.items() if schema else ()
    assert parts == {kind.data_key or name for name, kind in named}
    assert dialect.paths.match(operation.path)
    assert set(operation.scopes) <= set(SCOPES)
    assert operation.id.isidentifier()


def test_a_scope_is_declared_once_for_the_check_and_the_description(on_sqlite: Flask) -> None:
    library, wanted = library_of(on_sqlite), "custom_widget:read"
    token = token_of(library, scopes=(wanted,))

    def a_view() -> dict[str, Any]:
        """Answer."""
        return {}

    def answer_and_description(scope: str) -> tuple[int, str]:
        operations = Operations(Blueprint("one", __name__))
        operations.add("get", "/one", {200: Answer("It")}, scopes=(scope,))(a_view)
        dialect = replace(
            DIALECTS[1], blueprint=operations.blueprint, operations=operations.declared
        )
        app = Flask(__name__, static_folder=None)
        init_dialect(app, dialect, library)
        told = describe([dialect.section], "/")["paths"]["/one"]["get"]["description"]
        answer = app.test_client().get("/one", headers={"Authorization": f"Bearer {token}"})
        return answer.status_code, told

    assert answer_and_description(wanted) == (200, f"Needs any of the scopes `{wanted}`.")
    other = "custom_widget:write"
    assert answer_and_description(other) == (403, f"Needs any of the scopes `{other}`.")


def test_each_operation_has_a_name_of_its_own() -> None:
    ids = [operation.id for dialect in DIALECTS for operation in dialect.operations]
    assert len(ids) == len(set(ids))


def test_the_description_names_what_it_refers_to(on_sqlite: Flask) -> None:
    text = on_sqlite.test_client().get("/openapi.json").text
    told = json.loads(text)
    assert told["openapi"] == "3.1.0"
    schemas = told["components"]["schemas"]
    assert set(re.findall(r"#/components/schemas/([\w.]+)", text)) <= set(schemas)
    assert all(schema["description"] for schema in schemas.values())
    proofs = {
        name
        for methods in told["paths"].values()
        for operation in methods.values()
        for proof in operation.get("security", [])
        for name in proof
    }
    assert proofs == set(told["components"]["securitySchemes"])


def test_the_description_follows_the_settings(sqlite_url: str) -> None:
    changes = {
        "public_url": "https://placard.example.com",
        "error_envelope": "flat",
        "verify": "signature",
        "token_secrets": TOKEN_SECRET,
        "docs": "on",
    }
    with application(database_url=sqlite_url, **changes) as app:
        told = app.test_client().get("/openapi.json").get_json()
    assert told["servers"] == [{"url": "https://placard.example.com"}]
    shown = told["paths"]["/widget"]["get"]
    assert shown["security"] == [{"host_signature": []}]
    refused = shown["responses"]["400"]["content"]["application/json"]["schema"]["$ref"]
    assert refused.endswith("FlatEnvelope")


def operations_of(told: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the operations of a description by their ids."""
    return {
        operation["operationId"]: operation
        for methods in told["paths"].values()
        for operation in methods.values()
    }


def content_of(part: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return what is sent as JSON, where anything is."""
    told: Mapping[str, Any] = (part or {}).get("content", {}).get("application/json", {})
    return told


def test_each_operation_has_an_example_that_its_schemas_take(on_sqlite: Flask) -> None:
    told = on_sqlite.test_client().get("/openapi.json").get_json()
    shown = 0
    for name, operation in operations_of(told).items():
        answer = next(iter(operation["responses"].values()))
        required = [each for each in operation.get("parameters", []) if each["required"]]
        parts = [content_of(operation.get("requestBody")), content_of(answer)]
        for part in (*filter(None, parts), *required):
            assert "example" in part, name
        for part in (*filter(None, parts), *operation.get("parameters", [])):
            if "example" in part:
                schema = {**part["schema"], "components": told["components"]}
                Draft202012Validator(schema, validate_formats=True).validate(part["example"])
                shown += 1
    assert shown > 100


@pytest.mark.parametrize(("dialect", "operation"), WALKED)
def test_an_example_is_what_the_operation_reads(dialect: Dialect, operation: Operation) -> None:
    example = dialect.examples[operation.id]
    taken = [operation.parameters, operation.query, operation.headers]
    names = {
        field.data_key or name for each in taken if each for name, field in each().fields.items()
    }
    assert set(example.parameters) <= names
    for schema in filter(None, taken):
        schema(unknown="exclude").load(example.parameters)
    if operation.request is not None:
        operation.request.schema(many=operation.request.many).load(example.request)
    answer = next(iter(operation.answers.values()))
    assert (answer.body is None) == (example.answer is None)


def test_every_example_is_of_an_operation(on_sqlite: Flask) -> None:
    told = on_sqlite.test_client().get("/openapi.json").get_json()
    examples = {name for dialect in DIALECTS for name in dialect.examples}
    assert examples | set(HOST_EXAMPLES) | set(HEALTH_EXAMPLES) == set(operations_of(told))


@pytest.mark.parametrize(
    ("schema", "wrong"),
    [
        ("spaceone.CreateCustomWidgetRequest", {"domain_id": ""}),
        ("spaceone.CustomWidgetRequest", {"custom_widget_id": ""}),
        ("spaceone.UpdateCustomWidgetRequest", {"title": "a\0b"}),
        ("azure_devops.NewWidget", {"name": "a\0b"}),
        ("azure_devops.NewWidget", {"settings": "\0"}),
        ("datadog.Definition", {"title": "\0"}),
        ("datadog.Attributes", {"tags": ["a\0b"]}),
        ("azure_devops.DashboardGroup", {"dashboardEntries": 2 * [{"id": str(UUID(int=1))}]}),
    ],
)
def test_the_description_refuses_what_the_schemas_refuse(
    on_sqlite: Flask, schema: str, wrong: dict[str, Any]
) -> None:
    told = on_sqlite.test_client().get("/openapi.json").get_json()
    ((name, value),) = wrong.items()
    described = told["components"]["schemas"][schema]["properties"][name]
    validator = Draft202012Validator(described | {"components": told["components"]})
    assert not validator.is_valid(value)


def test_a_list_of_changes_names_each_widget_once(on_sqlite: Flask) -> None:
    told = on_sqlite.test_client().get("/openapi.json").get_json()
    changes = content_of(operations_of(told)["azure_update_widgets"]["requestBody"])["schema"]
    assert changes["uniqueItems"] is True
