"""Who asks the library, and what the documents of the dialects let a token allow."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from app.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Person:
    """A user as others see them; `handle` is the subject of their tokens."""

    id: UUID
    handle: str
    name: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a token speaks for, and what it allows."""

    person: Person
    scopes: frozenset[str]
    domains: frozenset[str]
    jti: str

    @property
    def subject(self) -> str:
        """The subject of the token, such as an address of e-mail."""
        return self.person.handle

    def require_any(self, scopes: Iterable[str]) -> None:
        """Refuse with Forbidden a caller who has none of the scopes."""
        wanted = sorted(scopes)
        if not self.scopes.intersection(wanted):
            raise Forbidden(sentence=f"Forbidden: this needs the scope {' or '.join(wanted)}.")

    def require_domain(self, domain: str) -> None:
        """Refuse with Forbidden a caller whose token is not for the domain."""
        if domain not in self.domains:
            raise Forbidden(sentence="Forbidden: the token is not for this domain.")
