"""A Redis server of the tests' own."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.leaks import marked_files
from tests.mortal import mortal
from tests.ports import free_port
from tests.waiting import PATIENCE, wait_until


@dataclass
class RedisServer:
    """A server in a process of its own; `password` is what it wants, if any.

    With `tls`, it speaks TLS only, with the certificate and the key of the folder.
    """

    port: int
    folder: Path
    password: str = ""
    tls: bool = False
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What `PLACARD_CACHE_URL` is for it."""
        secret = f":{self.password}@" if self.password else ""
        scheme = "rediss" if self.tls else "redis"
        return f"{scheme}://{secret}127.0.0.1:{self.port}/0"

    @property
    def _data(self) -> Path:
        return self.folder / f"redis-{self.port}"

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
        self._data.mkdir(exist_ok=True)
        # The file of all changes is there to be searched, not to be started from.
        kept = ["--save", "", "--appendonly", "yes", "--appendfsync", "no"]
        options = [*ports, "--bind", "127.0.0.1", *kept, *wants, *self.options]
        self.process = subprocess.Popen(
            mortal(["redis-server", *options, "--dir", self._data], signal.SIGTERM),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with self.client() as client:
            wait_until(lambda: _is_up(client))

    def _keys(self) -> list[str]:
        certificate, key = str(self.folder / "ca.pem"), str(self.folder / "key.pem")
        told = ["--tls-cert-file", certificate, "--tls-key-file", key]
        return [*told, "--tls-ca-cert-file", certificate, "--tls-auth-clients", "no"]

    def kill(self) -> None:
        """End it at once, as a crash would; no token may stand in what it has written."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE)
            self.process = None
            written = sorted(self._data.rglob("*.aof*"))
            marked = marked_files(written)
            for each in written:
                each.unlink()
            assert marked == []


def _is_up(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


RunRedis = Callable[..., AbstractContextManager[RedisServer]]


@contextmanager
def redis_running(
    folder: Path, password: str = "", *, tls: bool = False, options: tuple[str, ...] = ()
) -> Iterator[RedisServer]:
    """Run a Redis server for the length of a block.

    For tests, the fixture `run_redis`: it skips them where there is no server to run.
    """
    server = RedisServer(free_port(), folder, password, tls, options)
    server.start()
    try:
        yield server
    finally:
        server.kill()
