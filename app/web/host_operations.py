"""The operations for the host and for operators: parameters, bodies and answers."""

from dataclasses import replace
from typing import Final

from marshmallow import Schema, fields, validate

from app.openapi.operation import Answer, Body, Operation, Section, SecuritySchemes
from app.settings import Settings
from app.verification import SIGNATURE_HEADER
from app.web.examples import HEALTH_EXAMPLES, HOST_EXAMPLES
from templates_schemas import ENVELOPES
from templates_schemas.lookup import AttachedResourceSchema, SignedBodySchema, TypeaheadListSchema
from templates_schemas.summary_with_details import SummaryWithDetailsSchema

HOST: Final = "The host's widgets"
HEALTH: Final = "Health of the service"
_REFUSED: Final = {
    400: "Parameters are missing, repeated or unreadable",
    401: "No proof, a false one, or an expired one",
    403: "The workspace is not served, or the other system refuses our credentials",
    404: "No connector serves the address, or there is no such resource",
    500: "A fault of the service, or the other system is slow, down or unreadable",
}


class WidgetQuerySchema(Schema):
    """The query of the host's request; other parameters are ignored."""

    resource_url = fields.Url(
        required=True,
        schemes={"http", "https"},
        metadata={"description": "The address of the resource to show."},
    )
    workspace = fields.String()
    task = fields.String()
    user = fields.String()
    attachment = fields.String()
    asset = fields.String()
    locale = fields.String()
    expires_at = fields.String(
        metadata={"description": "ISO 8601 with an offset, or milliseconds since 1970."}
    )


class TypeaheadQuerySchema(Schema):
    """The query of the host's request; other parameters are ignored."""

    query = fields.String(
        required=True,
        metadata={"description": "The typed text. Older hosts name it `value`, or `fragment`."},
    )
    workspace = fields.String()
    task = fields.String()
    user = fields.String()
    locale = fields.String()
    expires_at = fields.String()


class AliveSchema(Schema):
    """The process answers."""

    status = fields.String(required=True, validate=validate.Equal("ok"))


class ReadySchema(Schema):
    """Whether cards can be answered, what they wait for, and the state of each part."""

    status = fields.String(required=True, validate=validate.OneOf(("ready", "waiting")))
    waiting_for = fields.List(fields.String(), required=True)
    keys = fields.String(required=True)
    cache = fields.String(required=True)
    library = fields.String(required=True)
    sign_in = fields.String(required=True)


PROOFS: Final[SecuritySchemes] = {
    "host_token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A JWT of the host: it may be bound to one request, by `qsh` or, for a "
        "POST, by `body_sha256`. "
        "`placard --local sign RESOURCE_URL` prints one, and the request that carries it. In the "
        "local mode this page has one, for some minutes: load it again for another.",
    },
    "host_signature": {
        "type": "apiKey",
        "in": "header",
        "name": SIGNATURE_HEADER,
        "description": "The host's signature of one query, or of the text of `data`. "
        "`placard --local sign RESOURCE_URL --by signature` prints one, and the signed request.",
    },
}


HOST_OPERATIONS: Final = (
    Operation(
        id="show_widget",
        method="get",
        path="/widget",
        summary="Show a resource as a card",
        answers={200: Answer("The card", Body(SummaryWithDetailsSchema))},
        query=WidgetQuerySchema,
    ),
    Operation(
        id="attach_resource",
        method="post",
        path="/attach",
        summary="Attach the resource that a text means",
        description="`data` is the text of a JSON object: `query`, `workspace`, `user`, "
        "`task` and `expires_at`. The proof covers this text.",
        answers={200: Answer("The resource", Body(AttachedResourceSchema))},
        request=Body(SignedBodySchema),
    ),
    Operation(
        id="suggest_resources",
        method="get",
        path="/typeahead",
        summary="List the resources that a text may mean",
        answers={200: Answer("The suggestions", Body(TypeaheadListSchema))},
        query=TypeaheadQuerySchema,
    ),
)


def host_section(settings: Settings) -> Section:
    """Describe the host's operations, with the envelope and the proofs that the settings choose."""
    envelope = Body(ENVELOPES[settings.error_envelope])
    refused = {status: Answer(reason, envelope) for status, reason in _REFUSED.items()}
    operations = (replace(each, answers={**each.answers, **refused}) for each in HOST_OPERATIONS)
    taken = (("host_token", settings.takes_tokens), ("host_signature", settings.takes_signatures))
    proofs = {name: PROOFS[name] for name, is_taken in taken if is_taken}
    return Section(HOST, tuple(operations), proofs, HOST_EXAMPLES)


METRICS: Final = "/metrics"
HEALTH_OPERATIONS: Final = (
    *(
        Operation(
            id=name,
            method="get",
            path=path,
            summary="Check that the process answers",
            answers={200: Answer("The process answers", Body(AliveSchema))},
        )
        for name, path in (("alive", "/healthz"), ("live", "/livez"))
    ),
    Operation(
        id="ready",
        method="get",
        path="/readyz",
        summary="Check whether cards can be answered, and how the other parts are",
        answers={
            200: Answer("Cards can be answered", Body(ReadySchema)),
            503: Answer("The service waits for a key set", Body(ReadySchema)),
        },
    ),
    Operation(
        id="metrics",
        method="get",
        path=METRICS,
        summary="Get the counters",
        answers={
            200: Answer("Text in the format of Prometheus"),
            404: Answer("The request comes from another machine, or through a proxy"),
        },
    ),
)


def health_section(settings: Settings) -> Section:
    """Describe the operators' operations that this port has."""
    has_metrics = settings.metrics_port is None
    shown = (each for each in HEALTH_OPERATIONS if has_metrics or each.path != METRICS)
    return Section(HEALTH, tuple(shown), examples=HEALTH_EXAMPLES)
