"""What one holder of a token of the library can do, against a real service: cards come first.

`make bench ARGS=attacks` does the same with more force, and measures it.
"""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import pytest

from tests.bench.attackers import ATTACKS, Attack
from tests.bench.attacks import fill, silence
from tests.host import TOKEN_SECRET
from tests.processes import SOUND, Start, ask
from tests.standin import standing_in
from tests.waiting import PATIENCE

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


@pytest.fixture(scope="module")
def attacked(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """A service with more in its library than an answer may hold, and a key set that hangs."""
    url = f"sqlite:///{tmp_path_factory.mktemp('attacked') / 'library.db'}"
    token = fill(url, documents=20)
    with standing_in() as upstream, silence() as silent:
        stand_ins = upstream.settings["PLACARD_UPSTREAMS"]
        settings = {
            **SOUND,
            **upstream.settings,
            "PLACARD_UPSTREAMS": f"{stand_ins},https://keys.example={silent}",
            "PLACARD_JWT_JWKS_URL": "https://keys.example/keys",
            "PLACARD_TOKEN_SECRETS": TOKEN_SECRET,
            "PLACARD_DATABASE_URL": url,
            "PLACARD_LIBRARY_REQUESTS_PER_MINUTE": "1000000",
        }
        with start("serve", "--threads", str(THREADS), settings=settings) as (_, base):
            yield Attacked(base, token)


@pytest.mark.parametrize(
    ("name", "clients", "answered"),
    [
        ("faulty bodies", 6, {"400", "429"}),
        ("large answers", 6, {"200", "400", "429"}),
        ("slow queries", 6, {"400", "429"}),
        ("idle connections", 100, {"still open"}),
        ("unknown keys", 20, {"500"}),
    ],
)
def test_attack_stops_no_card(
    attacked: Attacked, name: str, clients: int, answered: set[str]
) -> None:
    _, strike = ATTACKS[name]
    port = int(attacked.base.rpartition(":")[2])
    attack = Attack(port, attacked.token, until=time.monotonic() + 3)
    with ThreadPoolExecutor(clients) as pool:
        strikes = [pool.submit(strike, attack) for _ in range(clients)]
        cards = [attacked.card() for _ in range(6)]
        for each in strikes:
            each.result(PATIENCE)
    assert cards == [200] * 6
    assert set(attack.answers) <= answered
    assert attack.answers.total() == clients


def status_of(connection: socket.socket) -> str:
    """Wait for the answer, and return its status."""
    connection.settimeout(PATIENCE)
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
