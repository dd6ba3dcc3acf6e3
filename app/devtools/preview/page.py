"""What is around every view: who may see it, what its page may load, and the page itself."""

from typing import Any, Final

from flask import Blueprint, Response, g, render_template, request

from app.errors import Forbidden
from app.web import service
from app.web.cors import PREVIEW
from app.web.local_access import is_from_this_machine
from app.web.pages import confine

THEMES: Final = ("system", "light", "dark")
# What the host writes after "Open in": the app's name in its developer console.
APP_NAME: Final = "Placard"
# A request with this header wants the part that changes, and not the page around it.
PART: Final = "X-Preview-Part"
# Nothing inline and nothing from elsewhere, but icons where the network is asked anyway, and the
# style that the editor's code writes, under a nonce of its own for each page.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'{nonce}; connect-src 'self'; "
    "img-src 'self'{icons}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

blueprint = Blueprint(
    PREVIEW,
    __name__,
    url_prefix="/preview",
    template_folder="templates",
    static_folder="static",
    static_url_path="/assets",
)


@blueprint.before_request
def keep_to_this_machine() -> None:
    """Refuse whoever is not at this machine, and pages of other sites that a browser has open."""
    if not is_from_this_machine():
        raise Forbidden("the preview is for this machine only")
    elsewhere = request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
    if elsewhere and not _follows_a_link():
        raise Forbidden("pages of other sites may lead to the preview, and no more")


@blueprint.after_request
def close_the_page(response: Response) -> Response:
    """Let the page load nothing but its own parts, and no other page look into it."""
    icons = "" if service().settings.offline else " https: http:"
    nonce = f" 'nonce-{g.style_nonce}'" if "style_nonce" in g else ""
    # One address has a page and a part of it: neither is to be kept for the other.
    policy = POLICY.format(icons=icons, nonce=nonce)
    return confine(response, policy, is_private=response.mimetype == "text/html")


def rendered(name: str, **context: Any) -> Response:
    """Render a page, or only its part that changes."""
    part = f"preview/{name}_result.html" if PART in request.headers else f"preview/{name}.html"
    theme = request.cookies.get("theme", "")
    settings = service().settings
    html = render_template(
        part,
        page=name,
        theme=theme if theme in THEMES else "system",
        offline=settings.offline,
        verify=settings.verify,
        app_name=APP_NAME,
        **context,
    )
    # Half of a surrogate pair, which JSON may hold, cannot be sent.
    return Response(html.encode("utf-8", "replace"), content_type="text/html; charset=utf-8")


def _follows_a_link() -> bool:
    """Tell a person who follows a link from a page that frames, fetches or posts."""
    wanted = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    return request.method == "GET" and wanted.items() <= dict(request.headers).items()
