"""`GET /widget`: verify, find, answer. Implements the section "The request" of the contract."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, Response, request

from app.errors import MalformedRequest, WorkspaceNotServed
from app.telemetry import trace
from app.telemetry.logs import add_log_fields
from app.verification import SIGNATURE_HEADER, SignedRequest, check_expiry
from app.web import CACHE_STATUS, Service, service
from app.widgets import ResolvedRequest, Widget

blueprint = Blueprint("widget", __name__)
PATH: Final = "/widget"
CONTENT_TYPE: Final = "application/json"
# Where the environment holds what came of `resolve`, if that has been called before the view is.
RESOLVED: Final = "placard.resolved"

_SIGNATURE_IN_WSGI: Final = "HTTP_" + SIGNATURE_HEADER.upper().replace("-", "_")
# The contract names the first four; a second workspace could smuggle one past a restriction.
ONCE: Final = ("resource_url", "user", "task", "expires_at", "workspace")


@dataclass(frozen=True, slots=True)
class WidgetQuery:
    """The parameters of a request that we look at."""

    resource_url: str
    workspace: str | None
    expires_at: str | None


@blueprint.get(PATH)
def show() -> Response:
    """Answer with the widget of `resource_url`."""
    parts = service()
    resolved = request.environ.get(RESOLVED) or resolve(signed_request(request.environ), parts)
    if isinstance(resolved, Exception):
        raise resolved
    # Browsers send it on a hard reload; what is deployed must not be made to hammer upstreams.
    refresh = parts.settings.local and bool(request.cache_control.no_cache)
    return answer_with(parts.widgets.answer(resolved, refresh=refresh))


def resolve(signed: SignedRequest, parts: Service) -> ResolvedRequest:
    """Resolve a request whose proof holds and whose workspace is served.

    Raises NotAuthenticated, MalformedRequest, WorkspaceNotServed, KeysUnavailable or NoConnector.
    """
    with trace.step("verify") as facts:
        proof = parts.verifier.verify(signed)
        query = read_query(signed.parameters)
        if query.expires_at is not None:
            check_expiry(query.expires_at, time.time())
        facts.update(by=proof.kind, subject=proof.subject)
    add_log_fields(verified_by=proof.kind)
    served = parts.settings.allowed_workspaces
    # The proven one: whoever holds a token can write any other into the query.
    if served and proof.workspace not in served:
        raise WorkspaceNotServed(f"proven workspace {proof.workspace!r} is not served")
    return parts.widgets.resolve(query.resource_url, proof.workspace)


def answer_with(widget: Widget) -> Response:
    """Send a card, or 304 where `If-None-Match` says that the host has these bytes already."""
    if request.if_none_match.contains_weak(widget.etag.strip('"')):
        answer = Response(status=304)
    else:
        answer = Response(widget.body, content_type=CONTENT_TYPE)
    answer.headers.extend(widget_headers(widget))
    return answer


def widget_headers(widget: Widget) -> tuple[tuple[str, str], ...]:
    """List the headers that tell of a card and of where it is from."""
    return (("ETag", widget.etag), (CACHE_STATUS, widget.cache_status))


@blueprint.after_request
def tell_of_the_cache(response: Response) -> Response:
    """Say of an answer that has nothing of the cache that it has not."""
    response.headers.setdefault(CACHE_STATUS, "Placard; fwd=bypass")
    return response


def signed_request(environ: Mapping[str, Any]) -> SignedRequest:
    """Take from a request for a widget, as WSGI has it, what its proof speaks of."""
    return SignedRequest(
        # To what is signed, HEAD is the GET that it stands for.
        method="GET",
        path=PATH,
        query=environ.get("QUERY_STRING", "").encode("latin-1"),
        authorization=environ.get("HTTP_AUTHORIZATION"),
        signature=environ.get(_SIGNATURE_IN_WSGI),
        host=environ.get("HTTP_HOST", ""),
    )


def read_query(parameters: Sequence[tuple[str, str]]) -> WidgetQuery:
    """Read the parameters; unknown ones are ignored.

    Raises MalformedRequest where one is repeated, or `resource_url` is missing.
    """
    values = dict(parameters)
    if len(values) < len(parameters):
        counts = Counter(name for name, _ in parameters)
        for name in ONCE:
            if counts[name] > 1:
                raise _malformed(name, "is given more than once")
    if not values.get("resource_url"):
        raise _malformed("resource_url", "is missing")
    return WidgetQuery(values["resource_url"], values.get("workspace"), values.get("expires_at"))


def _malformed(name: str, why: str) -> MalformedRequest:
    return MalformedRequest(
        f"{name}: {why}", sentence=f"Illegal or malformed request. `{name}` {why}."
    )
