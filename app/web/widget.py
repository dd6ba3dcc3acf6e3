"""`GET /widget`: verify, find, answer. Implements the section "The request" of the contract."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Response, request
from structlog.contextvars import bind_contextvars

from app import trace
from app.errors import MalformedRequest, WorkspaceNotServed
from app.verification import SIGNATURE_HEADER, SignedRequest, check_expiry
from app.web import CACHE_STATUS, service
from app.widgets import Widget

blueprint = Blueprint("widget", __name__)

# The contract names the first four; a second workspace could smuggle one past a restriction.
ONCE: Final = ("resource_url", "user", "task", "expires_at", "workspace")


@dataclass(frozen=True, slots=True)
class WidgetQuery:
    """The parameters of a request that we look at."""

    resource_url: str
    workspace: str | None
    expires_at: str | None


@blueprint.get("/widget")
def show() -> Response:
    """Answer with the widget of `resource_url`."""
    parts = service()
    signed = signed_request()
    with trace.step("verify") as facts:
        proof = parts.verifier.verify(signed)
        query = read_query(signed.parameters)
        if query.expires_at is not None:
            check_expiry(query.expires_at, time.time())
        facts.update(by=proof.kind, subject=proof.subject)
    bind_contextvars(verified_by=proof.kind)
    served = parts.settings.allowed_workspaces
    if served and query.workspace not in served:
        raise WorkspaceNotServed(f"workspace {query.workspace!r} is not served")
    # Browsers send it on a hard reload; what is deployed must not be made to hammer upstreams.
    refresh = parts.settings.local and bool(request.cache_control.no_cache)
    widget = parts.widgets.widget_for(query.resource_url, proof.workspace, refresh=refresh)
    return answer_with(widget)


def answer_with(widget: Widget) -> Response:
    """Send a card, or 304 where `If-None-Match` says that the host's client has these bytes."""
    if request.if_none_match.contains_weak(widget.etag.strip('"')):
        answer = Response(status=304)
    else:
        answer = Response(widget.body, mimetype="application/json")
    answer.headers["ETag"] = widget.etag
    answer.headers[CACHE_STATUS] = widget.cache_status
    return answer


@blueprint.after_request
def tell_of_the_cache(response: Response) -> Response:
    """Say of an answer that has nothing of the cache's that it has not."""
    response.headers.setdefault(CACHE_STATUS, "Placard; detail=not-used")
    return response


def signed_request() -> SignedRequest:
    """Take from the current request what its proof speaks of."""
    return SignedRequest(
        # To what is signed, HEAD is the GET that it stands for.
        method="GET" if request.method == "HEAD" else request.method,
        path=request.path,
        query=request.query_string,
        authorization=request.headers.get("Authorization"),
        signature=request.headers.get(SIGNATURE_HEADER),
    )


def read_query(parameters: Sequence[tuple[str, str]]) -> WidgetQuery:
    """Read the parameters; unknown ones are ignored.

    Raises MalformedRequest where one is repeated, or `resource_url` is missing.
    """
    counts = Counter(name for name, _ in parameters)
    for name in ONCE:
        if counts[name] > 1:
            raise _malformed(name, "is given more than once")
    values = dict(parameters)
    if not values.get("resource_url"):
        raise _malformed("resource_url", "is missing")
    return WidgetQuery(values["resource_url"], values.get("workspace"), values.get("expires_at"))


def _malformed(name: str, why: str) -> MalformedRequest:
    return MalformedRequest(
        f"{name}: {why}", sentence=f"Illegal or malformed request. `{name}` {why}."
    )
