"""A walk through all that tokens go through, after which none is found anywhere, by value."""

import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.fernet import Fernet
from flask import redirect, request
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Span, Tracer
from sqlalchemy import inspect, text
from werkzeug.wrappers import Response

from app.devtools.local_provider import LocalPerson
from app.telemetry import spans
from app.telemetry.trace import Step
from app.upstream.oauth import Tokens
from app.web import EXTENSION, Service
from tests.app.access.conftest import on_redis
from tests.app.access.test_commands import command
from tests.app.access.test_lookup import attach, suggested
from tests.app.access.world import ALICE, BOB, KEY, PAGE, Browser, World, world
from tests.host import JWT_SECRET, SIGNATURE_SECRET
from tests.leaks import leaks, marked
from tests.redis_server import RedisServer

NEW_KEY: Final = Fernet.generate_key().decode()
OURS: Final = {
    "the client's secret at GitHub": "github-secret",
    "the client's secret at the host": "host-secret",
    "the key of connections": KEY,
    "the new key": NEW_KEY,
    "the host's secret": SIGNATURE_SECRET,
    "the cache's secret": JWT_SECRET,
}


SECRET: Final = {"refresh_token", "code", "code_verifier", "token", "access_token"}
PLACES: Final = {
    "answers", "cache", "commands", "database", "headers", "log", "log of others", "metrics",
    "repr", "spans", "trace",
}  # fmt: skip


@dataclass
class Watched:
    """A world, and all that is written down in it; `sent` is what there would be to find.

    What is `handed_out` is for the browser, and stands in no other place.
    """

    made: World
    kept: Callable[["Watched"], bytes]
    places: dict[str, bytes] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    handed_out: dict[str, str] = field(default_factory=dict)
    sent: list[Mapping[str, str]] = field(default_factory=list)
    pages: Iterator[int] = field(default_factory=lambda: iter(range(100, 200)))

    def new_page(self) -> str:
        """Name an issue that nobody has asked for."""
        return PAGE.replace("/1", f"/{next(self.pages)}")

    def note(self, name: str, written: object) -> None:
        place = written if isinstance(written, bytes) else str(written).encode()
        self.places[name] = self.places.get(name, b"") + place

    def keep_secrets(self, form: Mapping[str, str]) -> None:
        """Note what a token request was sent, and what has been given until then."""
        self.sent.append(form)
        for name in ("code", "code_verifier", "refresh_token"):
            if name in form:
                self.secrets[f"{name} {len(self.sent)}"] = form[name]
        self.keep_tokens()

    def keep_tokens(self) -> None:
        provider = self.made.provider
        for kind in (provider.codes, provider.access, provider.refresh):
            self.secrets |= {f"given: {token}": token for token in kind}

    def dump(self) -> None:
        """Note what is kept now: a later step may delete it."""
        self.keep_tokens()
        self.note("database", dump_of(self.made))
        self.note("cache", self.kept(self))
        service: Service = self.made.app.extensions[EXTENSION]
        self.note("metrics", service.metrics.exposition())
        self.note("repr", (service.settings, service.people, self.made.people.connections.listed()))


def dump_of(made: World) -> bytes:
    """Return all rows of all tables; of SQLite its files too."""
    engine = made.people.store._engine
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        rows = [list(connection.execute(text(f'SELECT * FROM "{name}"'))) for name in tables]
    assert {"connections", "attachments", "sign_ins"} <= set(tables)
    files = b""
    if engine.url.database and engine.dialect.name == "sqlite":
        file = Path(engine.url.database)
        files = b"".join(each.read_bytes() for each in file.parent.glob(f"{file.name}*"))
        files += "\n".join(sqlite3.connect(file).iterdump()).encode()
    return str(rows).encode() + files


def in_memory(seen: Watched) -> bytes:
    backend = seen.made.app.extensions[EXTENSION].lookup._kept._backend
    return str([(key, item.entry) for key, item in backend._items.items()]).encode()


def in_redis(server: RedisServer, _: Watched) -> bytes:
    with server.client() as client:
        return str([(key, client.get(key)) for key in client.scan_iter()]).encode()


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(spans, "make_provider", lambda: provider)
    return exporter


@contextmanager
def watched(
    database_url: str, kept: Callable[[Watched], bytes], **changes: str
) -> Iterator[Watched]:
    """Note each answer of the service, each of its steps, and each token request."""
    own = {
        "access_github": "attached",
        "log_level": "debug",
        "traces": "on",
        "breaker_failures": "1000",
    }
    with world(database_url, **own, **changes) as made:
        found = Watched(made, kept)
        inner = made.app.wsgi_app

        def answered(environ: Any, start_response: Any) -> Any:
            response = Response.from_app(inner, environ)
            # What a browser is to hand on is no leak: the state, and its own sealed cookie.
            found.note("answers", response.get_data())
            found.note("headers", response.headers)
            return response(environ, start_response)

        made.app.wsgi_app = answered  # type: ignore[method-assign]
        made.provider.before_token = found.keep_secrets
        tell = spans.tell

        def told(tracer: Tracer, root: Span, steps: list[Step], began: int) -> None:
            found.note("trace", steps)
            tell(tracer, root, steps, began)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(spans, "tell", told)
            yield found


def sign_in_and_connect(seen: Watched) -> None:
    for person in (ALICE, BOB):
        browser = seen.made.browser()
        for path in ("/auth/host", "/auth/github"):
            asked = browser.asked_for(path)
            seen.handed_out[f"state {path} {person.login}"] = asked["state"]
            seen.dump()
            browser.get(seen.made.provider.allow(person.login, asked))
        cookie = browser.client.get_cookie("__Host-placard", domain="placard.example")
        assert cookie is not None
        seen.handed_out |= {f"cookie {person.login}": cookie.value}
        seen.handed_out |= {f"form {person.login}": browser.csrf()}
    assert len(seen.made.people.connections.listed()) == 2


def use(seen: Watched) -> None:
    made = seen.made
    assert attach(made, ALICE).status_code == 200
    assert made.title(BOB) == "storefront 1 as monalisa"
    for typed in ("", "st", "issue of acme", "acme/storefront#1", PAGE):
        assert suggested(made, ALICE, typed)["items"]
    seen.dump()


def refresh(seen: Watched) -> None:
    made = seen.made
    made.provider.access.clear()
    assert made.ask(ALICE, seen.new_page()).status_code == 200
    seen.dump()


def _echo(given: Mapping[str, str], status: int) -> Any:
    """Repeat what was given wherever an answer has room for it, the secrets first."""
    said = " ".join([*(given[name] for name in SECRET & given.keys()), *given.values()])
    headers = {"X-Echo": said, "WWW-Authenticate": f'Bearer error="{said}"', "Retry-After": "0"}
    told = {"error": said, "error_description": said, "message": said, said: [said], "title": 7}
    return told, status, headers


def fail_at_the_provider(seen: Watched) -> None:
    """Let the provider fail in each way, and repeat the refresh token, the secret, the code."""
    made = seen.made
    for status in (400, 401, 500, 200):

        def failing(form: Mapping[str, str], status: int = status) -> Any:
            seen.keep_secrets(form)
            return _echo(form, status)

        made.provider.before_token = failing
        made.provider.access.clear()
        assert made.ask(ALICE, seen.new_page()).status_code in (401, 500)
        suggested(made, ALICE, f"issue {status} of acme")
        browser = made.browser()
        assert "Nothing was changed" in browser.allow("/auth/host", ALICE).text
        told = browser.get(f"/auth/host/callback?error={'&state='.join(seen.secrets.values())}")
        assert told.status_code == 422
    made.provider.before_token = seen.keep_secrets
    seen.dump()


def fail_at_the_system(seen: Watched) -> None:
    """Let the API fail in each way, and repeat the access token."""
    made = seen.made
    refresh(seen)
    # A refusal of the token ends the connection, and a limit holds back those that come after.
    for status in (200, 302, 403, 404, 422, 500, 502, 401, 429):
        if status == 429:
            made.upstream.before = lambda: None
            connected(seen, ALICE)

        def failing(status: int = status) -> Any:
            given = {"token": request.headers.get("Authorization", "").removeprefix("Bearer ")}
            if status == 302:
                return redirect(f"{request.path}/{given['token']}?again={given['token']}")
            return _echo(given, status)

        made.upstream.before = failing
        assert made.ask(ALICE, seen.new_page()).status_code >= 400
        assert suggested(made, ALICE, f"a {status} of acme")["items"] == []
        assert attach(made, ALICE, seen.new_page()).status_code >= 400
        seen.keep_tokens()
    made.upstream.before = lambda: None
    seen.dump()


def connected(seen: Watched, person: LocalPerson) -> Browser:
    browser = seen.made.browser()
    browser.connect(person)
    seen.dump()
    return browser


def end(seen: Watched) -> None:
    """Connect anew, lose the grant, connect, and disconnect where the provider fails."""
    made = seen.made
    connected(seen, ALICE)
    made.provider.access.clear()
    made.provider.refresh.clear()
    assert made.ask(ALICE, seen.new_page()).status_code == 401
    browser = connected(seen, ALICE)
    form = {"csrf_token": browser.csrf()}
    made.provider.access.clear()
    made.provider.before_token = lambda given: _echo(given, 500)
    assert browser.post("/connections/github/disconnect", **form).status_code == 303
    made.provider.before_token = seen.keep_secrets
    assert browser.post("/connections/sign-out", **form).status_code == 303
    seen.dump()


def operate(seen: Watched, run: Callable[..., Any]) -> None:
    """Do what operators do."""
    connected(seen, ALICE)
    keys = {"connection_keys": f"{NEW_KEY}, {KEY}"}
    told = [run("list"), run("rekey", **keys), run("rekey", connection_keys=NEW_KEY)]
    seen.dump()
    first = told[0].output.split("  ")[0]
    told += [run("revoke", first, **keys), run("forget", "--user", BOB.id, **keys)]
    assert [each.exit_code for each in told] == [0] * 5
    assert not seen.made.people.connections.listed()
    seen.note("commands", "".join(each.output for each in told))


@pytest.mark.parametrize(
    "database_kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.server)]
)
def test_no_token_is_written_down_anywhere(
    request: pytest.FixtureRequest,
    database_url: str,
    database_kind: str,
    monkeypatch: pytest.MonkeyPatch,
    exported: InMemorySpanExporter,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With SQLite it is the cache in memory, with PostgreSQL it is Redis."""
    caplog.set_level(logging.DEBUG)
    changes: dict[str, str] = {}
    kept: Callable[[Watched], bytes] = in_memory
    if database_kind == "postgresql":
        server: RedisServer = request.getfixturevalue("redis_server")
        changes, kept = on_redis(server), partial(in_redis, server)
    with watched(database_url, kept, **changes) as seen:
        sign_in_and_connect(seen)
        use(seen)
        refresh(seen)
        fail_at_the_provider(seen)
        fail_at_the_system(seen)
        end(seen)
        operate(seen, command(seen.made, monkeypatch, database_url=database_url, **changes))
    seen.note("log", capsys.readouterr().err)
    seen.note("log of others", caplog.text)
    seen.note("spans", "".join(span.to_json() for span in exported.get_finished_spans()))
    # There is something to find, of each kind, and it is looked for where it could be.
    assert len(leaks(OURS | seen.secrets, {"sent": str(seen.sent).encode()})) > 20
    assert {name for name, place in seen.places.items() if len(place) > 300} == PLACES
    assert leaks(OURS | seen.secrets, seen.places) == []
    assert [place for place, written in seen.places.items() if marked(written)] == []
    inside = {name: seen.places[name] for name in PLACES - {"answers", "headers"}}
    assert leaks(seen.handed_out, inside) == []


def test_tokens_have_no_repr() -> None:
    assert "made-up" not in repr(Tokens("made-up", "made-up", None, "", {"access": "made-up"}))
