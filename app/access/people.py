"""What is kept of people, over the database, and the access tokens that come of it."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from app.access.attachments import Attachments
from app.access.connection import AccessToken, Connection
from app.access.connection_store import ConnectionStore
from app.access.providers import Provider
from app.access.refresh import Refresher
from app.verification import Viewer


class KnownPeople:
    """The connections and attachments of people; implements `access.People`."""

    def __init__(
        self,
        connections: ConnectionStore,
        attachments: Attachments,
        refresher: Refresher,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connections = connections
        self._attachments = attachments
        self._refresher = refresher
        self._clock = clock

    def find(self, user: str, origin: str) -> Connection | None:
        """Return the connection of a person to a system."""
        return self._connections.find(user, origin)

    def connected(self, user: str) -> Sequence[Connection]:
        return self._connections.listed(user)

    def attached_by(self, viewer: Viewer, address: str) -> str | None:
        """Return who attached a page to the viewer's task."""
        return self._attachments.user_of(viewer, address, self._now())

    def attach(self, viewer: Viewer, address: str) -> None:
        """Note that the viewer attached a page to a task."""
        self._attachments.record(viewer, address, self._now())

    def access_token(
        self, connection: Connection, provider: Provider, refused: AccessToken | None
    ) -> AccessToken:
        """Return an access token that holds; raises as `Refresher.access_token` does."""
        return self._refresher.access_token(connection, provider, refused)

    def end(self, refused: AccessToken) -> None:
        """Say that a person must connect again, unless there is a newer token by now."""
        self._refresher.end(refused.connection)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
