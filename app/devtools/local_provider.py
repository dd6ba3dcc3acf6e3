"""A provider of OAuth for the local mode: the host and GitHub in one, with two made-up people.

Where no client is set, people sign in with it, and no network is needed for that.

It is as strict as the strictest of those that it stands for: PKCE by S256 is a must, a code and a
refresh token work once, a redirect leads only to where the code was asked for.
"""

import hashlib
import hmac
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue

CODE_LIFETIME: Final = 60.0  # seconds
ACCESS_LIFETIME: Final = 8 * 3600
# The address that people are sent to, and the one for tokens.
HOST: Final = ("/-/oauth_authorize", "/-/oauth_token")
GITHUB: Final = ("/login/oauth/authorize", "/login/oauth/access_token")
# A name that is never looked up: requests for it are answered in this process.
OWN_HOST: Final = "provider.placard.invalid"
MADE_UP: Final = "made-up"
EXTENSION: Final = "placard.local_provider"


@dataclass(frozen=True, slots=True)
class LocalPerson:
    """A person: the host's id, and the name at GitHub."""

    id: str
    login: str

    @property
    def context(self) -> dict[str, str]:
        """What the host sends of this person beside an address."""
        return {"workspace": "1", "user": self.id}


PEOPLE: Final = (
    LocalPerson("1200000000000001", "monalisa"),
    LocalPerson("1200000000000002", "hubot"),
)


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """What a code stands for, until `expires_at`, in seconds of the clock."""

    person: LocalPerson
    client_id: str
    redirect_uri: str
    challenge: str
    expires_at: float


@dataclass
class LocalProvider:
    """What it has given: codes, access and refresh tokens. `calls` counts the token requests.

    A test makes it misbehave: `before_token` runs before each of them and may answer it, and
    `access_lifetime` is in seconds.
    """

    people: tuple[LocalPerson, ...] = PEOPLE
    access_lifetime: int | None = ACCESS_LIFETIME
    before_token: Callable[[Mapping[str, str]], ResponseReturnValue | None] = lambda _: None
    clock: Callable[[], float] = time.time
    calls: list[str] = field(default_factory=list)
    codes: dict[str, AuthorizationCode] = field(default_factory=dict)
    access: dict[str, LocalPerson] = field(default_factory=dict)
    refresh: dict[str, LocalPerson] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def allow(self, login: str, query: Mapping[str, str]) -> str:
        """Return where a person who allows it goes: back, with a code."""
        person = next(each for each in self.people if each.login == login)
        code = _made_up("ghc")
        self.codes[code] = AuthorizationCode(
            person,
            query["client_id"],
            query["redirect_uri"],
            query.get("code_challenge", ""),
            self.clock() + CODE_LIFETIME,
        )
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: Mapping[str, str], *, of_host: bool = False) -> dict[str, Any]:
        """Answer a token request, as RFC 6749 has it; what the host gives opens nothing."""
        with self.lock:
            self.calls.append(form.get("grant_type", ""))
            if form.get("grant_type") == "refresh_token":
                person = self.refresh.pop(form.get("refresh_token", ""), None)
            else:
                person = self._redeemed(form)
            if person is None:
                return {"error": "invalid_grant"}
            made = {"access_token": _made_up("ghh")} if of_host else self.issue(person)
            return made | {"data": {"gid": person.id}}

    def issue(self, person: LocalPerson) -> dict[str, Any]:
        access, refresh = _made_up("gho"), _made_up("ghr")
        self.access[access] = self.refresh[refresh] = person
        made: dict[str, Any] = {
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "bearer",
        }
        return made if self.access_lifetime is None else made | {"expires_in": self.access_lifetime}

    def forget(self, person: LocalPerson) -> None:
        """Let no token of a person be good any more."""
        for kept in (self.access, self.refresh):
            for token in [each for each, whose in kept.items() if whose == person]:
                kept.pop(token, None)

    def _redeemed(self, form: Mapping[str, str]) -> LocalPerson | None:
        grant = self.codes.pop(form.get("code", ""), None)
        if grant is None or self.clock() > grant.expires_at:
            return None
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
        is_same = (
            form.get("redirect_uri") == grant.redirect_uri
            and form.get("client_id") == grant.client_id
            and hmac.compare_digest(challenge, grant.challenge)
        )
        return grant.person if is_same else None

    def bearer(self) -> LocalPerson | None:
        """Return whose access token a request carries."""
        return self.access.get(request.headers.get("Authorization", "").removeprefix("Bearer "))


def _made_up(kind: str) -> str:
    """Make a code or a token that is known for one wherever it may stand."""
    return f"{kind}_{secrets.token_hex(16)}"


class ProviderPages:
    """The provider's pages and addresses, those of the host and those of GitHub."""

    def __init__(self, provider: LocalProvider) -> None:
        self._provider = provider

    def blueprint(self) -> Blueprint:
        pages = Blueprint("local_provider", __name__, template_folder="templates")
        for name, authorize, token in (("host", *HOST), ("github", *GITHUB)):
            pages.add_url_rule(authorize, f"authorize_{name}", self.authorize)
            pages.add_url_rule(token, f"token_{name}", self.token, methods=["POST"])
        pages.add_url_rule("/user", "account", self.account)
        revoke = "/applications/<client_id>/<any(token, grant):part>"
        pages.add_url_rule(revoke, "revoke", self.revoke, methods=["DELETE"])
        return pages

    def authorize(self) -> ResponseReturnValue:
        """Ask the person, and lead back with the answer."""
        query = request.args
        if not {"client_id", "redirect_uri", "state"} <= query.keys():
            abort(400)
        if login := query.get("as"):
            return redirect(self._provider.allow(login, query))
        if "deny" in query:
            denied = urlencode({"error": "access_denied", "state": query["state"]})
            return redirect(f"{query['redirect_uri']}?{denied}")
        page = render_template("local_provider.html", people=self._provider.people, query=query)
        answer = Response(page, mimetype="text/html")
        if request.path == GITHUB[0]:
            # As some providers do: it cuts the window off from the one that opened it.
            answer.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        return answer

    def token(self) -> ResponseReturnValue:
        """Give tokens."""
        early = self._provider.before_token(request.form)
        if early is not None:
            return early
        of_host = request.path == HOST[1]
        return jsonify(self._provider.token(request.form, of_host=of_host))

    def account(self) -> ResponseReturnValue:
        """Tell whose token it is."""
        person = self._provider.bearer()
        if person is None:
            return {"message": "Bad credentials"}, 401
        return {"login": person.login}

    def revoke(self, client_id: str, part: str) -> ResponseReturnValue:
        """Forget an access token, or all tokens of its person.

        This provider knows the client by its secret alone.
        """
        del client_id
        person = self._provider.access.pop(request.get_json()["access_token"], None)
        if person is None:
            return "", 404
        if part == "grant":
            self._provider.forget(person)
        return "", 204
