"""Traces for OpenTelemetry (the extra `otel`), made of the steps that `trace` records.

Each request is a span of kind server, each step within it a span below; a call to another system is
of kind client. A request that names its trace (W3C `traceparent`) is a part of it. Nothing of that
is sent on: other companies' systems have no part in ours. Attributes are those that are listed
here: no address of a resource, no query, nothing that a proof or a credential stands in.

Where spans are sent, and which requests are sampled, the SDK reads in its own variables
(`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER`, `OTEL_SERVICE_NAME`, …).
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from multiprocessing.util import Finalize
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.telemetry.logs import log_fields
from app.telemetry.trace import TRACE_ID, Step, recording

# Of the facts of each step, those that are told, and by which names.
_FACTS: Final[Mapping[str, Mapping[str, str]]] = {
    "verify": {"by": "placard.proof"},
    "match": {"connector": "placard.connector"},
    "cache": {"result": "placard.cache.result", "ttl": "placard.cache.ttl"},
    "fetch": {
        "method": "http.request.method",
        "host": "server.address",
        "status": "http.response.status_code",
        "bytes": "http.response.body.size",
    },
    "dropped": {"part": "placard.part"},
}
# Of the fields of the log line, those that the request's own span has.
_FIELDS: Final = {
    "request_id": "placard.request_id",
    "outcome": "placard.outcome",
    "connector": "placard.connector",
    "cache": "placard.cache.result",
    "verified_by": "placard.proof",
}


def make_provider() -> TracerProvider:
    """Make what keeps spans and sends them, as the variables of the SDK say."""
    found = Resource.create({SERVICE_VERSION: version("placard")})
    if str(found.attributes[SERVICE_NAME]).startswith("unknown_service"):
        found = found.merge(Resource({SERVICE_NAME: "placard"}))
    provider = TracerProvider(resource=found)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    # A worker ends without what `atexit` knows; the last spans would be lost.
    Finalize(None, provider.shutdown, exitpriority=0)
    return provider


class Spans:
    """A WSGI application around another: makes spans of each request and of its steps."""

    def __init__(self, inner: WSGIApplication, provider: TracerProvider) -> None:
        self._inner = inner
        self._tracer = provider.get_tracer("placard", version("placard"))
        self._propagator = TraceContextTextMapPropagator()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, and make its spans."""
        span = self._begin(environ)
        environ[TRACE_ID] = f"{span.get_span_context().trace_id:032x}"
        began = time.time_ns()

        def started(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            _note_status(span, int(status[:3]))
            return start_response(status, headers, *rest)

        with recording(sees_all=False) as trace:
            try:
                return self._inner(environ, started)
            finally:
                fields = log_fields()
                span.set_attributes(
                    {to: fields[name] for name, to in _FIELDS.items() if name in fields}
                )
                tell(self._tracer, span, trace.steps, began)
                span.end()

    def _begin(self, environ: Mapping[str, Any]) -> Span:
        carried = {
            name: environ[f"HTTP_{name.upper()}"]
            for name in ("traceparent", "tracestate")
            if f"HTTP_{name.upper()}" in environ
        }
        method = environ["REQUEST_METHOD"]
        return self._tracer.start_span(
            method,
            # An empty one: nothing of this thread's.
            self._propagator.extract(carried, Context()),
            SpanKind.SERVER,
            {"http.request.method": method, "url.path": environ.get("PATH_INFO", "")},
        )


def tell(tracer: Tracer, root: Span, steps: Iterable[Step], began: int) -> None:
    """Make a span of each step below the request's, which began at `began` (ns since 1970)."""
    above: list[tuple[float, Span]] = []
    for step in steps:
        end = step.began + step.milliseconds
        # Steps come in the order in which they began: what had ended by then holds none of it.
        while above and above[-1][0] < end:
            above.pop()
        parent = above[-1][1] if above else root
        span = tracer.start_span(
            step.name,
            set_span_in_context(parent, Context()),
            SpanKind.CLIENT if step.name == "fetch" else SpanKind.INTERNAL,
            dict(_attributes(step)),
            start_time=began + round(step.began * 1e6),
        )
        if step.failed:
            span.set_status(Status(StatusCode.ERROR))
        span.end(began + round(end * 1e6))
        above.append((end, span))


def _attributes(step: Step) -> Iterator[tuple[str, Any]]:
    for name, attribute in _FACTS.get(step.name, {}).items():
        if name in step.facts and step.facts[name] is not None:
            yield attribute, step.facts[name]


def _note_status(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))
