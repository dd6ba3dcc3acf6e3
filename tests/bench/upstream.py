"""A stand-in for GitHub's API in a process of its own: `python -m tests.bench.upstream PORT DELAY`.

It waits, answers with an issue and its ETag, honours If-None-Match, keeps connections, and counts:
`/counts` tells how often it was asked, and how often it could say 304.
"""

import hashlib
import json
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.standin import ISSUE


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


def serve(port: int, delay: float) -> None:
    """Serve until the process is ended."""
    counts: Counter[str] = Counter(asked=0, unchanged=0)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body leave as one packet; else the other side's delayed ACK is measured.
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            if self.path == "/counts":
                self._answer(200, json.dumps(counts).encode())
                return
            time.sleep(delay)
            etag = f'"{hashlib.sha256(self.path.encode()).hexdigest()[:16]}"'
            unchanged = self.headers.get("If-None-Match") == etag
            with lock:
                counts["asked"] += 1
                counts["unchanged"] += unchanged
            if unchanged:
                self._answer(304, b"", etag)
            else:
                self._answer(200, json.dumps(ISSUE | {"title": self.path}).encode(), etag)

        def _answer(self, status: int, body: bytes, etag: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if etag:
                self.send_header("ETag", etag)
            if status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    _Server(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), float(sys.argv[2]))
