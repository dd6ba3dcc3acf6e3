"""What was found, and what was attached lately: in the cache's backend, so that Redis shares it.

A finding is kept by all that it depends on, the credential included. What was attached lately is
kept by workspace, each resource with the credential that showed it: it is offered only where the
address would be asked with this very credential now. What a person's own account showed is kept by
that account: it is nobody else's, and can be forgotten with it.
"""

import json
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, post_load

from app.cache.backend import CacheBackend, limit_waiting
from app.cache.entry import DOCUMENT, Entry, FetchResult
from app.cache.freshness import CachePolicy
from app.errors import PlacardError, error_of
from templates_schemas.lookup import ITEMS_MAX, TypeaheadItem, TypeaheadItemSchema

# In seconds.
FOUND_KEPT: Final = 30.0
FAILURE_KEPT: Final = 10.0
RECENT_KEPT: Final = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Recent:
    """A resource that was attached, by the epoch second, in a workspace.

    `credential` is the identity of the one that showed it, a person's own where `is_own`.
    """

    item: TypeaheadItem
    credential: str
    workspace: str
    at: float
    is_own: bool = False


class _ItemSchema(TypeaheadItemSchema):
    @post_load
    def make(self, data: Mapping[str, Any], **_: Any) -> TypeaheadItem:
        return TypeaheadItem(**data)


class _FoundSchema(Schema):
    items = fields.List(fields.Nested(_ItemSchema), required=True)


class _RecentSchema(Schema):
    item = fields.Nested(_ItemSchema, required=True)
    credential = fields.String(required=True)
    workspace = fields.String(required=True)
    at = fields.Float(required=True)
    is_own = fields.Boolean(required=True)

    @post_load
    def make(self, data: Mapping[str, Any], **_: Any) -> Recent:
        return Recent(**data)


class _RecentsSchema(Schema):
    recents = fields.List(fields.Nested(_RecentSchema), required=True)


_FOUND: Final = _FoundSchema()
_RECENTS: Final = _RecentsSchema()


class KeptLists:
    """Lists of resources in a backend; one that fails has nothing. `clock` is in epoch seconds."""

    def __init__(self, backend: CacheBackend) -> None:
        self._backend = backend
        self._lock = threading.Lock()
        self._found = CachePolicy(ttl=FOUND_KEPT, failure_ttl=FAILURE_KEPT)
        self._recent = CachePolicy(ttl=RECENT_KEPT, failure_ttl=FAILURE_KEPT)

    def found(self, key: str) -> list[TypeaheadItem] | None:
        """Return what a search has found lately, or None; raises the error that it ended with."""
        entry = self._get(_named("found", key))
        if entry is None:
            return None
        if entry.outcome != DOCUMENT:
            raise error_of(entry.outcome, entry.body.decode(), entry.detail)
        items: list[TypeaheadItem] = self._read(_FOUND, entry).get("items", [])
        return items

    def keep_found(self, key: str, items: Sequence[TypeaheadItem]) -> None:
        body = _written({"items": [_document(item) for item in items]})
        self._put(_named("found", key), self._found, FetchResult(DOCUMENT, body))

    def keep_failure(self, key: str, error: PlacardError, wait: float | None) -> None:
        """Keep that a search failed, so that not every letter that is typed asks again."""
        failed = FetchResult(error.code, error.sentence.encode(), detail=error.detail, wait=wait)
        self._put(_named("found", key), self._found, failed)

    def recent(self, workspace: str, accounts: Iterable[str]) -> list[Recent]:
        """Return what was attached lately in a workspace, the last one first.

        Of what accounts of people have shown, only that of `accounts`, by their identities.
        """
        keys = [_shared(workspace), *map(_own, accounts)]
        kept = (each for key in keys for each in self._recents(key) if each.workspace == workspace)
        return sorted(kept, key=lambda each: -each.at)[:ITEMS_MAX]

    def keep_recent(self, attached: Recent) -> None:
        """Put a resource before all that were attached earlier; the oldest ones go.

        Two processes that do so at once may lose one of the two.
        """
        this = (attached.item.value, attached.credential, attached.workspace)
        key = _own(attached.credential) if attached.is_own else _shared(attached.workspace)
        with self._lock:
            others = (
                each
                for each in self._recents(key)
                if (each.item.value, each.credential, each.workspace) != this
            )
            self._keep_recents(key, [attached, *others][:ITEMS_MAX])

    def forget_account(self, identity: str) -> None:
        """Forget what was attached lately and an account has shown."""
        with limit_waiting():
            self._backend.delete(_own(identity))

    def forget_workspace(self, workspace: str, accounts: Iterable[str]) -> None:
        """Forget what was attached lately in a workspace, whichever of all `accounts` showed it."""
        with limit_waiting():
            self._backend.delete(_shared(workspace))
        for key in map(_own, accounts):
            with self._lock:
                kept = self._recents(key)
                others = [each for each in kept if each.workspace != workspace]
                if others != kept:
                    self._keep_recents(key, others)

    def fault(self) -> str | None:
        """Name the backend if it fails now."""
        with limit_waiting():
            return self._backend.fault()

    def _recents(self, key: str) -> list[Recent]:
        entry = self._get(key)
        if entry is None or entry.outcome != DOCUMENT:
            return []
        recents: list[Recent] = self._read(_RECENTS, entry).get("recents", [])
        return recents

    def _keep_recents(self, key: str, recents: Sequence[Recent]) -> None:
        written = [asdict(each) | {"item": _document(each.item)} for each in recents]
        found = FetchResult(DOCUMENT, _written({"recents": written}))
        self._put(key, self._recent, found)

    def _get(self, key: str) -> Entry | None:
        with limit_waiting():
            entry = self._backend.get(key)
        is_fresh = entry is not None and time.time() < entry.times.fresh_until
        return entry if is_fresh else None

    def _put(self, key: str, policy: CachePolicy, result: FetchResult) -> None:
        now = time.time()
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


def _shared(workspace: str) -> str:
    return _named("recent", workspace)


def _own(identity: str) -> str:
    return _named("recent of", identity)


def _document(item: TypeaheadItem) -> dict[str, str]:
    return {name: value for name, value in asdict(item).items() if value is not None}


def _written(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
