"""Traces for OpenTelemetry: a span for each request, and one for each of its steps."""

import json
import subprocess
import sys

import pytest
import responses
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from app import create_app
from app.errors import ConfigurationError
from app.telemetry import spans
from tests.conftest import settings_with
from tests.host import ISSUE, JWT_SECRET, ORIGIN, Host, query_of, token
from tests.processes import ROOT
from tests.proofs import API_ISSUE, ISSUE_JSON

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(spans, "make_provider", lambda: provider)
    return exporter


@pytest.fixture
def traced(exported: InMemorySpanExporter) -> Host:
    return Host(create_app(settings_with(traces="on", github_token="a-secret-token")).test_client())


def ask(host: Host, resource_url: str = ISSUE, **headers: str) -> None:
    proof = {"Authorization": f"Bearer {token()}", "Origin": ORIGIN}
    host.client.get(f"/widget?{query_of(resource_url=resource_url)}", headers=proof | headers)


def root_of(made: tuple[ReadableSpan, ...]) -> ReadableSpan:
    (root,) = [span for span in made if span.kind is SpanKind.SERVER]
    return root


def test_request_is_a_span_and_each_step_one_below_it(
    traced: Host, exported: InMemorySpanExporter, upstream: responses.RequestsMock
) -> None:
    upstream.get(API_ISSUE, json=ISSUE_JSON)
    ask(traced)
    made = exported.get_finished_spans()
    root = root_of(made)
    by_id = {span.context.span_id: span for span in made if span.context}
    parents = {
        span.name: by_id[span.parent.span_id].name for span in made if span.parent is not None
    }
    assert parents == {
        "verify": "GET", "match": "GET", "cache": "GET",
        "fetch": "cache", "map": "cache", "check": "cache",
    }  # fmt: skip
    assert dict(root.attributes or {}) | {"placard.request_id": ""} == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "url.path": "/widget",
        "placard.connector": "github",
        "placard.cache.result": "miss",
        "placard.outcome": "ok",
        "placard.proof": "jwt",
        "placard.request_id": "",
    }
    (fetch,) = [span for span in made if span.name == "fetch"]
    assert fetch.kind is SpanKind.CLIENT
    assert (fetch.attributes or {})["server.address"] == "api.github.com"
    for span in made:
        assert root.start_time <= span.start_time <= span.end_time <= root.end_time  # type: ignore[operator]


def test_kept_card_is_traced_too(
    traced: Host, exported: InMemorySpanExporter, upstream: responses.RequestsMock
) -> None:
    upstream.get(API_ISSUE, json=ISSUE_JSON)
    ask(traced)
    exported.clear()
    ask(traced)
    made = exported.get_finished_spans()
    assert {span.name for span in made} == {"GET", "verify", "match"}
    assert (root_of(made).attributes or {})["placard.cache.result"] == "hit"


def test_an_address_that_nobody_serves_fails_where_it_is_matched(
    traced: Host, exported: InMemorySpanExporter
) -> None:
    ask(traced, "https://nobody.example/1")
    (match,) = [span for span in exported.get_finished_spans() if span.name == "match"]
    assert match.status.status_code is StatusCode.ERROR


def test_no_attribute_holds_a_secret_or_an_address_of_a_resource(
    traced: Host, exported: InMemorySpanExporter, upstream: responses.RequestsMock
) -> None:
    upstream.get(API_ISSUE, status=500, body="hunter2")
    ask(traced)
    told = json.dumps([json.loads(span.to_json()) for span in exported.get_finished_spans()])
    for secret in (
        "a-secret-token",
        JWT_SECRET,
        "Bearer",
        "eyJ",
        "pallets",
        "hunter2",
        "resource_url",
    ):
        assert secret not in told


def test_request_is_a_part_of_the_trace_that_it_names_and_nothing_is_sent_on(
    traced: Host,
    exported: InMemorySpanExporter,
    upstream: responses.RequestsMock,
    capsys: pytest.CaptureFixture[str],
) -> None:
    upstream.get(API_ISSUE, json=ISSUE_JSON)
    ask(traced, traceparent=PARENT)
    root = root_of(exported.get_finished_spans())
    assert root.context is not None
    assert root.parent is not None
    assert f"{root.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert f"{root.parent.span_id:016x}" == "b7ad6b7169203331"
    sent = {name.lower() for name in upstream.calls[0].request.headers}
    assert not {"traceparent", "tracestate", "baggage"} & sent
    line = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert line["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize("given", ["", "nonsense", "00-0-0-01", PARENT.replace("00-", "ff-")])
def test_traceparent_that_is_none_begins_a_trace(
    traced: Host, exported: InMemorySpanExporter, given: str
) -> None:
    ask(traced, "https://nowhere.example/", traceparent=given)
    assert root_of(exported.get_finished_spans()).parent is None


def test_failure_is_an_error_of_its_span(
    traced: Host, exported: InMemorySpanExporter, upstream: responses.RequestsMock
) -> None:
    upstream.get(API_ISSUE, body=ConnectionError())
    ask(traced)
    made = exported.get_finished_spans()
    failed = {span.name for span in made if span.status.status_code is StatusCode.ERROR}
    assert failed == {"GET", "fetch"}
    assert (root_of(made).attributes or {})["placard.outcome"] == "upstream_unreachable"


def test_provider_says_which_release_and_where_it_sends() -> None:
    provider = spans.make_provider()
    provider.shutdown()
    attributes = provider.resource.attributes
    assert (attributes["service.name"], "service.version" in attributes) == ("placard", True)


def test_nothing_of_it_is_imported_unless_a_setting_asks() -> None:
    code = (
        "import sys; from app import create_app; create_app();"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], env={"PLACARD_JWT_SECRETS": JWT_SECRET}, cwd=ROOT,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stdout == "[]\n"


def test_extra_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("app.telemetry.spans")
    monkeypatch.delitem(sys.modules, "app.telemetry.spans")
    monkeypatch.setitem(sys.modules, "opentelemetry.context", None)
    with pytest.raises(ConfigurationError, match=r"^PLACARD_TRACES: .*pip install '\.\[otel\]'"):
        create_app(settings_with(traces="on"))
