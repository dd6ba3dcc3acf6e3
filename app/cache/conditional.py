"""Conditional requests (RFC 9110, section 13): a 304 saves the body of an unchanged resource."""

import re
from dataclasses import replace
from typing import Final

from app.cache.entry import Entry, Validator
from app.upstream.messages import UpstreamRequest, UpstreamResponse

_ETAG: Final = re.compile(r'(?:W/)?"[!#-~]{0,250}"')
_DATE: Final = re.compile(r"[A-Za-z0-9,: +-]{1,40}")


def conditional(request: UpstreamRequest, previous: Entry | None) -> UpstreamRequest:
    """Add the condition that lets the upstream confirm `previous`, if it has a validator."""
    validator = previous.validator if previous else None
    if validator is None:
        return request
    return replace(request, headers={**request.headers, validator.header: validator.value})


def validator_of(request: UpstreamRequest, response: UpstreamResponse) -> Validator | None:
    """Return the validator of an answer: its ETag, else its `Last-Modified`.

    None after a redirect: it would validate the other address's resource.
    """
    if request.method != "GET" or response.url != request.url:
        return None
    etag, changed = (response.headers.get(name, "") for name in ("etag", "last-modified"))
    if _ETAG.fullmatch(etag):
        return Validator("If-None-Match", etag)
    return Validator("If-Modified-Since", changed) if _DATE.fullmatch(changed) else None
