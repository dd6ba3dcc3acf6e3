"""More than one Redis server: a master that a Sentinel watches over, and a cluster."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.mortal import mortal
from tests.ports import free_port
from tests.redis_server import RedisServer, redis_running
from tests.waiting import PATIENCE, wait_until

SLOTS: Final = 16384


@dataclass(frozen=True)
class Watched:
    """A master and its replica, and the address by the Sentinel that promotes it."""

    url: str
    master: RedisServer
    replica: RedisServer


@contextmanager
def watched_redis(
    folder: Path, password: str = "", sentinel_password: str = "", *, tls: bool = False
) -> Iterator[Watched]:
    """Run a master, its replica, and a Sentinel that waits for a second.

    With `tls` all of them speak TLS only, with the certificate and the key of the folder.
    """
    port = free_port()
    with ExitStack() as stack:
        at_once = ("--repl-diskless-sync-delay", "0", *("--tls-replication", "yes") * tls)
        run = partial(redis_running, folder, password, tls=tls)
        master = stack.enter_context(run(options=at_once))
        of_master = ("--replicaof", f"127.0.0.1 {master.port}", "--masterauth", password)
        replica = stack.enter_context(run(options=(*at_once, *of_master)))
        with replica.client() as client:
            wait_for(lambda: client.info("replication")["master_link_status"] == "up")
        config = folder / "sentinel.conf"
        keys = ("ca.pem", "key.pem", "ca.pem") if tls else ()
        ports = f"port 0\ntls-port {port}\ntls-replication yes\ntls-auth-clients no\n"
        config.write_text(
            (ports if tls else f"port {port}\n")
            + "".join(
                f"tls-{use}-file {folder / name}\n"
                for use, name in zip(("cert", "key", "ca-cert"), keys, strict=False)
            )
            + (f'requirepass "{sentinel_password}"\n' if sentinel_password else "")
            + f"bind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor placard 127.0.0.1 {master.port} 1\n"
            + (f'sentinel auth-pass placard "{password}"\n' if password else "")
            + "sentinel down-after-milliseconds placard 1000\n"
            "sentinel failover-timeout placard 2000\n"
        )
        stack.enter_context(_process("redis-server", str(config), "--sentinel"))
        looser: dict[str, Any] = {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
        no_retry, own = Retry(NoBackoff(), 0), sentinel_password or None
        with redis.Redis(port=port, retry=no_retry, password=own, ssl=tls, **looser) as sentinel:
            wait_for(lambda: sentinel.sentinel_slaves("placard"))
        secret = f":{password}@" if password else ""
        # The first Sentinel is not there: the others are asked.
        hosts = f"127.0.0.1:{free_port()},127.0.0.1:{port}"
        scheme = "rediss" if tls else "redis"
        yield Watched(f"{scheme}+sentinel://{secret}{hosts}/placard/0", master, replica)


@contextmanager
def redis_cluster(folder: Path, servers: int = 3) -> Iterator[list[RedisServer]]:
    """Run a cluster of so many masters."""
    with ExitStack() as stack:
        running = []
        for number in range(servers):
            own = folder / str(number)
            own.mkdir()
            bus = str(free_port())
            options = ("--cluster-enabled", "yes", "--cluster-port", bus)
            server = stack.enter_context(redis_running(own, options=options))
            running.append((server, bus))
        _join(running)
        yield [server for server, _ in running]


def _join(running: list[tuple[RedisServer, str]]) -> None:
    share = SLOTS // len(running)
    for number, (server, _) in enumerate(running):
        last = SLOTS if number + 1 == len(running) else (number + 1) * share
        with server.client() as client:
            client.execute_command("CLUSTER ADDSLOTSRANGE", number * share, last - 1)
            client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
            for other, bus in running[:number]:
                client.execute_command("CLUSTER MEET", "127.0.0.1", other.port, bus)
    for server, _ in running:
        with server.client() as client:
            wait_for(lambda client=client: _state(client) == "ok")  # type: ignore[misc]


def _state(client: redis.Redis) -> str:
    info: dict[str, str] = client.execute_command("CLUSTER INFO")  # type: ignore[no-untyped-call]
    return info["cluster_state"]


@contextmanager
def _process(*command: str) -> Iterator[None]:
    process = subprocess.Popen(
        mortal(command, signal.SIGTERM), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        process.wait(PATIENCE)


def wait_for(happened: Callable[[], Any]) -> None:
    """Wait until something has happened; a server that is not there yet has not done it."""

    def has_happened() -> Any:
        with suppress(redis.RedisError):
            return happened()
        return False

    wait_until(has_happened)
