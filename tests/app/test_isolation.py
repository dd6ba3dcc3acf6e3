"""A host that hangs takes its own places, and no others: hits and other hosts are answered."""

import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, as_completed, wait
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from app import create_app
from app.connectors import connector_settings
from app.settings import load_settings
from app.testing.servers import ClientConnection, answer, serving
from app.upstream.transport import remaining
from app.web import EXTENSION
from tests.conftest import MakeHost
from tests.host import Host
from tests.processes import SOUND, Start, ask as ask_process
from tests.waiting import PATIENCE

PLACES = 3
ISSUE = (
    b'{"title": "An issue", "state": "open", "created_at": "2026-01-02T03:04:05Z",'
    b' "updated_at": "2026-01-03T03:04:05Z"}'
)
PAGE = "https://github.com/pallets/flask/issues"
OTHER = "https://github.example.com/pallets/flask/issues"
BUSY = "Too many requests wait for GitHub. Try again in a moment."


@dataclass
class Hanging:
    """An upstream that answers for issue 1 only, until it may go on."""

    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    go_on: threading.Event = field(default_factory=threading.Event)

    def __call__(self, connection: ClientConnection) -> None:
        while request := connection.request():
            if not request.split(b" ")[1].endswith(b"/1"):
                self.arrived.release()
                while not (self.go_on.is_set() or connection.wait(0.01)):
                    pass
            connection.send(answer(ISSUE))

    def is_asked(self, times: int) -> bool:
        return all(self.arrived.acquire(timeout=PATIENCE) for _ in range(times))


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    upstream = Hanging()
    yield upstream
    upstream.go_on.set()


@contextmanager
def two_that_hang(hanging: Hanging) -> Iterator[dict[str, str]]:
    """Serve GitHub and an Enterprise host, which both hang; yields the settings."""
    with serving(hanging) as server:
        stand_ins = ("https://api.github.com", "https://github.example.com")
        yield {
            "PLACARD_UPSTREAMS": ", ".join(f"{origin}={server.origin}" for origin in stand_ins),
            "PLACARD_GITHUB_HOSTS": "github.example.com",
            "PLACARD_FETCH_DEADLINE": "30",
        }


@contextmanager
def two_upstreams(hanging: Hanging) -> Iterator[dict[str, str]]:
    """Serve GitHub, which hangs, and an Enterprise host, which does not; yields the settings."""

    def well(connection: ClientConnection) -> None:
        while connection.request():
            connection.send(answer(ISSUE))

    with serving(hanging) as first, serving(well) as second:
        stand_ins = {"https://api.github.com": first, "https://github.example.com": second}
        yield {
            "PLACARD_UPSTREAMS": ", ".join(f"{a}={b.origin}" for a, b in stand_ins.items()),
            "PLACARD_GITHUB_HOSTS": "github.example.com",
            "PLACARD_FETCH_DEADLINE": "30",
        }


def told(host: Host, page: str) -> str:
    made = Host(host.client.application.test_client()).ask(page).get_json()
    return str(made["metadata"]["title"] if "metadata" in made else made["data"]["error"])


def test_while_a_host_hangs_hits_and_other_hosts_are_answered(hanging: Hanging) -> None:
    with two_upstreams(hanging) as settings, ThreadPoolExecutor(PLACES) as pool:
        places = {"PLACARD_FETCH_PLACES": str(PLACES)}
        settled = load_settings(SOUND | settings | places, connector_settings())
        host = Host(create_app(settled).test_client())
        assert told(host, f"{PAGE}/1") == "An issue"
        hung = [pool.submit(told, host, f"{PAGE}/{number}") for number in range(2, 2 + PLACES)]
        try:
            assert hanging.is_asked(PLACES)
            assert told(host, f"{PAGE}/1") == "An issue"
            assert told(host, f"{OTHER}/9") == "An issue"
            assert told(host, f"{PAGE}/9") == BUSY
            assert not any(call.done() for call in hung)
        finally:
            hanging.go_on.set()
        assert [call.result(PATIENCE) for call in hung] == ["An issue"] * PLACES
        assert not hanging.arrived.acquire(blocking=False)


def test_a_service_of_few_threads_keeps_half_of_them_for_others(
    start: Start, hanging: Hanging
) -> None:
    with (
        two_upstreams(hanging) as settings,
        ThreadPoolExecutor(2) as pool,
        start("serve", "--threads", "4", settings=SOUND | settings) as (_, base),
    ):
        assert ask_process(base, f"{PAGE}/1").ok
        hung = [pool.submit(ask_process, base, f"{PAGE}/{number}") for number in (2, 3)]
        try:
            assert hanging.is_asked(2)
            assert ask_process(base, f"{PAGE}/9").json() == {"data": {"error": BUSY}}
            assert ask_process(base, f"{PAGE}/1").ok
            assert ask_process(base, f"{OTHER}/9").ok
            assert not any(call.done() for call in hung)
        finally:
            hanging.go_on.set()
        assert [call.result(PATIENCE).status_code for call in hung] == [200, 200]


def test_two_hosts_that_hang_leave_threads_for_hits(start: Start, hanging: Hanging) -> None:
    pages = [f"{page}/{number}" for page in (PAGE, OTHER) for number in (2, 3, 4)]
    with (
        two_that_hang(hanging) as settings,
        ThreadPoolExecutor(len(pages)) as pool,
        start("serve", "--threads", "6", settings=SOUND | settings) as (_, base),
    ):
        assert ask_process(base, f"{PAGE}/1").ok
        hung = [pool.submit(ask_process, base, page) for page in pages]
        try:
            assert hanging.is_asked(4)
            assert ask_process(base, f"{PAGE}/1").ok
            ended = as_completed(hung, timeout=PATIENCE)
            refused = [next(ended).result().json() for _ in range(2)]
            assert refused == [{"data": {"error": BUSY}}] * 2
        finally:
            hanging.go_on.set()
        assert [call.result().status_code for call in ended] == [200] * 4


@pytest.mark.parametrize("kept", [False, True], ids=["cold", "an old card"])
def test_one_cold_resource_of_a_host_that_hangs_does_not_take_every_thread(
    hanging: Hanging, *, kept: bool
) -> None:
    with two_upstreams(hanging) as settings, ThreadPoolExecutor(2 * PLACES) as pool:
        changed = {
            "PLACARD_FETCH_PLACES": str(PLACES),
            "PLACARD_CACHE_TTL": "0.001",
            "PLACARD_CACHE_STALE": "0",
        }
        host = Host(
            create_app(
                load_settings(SOUND | settings | changed, connector_settings())
            ).test_client()
        )
        page = f"{PAGE}/2"
        if kept:
            hanging.go_on.set()
            assert told(host, page) == "An issue"
            assert hanging.is_asked(1)
            hanging.go_on.clear()
        hung = [pool.submit(told, host, page) for _ in range(2 * PLACES)]
        try:
            assert hanging.is_asked(1)
            # All but the leader and those who have a place beside it are soon done.
            done, waiting = wait(hung, timeout=PATIENCE, return_when=FIRST_COMPLETED)
            for _ in range(1000):
                if len(waiting) == PLACES:
                    break
                done, waiting = wait(hung, timeout=0.01)
            assert {call.result() for call in done} == {"An issue" if kept else BUSY}
            assert len(waiting) == PLACES
        finally:
            hanging.go_on.set()
        assert [call.result(PATIENCE) for call in waiting] == ["An issue"] * PLACES
        assert not hanging.arrived.acquire(blocking=False)


def test_those_who_wait_for_two_hosts_that_hang_do_not_take_every_thread(
    hanging: Hanging,
) -> None:
    total = PLACES + 1
    with two_that_hang(hanging) as settings, ThreadPoolExecutor(2 * PLACES) as pool:
        changed = {"PLACARD_FETCH_PLACES": str(PLACES), "PLACARD_FETCH_TOTAL": str(total)}
        host = Host(
            create_app(
                load_settings(SOUND | settings | changed, connector_settings())
            ).test_client()
        )
        pages = [f"{page}/2" for page in (PAGE, OTHER)] * PLACES
        hung = [pool.submit(told, host, page) for page in pages]
        try:
            assert hanging.is_asked(2)
            done, waiting = wait(hung, timeout=PATIENCE, return_when=FIRST_COMPLETED)
            for _ in range(1000):
                if len(waiting) == total:
                    break
                done, waiting = wait(hung, timeout=0.01)
            assert [call.result() for call in done] == [BUSY] * (2 * PLACES - total)
        finally:
            hanging.go_on.set()
        assert [call.result(PATIENCE) for call in waiting] == ["An issue"] * total


def test_waiting_for_others_and_asking_the_upstream_share_one_deadline(
    make_host: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = make_host(fetch_deadline="3")
    widgets = host.client.application.extensions[EXTENSION].widgets
    left = []

    def look_up(*_: object, **__: object) -> None:
        left.append(remaining())
        raise TimeoutError

    monkeypatch.setattr(widgets._cache, "look_up", look_up)
    assert told(host, f"{PAGE}/1") == "GitHub did not answer in time."
    assert 0 < (left[0] or 99) <= 3
