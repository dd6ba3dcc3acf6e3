"""Answers of JSON."""

from typing import Any

from flask import Response

from app.database.columns import to_json


def json_response(document: Any, status: int = 200) -> Response:
    """Answer with JSON, its keys in their order."""
    return Response(to_json(document), status=status, mimetype="application/json")
