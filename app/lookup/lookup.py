"""Attach and typeahead. Implements the section "Lookup" of the page of the host's components."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

import structlog

from app.connectors.searches import SearchQuery
from app.errors import InternalError, MalformedRequest, NoConnector, PlacardError, UpstreamTimeout
from app.lookup.answers import LookupAnswer, attached_answer, item_of, list_answer
from app.lookup.kept import KeptLists, Recent
from app.lookup.samples import SampleSearch
from app.lookup.search import Searches, interleaved
from app.lookup.together import TimedCall, Together
from app.lookup.typed import MOST_MEANINGS, beginning, pasted_address, short_forms
from app.resolver import ResolvedRequest
from app.telemetry.logs import add_log_fields, exception_fields
from app.telemetry.metrics import Metrics
from app.upstream.messages import ANONYMOUS
from app.upstream.transport import within
from app.verification import Viewer
from app.widgets import Widget, Widgets
from templates_schemas.lookup import TypeaheadItem
from templates_schemas.text import clean

T = TypeVar("T")

# In seconds: what one answer of typeahead may take.
TYPEAHEAD_SECONDS: Final = 1.0
FEWEST_CHARACTERS: Final = 3
SAMPLES: Final = "samples"
RECENT_HEADER: Final = "Recently attached"
NO_ADDRESS: Final = "Paste the whole address of a page, as the browser shows it."
NOTHING_MEANT: Final = "Not found. Paste a link, or pick one of the suggestions."


class Lookup:
    """Finds the resources of typed texts, for the viewer whom the proof speaks for.

    What a person attaches or picks is what their own account may see, whoever else attached it.
    Offline, `samples` are found too.
    """

    def __init__(
        self,
        widgets: Widgets,
        searches: Searches,
        kept: KeptLists,
        metrics: Metrics,
        together: Together,
        samples: SampleSearch | None = None,
    ) -> None:
        self._widgets = widgets
        self._resolver = widgets.resolver
        self._searches = searches
        self._kept = kept
        self._metrics = metrics
        self._samples = samples
        self._together = together

    def attach(self, text: str, viewer: Viewer) -> LookupAnswer:
        """Answer with the resource that a text means, the first of those that can be shown.

        Raises a PlacardError as `Widgets.resolve` and `Widgets.answer` do.
        """
        address, resolved, widget = self._first_shown(text, _alone(viewer))
        answer = attached_answer(widget, address)
        self._resolver.note_attached(viewer, resolved)
        if viewer.workspace is not None:
            self._kept.keep_recent(
                Recent(
                    item_of(widget, address),
                    resolved.request.credential.identity,
                    viewer.workspace,
                    time.time(),
                    is_own=resolved.connection is not None,
                )
            )
        return answer

    def _first_shown(self, text: str, viewer: Viewer) -> tuple[str, ResolvedRequest, Widget]:
        failure: PlacardError = NoConnector("no address and no short form", sentence=NOTHING_MEANT)
        with within(self._widgets.deadline):
            for meant in self._meanings(text, viewer):
                try:
                    address, resolved = self._resolve(meant, viewer)
                    return address, resolved, self._widgets.answer(resolved, viewer)
                except PlacardError as error:
                    failure = error
        raise failure

    def suggest(self, text: str, viewer: Viewer) -> LookupAnswer:
        """Answer with what a text may mean: a pasted address or a short form, else what is found.

        Of fewer than `FEWEST_CHARACTERS` characters, with what was attached lately.
        """
        until = time.monotonic() + TYPEAHEAD_SECONDS
        viewer = _alone(viewer)
        typed = clean(text)
        if len(typed) < FEWEST_CHARACTERS:
            recent = [each.item for each in self._recent(viewer)]
            add_log_fields(items=len(recent))
            return list_answer(recent, RECENT_HEADER if recent else "")
        meant = self._meanings(typed, viewer)
        items, header = self._shown(meant, viewer, until)
        if not items and not pasted_address(typed):
            query = SearchQuery(beginning(typed), viewer.workspace)
            items, header = self._found(query, viewer, until)
        add_log_fields(items=len(items))
        return list_answer(items, header)

    def _meanings(self, text: str, viewer: Viewer) -> Sequence[str]:
        address = pasted_address(text)
        if address is not None:
            return [address]
        recent = (each.item.value for each in self._recent(viewer))
        meant = short_forms(text, self._resolver.registry, recent)
        # Systems share some forms: `owner/name#1` is GitHub's and GitLab's.
        usable = [each for each in meant if self._has_credential(each, viewer)]
        return (usable or meant)[:MOST_MEANINGS]

    def _has_credential(self, address: str, viewer: Viewer) -> bool:
        return self._resolver.identity_for(address, viewer) not in (None, ANONYMOUS.identity)

    def _recent(self, viewer: Viewer) -> Iterator[Recent]:
        """Yield what was attached lately and would be asked with the same credential now."""
        if viewer.workspace is None:
            return
        accounts = self._resolver.own_accounts(viewer)
        for each in self._kept.recent(viewer.workspace, accounts):
            if self._resolver.identity_for(each.item.value, viewer) == each.credential:
                yield each

    def _resolve(self, address: str, viewer: Viewer) -> tuple[str, ResolvedRequest]:
        """Resolve an address by its canonical form: the one that the host will ask for."""
        try:
            resolved = self._resolver.resolve(address, viewer)
        except MalformedRequest as error:
            # Its own sentence names a parameter that this request does not have.
            raise MalformedRequest(error.detail, sentence=NO_ADDRESS) from None
        canonical = resolved.canonical
        try:
            again = self._resolver.resolve(canonical, viewer)
        except PlacardError:
            return address, resolved
        is_same = again.connector.name == resolved.connector.name
        return (canonical, again) if is_same else (address, resolved)

    def _shown(
        self, meant: Sequence[str], viewer: Viewer, until: float
    ) -> tuple[list[TypeaheadItem], str]:
        """Return the items of the addresses that give a card, or why the only one does not."""
        calls, labels, failure = [], [], ""
        for address in meant:
            try:
                canonical, resolved = self._resolve(address, viewer)
            except PlacardError as error:
                failure = error.sentence
                continue
            calls.append(self._card(canonical, resolved, viewer))
            labels.append(resolved.connector.label)
        items, answered = [], []
        for label, ended in zip(labels, self._together.run(calls, until), strict=True):
            try:
                items.append(_result(ended))
                answered.append(label)
            except PlacardError as error:
                failure = error.sentence
        return items, _listed(answered) if items else failure

    def _card(
        self, address: str, resolved: ResolvedRequest, viewer: Viewer
    ) -> TimedCall[TypeaheadItem]:
        return TimedCall(
            resolved.request.address.origin,
            lambda: item_of(self._widgets.answer(resolved, viewer), address),
        )

    def _found(
        self, query: SearchQuery, viewer: Viewer, until: float
    ) -> tuple[list[TypeaheadItem], str]:
        """Search all systems at once; the log tells who was late, down or limited.

        Return what they found, and who they are, or why none of them answered.
        """
        sources = list(self._sources(query, viewer))
        ended = self._together.run([source.call for source in sources], until)
        found, answered, left_out, failure = [], [], {}, ""
        for source, result in zip(sources, ended, strict=True):
            outcome = "ok"
            try:
                found.append(_result(result))
                answered.append(source.label)
            except PlacardError as error:
                outcome = left_out[source.name] = error.code
                failure = error.sentence
            self._metrics.searches.labels(source.name, outcome).inc()
        took = {
            source.name: round(1000 * source.call.seconds, 1)
            for source in sources
            if source.call.seconds is not None
        }
        add_log_fields(searched=sorted({source.name for source in sources}), search_ms=took)
        if left_out:
            add_log_fields(left_out=left_out)
        return interleaved(found), _listed(answered) or failure

    def _sources(self, query: SearchQuery, viewer: Viewer) -> Iterator["_Source"]:
        for planned in self._searches.planned(query, viewer):
            call = TimedCall(planned.origin, partial(self._searches.items, planned, query))
            yield _Source(planned.connector.name, planned.connector.label, call)
        if self._samples is not None:
            yield _Source(
                SAMPLES, "the samples", TimedCall(SAMPLES, partial(self._samples.items, query))
            )


@dataclass(frozen=True, slots=True)
class _Source:
    """Who is searched: the connector's name, what it is called, and the call."""

    name: str
    label: str
    call: TimedCall[list[TypeaheadItem]]


def _alone(viewer: Viewer) -> Viewer:
    """Return the viewer without a task: what another has attached there is not theirs to find."""
    return replace(viewer, task=None)


def _result(ended: "Future[T] | None") -> T:
    """Return what came of a call; raises a PlacardError: UpstreamTimeout of one that is late."""
    late = UpstreamTimeout("not within the time of one answer", sentence="It took too long.")
    if ended is None:
        raise late
    try:
        return ended.result()
    except PlacardError:
        raise
    except TimeoutError:
        raise late from None
    except Exception as error:
        # A bug of one connector keeps nothing away that the others have found.
        structlog.get_logger("placard").error("lookup_failed", **exception_fields(error))
        raise InternalError from error


def _listed(labels: Sequence[str]) -> str:
    """Name systems, each once: `GitHub, Jira and Trello`."""
    *others, last = dict.fromkeys(labels) or [""]
    return f"{', '.join(others)} and {last}" if others else last
