"""Why a call failed, in words: those of the system, of TLS and of HTTP, never those of the error.

An error's own text may hold an address with secrets in its query.
"""

import errno
import socket
import ssl
from collections.abc import Iterator, Mapping
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from typing import Final

import requests
import urllib3

BROKE_OFF: Final = "the connection ended before the whole answer had come"
CLOSED: Final = "the connection was closed without an answer"
UNTRUSTED: Final = "its certificate is not from an authority that is trusted"

# From the most particular kind to the most general; the first that fits is told.
_KINDS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (RemoteDisconnected, CLOSED),
    (ConnectionRefusedError, "the connection was refused: nothing listens on this port"),
    (ConnectionResetError, "the connection was reset by the other side"),
    (BrokenPipeError, "the connection was closed by the other side"),
    (UnicodeError, "the name is not a valid one"),
    (urllib3.exceptions.InvalidChunkLength, "the answer's chunks are malformed"),
    (IncompleteRead, BROKE_OFF),
    (urllib3.exceptions.IncompleteRead, BROKE_OFF),
    (requests.exceptions.ContentDecodingError, "the answer cannot be decompressed"),
    (urllib3.exceptions.DecodeError, "the answer cannot be decompressed"),
    (HTTPException, "the answer is not valid HTTP"),
    (requests.ConnectTimeout, "no connection was made in time"),
    (urllib3.exceptions.ConnectTimeoutError, "no connection was made in time"),
    (requests.Timeout, "no answer came in time"),
    (urllib3.exceptions.TimeoutError, "no answer came in time"),
    (TimeoutError, "no answer came in time"),
)
_NAMES: Final[Mapping[int, str]] = {
    socket.EAI_AGAIN: "the name server does not answer",
    socket.EAI_FAIL: "the name server refuses to answer",
}
_ERRNOS: Final[Mapping[int, str]] = {
    errno.ENETUNREACH: "there is no route to its network",
    errno.EHOSTUNREACH: "there is no route to it",
    errno.EMFILE: "this process has no file descriptor left",
    errno.EADDRNOTAVAIL: "this machine has no port left for the connection",
}
# openssl/x509_vfy.h
_CERTIFICATES: Final[Mapping[int, str]] = {
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    18: "its certificate is signed by itself",
    19: UNTRUSTED,
    20: UNTRUSTED,
    21: UNTRUSTED,
    23: "its certificate has been revoked",
    62: "its certificate is of another name",
    64: "its certificate is of another name",  # where an IP address is asked
}
_TLS: Final[Mapping[str, str]] = {
    "WRONG_VERSION_NUMBER": "it does not speak TLS on this port",
    "HTTP_REQUEST": "it does not speak TLS on this port",
    "RECORD_LAYER_FAILURE": "it does not speak TLS on this port",
    "UNSUPPORTED_PROTOCOL": "it speaks only versions of TLS that are outdated",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it speaks only versions of TLS that are outdated",
    "UNEXPECTED_EOF_WHILE_READING": "the connection was closed during the TLS handshake",
}


def cause_of(error: BaseException) -> str:
    """Return why a call failed: the root cause where it is a known one, and the error's class."""
    chain = list(_chain(error))
    # The root is the last; what stands nearer to it is more particular.
    sentence = next(filter(None, map(_words, reversed(chain))), "the connection failed")
    return f"{sentence} ({type(chain[-1]).__name__})"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes, as far as they are known."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or _reason(following) or following.__context__


def _reason(error: BaseException) -> BaseException | None:
    """Return the error that urllib3 or requests wraps."""
    candidates = (getattr(error, "reason", None), *error.args)
    return next((each for each in candidates if isinstance(each, BaseException)), None)


def _words(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATES.get(error.verify_code, UNTRUSTED)
    if isinstance(error, ssl.SSLError):
        return _TLS.get(error.reason or "", "the TLS handshake failed")
    if isinstance(error, socket.gaierror):
        return _NAMES.get(error.errno or 0, "the name does not resolve")
    for kind, words in _KINDS:
        if isinstance(error, kind):
            return words
    return _ERRNOS.get(error.errno or 0, "") if isinstance(error, OSError) else ""
