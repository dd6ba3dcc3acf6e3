"""`placard token`, `placard library`, and the token that the local mode makes for itself."""

import json
import shlex
import stat
from base64 import b64encode
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import jwt
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete, select

from app import create_app, library
from app.cli import main
from app.cli.library_tokens import LOCAL_TOKEN, local_token
from app.cli.serve import greeting
from app.connectors import connector_settings
from app.database.migrations import EARLIEST, head
from app.database.store import Store
from app.library.core.models import CustomWidgetRow, DashboardWidgetRow, SavedWidgetRow
from app.library.core.tokens import TokenStore
from app.library.http.context import EXTENSION
from app.library.wiring import DIALECTS, SCOPES
from app.settings import Settings, load_settings, settings_from_environment
from app.settings.local import environment_of
from app.settings.report import setting_names
from tests.databases import Server
from tests.host import JWT_SECRET, TOKEN_SECRET

OWN_SECRET = "the library's own secret of 32 bytes"
SOUND = {"PLACARD_TOKEN_SECRETS": TOKEN_SECRET}
SCOPE = ("--scope", "custom_widget:read")
CREATE = ("token", "create", "--sub", "alice@example.com", "--name", "Alice", *SCOPE)

PAGE = Path(library.__file__).with_name("README.md")

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `placard …` in an empty folder, with no settings but those that are given."""
    monkeypatch.chdir(tmp_path)
    for name in setting_names(connector_settings()):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, **settings: str) -> Result:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(main, list(arguments))

    return run


def test_a_token_is_made_listed_and_revoked(run: Run, database_url: str) -> None:
    settings = {**SOUND, "PLACARD_DATABASE_URL": database_url}
    made = run(
        *CREATE,
        "--scope",
        "custom_widget:read, custom_widget:write",
        "--scope",
        "generate_log_reports",
        "--domain",
        "d-1",
        "--expires",
        "12h",
        **settings,
    )
    text = made.stdout.strip()
    claims = jwt.decode(text, TOKEN_SECRET, algorithms=["HS256"], audience="placard-library")
    assert claims["exp"] - claims["iat"] in (12 * 3600, 12 * 3600 - 1, 12 * 3600 + 1)
    listed = run("token", "list").stdout.split()
    assert listed[:2] == [claims["jti"], "valid"]
    assert listed[3:] == [
        "alice@example.com",
        "custom_widget:read,custom_widget:write,generate_log_reports",
        "d-1",
        "-",
        "-",
    ]
    assert text not in run("token", "list").output
    assert run("token", "revoke", claims["jti"]).exit_code == 0
    assert run("token", "list").stdout.split()[1] == "revoked"
    again = run("token", "revoke", claims["jti"])
    assert (again.exit_code, again.stdout) == (1, "")


@pytest.mark.parametrize("scopes", [(), ("--scope", " , ")])
def test_a_token_without_a_scope_is_refused_and_the_scopes_are_listed(
    run: Run, sqlite_url: str, scopes: tuple[str, ...]
) -> None:
    command = ("token", "create", "--sub", "alice@example.com", *scopes)
    ended = run(*command, **SOUND, PLACARD_DATABASE_URL=sqlite_url)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert [scope for scope in SCOPES if scope not in ended.stderr] == []


def test_a_token_is_confined_to_places_and_experience_types(run: Run, database_url: str) -> None:
    settings = {**SOUND, "PLACARD_DATABASE_URL": database_url}
    little = run(*CREATE, **settings)
    assert "  Datadog: nothing, by no scope" in little.stderr.splitlines()
    create = (*CREATE, "--scope", ",".join(SCOPES))
    everything = run(*create, **settings)
    assert everything.stderr.splitlines() == [
        "Within its scopes it reaches",
        "  Azure DevOps: every collection, project and team",
        "  Datadog: every experience type",
        "  SpaceONE: no domain (--domain opens one)",
    ]
    made = run(
        *create,
        *("--place", "tfs/c", "--place", "c/Fabrikam/Fabrikam Team"),
        *("--experience", "ccm_reports", "--experience", "logs_reports", "--domain", "d-1"),
        **settings,
    )
    assert made.stderr.splitlines()[1:] == [
        "  Azure DevOps: tfs/c, c/Fabrikam/Fabrikam Team",
        "  Datadog: ccm_reports, logs_reports",
        "  SpaceONE: d-1",
    ]
    newest = run("token", "list").stdout.splitlines()
    listed = [line.split("  ")[-2:] for line in newest]
    assert ["tfs/c,c/Fabrikam/Fabrikam Team", "ccm_reports,logs_reports"] in listed
    store = Store(database_url)
    caller = TokenStore(store, [TOKEN_SECRET], SCOPES).caller(made.stdout.strip())
    store.close()
    assert caller.places == ("tfs/c", "c/Fabrikam/Fabrikam Team")
    assert caller.experiences == ("ccm_reports", "logs_reports")


def test_a_further_token_without_a_name_leaves_the_user_s_as_it_is(
    run: Run, database_url: str
) -> None:
    settings = {**SOUND, "PLACARD_DATABASE_URL": database_url}
    texts = [
        run("token", "create", "--sub", sub, *named, *SCOPE, **settings).stdout.strip()
        for sub, *named in (
            ("alice@example.com", "--name", "Alice"),
            ("alice@example.com",),
            ("bob@example.com",),
        )
    ]
    store = Store(database_url)
    people = [TokenStore(store, [TOKEN_SECRET], SCOPES).caller(text).person for text in texts]
    store.close()
    assert [person.name for person in people] == ["Alice", "Alice", "bob@example.com"]
    assert people[0] == people[1]


def test_the_first_secret_signs(run: Run, sqlite_url: str) -> None:
    both = {"PLACARD_TOKEN_SECRETS": f"{OWN_SECRET},{TOKEN_SECRET}"}
    text = run(*CREATE, **both, PLACARD_DATABASE_URL=sqlite_url).stdout.strip()
    assert jwt.decode(text, OWN_SECRET, algorithms=["HS256"], audience="placard-library")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--scope", "everything"), "--scope: 'everything' is not one of"),
        (("--expires", "soon"), "'soon' is not a span of time such as 90d"),
        (("--expires", "0d"), "--expires: must be more than 0"),
        (("--expires", "9999d"), "--expires: must be more than 0"),
        (("--place", "a/b/c/d/e"), "'a/b/c/d/e' is not a place: collection, collection/project"),
        (("--place", "c//t"), "is not a place"),
        (("--place", "c/\n"), "the name '\\n' must be 1 to 255 characters"),
        (("--experience", "all"), "'all' is not one of 'ccm_reports'"),
        (("--sub", " "), "--sub: must be 1 to 255 printable characters"),
    ],
)
def test_a_token_that_cannot_be_is_refused(
    run: Run, sqlite_url: str, arguments: tuple[str, ...], told: str
) -> None:
    ended = run(*CREATE, *arguments, **SOUND, PLACARD_DATABASE_URL=sqlite_url)
    assert ended.exit_code == 2
    assert told in ended.stderr


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (SOUND, "PLACARD_LIBRARY: the library is off"),
        ({"PLACARD_DATABASE_URL": "sqlite:///x.db"}, "PLACARD_TOKEN_SECRETS: is missing"),
        (
            {**SOUND, "PLACARD_DATABASE_URL": "postgresql+psycopg://u:hunter2@127.0.0.1:1/x"},
            "PLACARD_DATABASE_URL: 127.0.0.1:1: Connection refused: The library's",
        ),
    ],
)
def test_what_is_missing_is_named(run: Run, settings: dict[str, str], told: str) -> None:
    ended = run("token", "list", **settings)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.startswith(told)
    assert "hunter2" not in ended.output


def test_migrate_brings_postgresql_up_to_date(run: Run, postgresql_server: Server) -> None:
    with postgresql_server.database("template0") as url:
        settings = {**SOUND, "PLACARD_DATABASE_URL": url}
        behind = run("token", "list", **settings)
        assert (behind.exit_code, "placard library migrate" in behind.stderr) == (2, True)
        moved = run("library", "migrate")
        assert moved.stdout == f"the tables are at {head()}; they were new\n"
        assert run("token", "list").exit_code == 0


def test_the_tables_go_back_to_what_the_release_before_needs(run: Run, database_url: str) -> None:
    settings = {**SOUND, "PLACARD_DATABASE_URL": database_url}
    made = run(*CREATE, **settings)
    assert made.exit_code == 0
    back = run("library", "migrate", "--back-to", EARLIEST)
    assert back.stdout == f"the tables are at {EARLIEST}; they were at {head()}\n"
    assert run("library", "migrate", "--back-to", "0001").exit_code == 2
    again = run("library", "migrate")
    assert again.stdout == f"the tables are at {head()}; they were at {EARLIEST}\n"
    assert "alice@example.com" in run("token", "list").stdout


def local_settings(folder: Path) -> Settings:
    given = {"PLACARD_MODE": "local", "PLACARD_JWT_SECRETS": JWT_SECRET, **SOUND}
    return load_settings(environment_of(given, folder / ".env"), connector_settings())


def test_the_local_mode_makes_a_token_once_and_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("GITHUB_TOKEN=ghp_made_up\n")
    (tmp_path / ".env").chmod(0o600)
    first = local_token(local_settings(tmp_path))
    again = local_token(local_settings(tmp_path))
    assert first == again == local_settings(tmp_path).local_token
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert "GITHUB_TOKEN=ghp_made_up\n" in (tmp_path / ".env").read_text()
    assert first in greeting(local_settings(tmp_path), "http://127.0.0.1:8080", first)
    store = Store("sqlite:///placard.db")
    caller = TokenStore(store, [TOKEN_SECRET], SCOPES).caller(first)
    assert caller.subject == "local@localhost"
    assert caller.domains == {"domain-local"}
    store.close()


def test_a_local_token_that_no_longer_holds_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = local_token(local_settings(tmp_path))
    (tmp_path / "placard.db").unlink()
    second = local_token(local_settings(tmp_path))
    written = (tmp_path / ".env").read_text()
    assert first != second
    assert written.count(LOCAL_TOKEN) == 1
    assert second in written


def titles_in(url: str) -> list[str]:
    with closing(Store(url)) as store, store.reading() as session:
        tables = (SavedWidgetRow.title, CustomWidgetRow.title, DashboardWidgetRow.name)
        return [title for column in tables for title in session.scalars(select(column))]


def test_the_first_start_saves_a_sample_of_each_dialect_and_no_other_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    local_token(local_settings(tmp_path))
    saved = ["What the clusters cost", "Trend of costs", "Sprint burndown"]
    assert titles_in("sqlite:///placard.db") == saved
    (tmp_path / ".env").unlink()
    local_token(local_settings(tmp_path))
    assert titles_in("sqlite:///placard.db") == saved
    store = Store("sqlite:///placard.db")
    with store.writing() as session:
        session.execute(delete(CustomWidgetRow))
    store.close()
    local_token(local_settings(tmp_path))
    assert titles_in("sqlite:///placard.db") == [saved[0], saved[2]]


def test_what_the_page_saves_is_saved(run: Run) -> None:
    made = run("--local", "token", "list")
    assert f"{Path.cwd() / '.env'}: holds new secrets" in made.stderr
    assert "new secrets" not in run("--local", "token", "list").stderr
    settings = settings_from_environment(connector_settings())
    token = local_token(settings)
    client = create_app(replace(settings, local_token=token)).test_client()
    section = PAGE.read_text("utf-8").partition("## Save one")[2].partition("The addresses")[0]
    written = section.replace("\\\n", " ").replace("$HERE", "").replace("$TOKEN", token)
    lines = written.split("curl -sS ")[1:]
    for address, *words in map(shlex.split, lines):
        options = list(zip(words[::2], words[1::2], strict=True))
        headers = dict(value.split(": ", 1) for name, value in options if name == "-H")
        given = dict(options)
        if "-u" in given:
            headers["Authorization"] = f"Basic {b64encode(given['-u'].encode()).decode()}"
        assert client.post(address, headers=headers, data=given["-d"]).status_code in (200, 201)
    assert len(titles_in("sqlite:///placard.db")) == len(DIALECTS) + 3


@pytest.mark.parametrize("base", ["http://127.0.0.1:8080", "http://localhost:9000"])
def test_the_local_mode_draws_its_samples_and_the_preview_shows_them(run: Run, base: str) -> None:
    assert run("--local", "token", "list").exit_code == 0  # the secrets are made
    settings = settings_from_environment(connector_settings())
    token = local_token(settings)
    titles = titles_in("sqlite:///placard.db")
    app = create_app(replace(settings, local_token=token, public_url=base))
    for dialect, title in zip(DIALECTS, titles, strict=True):
        path = dialect.samples.path
        drawn = run("--local", "render", f"{base}{path}", "--json")
        assert (drawn.exit_code, drawn.stderr) == (0, "")
        assert json.loads(drawn.stdout)["metadata"]["title"] == title
        shown = app.test_client().get("/preview", query_string={"url": f"{base}{path}"})
        assert title in shown.text
    missing = run("--local", "render", f"{base}{DIALECTS[0].samples.path}".replace("0c5b", "0c5c"))
    assert missing.exit_code == 1
    assert run("--local", "render", "http://[").exit_code == 1
    app.extensions[EXTENSION].store.close()
