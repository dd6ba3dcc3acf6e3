"""An entry as JSON, for backends outside this process: what is read is not trusted.

Refused are garbage, another version, a body that does not match its ETag, a card that breaks the
host's contract, and times that no setting allows. Who wrote it is for `signing.py` to say.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, post_load, validate

from app.cache.entry import CARD, DOCUMENT, Entry, Times, Validator, etag_of
from app.errors import tree
from app.settings import LONGEST_TIME
from templates_schemas import faults

# Raise it with every change to what is written; an entry of another version is refused.
VERSION: Final = 2
MAX_BYTES: Final = 1 << 20
# In seconds: the stale time follows the fresh time; rounding may add up to one second.
LONGEST_KEPT: Final = 2 * LONGEST_TIME + 1
_CODES: Final = frozenset(kind.code for kind in tree()) | {CARD, DOCUMENT}


class Unreadable(ValueError):
    """What was read is not a valid entry of this version."""


class _EpochSeconds(fields.Float):
    def __init__(self) -> None:
        super().__init__(required=True, allow_nan=False, validate=validate.Range(0, 2**40))


class _TimesSchema(Schema):
    made_at = _EpochSeconds()
    fresh_until = _EpochSeconds()
    stale_until = _EpochSeconds()
    error_until = _EpochSeconds()
    mapped_at = _EpochSeconds()
    retry_at = _EpochSeconds()
    trouble = fields.String(
        required=True, validate=validate.OneOf({"", *_CODES} - {CARD, DOCUMENT})
    )

    @post_load
    def make(self, data: Mapping[str, Any], **_: Any) -> Times:
        times = Times(**data)
        fresh, kept = times.fresh_until - times.made_at, times.keep_until - times.made_at
        backing_off = times.retry_at - times.keep_until
        if fresh > LONGEST_TIME + 1 or kept > LONGEST_KEPT or backing_off > LONGEST_TIME + 1:
            raise ValidationError("longer than any setting allows")
        return times


class _ValidatorSchema(Schema):
    header = fields.String(
        required=True, validate=validate.OneOf(("If-None-Match", "If-Modified-Since"))
    )
    value = fields.String(required=True, validate=validate.Regexp(r"[ -~]{1,256}\Z"))

    @post_load
    def make(self, data: Mapping[str, Any], **_: Any) -> Validator:
        return Validator(**data)


class _CacheEntrySchema(Schema):
    version = fields.Integer(required=True, strict=True, validate=validate.Equal(VERSION))
    outcome = fields.String(required=True, validate=validate.OneOf(_CODES))
    body = fields.String(required=True)
    times = fields.Nested(_TimesSchema, required=True)
    detail = fields.String(required=True)
    etag = fields.String(required=True)
    changes = fields.List(fields.String(), required=True)
    validator = fields.Nested(_ValidatorSchema, required=True, allow_none=True)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Entry:
        del data["version"]
        body = data["body"].encode()
        if data["outcome"] == CARD and (data["etag"] != etag_of(body) or _breaks(body)):
            raise ValidationError("is not a card that was checked")
        return Entry(**data | {"body": body, "changes": tuple(data["changes"])})


_SCHEMA: Final = _CacheEntrySchema()


def dump(entry: Entry) -> bytes:
    times, validator = entry.times, entry.validator
    document = {
        "version": VERSION,
        "outcome": entry.outcome,
        "body": entry.body.decode(),
        "times": {name: getattr(times, name) for name in times.__slots__},
        "detail": entry.detail,
        "etag": entry.etag,
        "changes": entry.changes,
        "validator": validator and {"header": validator.header, "value": validator.value},
    }
    return json.dumps(document, separators=(",", ":")).encode()


def load(raw: bytes) -> Entry:
    """Parse an entry; raises Unreadable, whose text quotes nothing of `raw`."""
    if len(raw) > MAX_BYTES:
        raise Unreadable("is too long")
    try:
        entry: Entry = _SCHEMA.load(json.loads(raw))
    except (ValidationError, ValueError, RecursionError):
        raise Unreadable("is not an entry of this version") from None
    return entry


def _breaks(body: bytes) -> bool:
    return bool(faults(json.loads(body)))
