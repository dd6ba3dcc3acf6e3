"""Deletes all that is kept of a person, or of a workspace: also what running processes hold.

These keep cards, and what was attached lately, in their memory. So each deletion leaves a mark in
the database, and a process that finds another mark than before drops all that it holds.
"""

import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Delete, delete, select

from app.access.tables import AttachmentRow, ConnectionRow, ForgettingRow, SessionRow
from app.database.store import Store
from app.errors import StoreUnavailable

# In seconds, between two looks of a process at the mark.
LOOK_EVERY: Final = 10.0


class Forgetting:
    """Has a process forget what others have deleted; `drops` drop all that it holds."""

    def __init__(self, store: Store, *drops: Callable[[], None]) -> None:
        self._store = store
        self._drops = drops
        self._seen: frozenset[uuid.UUID] | None = None
        self._again = False

    def keep_looking(self) -> None:
        """Look in a thread, until the store is closed."""
        threading.Thread(target=self._keep_on, name="placard-forgetting", daemon=True).start()

    def _keep_on(self) -> None:
        is_closed = False
        while not is_closed:
            with suppress(StoreUnavailable):
                self.look()
            is_closed = self._store.closed.wait(LOOK_EVERY)

    def look(self) -> None:
        """Drop what is held, after a new mark; raises StoreUnavailable.

        At the next look once more, for what a request had begun to fetch before the deletion.
        """
        with self._store.reading() as session:
            marks = frozenset(session.scalars(select(ForgettingRow.id)))
        is_new = marks != self._seen
        if is_new or self._again:
            for drop in self._drops:
                drop()
        self._again = is_new and self._seen is not None
        self._seen = marks


def forget_user(store: Store, user: str) -> int:
    """Delete all rows of a person, and end their sessions; return how many rows there were."""
    return _delete(
        store,
        delete(ConnectionRow).where(ConnectionRow.user == user),
        delete(AttachmentRow).where(AttachmentRow.user == user),
        delete(SessionRow).where(SessionRow.user == user),
    )


def forget_workspace(store: Store, workspace: str) -> int:
    """Delete the attachments in a workspace; return how many there were."""
    return _delete(store, delete(AttachmentRow).where(AttachmentRow.workspace == workspace))


def _delete(store: Store, *statements: Delete) -> int:
    count = 0
    with store.writing() as session:
        for statement in statements:
            done: Any = session.execute(statement)
            count += done.rowcount
        session.execute(delete(ForgettingRow))
        session.add(ForgettingRow(id=uuid.uuid4()))
    return count
