"""`GET /widget`: verify, find, answer. Implements the section "The request" of the contract."""

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, Response, request

from app.verification import SignedRequest, Viewer
from app.web import CACHE_STATUS, Service, service
from app.web.admission import ONCE, admit, malformed, received
from app.widgets import Widget

blueprint = Blueprint("widget", __name__)
PATH: Final = "/widget"
CONTENT_TYPE: Final = "application/json"
# The cache status of an answer that did not use the cache.
BYPASSED: Final = "Placard; fwd=bypass"
_ONCE: Final = (*ONCE, "resource_url")


@blueprint.get(PATH)
def show() -> Response:
    """Answer with the widget of `resource_url`."""
    parts = service()
    address, viewer = admitted(signed_request(request.environ), parts)
    # Browsers send it on a hard reload; what is deployed must not be made to hammer upstreams.
    refresh = parts.settings.local and bool(request.cache_control.no_cache)
    return answer_with(parts.widgets.widget_for(address, viewer, refresh=refresh))


def admitted(signed: SignedRequest, parts: Service) -> tuple[str, Viewer]:
    """Return the address and the viewer of a request that may be answered; raises as `admit`."""
    proof, address = admit(signed, parts, _ONCE, _address)
    return address, proof.viewer


def _address(values: Mapping[str, str]) -> str:
    if not values.get("resource_url"):
        raise malformed("resource_url", "is missing")
    return values["resource_url"]


def answer_with(widget: Widget) -> Response:
    """Send a card, or 304 where `If-None-Match` says that the host has these bytes already."""
    if request.if_none_match.contains_weak(widget.etag.strip('"')):
        answer = Response(status=304)
    else:
        answer = Response(widget.body, content_type=CONTENT_TYPE)
    answer.headers.extend(widget_headers(widget))
    return answer


def widget_headers(widget: Widget) -> tuple[tuple[str, str], ...]:
    """Return the headers of a card: its ETag, and its cache status."""
    return (("ETag", widget.etag), (CACHE_STATUS, widget.cache_status))


@blueprint.after_request
def tell_of_the_cache(response: Response) -> Response:
    """Add `Cache-Status` to an answer that did not use the cache."""
    response.headers.setdefault(CACHE_STATUS, BYPASSED)
    return response


def signed_request(environ: Mapping[str, Any]) -> SignedRequest:
    """Return the signed part of a request for a widget, from its WSGI environment."""
    return received(environ, PATH)
