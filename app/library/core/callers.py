"""The caller of a request, and what the caller may do."""

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
    """The user of a token, and what the token allows.

    `places` are those of Azure DevOps and `experiences` those of Datadog that it is confined to; it
    reaches all where there is none.
    """

    person: Person
    scopes: frozenset[str]
    domains: frozenset[str]
    jti: str
    places: tuple[str, ...] = ()
    experiences: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """The subject of the token, such as an address of e-mail."""
        return self.person.handle

    def require_any(self, scopes: Iterable[str]) -> None:
        """Raise Forbidden where the caller has none of the scopes."""
        wanted = sorted(scopes)
        if not self.scopes.intersection(wanted):
            raise Forbidden(sentence=f"Forbidden: this needs the scope {' or '.join(wanted)}.")

    def require_domain(self, domain: str) -> None:
        """Raise Forbidden where the caller's token is not for the domain."""
        if domain not in self.domains:
            raise Forbidden(sentence="Forbidden: the token is not for this domain.")

    def require_experience(self, experience: str) -> None:
        """Raise Forbidden where the caller's token is confined to other experience types."""
        if not self.reaches_experience(experience):
            raise Forbidden(sentence="Forbidden: the token is not for this experience type.")

    def reaches_experience(self, experience: str) -> bool:
        """Tell whether the caller's token is for an experience type."""
        return not self.experiences or experience in self.experiences
