"""A stand-in for GitHub's API on the loopback, for services that run in processes of their own."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.waiting import PATIENCE

ISSUE = {
    "title": "Stand-in issue",
    "state": "open",
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-03T03:04:05Z",
}


@dataclass
class StandIn:
    """Answers every GET with an issue, and remembers what was asked.

    It answers after `delay` seconds, and not before it may `go_on`.
    """

    url: str = ""
    delay: float = 0.0
    asked: list[str] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    @property
    def settings(self) -> dict[str, str]:
        """The setting that sends GitHub's share here."""
        return {"PLACARD_UPSTREAMS": f"https://api.github.com={self.url}"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def standing_in(delay: float = 0.0, *, held: bool = False) -> Iterator[StandIn]:
    """Run a stand-in for the length of a block; `held`, it answers when it is told to go on."""
    stand_in = StandIn(delay=delay)
    if not held:
        stand_in.go_on.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stand_in.asked.append(self.path)
            stand_in.arrived.set()
            time.sleep(stand_in.delay)
            stand_in.go_on.wait(PATIENCE)
            body = json.dumps(ISSUE).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with _Server(("127.0.0.1", 0), Handler) as server:
        stand_in.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield stand_in
        finally:
            stand_in.go_on.set()
            server.shutdown()
            thread.join()
