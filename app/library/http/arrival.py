"""Reads the bytes of a body within a time."""

import time
from collections.abc import Callable
from typing import IO, Final

from werkzeug.exceptions import ClientDisconnected

from app.errors import BodyTimeout

# In seconds, for the whole body, however it is sent: all at once, or byte by byte.
PATIENCE: Final = 10.0
_PIECE: Final = 1 << 16


def read_in_time(
    stream: IO[bytes], seconds: float = PATIENCE, clock: Callable[[], float] = time.monotonic
) -> bytes:
    """Read a stream to its end; raises BodyTimeout where that took longer than `seconds`.

    The clock is looked at between two pieces. A server may let the stream wait for a piece as long
    as the client likes: `placard serve` ends such a connection (app/cli/stalled.py), and the stream
    with it.
    """
    end = clock() + seconds
    pieces: list[bytes] = []
    while piece := _piece(stream, end, clock):
        pieces.append(piece)
    return b"".join(pieces)


def _piece(stream: IO[bytes], end: float, clock: Callable[[], float]) -> bytes:
    try:
        piece = stream.read(_PIECE)
    except ClientDisconnected:
        if clock() < end:
            raise
        piece = b""
    if clock() >= end:
        raise BodyTimeout
    return piece
