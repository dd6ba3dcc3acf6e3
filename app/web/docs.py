"""`/openapi.json`, which describes the service, and `/docs`, a page to read that on.

The page needs no other host and no script: its policy allows neither.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, Response, render_template

from app.web import service

blueprint = Blueprint(
    "docs", __name__, template_folder="templates", static_folder="static", static_url_path="/docs"
)

POLICY: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@blueprint.after_request
def protect(response: Response) -> Response:
    """Allow the page its own style, and nothing else."""
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@blueprint.get("/openapi.json")
def description() -> Response:
    """Answer with the description."""
    written = json.dumps(_description(), ensure_ascii=False, separators=(",", ":"))
    return Response(written, mimetype="application/json")


@blueprint.get("/docs")
def page() -> str:
    """Show the description to people."""
    told = _description()
    return render_template("docs.html", told=told, sections=sections_of(told))


def _description() -> Mapping[str, Any]:
    make = service().description
    assert make is not None  # these routes are registered only where there is one
    return make()


def sections_of(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the operations by their tags, each with its method and path."""
    operations = [
        {"method": method.upper(), "path": path, **operation}
        for path, methods in told["paths"].items()
        for method, operation in methods.items()
    ]
    return [
        {
            "title": tag["name"],
            "operations": [each for each in operations if tag["name"] in each["tags"]],
        }
        for tag in told["tags"]
    ]
