"""`placard library import` and `export`, from the command line."""

import json
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import main
from app.cli.library_transfer import TRANSFERS
from app.connectors import connector_settings
from app.database.store import Store
from app.errors import StoreUnavailable
from app.settings.report import setting_names
from tests.host import TOKEN_SECRET

BARE = {"type": "widgets", "attributes": {"definition": {"title": "T", "type": "x"}}}
LINES = [
    {
        "experience_type": "ccm_reports",
        "data": {
            "id": f"a1b2c3d4-e5f6-7890-abcd-ef123456789{number}",
            "type": "widgets",
            "attributes": {
                "definition": {"title": f"T{number}", "type": "change", "requests": []},
                "created_at": "2024-01-15T00:00:00.000Z",
            },
        },
    }
    for number in range(3)
]

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Run:
    """Run `placard library …` in a folder of its own, once on each kind of database."""
    monkeypatch.chdir(tmp_path)
    for name in setting_names(connector_settings()):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PLACARD_TOKEN_SECRETS", TOKEN_SECRET)
    monkeypatch.setenv("PLACARD_DATABASE_URL", database_url)

    def run(*arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(main, ["library", *arguments], input=stdin)

    return run


def jsonl(*records: object) -> str:
    return "".join(f"{json.dumps(record)}\n" for record in records)


def test_a_file_is_imported_and_exported(run: Run, tmp_path: Path) -> None:
    Path("in.jsonl").write_text(jsonl(*LINES))
    first = run("import", "--from", "datadog", "--sub", "ann@example.com", "in.jsonl")
    assert (first.exit_code, first.stdout) == (0, "")
    assert first.stderr == "3 stored, 0 known, 0 refused\n"
    assert run("import", "--from", "datadog", "in.jsonl").stderr.startswith("0 stored, 3 known")
    assert run("export", "--from", "datadog", "out.jsonl").stderr == "3 exported\n"
    shown = run("export", "--from", "datadog")
    assert shown.stdout == Path("out.jsonl").read_text()
    records = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [each["data"]["id"] for each in records] == [each["data"]["id"] for each in LINES]  # type: ignore[index]
    assert records[0]["included"][0]["attributes"]["handle"] == "ann@example.com"
    assert run("import", "--from", "datadog", "-", stdin=shown.stdout).exit_code == 0


def test_what_is_refused_is_told_and_the_rest_is_stored(run: Run) -> None:
    strange = {"experience_type": "ccm_reports", "data": BARE}
    result = run("import", "--from", "datadog", "-", stdin=jsonl(LINES[0], strange, LINES[1]))
    assert result.exit_code == 1
    assert result.stdout.startswith("line 2: $.data.attributes.definition.")
    assert "Must be one of: bar_chart" in result.stdout
    assert result.stdout.count("\n") == 1
    assert result.stderr == "2 stored, 0 known, 1 refused\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("import", "--from", "grafana", "-"), "'grafana' is not"),
        (("import", "--from", "datadog", "no-such-file"), "no-such-file"),
        (("import", "-"), "--from"),
        (("import", "--from", "datadog", "--sub", "", "-"), "--sub: must be 1 to 255"),
        (("export",), "--from"),
    ],
)
def test_a_command_that_is_wrong_is_told(run: Run, arguments: tuple[str, ...], told: str) -> None:
    result = run(*arguments, stdin="")
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_library_that_is_off_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACARD_LIBRARY", "off")
    result = run("export", "--from", "datadog")
    assert result.exit_code == 2
    assert result.stderr.startswith("PLACARD_LIBRARY: ")


def test_a_database_that_stops_to_answer_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> bool:
        raise StoreUnavailable("57P01")

    monkeypatch.setattr("app.library.datadog.transfer.restore", fail)
    result = run("import", "--from", "datadog", "-", stdin=jsonl(*LINES))
    assert result.exit_code == 2
    assert result.stderr.startswith("PLACARD_DATABASE_URL: the database stopped answering (57P01)")


def test_an_export_that_breaks_off_leaves_the_file_as_it_was(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("import", "--from", "datadog", "-", stdin=jsonl(*LINES))
    run("export", "--from", "datadog", "out.jsonl")
    before = Path("out.jsonl").read_text()

    def broken(store: Store) -> Iterator[bytes]:
        yield next(exported(store))
        raise StoreUnavailable("57P01")

    exported = TRANSFERS["datadog"].exported
    monkeypatch.setitem(TRANSFERS, "datadog", replace(TRANSFERS["datadog"], exported=broken))
    assert run("export", "--from", "datadog", "out.jsonl").exit_code == 2
    assert Path("out.jsonl").read_text() == before
    assert [file.name for file in Path().iterdir() if "out" in file.name] == ["out.jsonl"]


def test_an_export_of_nothing_is_an_empty_file(run: Run) -> None:
    Path("out.jsonl").write_text("of yesterday\n")
    assert run("export", "--from", "datadog", "out.jsonl").stderr == "0 exported\n"
    assert Path("out.jsonl").read_text() == ""


def test_a_file_that_cannot_be_written_is_told(run: Run) -> None:
    for file in ("no-such-folder/out.jsonl", "."):
        result = run("export", "--from", "datadog", file)
        assert result.exit_code == 2
        assert file in result.stderr


def test_an_export_keeps_the_permissions_of_a_file_and_follows_a_link(run: Run) -> None:
    Path("out.jsonl").touch(0o600)
    Path("link.jsonl").symlink_to("out.jsonl")
    run("import", "--from", "datadog", "-", stdin=jsonl(*LINES))
    run("export", "--from", "datadog", "link.jsonl")
    assert Path("link.jsonl").is_symlink()
    assert len(Path("out.jsonl").read_text().splitlines()) == len(LINES)
    assert stat.S_IMODE(Path("out.jsonl").stat().st_mode) == 0o600
