"""Entries and fetch results of the cache's tests."""

from dataclasses import replace
from typing import Any

from app.cache.entry import CARD, Entry, FetchResult, Times, Validator, etag_of
from app.cache.signing import EntrySigner

SECRET = "a secret of 32 bytes or more, made up"
SIGNER = EntrySigner([SECRET])
NOW = 1_800_000_000.0
BODY = (
    b'{"template":"summary_with_details_v0","metadata":{"title":"A card","fields":'
    b'[{"type":"pill","name":"State","text":"open","color":"green"}],'
    b'"footer":{"footer_type":"custom_text","text":"made up"}}}'
)


def times(made_at: float = NOW, ttl: float = 60, **changes: Any) -> Times:
    until = made_at + ttl
    return replace(Times(made_at, until, until + 100, until + 1000, made_at), **changes)


def card(body: bytes = BODY, **changes: Any) -> Entry:
    return replace(Entry(CARD, body, times(), etag=etag_of(body)), **changes)


def failure(code: str = "upstream_timeout", **changes: Any) -> Entry:
    until = NOW + 10
    when = Times(NOW, until, until, until, NOW)
    return replace(Entry(code, b"GitHub did not answer in time.", when, "detail"), **changes)


CARD_ENTRY = card(
    changes=("title: cut",), validator=Validator("If-None-Match", 'W/"1"'), detail="é\ud800"
)
FAILURE = failure()
FETCHED = FetchResult(CARD, BODY, validator=Validator("If-None-Match", '"1"'))
DOWN = FetchResult("upstream_failed", b"GitHub answered with an error.", transient=True)
MISSING = FetchResult("resource_missing", b"Not found.", definitive=True)
UNREADABLE = FetchResult("upstream_unreadable", b"GitHub gave an answer that we cannot read.")
