"""The access token of a connection, refreshed where it has expired, by one process at a time.

Most refresh tokens work once: two refreshes at once would destroy the grant. So a refresh is made
under a lease on the connection's row, and its result is compared and swapped by the version.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog

from app.access.connection import AccessToken, Connection
from app.access.connection_store import ConnectionStore
from app.access.providers import Provider, connection_needed
from app.access.vault import SealBroken
from app.errors import UpstreamError, UpstreamTimeout
from app.upstream.oauth import InvalidGrant, Tokens
from app.upstream.token_requests import TokenRequests
from app.upstream.transport import remaining

# In seconds: a token that ends so soon is refreshed first; how long a lease outlives the longest
# call to the provider; the pause between two looks at what another does.
LEEWAY: Final = 30
LEASE_MARGIN: Final = 10.0
PAUSE: Final = 0.05
# How many connections one process refreshes at a time.
THREADS: Final = 32
_log = structlog.get_logger("placard")


class Refresher:
    """Gives access tokens that hold. `deadline` bounds a call to a provider, in seconds.

    `redirect_uri` gives the address that a system's sign-in comes back to. `clock` is in epoch
    seconds, `pause` sleeps.
    """

    def __init__(
        self,
        store: ConnectionStore,
        requests: TokenRequests,
        deadline: float,
        redirect_uri: Callable[[str], str],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._requests = requests
        self._deadline = deadline
        self._redirect_uri = redirect_uri
        self._clock = clock
        self._threads = ThreadPoolExecutor(THREADS, "placard-tokens")

    def access_token(
        self, connection: Connection, provider: Provider, refused: AccessToken | None = None
    ) -> AccessToken:
        """Return the access token of a connection: a newer one than the system has `refused`.

        Raises ConnectionNeeded where its person must connect again, and an UpstreamError where the
        provider fails: the connection is then as it was.
        """
        current: Connection | None = connection
        oldest = refused.connection.version + 1 if refused else 0
        while current is not None and not current.has_ended:
            if current.version >= oldest and not self._expires_soon(current):
                return AccessToken(str(self._tokens(current, provider)["access"]), current)
            lease = self._store.lease(current, self._deadline + LEASE_MARGIN, self._now())
            if lease is not None:
                self._refresh_apart(current, lease, provider)
            else:
                self._wait(provider)
            current = self._store.current(current)
        raise connection_needed(provider)

    def _refresh_apart(self, connection: Connection, lease: str, provider: Provider) -> None:
        """Refresh in a thread that has all the time of a call, whatever this one has left.

        A provider that is given up too soon has given new tokens all the same: to nobody, and the
        old ones are of no use any more.
        """
        begun = self._threads.submit(self._refresh, connection, lease, provider)
        try:
            begun.result(remaining())
        except TimeoutError:
            if begun.cancel():
                self._store.release(connection, lease)
            raise UpstreamTimeout(f"{provider.host}: the refresh took too long") from None

    def _refresh(self, connection: Connection, lease: str, provider: Provider) -> None:
        """Refresh one version, as the only one that does."""
        try:
            old = self._tokens(connection, provider)["refresh"]
            redirect_uri = self._redirect_uri(provider.name)
            tokens = old and self._requests.refresh(provider.client, redirect_uri, old)
        except InvalidGrant:
            tokens = None
        except BaseException:
            self._store.release(connection, lease)
            raise
        if tokens:
            kept = replace(tokens, refresh=tokens.refresh or old)
            if not self._store.swap(connection, lease, kept, self._now()):
                self._revoke(connection, kept, provider)
        else:
            self.end(connection)

    def _revoke(self, connection: Connection, tokens: Tokens, provider: Provider) -> None:
        """Revoke tokens that could not be kept: nobody else knows these.

        Its person has disconnected meanwhile, or connected anew.
        """
        if self._store.current(connection) is None:
            has_newer = self._store.find(connection.user, connection.origin) is not None
            with suppress(UpstreamError, InvalidGrant):
                self._requests.revoke(
                    provider.client, tokens.access, tokens.refresh, has_newer=has_newer
                )

    def end(self, connection: Connection) -> None:
        """Say that its person must connect again, unless others have newer tokens by now."""
        if self._store.end(connection):
            _log.warning("connection_ended", credential=connection.identity)

    def _tokens(self, connection: Connection, provider: Provider) -> Mapping[str, Any]:
        try:
            return self._store.tokens(connection)
        except SealBroken:
            _log.error("connection_unreadable", credential=connection.identity)
            raise connection_needed(provider) from None

    def _wait(self, provider: Provider) -> None:
        try:
            remaining()
        except TimeoutError:
            raise UpstreamTimeout(f"{provider.host}: another's refresh took too long") from None
        time.sleep(PAUSE)

    def _expires_soon(self, connection: Connection) -> bool:
        if (expiry := connection.expires_at) is None:
            return False
        # One that was made for seconds only is good for half of them at least.
        leeway = min(timedelta(seconds=LEEWAY), (expiry - connection.refreshed_at) / 2)
        return expiry <= self._now() + leeway

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
