"""Conditional requests (RFC 9110, section 13): ask only for what has changed since."""

import re
from dataclasses import replace
from typing import Final

from app.cache.entry import Entry, Validator
from app.upstream.messages import UpstreamRequest, UpstreamResponse

_ETAG: Final = re.compile(r'(?:W/)?"[!#-~]{0,250}"')
_DATE: Final = re.compile(r"[A-Za-z0-9,: +-]{1,40}")


def conditional(request: UpstreamRequest, previous: Entry | None) -> UpstreamRequest:
    """Ask only for what has changed since a card was made, where there is one to renew."""
    validator = previous.validator if previous else None
    if validator is None:
        return request
    return replace(request, headers={**request.headers, validator.header: validator.value})


def validator_of(request: UpstreamRequest, response: UpstreamResponse) -> Validator | None:
    """Return what to ask by next time: the upstream's ETag, else the time of its last change.

    Of an answer that a redirect led to there is none: it would be the other address's.
    """
    if request.method != "GET" or response.url != request.url:
        return None
    etag, changed = (response.headers.get(name, "") for name in ("etag", "last-modified"))
    if _ETAG.fullmatch(etag):
        return Validator("If-None-Match", etag)
    return Validator("If-Modified-Since", changed) if _DATE.fullmatch(changed) else None
