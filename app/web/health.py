"""For those who run the service: is it alive, can it work, what has it counted."""

from flask import Blueprint, Response, jsonify

from app.web import service

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """Say that the process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def ready() -> tuple[Response, int]:
    """Say whether requests can be answered: 503 without a key set, or the library's database."""
    waiting = [fault for check in service().readiness if (fault := check())]
    status = "waiting" if waiting else "ready"
    return jsonify(status=status, waiting_for=waiting), 503 if waiting else 200


@blueprint.get("/metrics")
def metrics() -> Response:
    """Give the counters, in Prometheus' text format."""
    return Response(
        service().metrics.exposition(), content_type="text/plain; version=0.0.4; charset=utf-8"
    )
