"""What was found, and what was attached lately: in the cache's backend, so that Redis shares it.

A finding is kept by all that it depends on, the credential included. What was attached lately is
kept by workspace, each resource with the credential that showed it: it is offered only where the
address would be asked with this very credential now.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, post_load

from app.cache import DOCUMENT, CacheBackend, CachePolicy, Entry, FetchResult
from app.cache.backend import limit_waiting
from app.errors import PlacardError, named
from templates_schemas.lookup import ITEMS_MAX, TypeaheadItem, TypeaheadItemSchema

# In seconds.
FOUND_KEPT: Final = 30.0
FAILURE_KEPT: Final = 10.0
RECENT_KEPT: Final = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Recent:
    """A resource that was attached, and the identity of the credential that showed it."""

    item: TypeaheadItem
    credential: str


class _ItemSchema(TypeaheadItemSchema):
    @post_load
    def make(self, data: Mapping[str, Any], **_: Any) -> TypeaheadItem:
        return TypeaheadItem(**data)


class _FoundSchema(Schema):
    items = fields.List(fields.Nested(_ItemSchema), required=True)


class _RecentSchema(Schema):
    item = fields.Nested(_ItemSchema, required=True)
    credential = fields.String(required=True)

    @post_load
    def make(self, data: Mapping[str, Any], **_: Any) -> Recent:
        return Recent(**data)


class _RecentsSchema(Schema):
    recents = fields.List(fields.Nested(_RecentSchema), required=True)


_FOUND: Final = _FoundSchema()
_RECENTS: Final = _RecentsSchema()


class KeptLists:
    """Lists of resources in a backend; one that fails has nothing. `clock` is in epoch seconds."""

    def __init__(self, backend: CacheBackend, clock: Callable[[], float] = time.time) -> None:
        self._backend = backend
        self._clock = clock
        self._lock = threading.Lock()
        self._found = CachePolicy(ttl=FOUND_KEPT, failure_ttl=FAILURE_KEPT)
        self._recent = CachePolicy(ttl=RECENT_KEPT, failure_ttl=FAILURE_KEPT)

    def found(self, key: str) -> list[TypeaheadItem] | None:
        """Return what a search has found lately, or None; raises the error that it ended with."""
        entry = self._get(_named("found", key))
        if entry is None:
            return None
        if entry.outcome != DOCUMENT:
            raise named(entry.outcome, entry.body.decode(), entry.detail)
        items: list[TypeaheadItem] = self._read(_FOUND, entry).get("items", [])
        return items

    def keep_found(self, key: str, items: Sequence[TypeaheadItem]) -> None:
        """Keep what a search has found."""
        body = _written({"items": [_document(item) for item in items]})
        self._put(_named("found", key), self._found, FetchResult(DOCUMENT, body))

    def keep_failure(self, key: str, error: PlacardError, wait: float | None) -> None:
        """Keep that a search failed, so that not every letter that is typed asks again."""
        failed = FetchResult(error.code, error.sentence.encode(), detail=error.detail, wait=wait)
        self._put(_named("found", key), self._found, failed)

    def recent(self, workspace: str) -> list[Recent]:
        """Return what was attached lately in a workspace, the last one first."""
        entry = self._get(_named("recent", workspace))
        if entry is None or entry.outcome != DOCUMENT:
            return []
        recents: list[Recent] = self._read(_RECENTS, entry).get("recents", [])
        return recents

    def keep_recent(self, workspace: str, attached: Recent) -> None:
        """Put a resource before all that were attached earlier; the oldest ones go.

        Two processes that do so at once may lose one of the two.
        """
        with self._lock:
            others = (
                each
                for each in self.recent(workspace)
                if (each.item.value, each.credential) != (attached.item.value, attached.credential)
            )
            kept = [attached, *others][:ITEMS_MAX]
            written = [
                {"item": _document(each.item), "credential": each.credential} for each in kept
            ]
            found = FetchResult(DOCUMENT, _written({"recents": written}))
            self._put(_named("recent", workspace), self._recent, found)

    def _get(self, key: str) -> Entry | None:
        with limit_waiting():
            entry = self._backend.get(key)
        is_fresh = entry is not None and self._clock() < entry.times.fresh_until
        return entry if is_fresh else None

    def _put(self, key: str, policy: CachePolicy, result: FetchResult) -> None:
        now = self._clock()
        entry = policy.entry(result, now, None)
        with limit_waiting():
            self._backend.put(key, entry, entry.times.keep_until - now)

    @staticmethod
    def _read(schema: Schema, entry: Entry) -> Mapping[str, Any]:
        """Load what a backend outside of this process may have changed; {} where it cannot be."""
        try:
            loaded: Mapping[str, Any] = schema.load(json.loads(entry.body))
        except (ValidationError, ValueError, RecursionError):
            return {}
        return loaded


def _named(use: str, key: str) -> str:
    return f"lookup {use}\n{key}"


def _document(item: TypeaheadItem) -> dict[str, str]:
    return {name: value for name, value in asdict(item).items() if value is not None}


def _written(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
