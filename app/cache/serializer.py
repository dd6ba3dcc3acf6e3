"""An entry as JSON, for keepers outside this process: what is read is not trusted.

What does not load is no entry: garbage, another version, a body that is not what its ETag says, a
card that breaks the host's contract, a life that no setting allows. Nothing is signed: who may
write to the Redis that is shared can place any valid card there, under any key that is known.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, post_load, validate

from app.cache.entry import CARD, Entry, Times, Validator, etag_of
from app.errors import tree
from app.settings import LONGEST_TIME
from templates_schemas import faults

# To be raised with every change to what is written; what has another number is not read.
VERSION: Final = 1
LONGEST: Final = 1 << 20
# In seconds: a stale time begins where that of the card ends; and what rounding may add.
LONGEST_LIFE: Final = 2 * LONGEST_TIME + 1
_CODES: Final = frozenset(kind.code for kind in tree()) | {CARD}


class Unreadable(ValueError):
    """What was read is no entry of this version."""


class _Moment(fields.Float):
    """A time in epoch seconds."""

    def __init__(self) -> None:
        super().__init__(required=True, allow_nan=False, validate=validate.Range(0, 2**40))


class _TimesSchema(Schema):
    made_at = _Moment()
    fresh_until = _Moment()
    stale_until = _Moment()
    error_until = _Moment()
    mapped_at = _Moment()
    retry_at = _Moment()
    trouble = fields.String(required=True, validate=validate.OneOf({"", *_CODES} - {CARD}))

    @post_load
    def make(self, data: Mapping[str, Any], **_: Any) -> Times:
        times = Times(**data)
        fresh, kept = times.fresh_until - times.made_at, times.keep_until - times.made_at
        left_alone = times.retry_at - times.keep_until
        if fresh > LONGEST_TIME + 1 or kept > LONGEST_LIFE or left_alone > LONGEST_TIME + 1:
            raise ValidationError("policy longer than any setting allows")
        return times


class _ValidatorSchema(Schema):
    header = fields.String(
        required=True, validate=validate.OneOf(("If-None-Match", "If-Modified-Since"))
    )
    value = fields.String(required=True, validate=validate.Regexp(r"[ -~]{1,256}\Z"))

    @post_load
    def make(self, data: Mapping[str, Any], **_: Any) -> Validator:
        return Validator(**data)


class _EntrySchema(Schema):
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
            raise ValidationError("is no card that was checked")
        return Entry(**data | {"body": body, "changes": tuple(data["changes"])})


_SCHEMA: Final = _EntrySchema()


def dump(entry: Entry) -> bytes:
    """Write an entry."""
    times, validator = entry.times, entry.validator
    written = {
        "version": VERSION,
        "outcome": entry.outcome,
        "body": entry.body.decode(),
        "times": {name: getattr(times, name) for name in times.__slots__},
        "detail": entry.detail,
        "etag": entry.etag,
        "changes": entry.changes,
        "validator": validator and {"header": validator.header, "value": validator.value},
    }
    return json.dumps(written, separators=(",", ":")).encode()


def load(raw: bytes) -> Entry:
    """Read an entry; raises Unreadable where it is none, in words that hold nothing of it."""
    if len(raw) > LONGEST:
        raise Unreadable("too long")
    try:
        entry: Entry = _SCHEMA.load(json.loads(raw))
    except (ValidationError, ValueError, RecursionError):
        raise Unreadable("no entry of this version") from None
    return entry


def _breaks(body: bytes) -> bool:
    return bool(faults(json.loads(body)))
