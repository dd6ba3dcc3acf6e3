"""Connections that go only to vetted addresses, and never outlast the request's deadline.

The timeout of `requests` bounds each read, not the total: an upstream that sends one byte a second
never exceeds it. Here the sockets check the deadline before each read and each write.
"""

import logging
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, partial
from http import HTTPStatus
from http.client import BadStatusLine, HTTPException, HTTPResponse
from threading import BoundedSemaphore, Thread
from typing import Any, Final

import certifi
import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from app.settings import FETCH_PLACES
from app.upstream.address_guard import AddressGuard

POOLS: Final = 32
RESOLVER_THREADS: Final = 16

_deadline: ContextVar[float] = ContextVar("placard_deadline", default=float("inf"))


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let all fetches in a block take `seconds` in total, or what an outer block leaves."""
    token = _deadline.set(min(time.monotonic() + seconds, _deadline.get()))
    try:
        yield
    finally:
        _deadline.reset(token)


def remaining() -> float | None:
    """Return the seconds left, or None if there is no deadline; raises TimeoutError past it."""
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline has passed")
    return None if left == float("inf") else left


def time_left(margin: float, *, otherwise: float) -> float:
    """Return the seconds left and `margin` beyond, 0 or more; `otherwise` without a deadline."""
    left = _deadline.get() - time.monotonic()
    return otherwise if left == float("inf") else max(left + margin, 0.0)


class _UnderDeadline:
    """Checks the deadline before each read and each write of a socket."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(remaining())  # type: ignore[attr-defined]
        return super().recv_into(*args, **kwargs)  # type: ignore[misc,no-any-return]

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(remaining())  # type: ignore[attr-defined]
        super().sendall(*args, **kwargs)  # type: ignore[misc]


class _Socket(_UnderDeadline, socket.socket):
    """A plain socket under the deadline."""


class _TlsSocket(_UnderDeadline, ssl.SSLSocket):
    """A TLS socket under the deadline."""


class _Dialer:
    """Resolves a host once, vets its addresses, and connects to one of them."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard
        self._resolvers = BoundedSemaphore(RESOLVER_THREADS)

    def dial(self, host: str, port: int) -> socket.socket:
        """Return a connected socket; raises OSError, or AddressRefused."""
        self._guard.check_spelling(host, port)
        addresses = self._guard.vet(host, port, self._resolve(host, port))
        failure: OSError = OSError(f"{host} has no address")
        for index, address in enumerate(addresses):
            try:
                return _connect(address, port, attempts_left=len(addresses) - index)
            except OSError as error:
                failure = error
        raise failure

    def _resolve(self, host: str, port: int) -> list[str]:
        """Resolve in a thread: the system call cannot be interrupted, only abandoned."""
        if not self._resolvers.acquire(timeout=remaining()):
            raise TimeoutError("all resolvers are busy")
        addresses: Future[list[str]] = Future()
        call = (host, port, addresses)
        Thread(target=self._look_up, args=call, name="resolver", daemon=True).start()
        return addresses.result(timeout=remaining())

    def _look_up(self, host: str, port: int, addresses: Future[list[str]]) -> None:
        try:
            infos = socket.getaddrinfo(host, port, socket.AF_UNSPEC, socket.SOCK_STREAM)
            addresses.set_result([str(info[4][0]) for info in infos])
        except (OSError, UnicodeError) as error:
            addresses.set_exception(error)
        finally:
            self._resolvers.release()


def _connect(address: str, port: int, *, attempts_left: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connection = _Socket(family, socket.SOCK_STREAM)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        left = remaining()
        connection.settimeout(None if left is None else left / attempts_left)
        connection.connect((address, port))
        # A TLS handshake may take what is left now.
        connection.settimeout(remaining())
    except BaseException:
        connection.close()
        raise
    return connection


class _FinalResponse(HTTPResponse):
    """An answer that skips all interim answers, and refuses chunks of a negative length.

    `http.client` skips only a 100. After a 103, each request on the connection would get the answer
    to the one before it. urllib3 accepts -1 as a chunk's length, and would read to the end at once,
    without a bound.
    """

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        if status == HTTPStatus.SWITCHING_PROTOCOLS:
            raise BadStatusLine("101, which was not requested")
        interim = HTTPStatus.CONTINUE < status < HTTPStatus.OK
        return version, HTTPStatus.CONTINUE if interim else status, reason

    def _safe_read(self, amt: int) -> bytes:
        if amt < 0:
            raise HTTPException("a chunk has a negative length")
        read: bytes = super()._safe_read(amt)  # type: ignore[misc]
        return read


class _Dialled:
    """A connection that the dialer makes; its errors are raised as urllib3's."""

    response_class: Any = _FinalResponse

    def __init__(self, *args: Any, dialer: _Dialer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._dialer = dialer

    def _new_conn(self: Any) -> socket.socket:
        try:
            connected: socket.socket = self._dialer.dial(self.host, self.port or self.default_port)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"{self.host} timed out") from error
        except (OSError, UnicodeError) as error:
            raise NewConnectionError(self, f"{self.host}: {error}") from error
        return connected


class _HTTPConnection(_Dialled, HTTPConnection):
    """An HTTP connection that the dialer makes."""


class _HTTPSConnection(_Dialled, HTTPSConnection):
    """An HTTPS connection that the dialer makes: TLS still verifies the host's name."""


@lru_cache
def tls_context(ca_bundle: str | None) -> ssl.SSLContext:
    """Make what TLS connections share, once for each file of authorities: that takes 20 ms."""
    context = create_urllib3_context()
    context.load_verify_locations(ca_bundle or certifi.where())
    context.sslsocket_class = _TlsSocket
    return context


class GuardedAdapter(HTTPAdapter):
    """The pooled transport of the client: guarded, under the deadline, with verified TLS.

    `ca_bundle` is a file of certificate authorities; None means Mozilla's list. The pool keeps at
    most `pool_size` idle connections to a host.
    """

    def __init__(
        self, guard: AddressGuard, ca_bundle: str | None = None, *, pool_size: int = FETCH_PLACES
    ) -> None:
        # urllib3's warnings quote addresses with their queries, which may hold secrets.
        logging.getLogger("urllib3").setLevel(logging.CRITICAL)
        self._dialer = _Dialer(guard)
        self._tls = tls_context(ca_bundle)
        super().__init__(pool_connections=POOLS, pool_maxsize=pool_size)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pool manager, with connections that the dialer makes."""
        super().init_poolmanager(*args, ssl_context=self._tls, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": partial(_pool, HTTPConnectionPool, _HTTPConnection, self._dialer),
            "https": partial(_pool, HTTPSConnectionPool, _HTTPSConnection, self._dialer),
        }

    def cert_verify(self, conn: Any, *_: Any, **__: Any) -> None:
        """Always verify; the authorities are loaded once, into the shared context."""
        conn.cert_reqs = "CERT_REQUIRED"

    def proxy_manager_for(self, *_: Any, **__: Any) -> Any:
        """Refuse: a proxy would resolve the name again, and nothing would vet the result."""
        raise requests.exceptions.ProxyError("proxies are not used; see PLACARD_UPSTREAMS")


def _pool(
    kind: type[HTTPConnectionPool],
    connection: type[_HTTPConnection | _HTTPSConnection],
    dialer: _Dialer,
    *args: Any,
    **kwargs: Any,
) -> HTTPConnectionPool:
    pool = kind(*args, **kwargs)
    pool.ConnectionCls = partial(connection, dialer=dialer)  # type: ignore[assignment]
    return pool
