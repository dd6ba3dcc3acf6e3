"""The resources that can be tried with one click, by system."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final, Self

from app.connectors import Connector, all_connectors
from app.connectors.definitions.bundled import edits
from app.devtools.preview.marks import Emblem, emblem_of
from app.errors import ConfigurationError
from app.settings import Settings
from app.upstream.samples import Recordings, Sample, bundled_samples

# Shown where no address is given: it has the most to show.
FEATURED: Final = "github/merged_pull"
RECORDINGS: Final = "Recordings"
LIBRARY: Final = "This library"


@dataclass(frozen=True, slots=True)
class Piece:
    """One resource: what it is, and its address."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class SystemGroup:
    label: str
    emblem: Emblem
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Gallery:
    """What there is to try: offline the samples and recordings, live each connector's example.

    `faults` say why a file of definitions, or a recording, cannot be used; a service with broken
    definitions shows what it had before.
    """

    groups: tuple[SystemGroup, ...]
    featured: str | None
    labels: dict[str, str]
    faults: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings, recordings: Recordings | None = None) -> Self:
        """Lay out the groups; live, none is featured, so that no page asks the network unasked.

        Raises ConfigurationError where a definition cannot be used.
        """
        connectors = all_connectors(settings)
        labels = {connector.name: connector.label for connector in connectors}
        bundled = bundled_samples()
        saved = _saved(settings)
        if not settings.offline:
            return cls((*saved, *_grouped(_examples(connectors, bundled))), None, labels)
        recorded = recordings.samples() if recordings else ()
        featured = next((one.resource_url for one in bundled if one.name == FEATURED), None)
        found = (*_recorded(recorded), *saved, *_grouped(_samples(labels, bundled)))
        return cls(found, featured, labels, recordings.faults() if recordings else ())


class CurrentGallery:
    """The gallery as the files of now have it: edited definitions and recordings count."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        folder = settings.recordings
        self._recordings = Recordings(Path(folder)) if folder and settings.offline else None
        self._seen = self._stamp()
        self._gallery = Gallery.of(settings, self._recordings)

    def current(self) -> Gallery:
        """Return the gallery, laid out anew where a file has changed."""
        stamp = self._stamp()
        if stamp != self._seen:
            self._gallery = self._anew()
            self._seen = stamp
        return self._gallery

    def _anew(self) -> Gallery:
        try:
            return Gallery.of(self._settings, self._recordings)
        except ConfigurationError as error:
            was = self._gallery
            faults = tuple(error.detail.splitlines())
            return Gallery(was.groups, was.featured, was.labels, faults)

    def _stamp(self) -> tuple[object, object]:
        recorded = self._recordings.stamp() if self._recordings else None
        return edits(self._settings.connectors_file), recorded


def _grouped(named: Iterator[tuple[str, Piece]]) -> tuple[SystemGroup, ...]:
    """Put the pieces of one label together, labels and titles in the order of the alphabet."""
    ordered = sorted(named, key=lambda one: (one[0].casefold(), one[1].title.casefold()))
    return tuple(
        SystemGroup(label, emblem_of(label), tuple(piece for _, piece in pieces))
        for label, pieces in groupby(ordered, key=lambda one: one[0])
    )


def _samples(labels: dict[str, str], samples: Sequence[Sample]) -> Iterator[tuple[str, Piece]]:
    for sample in samples:
        connector = sample.name.partition("/")[0]
        if connector in labels:
            yield labels[connector], Piece(sample.title, sample.resource_url)


def _recorded(samples: Sequence[Sample]) -> tuple[SystemGroup, ...]:
    """One's own cases come first, by their names in the folder."""
    pieces = tuple(Piece(sample.name, sample.resource_url) for sample in samples)
    return (SystemGroup(RECORDINGS, emblem_of(RECORDINGS), pieces),) if pieces else ()


def _saved(settings: Settings) -> tuple[SystemGroup, ...]:
    """Name the samples that the first start of the local mode saves in its own library."""
    if not (settings.library and settings.local_token and settings.public_url):
        return ()
    from app.library.wiring import DIALECTS  # noqa: PLC0415 - only here is a database needed

    base = settings.public_url.rstrip("/")
    samples = (dialect.samples for dialect in DIALECTS)
    pieces = tuple(Piece(each.title, base + each.path) for each in samples)
    return (SystemGroup(LIBRARY, emblem_of(LIBRARY), pieces),)


def _examples(
    connectors: Sequence[Connector], samples: Sequence[Sample]
) -> Iterator[tuple[str, Piece]]:
    """Name each connector's example by what its samples are: `Issue` for `Issue, open`."""
    kinds = {one.name.partition("/")[0]: one.title.partition(",")[0] for one in samples}
    for connector in connectors:
        title = kinds.get(connector.name) or connector.name.replace("_", " ").capitalize()
        yield connector.label, Piece(title, connector.example)
