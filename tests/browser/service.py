"""The preview's service as a browser meets it: on the loopback, in this process."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wsgi import ClosingIterator

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Silent(WSGIRequestHandler):
    """Leaves the log to the application."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def read_first(app: "WSGIApplication") -> "WSGIApplication":
    """Read an answer and close its file before it is sent: a browser may go away meanwhile."""

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
        with closing(ClosingIterator(app(environ, start_response))) as parts:
            return [b"".join(parts)]

    return answer


@contextmanager
def serving(app: Flask, port: int = 0) -> Iterator[str]:
    """Serve an application for the length of a block, and give its address."""
    server = make_server("127.0.0.1", port, read_first(app), threaded=True, request_handler=Silent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
