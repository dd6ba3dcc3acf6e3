"""Answers of many rows: each is written as it comes from the database, up to a bound in bytes.

with searching():
    rows = WrittenRows(dumped)  # no more than LARGEST_ANSWER in memory
return rows.response("results", {"total_count": 60})
"""

import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from flask import Response

from app.database.columns import to_json
from app.library.http.authentication import caller
from app.library.http.context import library
from app.library.http.thread_share import resting
from app.library.http.token_slots import TokenSlots

LARGEST_ANSWER: Final = 16 << 20
# A request that sends more than this holds a slot until it is sent: the client may be slow.
LARGE: Final = 1 << 20
# Rows are put together to pieces of about this size.
_PIECE: Final = 1 << 18


class WrittenRows:
    """Rows of JSON: as many whole ones as are within the bound; `are_all` tells if none is left."""

    def __init__(self, rows: Iterable[bytes], most: int = LARGEST_ANSWER) -> None:
        self.pieces: deque[bytes] = deque()
        self._small: list[bytes] = []
        self.size = 0
        self.count = 0
        self.are_all = self._write(rows, most)
        self._join()

    def _write(self, rows: Iterable[bytes], most: int) -> bool:
        since = 0
        for row in rows:
            if self.size + len(row) + 1 > most:
                return False
            self._small += (b",", row) if self.count else (row,)
            self.size += len(row) + 1
            self.count += 1
            if self.size - since > _PIECE:
                self._join()
                since = self.size
        return True

    def _join(self) -> None:
        self.pieces.append(b"".join(self._small))
        self._small.clear()

    def response(self, name: str, rest: Mapping[str, Any]) -> Response:
        """Answer with an object that has the rows under a name, and then the rest.

        Raises TooManyRequests where the answer is large and too many such are being sent.
        """
        release = _take(library().large_answers) if self.size > LARGE else None
        self.pieces.appendleft(f'{{"{name}":['.encode())
        self.pieces.append(f"],{to_json(rest)[1:]}".encode() if rest else b"]}")
        length = sum(map(len, self.pieces))
        response = Response(_sent(self.pieces), mimetype="application/json")
        response.content_length = length
        if release is not None:
            # Once it is closed; or gone, where a client of a test does not close it.
            response.call_on_close(weakref.finalize(response, release))
        return response


def _sent(pieces: deque[bytes]) -> Iterator[bytes]:
    """Yield the pieces, and drop each one."""
    while pieces:
        yield pieces.popleft()


@contextmanager
def searching() -> Iterator[None]:
    """Hold a slot for a search of the caller; raises TooManyRequests where none is free."""
    release = _take(library().searches)
    try:
        yield
    finally:
        release()


def _take(slots: TokenSlots) -> Callable[[], None]:
    """Take a slot for the caller; other requests work while this one waits."""
    with resting():
        return slots.take(caller().jti)
