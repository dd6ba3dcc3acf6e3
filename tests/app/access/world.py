"""A world of two people: the host, GitHub, and the service between them, all on the loopback."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from cryptography.fernet import Fernet
from flask import Flask, jsonify, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.access.wiring import PeopleParts
from app.devtools.local_provider import PEOPLE, LocalPerson, LocalProvider, ProviderPages
from app.web import EXTENSION, Service
from tests.browser.service import serving
from tests.conftest import settings_with
from tests.host import EXPIRES_AT, Host, query_of

PUBLIC: Final = "https://placard.example"
KEY: Final = Fernet.generate_key().decode()
ALICE, BOB = PEOPLE
PAGE: Final = "https://github.com/acme/storefront/issues/1"


@dataclass
class Upstream:
    """GitHub's API: who may read which repository; `asked` has the login of each request.

    `before` runs before each of them and may answer it. `etag` is that of all that it has.
    """

    provider: LocalProvider
    readers: dict[str, set[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    before: Callable[[], Any] = lambda: None
    etag: str = ""

    def answer(self, owner: str, repo: str, number: str) -> Any:
        if (early := self.before()) is not None:
            return early
        person = self.provider.bearer()
        self.asked.append(person.login if person else "nobody")
        if person is None:
            return {"message": "Bad credentials"}, 401
        if person.login not in self.readers.get(f"{owner}/{repo}", ()):
            return {"message": "Not Found"}, 404
        if self.etag and request.headers.get("If-None-Match") == self.etag:
            return "", 304
        card = jsonify(
            title=f"{repo} {number} as {person.login}",
            state="open",
            created_at="2026-01-02T03:04:05Z",
        )
        if self.etag:
            card.headers["ETag"] = self.etag
        return card

    def search(self) -> Any:
        """Answer with the first issue of each repository that a person may read."""
        if (early := self.before()) is not None:
            return early
        person = self.provider.bearer()
        self.asked.append(person.login if person else "nobody")
        if person is None:
            return {"message": "Bad credentials"}, 401
        found = [
            {
                "title": f"{path.partition('/')[2]} 1 as {person.login}",
                "html_url": f"https://github.com/{path}/issues/1",
                "number": 1,
            }
            for path, readers in self.readers.items()
            if person.login in readers
        ]
        return jsonify(items=found, total_count=len(found))


def outside(upstream: Upstream) -> Flask:
    """Make the host and GitHub in one application."""
    app = Flask(__name__)
    app.register_blueprint(ProviderPages(upstream.provider).blueprint())
    path = "/repos/<owner>/<repo>/issues/<number>"
    app.add_url_rule(path, view_func=upstream.answer, endpoint="issue")
    app.add_url_rule("/search/issues", view_func=upstream.search)
    return app


@dataclass
class Browser:
    """A person's browser: it follows a sign-in to the provider and back."""

    client: FlaskClient
    provider: LocalProvider

    def get(self, address: str) -> TestResponse:
        parts = urlsplit(address)
        return self.client.get(parts.path, query_string=parts.query, base_url=PUBLIC)

    def post(self, path: str, **form: str) -> TestResponse:
        return self.client.post(path, data=form, base_url=PUBLIC)

    def asked_for(self, path: str) -> dict[str, str]:
        """Begin a sign-in, and return what the provider is asked for."""
        begun = self.get(path)
        assert begun.status_code == 302, begun.text
        return dict(parse_qsl(urlsplit(str(begun.location)).query))

    def allow(self, path: str, person: LocalPerson) -> TestResponse:
        return self.get(self.provider.allow(person.login, self.asked_for(path)))

    def sign_in(self, person: LocalPerson) -> None:
        answer = self.allow("/auth/host", person)
        assert answer.location == f"{PUBLIC}/auth"

    def connect(self, person: LocalPerson, as_person: LocalPerson | None = None) -> None:
        """Sign in as a person, and connect the account of that person, or of another."""
        self.sign_in(person)
        answer = self.allow("/auth/github", as_person or person)
        assert answer.status_code == 200, answer.text

    def csrf(self) -> str:
        page = self.get("/connections").text
        return page.partition('name="csrf_token" value="')[2].partition('"')[0]


@dataclass
class World:
    app: Flask
    provider: LocalProvider
    upstream: Upstream
    people: PeopleParts

    def browser(self) -> Browser:
        return Browser(self.app.test_client(), self.provider)

    def ask(self, person: LocalPerson | None, page: str = PAGE, **more: str) -> TestResponse:
        """Ask for a widget as the host does for a person, in task 7 of workspace 1."""
        who = {"user": person.id} if person else {}
        given = {"workspace": "1", "task": "7", **who, **more}
        query = query_of(resource_url=page, **given, expires_at=EXPIRES_AT)
        return Host(self.app.test_client()).ask_signed(query)

    def title(self, person: LocalPerson, page: str = PAGE, **more: str) -> str:
        answer = self.ask(person, page, **more).get_json()
        return str(answer["metadata"]["title"] if "metadata" in answer else answer["data"]["error"])


def settings_of(base: str, **changes: str) -> dict[str, str]:
    origins = ("https://github.com", "https://api.github.com", "https://app.asana.com")
    return {
        "access_github": "viewer",
        "verify": "signature",
        "public_url": PUBLIC,
        "connection_keys": KEY,
        "host_client_id": "host-client",
        "host_client_secret": "host-secret",
        "github_client_id": "github-client",
        "github_client_secret": "github-secret",
        "upstreams": ", ".join(f"{origin}={base}" for origin in origins),
        "library": "off",
        **changes,
    }


@contextmanager
def world(database_url: str, **changes: str) -> Iterator[World]:
    provider = LocalProvider()
    upstream = Upstream(provider, {"acme/storefront": {ALICE.login}})
    with serving(outside(upstream)) as base:
        settings = settings_with(**settings_of(base, database_url=database_url, **changes))
        app = create_app(settings)
        service: Service = app.extensions[EXTENSION]
        assert service.people is not None
        try:
            yield World(app, provider, upstream, service.people)
        finally:
            service.people.store.close()
