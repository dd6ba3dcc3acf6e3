"""What one holder of a token of the library can do, against a real service: cards come first.

`make bench ARGS=attacks` does the same with more force, and measures it.
"""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import pytest

from app.library.core.store import Store
from app.library.core.tokens import Tokens
from app.library.wiring import SCOPES
from tests.app.library.conftest import GRANT
from tests.host import TOKEN_SECRET
from tests.processes import SOUND, Start, ask
from tests.standin import standing_in

THREADS: Final = 8
SPACEONE: Final = "/dashboard/v1/custom-widget"


@dataclass(frozen=True)
class Attacked:
    """A service with its library: its address, and a token for that."""

    base: str
    token: str

    def card(self) -> int:
        """Ask for a card, and return the status."""
        return ask(self.base).status_code

    def begin(self, rest_of_head: str, body: bytes) -> socket.socket:
        """Begin a request whose body is not whole."""
        host, _, port = self.base.removeprefix("http://").partition(":")
        connection = socket.create_connection((host, int(port)))
        head = (
            f"POST {SPACEONE}/list HTTP/1.1\r\nHost: placard\r\n"
            f"Authorization: Bearer {self.token}\r\n{rest_of_head}\r\n\r\n"
        )
        connection.sendall(head.encode() + body)
        return connection


@pytest.fixture
def attacked(start: Start, sqlite_url: str) -> Iterator[Attacked]:
    store = Store(sqlite_url)
    token = Tokens(store, [TOKEN_SECRET], SCOPES).create(GRANT).text
    store.close()
    with standing_in() as upstream:
        settings = {
            **SOUND,
            **upstream.settings,
            "PLACARD_TOKEN_SECRETS": TOKEN_SECRET,
            "PLACARD_DATABASE_URL": sqlite_url,
        }
        with start("serve", "--threads", str(THREADS), settings=settings) as (_, base):
            yield Attacked(base, token)


def status_of(connection: socket.socket) -> str:
    """Wait for the answer, and return its status."""
    connection.settimeout(30)
    return connection.recv(1 << 16)[9:12].decode()


def test_bodies_that_never_end_stop_no_card_and_are_refused(attacked: Attacked) -> None:
    ways = [("Content-Length: 1000", b"{"), ("Transfer-Encoding: chunked", b"1\r\n{\r\n")]
    with ExitStack() as stack, ThreadPoolExecutor(THREADS) as pool:
        begun = [
            stack.enter_context(attacked.begin(*ways[number % 2])) for number in range(THREADS)
        ]
        answers = [pool.submit(status_of, connection) for connection in begun]
        cards = [attacked.card() for _ in range(4)]
        # Of the other half of the threads, which are not the library's, none is held.
        assert cards == [200] * 4
        assert sorted(answer.result() for answer in answers) == ["408"] * 4 + ["429"] * 4
    with attacked.begin("Content-Length: 2", b"{}") as whole:
        assert status_of(whole) == "400"  # it lacks a domain
