"""Requests of the library take at most their share of the threads: cards come first."""

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import responses
from flask import Flask

from app.library.http import thread_share
from app.library.http.authentication import LOOPBACK
from app.library.http.thread_share import MOST_AT_WORK, ThreadShare
from tests.app.library.conftest import application, library_of, token_of
from tests.host import Host
from tests.proofs import API_ISSUE, ISSUE_JSON
from tests.waiting import PATIENCE

CCM = "/api/v2/widgets/ccm_reports"


class SlowBody:
    """A body that does not come until somebody lets it."""

    def __init__(self) -> None:
        self.waited_for, self.go_on = threading.Event(), threading.Event()

    def read(self, _: int = -1) -> bytes:
        self.waited_for.set()
        assert self.go_on.wait(PATIENCE)
        return b""

    readline = read


@pytest.fixture
def one_thread(sqlite_url: str) -> Iterator[Flask]:
    """An application whose library may have one thread."""
    with application(database_url=sqlite_url, library_threads="1") as app:
        yield app


def test_body_that_does_not_come_holds_up_no_card(
    one_thread: Flask, upstream: responses.RequestsMock
) -> None:
    upstream.get(API_ISSUE, json=ISSUE_JSON)
    headers = {"DD-APPLICATION-KEY": token_of(library_of(one_thread))}
    slow = SlowBody()

    def post() -> int:
        sent = {"wsgi.input": slow, "CONTENT_LENGTH": "100", "CONTENT_TYPE": "application/json"}
        answer = one_thread.test_client().post(CCM, headers=headers, environ_overrides=sent)
        answer.close()
        return answer.status_code

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(post)
        assert slow.waited_for.wait(PATIENCE)
        try:
            refused = one_thread.test_client().get(CCM, headers=headers)
            card = Host(one_thread.test_client()).ask()
        finally:
            slow.go_on.set()
        assert first.result(PATIENCE) == 400
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert refused.get_json() == {"errors": ["Too many requests; try again in 1 s."]}
    assert card.status_code == 200
    assert one_thread.test_client().get(CCM, headers=headers).status_code == 200


def start_response(*_: Any) -> Any:
    return None


def call(app: Any, **environ: Any) -> Iterable[bytes]:
    made: Iterable[bytes] = app(environ, start_response)
    return made


def taken(environ: dict[str, Any], _: Any) -> list[bytes]:
    """Answer with whether the request had a thread."""
    return [b"refused" if environ.get("placard.library_has_no_thread") else b"answered"]


def test_slot_is_held_until_the_answer_is_closed() -> None:
    app = ThreadShare(1).wrap(taken)

    first: Any = call(app)
    assert [*call(app)] == [b"refused"]
    first.close()

    assert [*call(app)] == [b"answered"]


def test_slots_are_shared_by_all_that_are_wrapped() -> None:
    share = ThreadShare(1)
    first: Any = call(share.wrap(taken))

    assert [*call(share.wrap(taken))] == [b"refused"]
    first.close()


def test_application_that_breaks_gives_its_slot_back() -> None:
    def breaks(environ: dict[str, Any], _: Any) -> list[bytes]:
        if "fail" in environ:
            raise RuntimeError
        return taken(environ, _)

    app = ThreadShare(1).wrap(breaks)
    with pytest.raises(RuntimeError):
        call(app, fail=True)

    assert [*call(app)] == [b"answered"]


class Working:
    """An application that works until it is let go, and tells when that begins."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Semaphore(0), threading.Event()

    def __call__(self, environ: dict[str, Any], _: Any) -> list[bytes]:
        self.begun.release()
        assert self.go_on.wait(PATIENCE)
        return taken(environ, _)


def test_a_few_work_at_a_time_and_the_others_wait_for_their_turn() -> None:
    working = Working()
    app = ThreadShare(100).wrap(working)
    with ThreadPoolExecutor(MOST_AT_WORK + 1) as pool:
        asked = [pool.submit(lambda: [*call(app)]) for _ in range(MOST_AT_WORK + 1)]
        for _ in range(MOST_AT_WORK):
            assert working.begun.acquire(timeout=PATIENCE)
        assert not working.begun.acquire(timeout=0.1)
        working.go_on.set()
        assert [each.result(PATIENCE) for each in asked] == [[b"answered"]] * len(asked)


def test_whose_turn_does_not_come_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_share, "PATIENCE", 0.01)
    working = Working()
    share = ThreadShare(100)
    with ThreadPoolExecutor(MOST_AT_WORK) as pool:
        asked = [pool.submit(lambda: [*call(share.wrap(working))]) for _ in range(MOST_AT_WORK)]
        for _ in asked:
            assert working.begun.acquire(timeout=PATIENCE)
        assert [*call(share.wrap(taken))] == [b"refused"]
        working.go_on.set()
        for each in asked:
            each.result(PATIENCE)
    assert [*call(share.wrap(taken))] == [b"answered"]


def test_who_waits_for_a_body_lets_others_work(sqlite_url: str) -> None:
    with application(database_url=sqlite_url, library_threads="100") as app:
        headers = {"DD-APPLICATION-KEY": token_of(library_of(app))}
        slow = [SlowBody() for _ in range(MOST_AT_WORK + 1)]

        def post(body: SlowBody) -> int:
            sent = {"wsgi.input": body, "CONTENT_LENGTH": "100", "CONTENT_TYPE": "application/json"}
            return app.test_client().post(CCM, headers=headers, environ_overrides=sent).status_code

        with ThreadPoolExecutor(len(slow)) as pool:
            posts = [pool.submit(post, body) for body in slow]
            try:
                assert all(body.waited_for.wait(PATIENCE) for body in slow)
                assert app.test_client().get(CCM, headers=headers).status_code == 200
            finally:
                for body in slow:
                    body.go_on.set()
            assert [each.result(PATIENCE) for each in posts] == [400] * len(slow)


def test_what_the_service_asks_itself_is_never_refused() -> None:
    app = ThreadShare(1).wrap(lambda environ, _: [repr(sorted(environ)).encode()])
    first: Any = call(app)

    assert [*call(app, **{LOOPBACK: True})] == [repr([LOOPBACK]).encode()]
    first.close()


def test_without_a_bound_nothing_is_wrapped() -> None:
    assert ThreadShare(None).wrap(taken) is taken
