"""The resources that can be tried with one click."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from app.connectors import Connector, all_connectors
from app.settings import Settings
from app.upstream import bundled_samples


@dataclass(frozen=True, slots=True)
class Piece:
    """One resource: its title, a word beside it, its address, and the system's first letter."""

    title: str
    label: str
    url: str
    mark: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """What there is to try: offline the bundled samples, live each connector's example."""

    pieces: tuple[Piece, ...]
    featured: str | None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Lay out the pieces; live, none is featured, so that no page asks the network unasked."""
        connectors = all_connectors(settings)
        if not settings.offline:
            return cls(tuple(_examples(connectors)), None)
        pieces = tuple(_samples(connectors))
        return cls(pieces, next((piece.url for piece in pieces), None))


def _samples(connectors: Sequence[Connector]) -> Iterator[Piece]:
    """Yield the samples of each connector, those with the most first."""
    labels = {connector.name: connector.label for connector in connectors}
    named = [(*sample.name.split("/", 1), sample.resource_url) for sample in bundled_samples()]
    known = [one for one in named if one[0] in labels]
    counts = {name: sum(name == other for other, _, _ in known) for name, _, _ in known}
    for name, case, url in sorted(known, key=lambda one: (-counts[one[0]], _place(one[1]), one)):
        yield _piece(name, labels[name], case, url)


def _place(case: str) -> int:
    """Show first what ends well, and of that what shows the most."""
    order = ("merged_pull", "open_issue", "draft_pull", "not_planned_issue", "long_texts")
    return order.index(case) if case in order else len(order)


def _examples(connectors: Sequence[Connector]) -> Iterator[Piece]:
    for connector in connectors:
        yield _piece(connector.name, connector.label, "example", connector.example)


def _piece(name: str, label: str, case: str, url: str) -> Piece:
    """Say first what is special: the kind of resource, else the case, else the system alone."""
    system = label.lower().split()
    kind = [word for word in name.split("_") if word not in system]
    plain = case in ("open", "example")
    words = [*kind, *([] if plain else case.split("_"))]
    if not words:
        return Piece(label, case.capitalize(), url, label[:1])
    return Piece(" ".join(words).capitalize(), label, url, label[:1])
