"""Why there was no answer, as the log and the doctor tell it: each cause, from a real one."""

import datetime as dt
import errno
import gzip
import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import UpstreamError, UpstreamTimeout, UpstreamUnreachable, UpstreamUnreadable
from app.testing.servers import LOOPBACK, ClientConnection, answer, saying, serving
from tests.app.upstream.fetching import certificate, fetching, request_to


def told_of(
    url: str, kind: type[UpstreamError] = UpstreamUnreachable, ca_bundle: str | None = None
) -> str:
    """What is told of a call that fails."""
    allowed = (LOOPBACK, "localhost", "a.example")
    with fetching(*allowed, ca_bundle=ca_bundle) as fetcher, pytest.raises(kind) as failed:
        fetcher.fetch(request_to(url))
    return failed.value.detail


def told_by(
    handler: Callable[[ClientConnection], None], kind: type[UpstreamError] = UpstreamUnreachable
) -> str:
    with serving(handler) as server:
        return told_of(server.origin, kind)


def closed_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as closed:
        return int(closed.getsockname()[1])


def test_port_on_which_nothing_listens() -> None:
    told = told_of(f"http://{LOOPBACK}:{closed_port()}/?key=hunter2")
    assert told == (
        "the connection was refused: nothing listens on this port (ConnectionRefusedError)"
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (socket.EAI_NONAME, "the name does not resolve (gaierror)"),
        (socket.EAI_AGAIN, "the name server does not answer (gaierror)"),
    ],
)
def test_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch, code: int, words: str) -> None:
    def fail(*_: object) -> None:
        raise socket.gaierror(code, "hunter2")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert told_of("http://a.example/?key=hunter2") == words


def test_network_without_a_route(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))

    monkeypatch.setattr(socket.socket, "connect", fail)
    assert told_of(f"http://{LOOPBACK}:1/") == "there is no route to its network (OSError)"


@pytest.mark.parametrize(
    ("name", "trusted", "words"),
    [
        ("api.example", True, "its certificate is of another name"),
        (LOOPBACK, False, "its certificate is signed by itself"),
    ],
)
def test_certificate_that_does_not_hold(
    tmp_path: Path, name: str, trusted: bool, words: str
) -> None:
    context, authorities = certificate(tmp_path, name)
    with serving(saying(answer()), tls=context) as server:
        told = told_of(server.origin, ca_bundle=authorities if trusted else None)
    assert told == f"{words} (SSLCertVerificationError)"


def test_certificate_that_has_expired(tmp_path: Path) -> None:
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=2)
    context, authorities = certificate(tmp_path, LOOPBACK, now=long_ago)
    with serving(saying(answer()), tls=context) as server:
        told = told_of(server.origin, ca_bundle=authorities)
    assert told == "its certificate has expired (SSLCertVerificationError)"


def test_outdated_tls(tmp_path: Path) -> None:
    context, authorities = certificate(tmp_path, LOOPBACK)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with serving(saying(answer()), tls=context) as server:
        told = told_of(server.origin, ca_bundle=authorities)
    assert told.startswith("it speaks only versions of TLS that are outdated")


def test_port_that_does_not_speak_tls() -> None:
    with serving(lambda connection: connection.send(answer())) as server:
        told = told_of(f"https://{LOOPBACK}:{server.port}/")
    assert told.startswith("it does not speak TLS on this port")


def test_connection_that_is_closed_without_an_answer() -> None:
    def handler(connection: ClientConnection) -> None:
        connection.request()

    told = told_by(handler)
    assert told == "the connection was closed without an answer (RemoteDisconnected)"


def test_connection_that_is_reset() -> None:
    def handler(connection: ClientConnection) -> None:
        connection.request()
        connection.reset()

    assert told_by(handler) == ("the connection was reset by the other side (ConnectionResetError)")


def test_answer_that_breaks_off() -> None:
    def handler(connection: ClientConnection) -> None:
        connection.request()
        connection.send(answer(b"half", length=100))

    told = told_by(handler)
    assert told == "the connection ended before the whole answer had come (IncompleteRead)"


def test_answer_that_is_not_http() -> None:
    told = told_by(saying(b"220 smtp.example ESMTP\r\n"))
    assert told == "the answer is not valid HTTP (BadStatusLine)"


def test_answer_that_does_not_come() -> None:
    def handler(connection: ClientConnection) -> None:
        connection.wait()

    with (
        serving(handler) as server,
        fetching(deadline=0.2) as fetcher,
        pytest.raises(UpstreamTimeout) as late,
    ):
        fetcher.fetch(request_to(server.origin))
    assert late.value.detail.startswith("no answer came in time (")


def test_answer_that_cannot_be_decompressed() -> None:
    body = gzip.compress(b"{}")[:-4] + b"hunter2"
    told = told_by(saying(answer(body, "Content-Encoding: gzip")), UpstreamUnreadable)
    assert told.startswith("$: the answer cannot be decompressed (")
    assert "hunter2" not in told
