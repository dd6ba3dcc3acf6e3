"""Probes and metrics for operators: `/healthz`, `/livez`, `/readyz`, `/metrics`."""

import threading
from concurrent.futures import Future
from typing import Final

from flask import Blueprint, Response, jsonify

from app.errors import NotFound
from app.web import Check, service
from app.web.local_access import is_from_this_machine

blueprint = Blueprint("health", __name__)
# In seconds. Whoever asks whether cards can be answered does not wait for a database.
PATIENCE: Final = 0.25


class BoundedCheck:
    """A check that runs in its own thread, so that a request waits at most `PATIENCE` seconds.

    A check that takes longer returns `slow`; the next request gets its result.
    """

    def __init__(self, check: Check) -> None:
        self._check = check
        self._lock = threading.Lock()
        self._running: Future[str | None] | None = None

    def __call__(self) -> str | None:
        """Return what the check does, or `slow`."""
        with self._lock:
            running = self._running
            if running is None:
                running = self._running = Future()
                threading.Thread(target=self._run, args=(running,), daemon=True).start()
        try:
            fault = running.result(PATIENCE)
        except TimeoutError:
            return "slow"
        with self._lock:
            if self._running is running:
                self._running = None
        return fault

    def _run(self, running: Future[str | None]) -> None:
        try:
            running.set_result(self._check())
        except Exception as error:  # noqa: BLE001 - a check that breaks tells of its part
            running.set_result(type(error).__name__)


@blueprint.get("/healthz")
@blueprint.get("/livez")
def alive() -> Response:
    """Answer that the process is alive."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def ready() -> tuple[Response, int]:
    """Say whether cards can be answered (503 without a key set), and how the other parts are."""
    health = service().health
    waiting = [fault for check in health.keys if (fault := check())]
    body = {
        "status": "waiting" if waiting else "ready",
        "waiting_for": waiting,
        "keys": waiting[0] if waiting else "ok",
        "cache": health.cache() or "ok",
        "library": _state_of(health.library),
        "sign_in": _state_of(health.sign_in),
    }
    return jsonify(body), 503 if waiting else 200


def _state_of(check: Check | None) -> str:
    return "off" if check is None else check() or "ok"


@blueprint.get("/metrics")
def metrics() -> Response:
    """Answer with the metrics in Prometheus' text format: on this machine, or on their own port.

    A proxy may take another spelling for another address, such as `/%6detrics`, and let it through.
    """
    if service().settings.metrics_port is not None or not is_from_this_machine():
        raise NotFound
    return Response(
        service().metrics.exposition(), content_type="text/plain; version=0.0.4; charset=utf-8"
    )
