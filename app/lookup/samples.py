"""Offline, the bundled samples can be found: by the titles and subtitles of their cards."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property

from app.connectors.searches import SearchQuery
from app.errors import Forbidden
from app.lookup.answers import item_of
from app.upstream.samples import Sample
from app.widgets import Widgets
from templates_schemas.lookup import TypeaheadItem


class SampleSearch:
    """Searches the samples, which answer at once and need no credential."""

    def __init__(self, widgets: Widgets, samples: Iterable[Sample]) -> None:
        self._widgets = widgets
        self._samples = tuple(sample for sample in samples if sample.has_card)

    def items(self, query: SearchQuery) -> list[TypeaheadItem]:
        """Return the samples that have all words, in any case and order."""
        words = query.text.casefold().split()
        texts = ((item, f"{item.title} {item.subtitle or ''}".casefold()) for item in self._items)
        return [item for item, text in texts if all(word in text for word in words)]

    @cached_property
    def _items(self) -> tuple[TypeaheadItem, ...]:
        return tuple(self._shown())

    def _shown(self) -> Iterator[TypeaheadItem]:
        for sample in self._samples:
            # In a mode where each sees what is theirs, it may be of nobody's.
            with suppress(Forbidden):
                resolved = self._widgets.resolver.resolve(sample.resource_url)
                yield item_of(self._widgets.answer(resolved), resolved.canonical)
