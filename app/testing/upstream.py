"""A real server on this machine that answers what it is told, or fails as it is told."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from app.testing.faults import FAULTS, Play
from app.testing.servers import (
    ClientConnection,
    ReceivingServer,
    answer,
    headers_of,
    serving,
    target_of,
)

NO_HEADERS: Final[Mapping[str, str]] = {}


@dataclass(frozen=True)
class Received:
    """A request as it came: `target` is its path and query, names of headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Upstream:
    """What the server answers to each target, a path or a path with its query.

    A request for any other target fails the test. `requests` are all that came, in their order.
    """

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.unexpected: list[str] = []
        self._server: ReceivingServer | None = None
        self._bodies: dict[str, bytes] = {}
        self._plays: dict[str, Play] = {}

    @property
    def url(self) -> str:
        """The address of the server."""
        if self._server is None:
            raise RuntimeError("the server does not run")
        return self._server.origin

    def stands_in_for(self, *origins: str) -> dict[str, str]:
        """Return the settings that send here what is for these origins: `https://api.example`."""
        pairs = ", ".join(f"{origin}={self.url}" for origin in origins)
        return {"PLACARD_UPSTREAMS": pairs}

    def answers(
        self,
        target: str,
        document: Any = None,
        *,
        status: int = 200,
        text: str | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        after: float = 0.0,
    ) -> None:
        """Answer a target with a JSON document, or a text, `after` so many seconds."""
        body = (json.dumps(document) if text is None else text).encode()
        given = {"Content-Type": "application/json" if text is None else "text/plain", **headers}
        lines = [f"{name}: {value}" for name, value in given.items()]
        response = answer(body, *lines, status=f"{status} Told")

        def play(connection: ClientConnection, *_: object) -> None:
            if not after or not connection.wait(after):
                connection.send(response)

        self._bodies[target], self._plays[target] = body, play

    def fails(self, target: str, fault: str) -> None:
        """Fail a target by the name of a fault, such as `mute`, `dripping body` or `gzip bomb`.

        The README of this package lists them. Raises ValueError for a name that is not a fault's.
        """
        if fault not in FAULTS:
            near = get_close_matches(fault, FAULTS) or sorted(FAULTS)
            raise ValueError(f"{fault!r} is not a fault; did you mean {', '.join(near)}?")
        self._plays[target] = FAULTS[fault].play

    def play(self, connection: ClientConnection) -> None:
        """Answer the requests of one connection."""
        while head := connection.request():
            body = connection.body(head)
            if body is None:
                return
            target = target_of(head)
            method = head.split(b" ")[0].decode()
            self.requests.append(Received(method, target, headers_of(head), body))
            play = self._plays.get(target) or self._plays.get(target.partition("?")[0])
            if play is None:
                self.unexpected.append(f"{method} {target}")
                connection.send(answer(b"", status="500 Not told"))
                return
            play(connection, target, self._bodies.get(target, b"{}"))

    def check(self) -> None:
        """Raise AssertionError where a request came that no answer was told for."""
        if self.unexpected:
            calls, plays = ", ".join(self.unexpected), ", ".join(self._plays) or "nothing"
            raise AssertionError(f"the upstream was asked {calls}; it has answers to {plays}")

    @contextmanager
    def running(self) -> Iterator["Upstream"]:
        """Run the server for the length of a block."""
        with serving(self.play) as self._server:
            yield self
        self.check()
