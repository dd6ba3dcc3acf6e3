"""`/auth` and `/connections`: people sign in by the host, and connect their accounts.

The host opens `/auth` in a popup. Each provider is visited in a second window, since some of them
cut the link between a window and its opener. No page here but these changes anything; each POST
carries the session's token against cross-site requests.
"""

import hmac
from importlib.resources import files
from typing import Any, Final

from flask import Blueprint, Response, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as BaseResponse

from app.access.sessions import LIFETIME, Session
from app.access.sign_in import SignIn, SignInDeclined
from app.errors import Forbidden, PlacardError, UpstreamError
from app.web import service
from app.web.cors import SIGN_IN
from app.web.errors import log_error
from app.web.pages import confine, file_answer

blueprint = Blueprint(SIGN_IN, __name__, template_folder="templates")

# Nothing inline, nothing from elsewhere, and nobody may frame it.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGES: Final = ("auth", "connections")
ASSETS: Final = {"sign_in.js": "text/javascript", "sign_in.css": "text/css"}


@blueprint.after_request
def protect(response: Response) -> Response:
    """Let the page load its own parts only; it must reach the host that opened it."""
    is_asset = response.mimetype in ASSETS.values()
    return confine(response, POLICY, is_private=not is_asset, may_reach_opener=True)


@blueprint.errorhandler(PlacardError)
def refuse(error: PlacardError) -> ResponseReturnValue:
    """Show what went wrong as a page."""
    log_error(error, service())
    return _page("problem", sentence=error.sentence), error.status


@blueprint.errorhandler(UpstreamError)
def tell_of_other_side(error: UpstreamError) -> ResponseReturnValue:
    """Show that it was neither the person nor this service."""
    log_error(error, service())
    message = "The system that you sign in to does not answer as it should. Try again in a moment."
    return _page("problem", sentence=message), error.status


@blueprint.errorhandler(SignInDeclined)
def accept_refusal(_: SignInDeclined) -> str:
    """Show that nothing was connected to a person who did not want it."""
    return _page("problem", sentence="You did not allow it, so nothing was connected.")


@blueprint.get("/auth")
def sign_in() -> str:
    """Show the person's accounts in the host's popup or, first, the way to say who one is."""
    return _accounts("auth")


@blueprint.get("/connections")
def connections() -> str:
    """Show the same page, opened by itself."""
    return _accounts("connections")


@blueprint.get("/auth/host")
def ask_host() -> BaseResponse:
    """Send the person to the host, to say who it is."""
    page = request.args.get("page", "auth")
    session = _session() or _sign_in().sessions.begin()
    url = _sign_in().begin_host(session, page if page in PAGES else "auth", _callback("host"))
    return _remember(redirect(url), session)


@blueprint.get("/auth/host/callback")
def return_from_host() -> BaseResponse:
    """Know the person from now on, in a session of its own."""
    session, page = _sign_in().finish_host(_session(), request.args, _callback("host"))
    return _remember(redirect(f"{_address()}/{page}", 303), session)


@blueprint.get("/auth/<system>")
def ask_provider(system: str) -> BaseResponse:
    """Send the person to a system; `host` names one of several."""
    provider = _sign_in().provider(system, request.args.get("host"))
    session = _session()
    if session is None or session.user is None:
        return redirect(f"{_address()}/connections")
    return redirect(_sign_in().begin(session, provider, _callback(system)))


@blueprint.get("/auth/<system>/callback")
def return_from_provider(system: str) -> str:
    """Keep the connection, and say so in the second window."""
    provider, login = _sign_in().finish(_session(), system, request.args, _callback(system))
    return _page("connected", provider=provider, login=login)


@blueprint.post("/connections/<system>/disconnect")
def disconnect(system: str) -> BaseResponse:
    """Remove a connection of the person's; `origin` names one of several."""
    _, user = _session_of_form()
    _sign_in().disconnect(user, system, request.form.get("origin"))
    return redirect(_page_of_form(), 303)


@blueprint.post("/connections/sign-out")
def sign_out() -> BaseResponse:
    """End the session of this browser, and of who has its cookie; connections stay."""
    session, _ = _session_of_form()
    _sign_in().sessions.end(session)
    response = redirect(_page_of_form(), 303)
    response.delete_cookie(_cookie_name(), **_cookie_attributes())
    return response


@blueprint.get("/auth/assets/<name>")
def asset(name: str) -> Response:
    """Answer with a file of the page."""
    if name not in ASSETS:
        abort(404)
    content = (files(__package__) / "static" / name).read_bytes()
    return file_answer(content, ASSETS[name])


def _accounts(page: str) -> str:
    session = _session()
    accounts = _sign_in().accounts(session.user) if session and session.user else None
    return _page(
        page, accounts=accounts, session=session, origins=service().settings.allowed_origins
    )


def _page(name: str, **context: Any) -> str:
    host = _sign_in().host_name
    return render_template(
        f"sign_in/{_TEMPLATES[name]}.html", page=name, base=_address(), host=host, **context
    )


_TEMPLATES: Final = {
    "auth": "accounts",
    "connections": "accounts",
    "connected": "connected",
    "problem": "problem",
}


def _sign_in() -> SignIn:
    people = service().people
    assert people is not None  # these routes are registered only where there are some
    return people.sign_in


def _address() -> str:
    """Return this service's address; only the local mode takes it from the request."""
    settings = service().settings
    return settings.public_url or (request.host_url.rstrip("/") if settings.local else "")


def _callback(system: str) -> str:
    return f"{_address()}/auth/{system}/callback"


def _session_of_form() -> tuple[Session, str]:
    """Return the session that a form is of, and its person; raises Forbidden."""
    session = _session()
    given = request.form.get("csrf_token", "").encode()
    if session is None or session.user is None:
        raise Forbidden("the form is of no session of a person")
    if not hmac.compare_digest(given, session.csrf.encode()):
        raise Forbidden("the form is not of this session")
    return session, session.user


def _page_of_form() -> str:
    page = request.form.get("page", "")
    return f"{_address()}/{page if page in PAGES else 'connections'}"


def _cookie_name() -> str:
    # The prefix keeps other hosts of the domain from planting the cookie; it needs https.
    return "__Host-placard" if _address().startswith("https:") else "placard"


def _session() -> Session | None:
    return _sign_in().sessions.read(request.cookies.get(_cookie_name()))


def _remember(response: BaseResponse, session: Session) -> BaseResponse:
    response.set_cookie(
        _cookie_name(),
        _sign_in().sessions.write(session),
        max_age=LIFETIME,
        **_cookie_attributes(),
    )
    return response


def _cookie_attributes() -> dict[str, Any]:
    return {"secure": _address().startswith("https:"), "httponly": True, "samesite": "Lax"}
