"""`POST /attach`: what was typed, pasted or picked becomes an attachment of the task.

Implements the section "Lookup" of the page of the host's other components.
"""

from collections.abc import Mapping
from typing import Final

from flask import Blueprint, Response, request

from app.web import CACHE_STATUS, service
from app.web.admission import ONCE, admit, malformed, received
from app.web.signed_body import read_signed_body
from app.web.widget import CONTENT_TYPE
from templates_schemas.lookup import AttachRequestSchema
from templates_schemas.rules import faults_of

blueprint = Blueprint("attach", __name__)
PATH: Final = "/attach"
_QUERY: Final = AttachRequestSchema(only=["query"])


@blueprint.post(PATH)
def attach() -> Response:
    """Answer with the name and the address of the resource."""
    parts = service()
    signed = received(request.environ, PATH, read_signed_body(request))
    proof, text = admit(signed, parts, (*ONCE, "query"), _text)
    attached = parts.lookup.attach(text, proof.viewer)
    answer = Response(attached.body, content_type=CONTENT_TYPE)
    answer.headers[CACHE_STATUS] = attached.cache_status
    return answer


def _text(values: Mapping[str, str]) -> str:
    if not values:
        raise malformed("data", "must be the text of a JSON object")
    # What is pasted often brings its line end along.
    stripped = {name: value.strip() for name, value in values.items()}
    for fault in faults_of(_QUERY, stripped):
        raise malformed("query", fault.message)
    return stripped["query"]
