"""Deletes all that is kept of a person, or of a workspace."""

from typing import Any

from sqlalchemy import Delete, delete

from app.access.tables import AttachmentRow, ConnectionRow
from app.database.store import Store


def forget_user(store: Store, user: str) -> int:
    """Delete the connections and the attachments of a person; return how many there were."""
    return _delete(
        store,
        delete(ConnectionRow).where(ConnectionRow.user == user),
        delete(AttachmentRow).where(AttachmentRow.user == user),
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
    return count
