"""The session of a browser in which a person signs in: all of it is in a sealed cookie.

It begins anew when the person is known: what was planted before is then of no use.
"""

import secrets
from dataclasses import asdict, dataclass, field
from typing import Final

from app.access.vault import SealBroken, Vault

LIFETIME: Final = 3600  # seconds
_PURPOSE: Final = "session"


@dataclass(frozen=True, slots=True)
class Session:
    """A session; `user` is the host's id of its person, once that is known."""

    id: str = field(repr=False)
    csrf: str = field(repr=False)
    user: str | None = None


class Sessions:
    """Writes sessions into cookies, and reads them there."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def begin(self, user: str | None = None) -> Session:
        """Make a session that nobody else knows."""
        return Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), user)

    def write(self, session: Session) -> str:
        """Return the value of the cookie."""
        return self._vault.seal(_PURPOSE, asdict(session))

    def read(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie; None for one that is not ours, or too old."""
        if not cookie:
            return None
        try:
            return Session(**self._vault.open(_PURPOSE, cookie, LIFETIME))
        except SealBroken:
            return None
