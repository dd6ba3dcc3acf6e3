"""Whatever an upstream does, each connector's request ends in a valid card or in the envelope."""

import gc
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from werkzeug.test import TestResponse

from app import create_app
from app.connectors import CONNECTORS, Connector, connector_settings
from app.connectors.definitions.bundled import catalogue
from app.errors import PlacardError, UpstreamTimeout, UpstreamUnreachable
from app.failures import SENTENCES
from app.origins import origin_of
from app.settings import load_settings
from app.testing.fault_server import playing
from app.testing.faults import FAULTS, MARK, NetworkFault
from app.testing.recordings import Recording, read_recording
from app.testing.servers import LOOPBACK
from app.upstream.samples import recorded_body
from app.web import EXTENSION
from templates_schemas import faults
from tests.cases import case_files
from tests.host import JWT_SECRET, Host
from tests.processes import ROOT, environment
from tests.waiting import PATIENCE

# Faults that end by themselves do so long before it; the others last until it.
AMPLE: Final = "20"
SHORT: Final = "0.4"
LEFT_OVER: Final = 150  # bytes for each fault: less than the smallest thing that could be kept
MANY: Final = 2 * len(FAULTS)
# Of the definitions, which are one engine, one that asks by POST and one that asks by GET.
DEFINED: Final = [known for known in catalogue() if known.name in ("linear", "gitea")]
KINDS: Final[dict[str, Connector | type[Connector]]] = {
    **{connector.name: connector for connector in CONNECTORS},
    **{connector.name: connector for connector in DEFINED},
}


@cache
def sound_cases() -> tuple[Recording, ...]:
    """A case of each connector that is one call and gives a card."""
    found: dict[str, Recording] = {}
    for path in (path for path in case_files() if path.parent.name in KINDS):
        case = read_recording(path)
        plain = case.widget["status"] == 200 and len(case.exchanges) == 1
        known = found.get(path.parent.name)
        # The fewest settings, and of these the plainest address.
        if plain and (known is None or _rank(case) < _rank(known)):
            found[path.parent.name] = case
    return tuple(found.values())


def _rank(case: Recording) -> tuple[int, bool, int]:
    # Where GitHub knows no such pull request, its issue is asked for: a second call.
    return len(case.settings), "/pull/" in case.resource_url, len(case.resource_url)


def connector_of(case: Recording) -> Connector | type[Connector]:
    return KINDS[case.name.partition("/")[0]]


def request_of(case: Recording) -> Mapping[str, str]:
    request: Mapping[str, str] = case.exchanges[0]["request"]
    return request


def bodies() -> dict[str, bytes]:
    """The sound answers, by path and query."""
    made = {}
    for case in sound_cases():
        parts = urlsplit(request_of(case)["url"])
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        made[target] = recorded_body(case.exchanges[0]["response"])
    assert len(made) == len(sound_cases())
    return made


def host_with(port: int, **changes: str) -> Host:
    """The host of a service that asks for everything on one port of the loopback."""
    origins = {origin_of(request_of(case)["url"]) for case in sound_cases()}
    own = {name: value for case in sound_cases() for name, value in case.settings.items()}
    upstreams = ", ".join(f"{origin}=http://{LOOPBACK}:{port}" for origin in sorted(origins))
    environment = {
        "PLACARD_JWT_SECRETS": JWT_SECRET,
        "PLACARD_UPSTREAMS": upstreams,
        # More is asked in a minute than one person may.
        "PLACARD_COLD_FETCHES_PER_MINUTE": "1000000",
        **own,
        **{f"PLACARD_{name.upper()}": value for name, value in changes.items()},
    }
    return Host(create_app(load_settings(environment, connector_settings())).test_client())


def asked_for_all(host: Host) -> Mapping[str, TestResponse]:
    """Ask for the case of each connector, all at once."""
    with ThreadPoolExecutor(len(sound_cases())) as pool:
        asked = {case.name: pool.submit(ask, host, case) for case in sound_cases()}
        return {name: answer.result(PATIENCE) for name, answer in asked.items()}


def ask(host: Host, case: Recording) -> TestResponse:
    return Host(host.client.application.test_client()).ask(case.resource_url)


def check(answer: TestResponse) -> str | None:
    """Hold an answer to the contract; return its error, or None for a card."""
    assert MARK not in answer.text
    made = answer.get_json()
    if answer.status_code == 200:
        assert faults(made) == ()
        return None
    assert answer.status_code in (403, 404, 500)
    assert list(made) == ["data"]
    assert list(made["data"]) == ["error"]
    return str(made["data"]["error"])


def expected(fault: NetworkFault, case: Recording) -> set[str | None]:
    """What may be told of a fault, by one connector."""
    posted = request_of(case)["method"] == "POST" and fault.posted is not None
    kinds = (fault.posted if posted else fault.errors) or frozenset()
    # Of what lasts, time may be up before anything else can be told, on a busy machine.
    late = frozenset({UpstreamTimeout}) if fault.lasting else frozenset()
    return sentences(kinds | late, case) or {None}


def sentences(kinds: frozenset[type[PlacardError]], case: Recording) -> set[str | None]:
    return {SENTENCES[kind].format(label=connector_of(case).label) for kind in kinds}


def test_every_connector_takes_part() -> None:
    assert {connector_of(case).name for case in sound_cases()} == set(KINDS)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_fault_ends_in_a_card_or_an_envelope_for_every_connector(fault: NetworkFault) -> None:
    deadline = SHORT if fault.lasting else AMPLE
    with playing(lambda: fault, bodies()) as port:
        answers = asked_for_all(host_with(port, fetch_deadline=deadline))
    told = {name: check(answer) for name, answer in answers.items()}
    if not fault.holds:
        wrong = [
            (case.name, told[case.name])
            for case in sound_cases()
            if told[case.name] not in expected(fault, case)
        ]
        assert wrong == []


@contextmanager
def nobody_listens() -> Iterator[int]:
    """A port that refuses connections."""
    with socket.socket() as unused:
        unused.bind((LOOPBACK, 0))
        yield unused.getsockname()[1]


@contextmanager
def nobody_accepts() -> Iterator[int]:
    """A port whose queue is full: connections neither come about nor fail."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind((LOOPBACK, 0))
        listener.listen(0)
        first.connect(listener.getsockname())
        second.setblocking(False)
        second.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("place", "deadline", "kind"),
    [
        (nobody_listens, AMPLE, UpstreamUnreachable),
        (nobody_accepts, SHORT, UpstreamTimeout),
    ],
)
def test_host_that_takes_no_connection_ends_in_an_envelope_for_every_connector(
    place: object, deadline: str, kind: type[PlacardError]
) -> None:
    assert callable(place)
    with place() as port:
        answers = asked_for_all(host_with(port, fetch_deadline=deadline))
    for case in sound_cases():
        assert {check(answers[case.name])} == sentences(frozenset({kind}), case)


@dataclass
class Deck:
    """Deals faults, one after the other, to any number of threads."""

    dealt: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._faults = cycle([fault for fault in FAULTS.values() if not fault.holds])

    def deal(self) -> NetworkFault:
        with self._lock:
            self.dealt += 1
            return next(self._faults)


def suffer(host: Host, port: int, count: int) -> int:
    """Ask until so many faults were played; leave only what the service itself keeps."""
    deck = Deck()

    def go_on_asking(case: Recording) -> int:
        asked = 0
        while deck.dealt < count:
            check(ask(host, case))
            asked += 1
            # Who was told to ask no more would do nothing but take the others' time.
            time.sleep(0.01)
        return asked

    with playing(deck.deal, bodies(), port), ThreadPoolExecutor(len(sound_cases())) as pool:
        asked = sum(pool.map(go_on_asking, sound_cases()))
    # Now nobody listens any more.
    for case in sound_cases():
        assert check(ask(host, case)) is not None
    # Idle connections are kept for the next call; any other would still be open after this.
    host.client.application.extensions[EXTENSION].widgets._fetcher._adapter.close()
    gc.collect()
    return asked


def traced_bytes() -> int:
    """What is held."""
    return sum(trace.size for trace in tracemalloc.take_snapshot().traces)


def threads_and_files() -> tuple[int, int]:
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.server
def test_faults_leave_nothing_over() -> None:
    """In a process of its own, where nobody else takes memory, nor coverage."""
    ended = subprocess.run(
        [sys.executable, "-m", __name__],
        env=environment(), cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-2000:]


def leave_nothing_over() -> None:
    with nobody_listens() as port:
        pass
    host = host_with(
        port,
        fetch_deadline="0.15",
        breaker_failures="1000000",
        cache_ttl="0.000001",
        cache_stale="0",
        cache_stale_if_error="0",
        cache_failure_ttl="0.000001",
    )
    tracemalloc.start()
    try:
        # What is made once, at the first of each kind, is there after this.
        suffer(host, port, MANY)
        before = threads_and_files()
        # What each fault left over would be left in every round; what comes late, only in a few.
        left_nothing = any(left_by(host, port) < LEFT_OVER * MANY for _ in range(8))
    finally:
        tracemalloc.stop()
    assert threads_and_files() == before
    assert left_nothing


def left_by(host: Host, port: int) -> int:
    """Suffer each fault a few times; return how many bytes more are held after them."""
    kept = traced_bytes()
    assert suffer(host, port, MANY) > MANY // 3
    return traced_bytes() - kept


if __name__ == "__main__":
    leave_nothing_over()
