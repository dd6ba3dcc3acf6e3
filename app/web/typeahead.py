"""`GET /typeahead`: what can be picked for the text that a person is typing.

Implements the section "Lookup" of the page of the host's other components.
"""

from collections.abc import Mapping
from typing import Final

from flask import Blueprint, Response, request

from app.web import service
from app.web.admission import ONCE, admit, malformed, received
from app.web.widget import CONTENT_TYPE
from templates_schemas.lookup import LONGEST_QUERY

blueprint = Blueprint("typeahead", __name__)
PATH: Final = "/typeahead"
# What was typed; the second and the third are of older hosts.
TYPED: Final = ("query", "value", "fragment")


@blueprint.get(PATH)
def suggest() -> Response:
    """Answer with the suggestions; the typed text may be empty."""
    parts = service()
    signed = received(request.environ, PATH)
    proof, typed = admit(signed, parts, (*ONCE, *TYPED), _typed)
    return Response(parts.lookup.suggest(typed, proof.viewer).body, content_type=CONTENT_TYPE)


def _typed(values: Mapping[str, str]) -> str:
    typed = next((values[name] for name in TYPED if name in values), None)
    if typed is None:
        raise malformed("query", "is missing")
    if len(typed) > LONGEST_QUERY:
        raise malformed("query", f"is over {LONGEST_QUERY} characters")
    return typed
