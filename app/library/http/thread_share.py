"""The library's share of the threads: the rest are for the host's cards, whatever the library does.

A request of the library holds a thread from its first byte on, also while its body is waited for.
"""

from collections.abc import Iterable
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


class ThreadShare:
    """Lets at most `most` requests be in progress, over all applications that it wraps.

    The application answers the others at once, without a look at their bodies. What the service
    asks itself counts as the card's that asks. None is no bound.
    """

    def __init__(self, most: int | None) -> None:
        self._slots = None if most is None else BoundedSemaphore(most)

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
            try:
                body = app(environ, start_response)
            except BaseException:
                slots.release()
                raise
            # A body that is made while it is sent holds the thread until it is closed.
            return ClosingIterator(body, slots.release)

        return answer


def init_thread_share(app: Flask) -> None:
    """Refuse, before anything else, a request for which the share has no thread."""
    app.before_request(_refuse_without_a_thread)


def _refuse_without_a_thread() -> None:
    if _NO_THREAD in request.environ:
        raise TooManyRequests(_RETRY_AFTER)
