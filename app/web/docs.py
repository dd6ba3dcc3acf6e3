"""`/openapi.json`, which describes the service, and `/docs`, a page to read and to try it on.

The page is Swagger UI, whose files come from the package `flask-swagger-ui`. It runs under a policy
that allows files and requests of this service only: no inline script or style, and no `eval`.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from flask import Blueprint, Response, abort, render_template

from app.settings import Settings
from app.verification.issuing import issue_token
from app.web import service
from app.web.cors import DOCS
from app.web.host_operations import PROOFS
from app.web.local_access import is_from_this_machine
from app.web.pages import confine, file_answer

blueprint = Blueprint(DOCS, __name__)

# Images as data are the arrows of Swagger UI's style.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SWAGGER_UI: Final = "flask_swagger_ui", "dist"
PAGES: Final = __package__, "static"
# Each file, the package and the folder that it is in, and what it is.
ASSETS: Final = {
    "swagger-ui-bundle.js": (SWAGGER_UI, "text/javascript"),
    "swagger-ui.css": (SWAGGER_UI, "text/css"),
    "favicon-32x32.png": (SWAGGER_UI, "image/png"),
    "docs.js": (PAGES, "text/javascript"),
    "docs.css": (PAGES, "text/css"),
}


@blueprint.after_request
def protect(response: Response) -> Response:
    """Let the page load nothing but its own parts; a token may be on it."""
    return confine(response, POLICY, is_private=response.mimetype == "text/html")


@blueprint.get("/openapi.json")
def description() -> Response:
    """Answer with the description."""
    written = json.dumps(_description(), ensure_ascii=False, separators=(",", ":"))
    return Response(written, mimetype="application/json")


@blueprint.get("/docs")
def page() -> str:
    """Show the description to people; in the local mode with proofs filled in."""
    settings = service().settings
    proofs = _local_proofs(settings) if settings.local and is_from_this_machine() else {}
    return render_template("docs.html", proofs=proofs, local=settings.local)


def _local_proofs(settings: Settings) -> dict[str, str]:
    """Return what the requests on the page are proven with: by the names of OpenAPI's schemes."""
    proofs = {}
    if settings.library and settings.local_token:
        # All schemes but those of the host take the library's token, in one place or another.
        others = _description()["components"].get("securitySchemes", {}).keys() - PROOFS.keys()
        proofs = dict.fromkeys(sorted(others), settings.local_token)
    if settings.takes_tokens and settings.jwt_secrets and not settings.jwt_require_qsh:
        proofs["host_token"] = issue_token(
            settings, settings.jwt_secrets[0], settings.jwt_max_lifetime
        )
    return proofs


@blueprint.get("/docs/assets/<name>")
def asset(name: str) -> Response:
    """Answer with a file of the page."""
    if name not in ASSETS:
        abort(404)
    return file_answer(_content(name), ASSETS[name][1])


@cache
def _content(name: str) -> bytes:
    (package, folder), _ = ASSETS[name]
    return (files(package) / folder / name).read_bytes()


def _description() -> Mapping[str, Any]:
    make = service().description
    assert make is not None  # these routes are registered only where there is one
    return make()
