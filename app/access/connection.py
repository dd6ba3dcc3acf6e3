"""A person's account at a system, as the other parts know it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeGuard
from uuid import UUID

LONGEST_ID: Final = 64


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection of a person, `user` being the host's id, to the system at `origin`.

    `sealed` holds the tokens, encrypted; `version` counts those that there were. One that
    `has_ended` must be made again by its person: the system does not take its tokens any more.
    """

    id: UUID
    user: str
    origin: str
    system: str
    login: str
    scopes: str
    version: int
    has_ended: bool
    expires_at: datetime | None
    created_at: datetime
    refreshed_at: datetime
    sealed: str = field(repr=False)

    @property
    def identity(self) -> str:
        """The name of its credential, in cache keys and logs: another one once it is made again."""
        return f"{self.system}#{self.id.hex}"

    @property
    def purpose(self) -> str:
        """What its tokens are sealed for."""
        return f"connection {self.id.hex} {self.user} {self.origin}"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token, and the connection as it was when the token was its own."""

    value: str = field(repr=False)
    connection: Connection


def is_id(text: str | None) -> TypeGuard[str]:
    """Tell whether a text can be an id of the host's, as the tables keep it."""
    return text is not None and 0 < len(text) <= LONGEST_ID and text.isprintable()
