"""The library's share of the threads: the rest are for the host's cards, whatever the library does.

A request of the library holds a thread from its first byte on, also while its body is waited for. A
few of those that have a thread work at a time: not while they wait for their clients.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication

from flask import Flask, request
from werkzeug.wsgi import ClosingIterator

from app.errors import TooManyRequests
from app.library.http.authentication import LOOPBACK

# Set in the environment of a request that came when the share was used up.
_NO_THREAD: Final = "placard.library_has_no_thread"
_RETRY_AFTER: Final = 1  # seconds
# Of those that have a thread, so many work at a time, and the others wait for so many seconds: a
# card that needs the interpreter waits for each that works.
MOST_AT_WORK: Final = 4
PATIENCE: Final = 10.0
_TURN: Final = "placard.library_turn"


class Turn:
    """The turn of a request to work, beside a few others."""

    def __init__(self, work: BoundedSemaphore) -> None:
        self._work = work
        self._is_on = False

    def begin(self) -> bool:
        """Wait for the turn; return whether it came in time."""
        self._is_on = self._work.acquire(timeout=PATIENCE)
        return self._is_on

    def end(self) -> None:
        """Give the turn back, once."""
        if self._is_on:
            self._is_on = False
            self._work.release()


class ThreadShare:
    """Lets at most `most` requests be in progress, over all applications that it wraps.

    The application answers the others at once, without a look at their bodies. What the service
    asks itself counts as the card's that asks. None: unbounded.
    """

    def __init__(self, most: int | None) -> None:
        self._slots = None if most is None else BoundedSemaphore(most)
        self._work = BoundedSemaphore(MOST_AT_WORK)

    def wrap(self, app: WSGIApplication) -> WSGIApplication:
        """Return an application that takes a slot for each request of `app`."""
        slots = self._slots
        if slots is None:
            return app

        def answer(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            if LOOPBACK in environ:
                return app(environ, start_response)
            if not slots.acquire(blocking=False):
                environ[_NO_THREAD] = True
                return app(environ, start_response)
            turn = environ[_TURN] = Turn(self._work)
            try:
                environ[_NO_THREAD] = not turn.begin()
                body = app(environ, start_response)
            except BaseException:
                slots.release()
                raise
            finally:
                turn.end()
            # A body that is made while it is sent holds the thread until it is closed.
            return ClosingIterator(body, slots.release)

        return answer


@contextmanager
def resting() -> Iterator[None]:
    """Let another request work while this one waits for its client.

    Raises TooManyRequests where its turn does not come again in time.
    """
    turn: Turn | None = request.environ.get(_TURN)
    if turn is None:
        yield
        return
    turn.end()
    yield
    if not turn.begin():
        raise TooManyRequests(_RETRY_AFTER)


def init_thread_share(app: Flask) -> None:
    """Refuse, before anything else, a request for which the share has no thread."""
    app.before_request(_refuse_without_a_thread)


def _refuse_without_a_thread() -> None:
    if request.environ.get(_NO_THREAD):
        raise TooManyRequests(_RETRY_AFTER)
