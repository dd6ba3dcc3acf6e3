"""Six ways to stop a worker: `python -m tests.bench.attackers NAME PORT TOKEN SECONDS`.

Each keeps its clients busy for so many seconds, and prints how they were answered, as JSON.
"""

import http.client
import json
import os
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Final

from tests.bench.library_rows import DOMAIN, EXPERIENCE
from tests.host import query_of

SPACEONE: Final = "/dashboard/v1/custom-widget"
DATADOG: Final = f"/api/v2/widgets/{EXPERIENCE}"
# A refused client comes again after so many seconds, a connection that was closed too.
PAUSE: Final = 0.2
DRIBBLE: Final = 1.0
TIMEOUT: Final = 30.0


@dataclass
class Attack:
    """One attack under way: whom it asks, until when, and how it was answered."""

    port: int
    token: str
    until: float
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def is_on(self) -> bool:
        """Whether it goes on."""
        return time.monotonic() < self.until

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), TIMEOUT)

    def ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> None:
        """Send one request, read its answer to the end, and count it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            while answer.read(1 << 16):
                pass
            self.answers[str(answer.status)] += 1
            if answer.status in (429, 500, 503):
                time.sleep(PAUSE)
        except (OSError, http.client.HTTPException) as error:
            self.answers[type(error).__name__] += 1
            time.sleep(PAUSE)
        finally:
            connection.close()

    def post(self, operation: str, message: Mapping[str, Any] | bytes) -> None:
        """Ask for an operation of the SpaceONE dialect."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        self.ask("POST", f"{SPACEONE}/{operation}", body, headers)


def slow_body(attack: Attack) -> None:
    """Send a body of which a byte comes now and then."""
    head = (
        f"POST {SPACEONE}/list HTTP/1.1\r\nHost: placard\r\nContent-Length: 100000\r\n"
        f"Authorization: Bearer {attack.token}\r\n\r\n"
    )
    with attack.connect() as connection, suppress(TimeoutError):
        connection.settimeout(DRIBBLE)
        connection.sendall(head.encode() + b"{")
        while attack.is_on:
            with suppress(TimeoutError):
                answer = connection.recv(1 << 16)
                attack.answers[answer[9:12].decode() or "closed"] += 1
                break
            connection.sendall(b" ")
        else:
            attack.answers["still waiting"] += 1
    time.sleep(PAUSE)


FAULTY: Final = json.dumps({"domain_id": DOMAIN, "query": {"filter": [1] * 340_000}}).encode()
# Twenty-five million rows out of one widget, twice: see `slow_widget`.
SLOW: Final = {
    "domain_id": DOMAIN,
    "query": {
        "filter": [{"k": "title", "v": "slow", "o": "eq"}],
        "aggregate": [
            {"unwind": {"path": "options.left"}},
            {"unwind": {"path": "options.right"}},
            {"group": {"keys": [{"k": "options.left", "n": "left"}], "fields": []}},
        ],
    },
}
EVERYTHING: Final = {"domain_id": DOMAIN, "query": {}}
PUSHED: Final = {
    "domain_id": DOMAIN,
    "query": {"aggregate": [{"group": {"fields": [{"n": "all", "o": "push", "k": "options"}]}}]},
}


def slow_widget(length: int = 5000) -> dict[str, Any]:
    """Return the options of the widget that `SLOW` takes apart."""
    return {"left": list(range(length)), "right": list(range(length))}


def faulty_body(attack: Attack) -> None:
    """Send a body of a megabyte of which every element is wrong."""
    attack.post("list", FAULTY)


def slow_query(attack: Attack) -> None:
    """Ask for what takes many seconds."""
    attack.post("stat", SLOW)


_LARGE: Iterator[int] = cycle(range(3))


def large_answer(attack: Attack) -> None:
    """Ask for more than fifty megabytes, one way after the other."""
    way = next(_LARGE)
    if way == 0:
        attack.post("list", EVERYTHING)
    elif way == 1:
        attack.post("stat", PUSHED)
    else:
        headers = {"DD-APPLICATION-KEY": attack.token}
        attack.ask("GET", f"{DATADOG}?page%5Bsize%5D=60", None, headers)


def idle_connections(attack: Attack) -> None:
    """Open a connection, send nothing, and open another once it was closed."""
    with attack.connect() as connection:
        connection.settimeout(max(0.1, attack.until - time.monotonic()))
        try:
            connection.recv(1)
        except TimeoutError:
            attack.answers["still open"] += 1
        else:
            attack.answers["closed"] += 1


def unknown_key(attack: Attack) -> None:
    """Ask for a card with a token of a key that is nowhere, while the key set hangs."""
    import jwt  # noqa: PLC0415 - a PyJWT key of its own, for this attack only
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    now = int(time.time())
    claims = {"aud": "placard", "iat": now, "exp": now + 60}
    unknown = jwt.encode(
        claims, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": "nowhere"}
    )
    query = query_of(resource_url="https://github.com/pallets/flask/issues/1")
    headers = {"Authorization": f"Bearer {unknown}", "Origin": "https://app.asana.com"}
    attack.ask("GET", f"/widget?{query}", None, headers)


# How many clients each has, and what each of them does again and again.
ATTACKS: Final[Mapping[str, tuple[int, Callable[[Attack], None]]]] = {
    "slow bodies": (64, slow_body),
    "faulty bodies": (16, faulty_body),
    "large answers": (16, large_answer),
    "slow queries": (64, slow_query),
    "idle connections": (1100, idle_connections),
    "unknown keys": (70, unknown_key),
}


def main(name: str, port: str, token: str, seconds: str) -> None:
    """Attack, and print the answers."""
    os.nice(5)  # whoever asks for cards meanwhile comes first, or this core would be measured
    clients, strike = ATTACKS[name]
    attack = Attack(int(port), token, time.monotonic() + float(seconds))

    def keep_on() -> None:
        while attack.is_on:
            try:
                strike(attack)
            except OSError as error:
                attack.answers[type(error).__name__] += 1
                time.sleep(PAUSE)

    threads = [threading.Thread(target=keep_on, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, attack.until + 5 - time.monotonic()))
    print(json.dumps(attack.answers), flush=True)  # noqa: T201 - the bench reads it


if __name__ == "__main__":
    main(*sys.argv[1:])
