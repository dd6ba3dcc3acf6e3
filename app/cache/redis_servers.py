"""Clients of Redis: of one server, of the one that Sentinels name, or of a cluster.

    redis://[user:password@]host[:port][/database]       rediss://…: TLS
    redis+sentinel://[user:password@]host[:port][,host[:port]…]/service[/database]
    rediss+sentinel://…: TLS, to the Sentinels too
    redis://[user:password@]host[:port]?cluster=true     rediss://…?cluster=true

User and password are those of Redis; what a Sentinel wants is another setting.

All have short timeouts and no long retries, and connect when they are first used.
"""

import threading
import time
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import certifi
import redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.exceptions import RedisClusterException
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry
from redis.sentinel import Sentinel

from app.cache.backend import WAIT_BUDGET
from app.settings.private_urls import CLUSTER, SENTINEL, SENTINEL_PORT

# In seconds. Connecting may take longer than any one request waits: the next one uses it.
CONNECT_TIMEOUT: Final = 0.5
# Between two attempts to find out what a cluster consists of.
RETRY_DELAY: Final = 1.0


def redis_client(
    url: str, ca_bundle: str | None = None, sentinel_password: str | None = None
) -> redis.Redis:
    """Make a client for an address that the setting `PLACARD_CACHE_URL` takes."""
    tls: dict[str, Any] = {}
    if url.startswith("rediss"):
        tls["ssl_ca_certs"] = ca_bundle or certifi.where()
    options = {
        **_timeouts(),
        **tls,
        # A new connection sends only its credentials and the database's number.
        "driver_info": None,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    if (found := SENTINEL.fullmatch(url)) is not None:
        if found["tls"]:
            tls["ssl"] = options["ssl"] = True
        of_sentinels = {**_timeouts(), **tls, "password": sentinel_password}
        return _of_sentinels(found.groupdict(), of_sentinels, options)
    if url.endswith(CLUSTER):
        cluster: Any = ClusterClient(url.removesuffix(CLUSTER), options)
        return cluster  # type: ignore[no-any-return]  # it has the same commands
    return redis.Redis.from_url(url, **options)


def _timeouts() -> dict[str, Any]:
    return {
        "socket_timeout": WAIT_BUDGET,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
    }


def _of_sentinels(
    address: dict[str, str | None], of_sentinels: dict[str, Any], options: dict[str, Any]
) -> redis.Redis:
    """Make a client of the server that the Sentinels call the master, asked at each connection."""
    hosts = [urlsplit(f"//{host}") for host in str(address["hosts"]).split(",")]
    nodes = [(host.hostname, host.port or SENTINEL_PORT) for host in hosts]
    sentinels: Any = Sentinel(nodes, sentinel_kwargs=of_sentinels)  # type: ignore[no-untyped-call]
    client: redis.Redis = sentinels.master_for(
        str(address["service"]),
        username=unquote(address["user"] or "") or None,
        password=unquote(address["password"] or "") or None,
        db=int(address["database"] or 0),
        **options,
    )
    return client


class ClusterClient:
    """A client of a cluster, made when it is first used: making it asks what the cluster is.

    A failure to do so is remembered for `RETRY_DELAY` seconds.
    """

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        self._url, self._options = url, options
        self._lock = threading.Lock()
        self._client: redis.RedisCluster | None = None
        self._retry_at = float("-inf")

    def __getattr__(self, name: str) -> Any:
        def execute(*arguments: Any, **options: Any) -> Any:
            try:
                return getattr(self._connected(), name)(*arguments, **options)
            except RedisClusterException as error:  # which is not one of Redis' errors
                raise redis.ConnectionError(str(error)) from None

        return execute

    def register_script(self, script: bytes) -> Script:
        """Prepare a script, without asking the cluster yet."""
        return Script(self, script)  # type: ignore[arg-type]  # a client, too

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _connected(self) -> redis.RedisCluster:
        with self._lock:
            if self._client is not None:
                return self._client
            if time.monotonic() < self._retry_at:
                raise redis.ConnectionError("the cluster did not answer a moment ago")
            try:
                # One more attempt asks anew which server has a key: it may have moved.
                options = self._options | {"retry": Retry(NoBackoff(), 1)}
                self._client = redis.RedisCluster.from_url(self._url, **options)
            except (redis.RedisError, RedisClusterException):
                self._retry_at = time.monotonic() + RETRY_DELAY
                raise
            return self._client
