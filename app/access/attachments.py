"""Who attached a page to a task: in the mode `attached`, that person's account shows it to all."""

import hashlib
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, delete, select, update

from app.access.connection import is_id
from app.access.tables import AttachmentRow
from app.database.store import Store
from app.database.upsert import insert
from app.verification import Viewer

# What nobody has seen for so long is forgotten; that it was seen is noted once a day.
KEPT: Final = timedelta(days=365)
NOTED: Final = timedelta(days=1)


class Attachments:
    """The table of attachments."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def record(self, viewer: Viewer, address: str, now: datetime) -> None:
        """Note that a person attached a page to a task, by its canonical address.

        Does nothing where the proof does not speak for all of workspace, person and task.
        """
        if not (is_id(viewer.user) and _is_known(viewer)):
            return
        key = {"workspace": viewer.workspace, "task": viewer.task, "digest": _digest(address)}
        values = {"address": address, "user": viewer.user, "created_at": now, "seen_at": now}
        with self._store.writing() as session:
            session.execute(delete(AttachmentRow).where(AttachmentRow.seen_at < now - KEPT))
            # At once: two people may attach the same page at the same time.
            session.execute(
                insert(session, AttachmentRow)
                .values(**key, **values)
                .on_conflict_do_update(index_elements=list(key), set_=values)
            )

    def user_of(self, viewer: Viewer, address: str, now: datetime) -> str | None:
        """Return who attached a page to the viewer's task; None where that is not known."""
        if not _is_known(viewer):
            return None
        this = _this(viewer, address)
        with self._store.reading() as session:
            row = session.scalars(select(AttachmentRow).where(*this)).one_or_none()
        if row is None or row.seen_at < now - KEPT:
            return None
        if row.seen_at < now - NOTED:
            with self._store.writing() as session:
                session.execute(update(AttachmentRow).where(*this).values(seen_at=now))
        return row.user


def _is_known(viewer: Viewer) -> bool:
    return is_id(viewer.workspace) and is_id(viewer.task)


def _this(viewer: Viewer, address: str) -> tuple[ColumnElement[bool], ...]:
    return (
        AttachmentRow.workspace == viewer.workspace,
        AttachmentRow.task == viewer.task,
        AttachmentRow.digest == _digest(address),
    )


def _digest(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()
