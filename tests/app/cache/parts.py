"""A clock that stands still, entries, and a Redis server of the tests' own."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import redis

from app.cache import CARD, Entry, FetchResult, Times, Validator, etag_of

NOW = 1_800_000_000.0
BODY = (
    b'{"template":"summary_with_details_v0","metadata":{"title":"A card","fields":'
    b'[{"type":"pill","name":"State","text":"open","color":"green"}],'
    b'"footer":{"footer_type":"custom_text","text":"made up"}}}'
)


class Clock:
    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def times(made_at: float = NOW, ttl: float = 60, **changes: Any) -> Times:
    until = made_at + ttl
    return replace(Times(made_at, until, until + 100, until + 1000, made_at), **changes)


def card(body: bytes = BODY, **changes: Any) -> Entry:
    return replace(Entry(CARD, body, times(), etag=etag_of(body)), **changes)


def failure(code: str = "upstream_timeout", **changes: Any) -> Entry:
    until = NOW + 10
    ends = Times(NOW, until, until, until, NOW)
    return replace(Entry(code, b"GitHub did not answer in time.", ends, "detail"), **changes)


CARD_ENTRY = card(
    changes=("title: cut",), validator=Validator("If-None-Match", 'W/"1"'), detail="é\ud800"
)
FAILURE = failure()
FOUND = FetchResult(CARD, BODY, validator=Validator("If-None-Match", '"1"'))
DOWN = FetchResult("upstream_failed", b"GitHub answered with an error.", transient=True)
MISSING = FetchResult("resource_missing", b"Not found.", definitive=True)
UNREADABLE = FetchResult("upstream_unreadable", b"GitHub gave an answer that we cannot read.")


@dataclass
class RedisServer:
    """A server in a process of its own; `password` is what it wants, if any.

    With `tls`, it speaks TLS only, with the certificate and the key of the folder.
    """

    port: int
    folder: Path
    password: str = ""
    tls: bool = False
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What `PLACARD_CACHE_URL` is for it."""
        secret = f":{self.password}@" if self.password else ""
        scheme = "rediss" if self.tls else "redis"
        return f"{scheme}://{secret}127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        """Connect as the tests do, to look inside."""
        # Whose certificate it is, is for others to test.
        looser = {"ssl_cert_reqs": "none", "ssl_check_hostname": False} if self.tls else {}
        return redis.Redis.from_url(self.url, **looser)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        wants = ["--requirepass", self.password] if self.password else []
        port = str(self.port)
        ports = ["--port", "0", "--tls-port", port, *self._keys()] if self.tls else ["--port", port]
        options = [*ports, "--bind", "127.0.0.1", "--save", "", *wants]
        self.process = subprocess.Popen(
            ["redis-server", *options, "--dir", str(self.folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with self.client() as client:
            for _ in range(200):
                try:
                    client.ping()
                except redis.ConnectionError:
                    time.sleep(0.02)
                else:
                    return
        pytest.fail("redis-server did not come up")

    def _keys(self) -> list[str]:
        certificate, key = str(self.folder / "ca.pem"), str(self.folder / "key.pem")
        told = ["--tls-cert-file", certificate, "--tls-key-file", key]
        return [*told, "--tls-ca-cert-file", certificate, "--tls-auth-clients", "no"]

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


@contextmanager
def redis_running(folder: Path, password: str = "", *, tls: bool = False) -> Iterator[RedisServer]:
    """Run a Redis server for the length of a block; skip where there is none to run."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed: the shared cache is not tested")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = RedisServer(port, folder, password, tls)
    server.start()
    try:
        yield server
    finally:
        server.kill()
