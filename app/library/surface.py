"""What the service around the library knows of it; nothing of the database is imported here."""

from collections.abc import Callable
from dataclasses import dataclass

from app.openapi.operation import Section
from app.upstream.client import Loopback


@dataclass(frozen=True, slots=True)
class LibrarySurface:
    """A mounted library: its part of the description, and what becomes of its own addresses.

    `fault` names what the library waits for, or is None; `connections` counts those to its database
    that are in use, of `most_connections`; `loopback` answers requests for the
    library's own public address without a network, where that address is set.
    """

    sections: tuple[Section, ...] = ()
    fault: Callable[[], str | None] = lambda: None
    connections: Callable[[], int] | None = None
    most_connections: int = 0
    loopback: Loopback | None = None
