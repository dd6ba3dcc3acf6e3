"""Network faults, each a function; `fault_server.py` plays them."""

import gzip
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from app.errors import (
    AddressRefused,
    PlacardError,
    ResourceMissing,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamTooLarge,
    UpstreamUnreachable,
    UpstreamUnreadable,
)
from app.testing.servers import ClientConnection, answer, redirect

# In every body that is no card: none of it may come out at the front door.
MARK = "upstream-text-that-nobody-shall-see"
MIB = 1 << 20
Play = Callable[[ClientConnection, str, bytes], None]


@dataclass(frozen=True)
class NetworkFault:
    """What is done to one request, and what may come of it: these errors; none means a card.

    `play` is handed the connection, the request's path and query, and the sound body. `posted` is
    what comes of a POST where that differs. A `lasting` fault goes on until the deadline; one that
    `holds` keeps the next calls from going out.
    """

    play: Play
    errors: frozenset[type[PlacardError]] = frozenset()
    posted: frozenset[type[PlacardError]] | None = None
    lasting: bool = False
    holds: bool = False


LONG: Final = (UpstreamTooLarge, UpstreamUnreadable)


def sends(data: bytes, *errors: type[PlacardError], **more: bool) -> NetworkFault:
    """Send exactly these bytes."""
    return NetworkFault(lambda connection, *_: connection.send(data), frozenset(errors), **more)  # type: ignore[arg-type]


def breaks_off(data: bytes, *errors: type[PlacardError], reset: bool = False) -> NetworkFault:
    """Send these bytes, then end the connection."""

    def play(connection: ClientConnection, *_: object) -> None:
        connection.send(data)
        end(connection, reset=reset)

    return NetworkFault(play, frozenset(errors))


def end(connection: ClientConnection, *, reset: bool = False) -> None:
    if reset:
        connection.reset()
        connection.socket.close()
    else:
        connection.socket.shutdown(socket.SHUT_RDWR)


def lasting(play: Play) -> NetworkFault:
    return NetworkFault(play, frozenset({UpstreamTimeout}), lasting=True)


def sound(connection: ClientConnection, _: str, body: bytes) -> None:
    connection.send(answer(body))


def with_headers(*headers: str) -> Play:
    return lambda connection, _, body: connection.send(answer(body, *headers))


def halved(connection: ClientConnection, _: str, body: bytes) -> None:
    connection.send(answer(body[: len(body) // 2]))


def truncated(connection: ClientConnection, _: str, body: bytes) -> None:
    connection.send(answer(body[:-1], length=len(body)))
    end(connection)


def too_short_a_length(connection: ClientConnection, _: str, body: bytes) -> None:
    # Said to end, so that no other call is given the connection before it does.
    connection.send(answer(body, "Connection: close", length=len(body) // 2))
    end(connection)


def mute(connection: ClientConnection, *_: object) -> None:
    connection.wait()


def drips_head(connection: ClientConnection, *_: object) -> None:
    connection.drip(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 1000, every=0.01)


def drips_body(connection: ClientConnection, *_: object) -> None:
    connection.send(answer(b"", length=MIB))
    connection.drip(b"[" * 10_000, every=0.01)


def stalls(connection: ClientConnection, _: str, body: bytes) -> None:
    connection.send(answer(body[:10], length=len(body)))
    connection.wait()


def one_interim_after_the_other(connection: ClientConnection, *_: object) -> None:
    while not connection.wait(0.001):
        connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10)


def endless_body(connection: ClientConnection, *_: object) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not connection.wait(0):
        connection.send(b"10000\r\n" + b"[" * 0x10000 + b"\r\n")


def endless_negative_chunk(connection: ClientConnection, *_: object) -> None:
    connection.send(CHUNKED + b"-1\r\n")
    while not connection.wait(0):
        connection.send(b"[" * 0x10000)


def round_and_round(connection: ClientConnection, target: str, _: bytes) -> None:
    connection.send(redirect(target))


def round_in_slow_motion(connection: ClientConnection, target: str, _: bytes) -> None:
    connection.wait(0.2)
    connection.send(redirect(target))


ONLY_FAILED = frozenset({UpstreamFailed})
HTML = f"<html><body><h1>{MARK}</h1></body></html>".encode()
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
WORDS = f'{{"message": "{MARK}"}}'.encode()


def elsewhere(location: str) -> NetworkFault:
    """Redirect a GET to a host that is not allowed; a POST is not redirected."""

    def play(connection: ClientConnection, *_: object) -> None:
        connection.send(redirect(location))

    return NetworkFault(play, frozenset({AddressRefused}), ONLY_FAILED)


def says(status: str, *headers: str, errors: tuple[type[PlacardError], ...]) -> NetworkFault:
    return sends(answer(WORDS, *headers, status=status), *errors)


RESET = UpstreamUnreachable
FAULTS: Mapping[str, NetworkFault] = MappingProxyType(
    {
        # No fault, or none that prevents the card.
        "sound": NetworkFault(sound),
        "last of its limit": NetworkFault(
            with_headers("X-RateLimit-Remaining: 0", "RateLimit-Reset: 60"), holds=True
        ),
        "an odd type and charset": NetworkFault(
            with_headers("Content-Type: text/html; charset=utf-7")
        ),
        "in gzip": NetworkFault(
            lambda connection, _, body: connection.send(
                answer(gzip.compress(body), "Content-Encoding: gzip")
            )
        ),
        # Slow.
        "mute": lasting(mute),
        "dripping head": lasting(drips_head),
        "dripping body": lasting(drips_body),
        "stalling body": lasting(stalls),
        "endless interim answers": lasting(one_interim_after_the_other),
        "slow redirects": NetworkFault(
            round_in_slow_motion, frozenset({UpstreamTimeout}), ONLY_FAILED, lasting=True
        ),
        # Broken connections.
        "ends before the answer": breaks_off(b"", RESET),
        "reset before the answer": breaks_off(b"", RESET, reset=True),
        "ends in the head": breaks_off(OK + b"Content-", RESET, UpstreamUnreadable),
        "reset in the middle": breaks_off(answer(b"[1,", length=1000), RESET, reset=True),
        "truncated": NetworkFault(truncated, frozenset({RESET})),
        "truncated chunk": breaks_off(CHUNKED + b"100\r\nabc", RESET),
        # Wrong frames.
        "a length that is too short": NetworkFault(
            too_short_a_length, frozenset({UpstreamUnreadable})
        ),
        "two lengths": breaks_off(
            OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n[1,2,3", RESET, UpstreamUnreadable
        ),
        "a length that is no number": breaks_off(
            OK + b"Content-Length: many\r\n\r\n" + HTML, RESET, UpstreamUnreadable
        ),
        "a negative length": breaks_off(
            OK + b"Content-Length: -5\r\n\r\n" + HTML, RESET, UpstreamUnreadable
        ),
        "garbage for a chunk": breaks_off(CHUNKED + b"zz\r\n" + HTML, RESET),
        "an endless negative chunk": NetworkFault(endless_negative_chunk, frozenset({RESET})),
        "a negative chunk": breaks_off(CHUNKED + b"-5\r\n" + HTML, RESET),
        "garbage": breaks_off(b"\x00\xff" * 100 + b"\r\n\r\n", RESET),
        "HTTP/0.9": breaks_off(HTML, RESET),
        "another protocol": breaks_off(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", RESET),
        "an endless status line": breaks_off(b"HTTP/1.1 200 " + b"O" * 100_000, RESET),
        "an endless header": breaks_off(OK + b"X: " + b"x" * 100_000, RESET),
        "a thousand headers": breaks_off(OK + b"X: y\r\n" * 1000 + b"\r\n", RESET),
        "a header with odd bytes": sends(
            answer(HTML, "X\u00e9: \u00ff", "no colon"), UpstreamUnreadable
        ),
        # Too much.
        # Where only what is shown is read, what is not JSON is noticed before its length is.
        "too large": sends(answer(b"[" * (MIB + 1)), *LONG),
        "an endless body": NetworkFault(endless_body, frozenset(LONG)),
        "gzip bomb": sends(
            answer(gzip.compress(bytes(20 * MIB)), "Content-Encoding: gzip"), *LONG
        ),
        # Redirects.
        "endless redirects": NetworkFault(round_and_round, ONLY_FAILED),
        "redirect to metadata": elsewhere("http://169.254.169.254/latest/"),
        "redirect to a file": elsewhere("file:///etc/passwd"),
        "redirect to nowhere": elsewhere("http://[/"),
        "redirect without an address": sends(answer(status="302 Found"), UpstreamFailed),
        # Statuses.
        "400": says("400 Bad Request", errors=(UpstreamFailed,)),
        "401": says("401 Unauthorized", errors=(UpstreamRefused,)),
        "403": says("403 Forbidden", errors=(UpstreamRefused, ResourceMissing)),
        "404": says("404 Not Found", errors=(ResourceMissing, UpstreamRefused)),
        "418": says("418 I'm a teapot", errors=(UpstreamFailed,)),
        "429": says("429 Too Many Requests", errors=(UpstreamRateLimited,)),
        "429, garbage": says(
            "429 Too Many Requests", "Retry-After: soon", errors=(UpstreamRateLimited,)
        ),
        "429, a minute": NetworkFault(
            says("429 Too Many Requests", "Retry-After: 60", errors=()).play,
            frozenset({UpstreamRateLimited}),
            holds=True,
        ),
        "500": says("500 Internal Server Error", errors=(UpstreamFailed,)),
        "502": says("502 Bad Gateway", errors=(UpstreamFailed,)),
        "503": says("503 Service Unavailable", errors=(UpstreamFailed,)),
        "503, a minute": NetworkFault(
            says("503 Service Unavailable", "Retry-After: 60", errors=()).play,
            frozenset({UpstreamFailed, UpstreamRateLimited}),
            holds=True,
        ),
        "600": says("600 Unheard Of", errors=(UpstreamFailed,)),
        # Complete answers; the connection stays open, as closing it would break the next call.
        "204": sends(b"HTTP/1.1 204 No Content\r\n\r\n", UpstreamFailed),
        "304": sends(b"HTTP/1.1 304 Not Modified\r\n\r\n", UpstreamFailed),
        # Bodies that are not the requested resource.
        "HTML": sends(answer(HTML, "Content-Type: text/html"), UpstreamUnreadable),
        "half a JSON": NetworkFault(halved, frozenset({UpstreamUnreadable})),
        "nothing": sends(answer(b""), UpstreamUnreadable),
        "null": sends(answer(b"null"), UpstreamUnreadable),
        "a list": sends(answer(b"[]"), UpstreamUnreadable),
        "a text": sends(answer(f'"{MARK}"'.encode()), UpstreamUnreadable),
        "another object": sends(answer(WORDS), UpstreamUnreadable),
        "a number without an end": sends(answer(b"9" * 100_000), UpstreamUnreadable),
        "a deep nest": sends(answer(b"[" * 100_000), UpstreamUnreadable),
        "no UTF-8": sends(answer(b'{"title": "\xff\xfe"}'), UpstreamUnreadable),
        "not the gzip it says": sends(
            answer(HTML, "Content-Encoding: gzip"), UpstreamUnreadable
        ),
        "half a gzip": sends(
            answer(gzip.compress(HTML)[:-9], "Content-Encoding: gzip"), UpstreamUnreadable
        ),
        "an unknown coding": sends(answer(HTML, "Content-Encoding: br"), UpstreamUnreadable),
    }
)  # fmt: skip
