"""The body of a signed POST, `{"data": "<JSON text>"}`: the proof covers this text."""

import json
from dataclasses import dataclass
from typing import Any, Final

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from app.errors import BodyTimeout, MalformedRequest
from app.library.http.arrival import read_in_time

# In bytes. An address of the longest kind, each of its characters escaped twice, has room.
LARGEST: Final = 1 << 17
FORM: Final = '`{"data": "<JSON text>"}`'
WHY: Final = "the proof covers the exact text of `data`, and an object has no one text"


@dataclass(frozen=True, slots=True)
class SignedBody:
    """The text that the proof covers, and the whole body as it arrived."""

    data: str
    raw: bytes


def read_signed_body(request: Request) -> SignedBody:
    """Read the body of a POST; raises MalformedRequest, which says which form is expected."""
    return signed_body(_raw(request))


def signed_body(raw: bytes) -> SignedBody:
    """Take a body apart, however it came here; raises MalformedRequest as `read_signed_body`."""
    document = _document(raw)
    if not isinstance(document, tuple):
        raise _refused(f"The body must be {FORM}")
    given = [value for name, value in document if name == "data"]
    if not given:
        raise _refused(f"The body has no `data`. It must be {FORM}: {WHY}")
    if len(given) > 1:
        raise _refused("`data` is given more than once")
    if not isinstance(given[0], str):
        raise _refused(f"`data` must be a text that holds JSON: the body must be {FORM}, as {WHY}")
    return SignedBody(given[0], raw)


def _raw(request: Request) -> bytes:
    request.max_content_length = LARGEST
    try:
        return read_in_time(request.stream)
    except RequestEntityTooLarge:
        raise _refused(f"The body is over {LARGEST} bytes") from None
    except BodyTimeout:
        raise _refused("The body did not arrive in time") from None


def _document(raw: bytes) -> Any:
    """Read JSON; an object is a tuple of its members, so that a repeated one is seen."""
    try:
        return json.loads(raw, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        raise _refused(f"The body is not JSON. It must be {FORM}") from None


def _refused(why: str) -> MalformedRequest:
    return MalformedRequest(f"body: {why}", sentence=f"Illegal or malformed request. {why}.")
