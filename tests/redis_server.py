"""A Redis server that tests start themselves."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis


@dataclass
class RedisServer:
    """A server process; it requires `password`, if that is not empty.

    With `tls`, it accepts TLS only, with the certificate and the key in the folder.
    """

    port: int
    folder: Path
    password: str = ""
    tls: bool = False
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The value of `PLACARD_CACHE_URL`."""
        secret = f":{self.password}@" if self.password else ""
        scheme = "rediss" if self.tls else "redis"
        return f"{scheme}://{secret}127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        """Connect as the tests do, to see what is stored."""
        insecure = {"ssl_cert_reqs": "none", "ssl_check_hostname": False} if self.tls else {}
        return redis.Redis.from_url(self.url, **insecure)

    def start(self) -> None:
        """Start it and wait until it answers."""
        password = ["--requirepass", self.password] if self.password else []
        port = str(self.port)
        ports = ["--port", "0", "--tls-port", port, *self._keys()] if self.tls else ["--port", port]
        options = [*ports, "--bind", "127.0.0.1", "--save", "", *password]
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
        options = ["--tls-cert-file", certificate, "--tls-key-file", key]
        return [*options, "--tls-ca-cert-file", certificate, "--tls-auth-clients", "no"]

    def kill(self) -> None:
        """Kill the process, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


@contextmanager
def redis_running(folder: Path, password: str = "", *, tls: bool = False) -> Iterator[RedisServer]:
    """Run a Redis server until the block ends; skip the test if Redis is not installed."""
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
