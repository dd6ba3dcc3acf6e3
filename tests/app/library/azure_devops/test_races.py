"""Many writers at once: threads on either database, then two real processes, one of them killed."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
import requests
from flask import Flask

from tests.app.library.azure_devops.asking import BARE, basic
from tests.app.library.conftest import Processes, application, library_of, token_of, two_workers
from tests.processes import Start
from tests.waiting import PATIENCE

WRITERS = 8
Send = Callable[..., tuple[int, Any, str | None]]


def in_threads(app: Flask, token: str) -> Send:
    """Send requests to an application in this process."""

    def send(method: str, path: str, body: Any = None, etag: str = "") -> Any:
        headers = basic(token) | ({"ETag": etag} if etag else {})
        answer = app.test_client().open(path, method=method, json=body, headers=headers)
        return answer.status_code, answer.get_json(silent=True), answer.headers.get("ETag")

    return send


def to_a_service(base: str, token: str) -> Send:
    """Send requests to a running service, each over a connection of its own."""

    def send(method: str, path: str, body: Any = None, etag: str = "") -> Any:
        headers = basic(token) | ({"ETag": etag} if etag else {})
        url = base + path.replace(" ", "%20")
        answer = requests.request(method, url, json=body, headers=headers, timeout=PATIENCE)
        document = answer.json() if answer.content else None
        return answer.status_code, document, answer.headers.get("ETag")

    return send


@pytest.fixture(params=["threads", pytest.param("processes", marks=pytest.mark.server)])
def send(request: pytest.FixtureRequest, database_kind: str) -> Iterator[Send]:
    """Eight threads of this process, or two worker processes, on either database."""
    if request.param == "threads":
        url = request.getfixturevalue("database_url")
        with application(database_url=url) as app:
            yield in_threads(app, token_of(library_of(app)))
    else:
        processes: Processes = request.getfixturevalue("processes")
        yield to_a_service(processes.base, processes.token)


def at_once(write: Callable[[int], tuple[int, Any, str | None]]) -> Counter[int]:
    """Let all writers write at the same moment, and count their statuses."""
    barrier = threading.Barrier(WRITERS)

    def wait_and_write(number: int) -> int:
        barrier.wait(PATIENCE)
        return write(number)[0]

    with ThreadPoolExecutor(WRITERS) as pool:
        return Counter(pool.map(wait_and_write, range(WRITERS)))


def a_team() -> str:
    """Return the address of the dashboards of a team of nobody else's."""
    return f"/C/P/{uuid4()}/_apis/dashboard/dashboards"


def a_board(send: Send) -> tuple[str, dict[str, Any]]:
    """Make a dashboard with one widget; return the address of its list, and the widget."""
    team = a_team()
    status, board, _ = send("POST", team, {"name": "Overview", "widgets": [BARE]})
    assert status == 200
    return f"{team}/{board['id']}/widgets", board["widgets"][0]


def test_of_eight_writers_with_one_version_exactly_one_wins(send: Send) -> None:
    path, widget = a_board(send)
    one = f"{path}/{widget['id']}"
    for _ in range(2):
        _, listed, version = send("GET", path)
        assert version is not None
        etag = listed["value"][0]["eTag"]
        parent = {"dashboard": {"eTag": version}}
        writes: list[Callable[[int], Any]] = [
            lambda n: send("PATCH", one, {"eTag": etag, "name": f"patch {n}"}),  # noqa: B023
            lambda n: send("POST", path, BARE | parent | {"name": f"post {n}"}),  # noqa: B023
        ]
        # Each moves the versions, so the second begins with the new one.
        assert at_once(writes[0]) == {200: 1, 409: WRITERS - 1}
        _, moved, version = send("GET", path)
        assert (version, moved["value"][0]["eTag"]) == (
            str(int(parent["dashboard"]["eTag"]) + 1),
            str(int(etag) + 1),
        )
        parent = {"dashboard": {"eTag": str(version)}}
        assert at_once(writes[1]) == {200: 1, 409: WRITERS - 1}
        assert send("GET", path)[1]["count"] == moved["count"] + 1


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_of_eight_writers_of_a_list_exactly_one_wins(send: Send, method: str) -> None:
    path, widget = a_board(send)
    for _ in range(2):
        version = str(send("GET", path)[2])

        def write(number: int, version: str = version) -> tuple[int, Any, str | None]:
            body = [BARE | {"id": widget["id"], "name": f"writer {number}"}]
            return send(method, path, body, etag=version)

        assert at_once(write) == {200: 1, 409: WRITERS - 1}
        _, listed, moved = send("GET", path)
        assert (moved, listed["count"]) == (str(int(version) + 1), 1)


def test_nothing_is_lost_where_writers_try_again(send: Send) -> None:
    path, widget = a_board(send)
    one, rounds = f"{path}/{widget['id']}", 2

    def write(number: int) -> tuple[int, Any, str | None]:
        for turn in range(rounds):
            while True:
                read = send("GET", one)[1]
                settings = f"{read['settings'] or ''}{number}.{turn};"
                body = {"eTag": read["eTag"], "settings": settings}
                if send("PATCH", one, body)[0] == 200:
                    break
        return 0, None, None

    at_once(write)
    _, read, _ = send("GET", one)
    marks = read["settings"].rstrip(";").split(";")
    assert sorted(marks) == sorted(f"{n}.{turn}" for n in range(WRITERS) for turn in range(rounds))
    assert read["eTag"] == str(WRITERS * rounds + 1)


def test_widgets_that_come_and_go_at_once_are_all_counted(send: Send) -> None:
    path, _ = a_board(send)

    def write(number: int) -> tuple[int, Any, str | None]:
        made = send("POST", path, BARE | {"name": f"{number}"})
        if number % 2:
            return send("DELETE", f"{path}/{made[1]['id']}")
        return made

    assert at_once(write) == {200: WRITERS // 2, 204: WRITERS // 2}
    _, listed, version = send("GET", path)
    names = [one["name"] for one in listed["value"]]
    assert sorted(names[1:]) == ["0", "2", "4", "6"]
    assert version == str(1 + WRITERS + WRITERS // 2)


def test_dashboards_that_are_ordered_crosswise_do_not_wait_for_each_other(send: Send) -> None:
    team = a_team()
    ids = [send("POST", team, {"name": f"{n}"})[1]["id"] for n in range(6)]

    def write(number: int) -> tuple[int, Any, str | None]:
        order = ids if number % 2 else ids[::-1]
        entries = [{"id": one, "position": place} for place, one in enumerate(order, 1)]
        return send("PUT", team, {"dashboardEntries": entries})

    assert at_once(write) == {200: WRITERS}
    found = [one["id"] for one in send("GET", team)[1]["value"]]
    assert found in (ids, ids[::-1])


def test_a_worker_that_is_killed_leaves_no_half_written_list(
    start: Start, database_url: str
) -> None:
    size, wins, enough = 100, 4, threading.Event()
    won: list[int] = []
    with application(database_url=database_url) as app:
        token = token_of(library_of(app))
    with two_workers(start, database_url) as (process, base):
        send = to_a_service(base, token)
        path, _ = a_board(send)

        def write(number: int) -> None:
            generation = number
            try:
                while True:
                    version = str(send("GET", path)[2])
                    generation += WRITERS
                    body = [BARE | {"name": f"{generation}"}] * size
                    if send("PUT", path, body, etag=version)[0] == 200:
                        won.append(generation)
                    if len(won) >= wins:
                        enough.set()
            except (requests.RequestException, ValueError):
                enough.set()

        writers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
        for writer in writers:
            writer.start()
        assert enough.wait(PATIENCE)
        os.killpg(process.pid, signal.SIGKILL)
        for writer in writers:
            writer.join(PATIENCE)
    with application(database_url=database_url) as app:
        there = in_threads(app, token_of(library_of(app)))
        _, listed, version = there("GET", path)
        names = {one["name"] for one in listed["value"]}
        assert (len(names), listed["count"]) == (1, size)
        # The last that was answered, or one that was written and not answered any more.
        assert int(str(version)) >= len(won) + 1
        assert there("PUT", path, [BARE], etag=str(version))[0] == 200
