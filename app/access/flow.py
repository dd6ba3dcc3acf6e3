"""A sign-in under way, at the host or at an upstream: it ends once, where it began, and soon."""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Select, delete, func, select

from app.access.sessions import Session
from app.access.tables import SignInRow
from app.access.vault import SealBroken, Vault
from app.database.store import Store
from app.errors import SignInFailed
from app.upstream.oauth import InvalidGrant, OAuthClient, Tokens
from app.upstream.token_requests import TokenRequests

LIFETIME: Final = timedelta(minutes=10)
# Whoever opens the page can begin one: they are bounded, and the oldest go. To refuse the new ones
# instead would let a crowd keep everybody out for as long as these live.
MOST_UNDER_WAY: Final = 10_000
_PURPOSE: Final = "sign-in"


@dataclass(frozen=True, slots=True)
class SignInStep:
    """What is signed in to, and where a browser comes back to.

    `host` is that of a system's pages or, for the host itself, the page to return to.
    """

    system: str
    host: str
    redirect_uri: str


class SignInFlow:
    """Begins and finishes sign-ins. `clock` is in epoch seconds."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        requests: TokenRequests,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._vault = vault
        self._requests = requests
        self._clock = clock

    def begin(self, session: Session, client: OAuthClient, step: SignInStep) -> str:
        """Return the address that a browser goes to."""
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
        now = datetime.fromtimestamp(self._clock(), UTC)
        row = SignInRow(
            digest=_digest(state),
            session=session.digest,
            system=step.system,
            host=step.host,
            sealed=self._vault.seal(_PURPOSE, {"verifier": verifier}),
            created_at=now,
        )
        with self._store.writing() as database:
            database.execute(delete(SignInRow).where(SignInRow.created_at < now - LIFETIME))
            count = database.scalar(select(func.count()).select_from(SignInRow)) or 0
            if count >= MOST_UNDER_WAY:
                database.execute(delete(SignInRow).where(SignInRow.digest.in_(_oldest(count))))
            database.add(row)
        return self._requests.authorize_url(client, step.redirect_uri, state, verifier)

    def take(self, session: Session | None, system: str, state: str) -> SignInRow:
        """End the sign-in of a state, and return it: nobody else can.

        Raises SignInFailed unless it was begun in this session, at this system, and not long ago.
        """
        if session is None or not system.isprintable():
            raise SignInFailed("there is no session")
        oldest = datetime.fromtimestamp(self._clock(), UTC) - LIFETIME
        conditions = (
            SignInRow.digest == _digest(state),
            SignInRow.session == session.digest,
            SignInRow.system == system,
            SignInRow.created_at >= oldest,
        )
        with self._store.writing() as database:
            row = database.scalars(
                delete(SignInRow).where(*conditions).returning(SignInRow)
            ).one_or_none()
        if row is None:
            raise SignInFailed("the state is not one of this session")
        return row

    def exchange(
        self, begun: SignInRow, client: OAuthClient, redirect_uri: str, code: str
    ) -> Tokens:
        """Trade the code of a sign-in for tokens; raises SignInFailed, or an UpstreamError."""
        try:
            verifier = self._vault.open(_PURPOSE, begun.sealed)["verifier"]
            return self._requests.exchange(client, redirect_uri, code, verifier)
        except (InvalidGrant, SealBroken):
            raise SignInFailed("the provider does not take the code") from None


def _oldest(count: int) -> Select[str]:
    """Select those of `count` that make room for one more."""
    oldest = select(SignInRow.digest).order_by(SignInRow.created_at)
    return oldest.limit(count - MOST_UNDER_WAY + 1)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
