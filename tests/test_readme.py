"""What the README and the pages that it leads to must tell, and the lock files must not."""

import re
from inspect import isfunction
from pathlib import Path
from types import ModuleType

import pytest
from jmespath.functions import Functions
from marshmallow import Schema

from app.cli import main
from app.connectors import CONNECTORS, Connector, card_parts
from app.connectors.definitions.bundled import catalogue
from app.connectors.definitions.expressions import CardFunctions
from app.connectors.definitions.files import lint_definitions
from app.connectors.definitions.schema import (
    AddressSchema,
    AnswerSchema,
    CardSchema,
    ConnectorSchema,
    CredentialSchema,
    FieldSchema,
    OAuthSchema,
    SearchSchema,
)
from app.connectors.definitions.templates import FILTERS, NUMBER, PATH
from app.errors import ConfigurationError, tree
from app.settings.report import settings_table
from app.upstream.credentials import read_credentials_file
from app.verification import signature, token
from app.web import CACHE_STATUS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
SETTINGS = (ROOT / "app/settings/README.md").read_text("utf-8")
COMMANDS = (ROOT / "app/cli/COMMANDS.md").read_text("utf-8")
ANSWERS = (ROOT / "app/web/README.md").read_text("utf-8")
SYSTEMS = (ROOT / "app/connectors/SYSTEMS.md").read_text("utf-8")
CODES = {
    kind.code: kind.status
    for kind in tree()
    if "code" in vars(kind) and not issubclass(kind, ConfigurationError)
}


def row_of(status: int) -> str:
    """Return the row of the table of errors for a status."""
    (row,) = [line for line in ANSWERS.splitlines() if line.startswith(f"| {status} |")]
    return row


def test_the_table_of_settings_says_what_their_declarations_say() -> None:
    declared = settings_table()
    lines = SETTINGS.splitlines()
    start = lines.index(declared[0])
    table = [line for line in lines[start:] if line.startswith("|")]
    assert table == declared, "the table is to be what `placard settings --markdown` prints"


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_is_told(command: str) -> None:
    assert f"`placard {command}" in COMMANDS


@pytest.mark.parametrize(
    ("code", "status"),
    [(c, s) for c, s in CODES.items() if c not in ("forbidden", "upstream_error")],
)
def test_every_error_is_told_beside_its_status(code: str, status: int) -> None:
    row = row_of(status)
    assert f"`{code}`" in row


@pytest.mark.parametrize("module", [token, signature])
def test_every_reason_for_a_refusal_is_told(module: ModuleType) -> None:
    row = row_of(401)
    source = Path(str(module.__file__)).read_text("utf-8")
    words = r'NotAuthenticated\(\s*"(\w+)"|Error, "(\w+)"\)|"(bad_\w+|malformed_\w+)"'
    reasons = {word for found in re.findall(words, source) for word in found if word}
    assert reasons
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in row] == []


@pytest.mark.parametrize(
    "connector", [*CONNECTORS, *catalogue()], ids=lambda connector: connector.name
)
def test_every_connector_is_told_with_an_example_and_its_settings(
    connector: Connector | type[Connector],
) -> None:
    settings = [f"`{each.name}`" for each in connector.settings]
    wanted = f"| `{connector.name}` | `{connector.example}` | {', '.join(settings) or 'none'} |"
    rows = [line for line in SYSTEMS.splitlines() if line.startswith(f"| `{connector.name}` |")]
    assert len(rows) == 1, f"the table of connectors is to have this row: {wanted}"
    assert f"`{connector.example}`" in rows[0]
    assert [each for each in settings if each not in rows[0]] == []


def test_the_definition_that_is_shown_can_be_used(tmp_path: Path) -> None:
    told = (ROOT / "app/connectors/README.md").read_text("utf-8")
    shown = told.partition("needs no more than this:")[2].partition("[[connector]]")[2]
    lines = shown.partition("`placard lint")[0].splitlines()
    file = tmp_path / "shown.toml"
    file.write_text("[[connector]]" + "\n".join(line.removeprefix("    ") for line in lines))
    assert lint_definitions(file) == []


@pytest.mark.parametrize(
    "schema",
    [
        ConnectorSchema,
        AddressSchema,
        CredentialSchema,
        OAuthSchema,
        AnswerSchema,
        SearchSchema,
        CardSchema,
        FieldSchema,
    ],
    ids=lambda schema: schema.__name__,
)
def test_every_key_of_a_definition_is_told(schema: type[Schema]) -> None:
    told = (ROOT / "app/connectors/README.md").read_text("utf-8")
    keys = {field.data_key or name for name, field in schema().fields.items()}
    assert [key for key in sorted(keys) if not re.search(rf"\b{key}\b", told)] == []


def test_every_function_and_filter_of_a_definition_is_told() -> None:
    told = (ROOT / "app/connectors/README.md").read_text("utf-8")
    own = set(CardFunctions.FUNCTION_TABLE) - set(Functions.FUNCTION_TABLE)
    assert [name for name in sorted(own) if f"`{name}(" not in told] == []
    assert [name for name in (*FILTERS, PATH, NUMBER) if f"|{name}}}" not in told] == []


def test_every_part_of_cards_is_told_in_its_table() -> None:
    told = (ROOT / "app/connectors/README.md").read_text("utf-8")
    table = told.partition("What `card_parts.py` offers")[2].partition("## Hosts")[0]
    functions = vars(card_parts).values()
    own = [
        each.__name__
        for each in functions
        if isfunction(each) and each.__module__ == card_parts.__name__ and each.__name__[0] != "_"
    ]
    assert "card" in own
    assert [name for name in own if f"`{name}(" not in table] == []


def test_the_credentials_that_are_shown_can_be_read(tmp_path: Path) -> None:
    told = (ROOT / "app/connectors/README.md").read_text("utf-8")
    lines = told.partition("[[credential]]")[2].partition("A connector without")[0].splitlines()
    file = tmp_path / "credentials.toml"
    shown = "[[credential]]" + "\n".join(line.removeprefix("    ") for line in lines)
    file.write_text(shown.replace("…", "made_up"))
    file.chmod(0o600)
    (known,) = read_credentials_file(file).credentials
    assert (known.host, known.workspace) == ("gitlab.example.com", "12345")


@pytest.mark.parametrize("header", [CACHE_STATUS, "ETag", "If-None-Match"])
def test_every_header_that_a_client_may_read_or_send_is_told(header: str) -> None:
    assert f"`{header}`" in ANSWERS


# Of app/README.md, what an index of packages shows, the links are whole: tests/test_package.py.
INNER = (page for page in ROOT.glob("app/*/**/*.md") if "node_modules" not in page.parts)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(INNER)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_leads_to_is_there(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached, new = set[Path](), {ROOT / "README.md"}
    while new:
        page = new.pop()
        reached.add(page)
        links = re.findall(r"\]\(([^)#:\s]+\.md)", page.read_text("utf-8"))
        new |= {(page.parent / link).resolve() for link in links} - reached
    assert [page for page in PAGES if page.resolve() not in reached] == []


@pytest.mark.parametrize("lock", ["requirements.lock", "tests/requirements.lock"])
def test_the_lock_pins_every_package_with_hashes_and_names_no_registry(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    packages = re.findall(
        r"^(\S.*?) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE
    )
    assert len(packages) == len(re.findall(r"^\S", text, re.MULTILINE)) > 10
    assert all("==" in name for name, _ in packages)
    assert "://" not in text  # packages are called httpx and httpcore
