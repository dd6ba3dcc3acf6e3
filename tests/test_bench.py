"""The benches' own parts: what they read of their tools, and what they write down."""

import shutil
import sys

import pytest
from click.testing import CliRunner
from hypothesis import given, strategies as st

from app.database.store import Store
from tests.bench import attacks, library, library_rows
from tests.bench.__main__ import BENCHES, main
from tests.bench.library_operations import operations_of
from tests.bench.library_statements import Bare, heard, shortened
from tests.bench.load import Load, middle, read_report, widget_requests
from tests.bench.machine import need
from tests.bench.processes import ServerFailed, running
from tests.bench.tables import Missing, Table, read_sections, section, skipped, write_sections
from tests.conftest import MakeHost
from tests.host import ISSUE
from tests.ports import free_port

REPORT = """
  Latency Distribution
     50%  459.00us
     75%    0.98ms
     90%    1.10ms
     99%    2.00s{blank}
  36000 requests in 2.00s, 20.00MB read
{failures}Requests/sec:  18000.50
"""


@pytest.mark.parametrize(
    ("failures", "count"),
    [
        ("", 0),
        ("  Non-2xx or 3xx responses: 12\n", 12),
        ("  Socket errors: connect 0, read 3, write 0, timeout 4\n", 7),
    ],
)
def test_a_report_of_the_load_is_read(failures: str, count: int) -> None:
    report = REPORT.format(blank=" ", failures=failures)
    assert read_report(report) == Load(18000.5, 0.459, 2000.0, count)


def test_the_middle_of_several_runs_keeps_every_failure() -> None:
    loads = [Load(3, 1, 9, 1), Load(1, 2, 7, 0), Load(2, 3, 8, 2)]
    assert middle(loads) == Load(2, 2, 8, 3)


CELLS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="#"))


@given(st.dictionaries(st.sampled_from(["warm", "cold", "memory"]), CELLS, min_size=1))
def test_sections_that_are_not_measured_again_stay(
    tmp_path_factory: pytest.TempPathFactory, cells: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("bench") / "RESULTS.md"
    tables = {name: Table(("one", "two"), [["x", cell]]) for name, cell in cells.items()}
    made = {name: section(name, "a title", "here", table) for name, table in tables.items()}
    order = ["warm", "cold", "memory"]
    write_sections(made, order, path)
    first = path.read_text("utf-8")
    write_sections(read_sections(path), order, path)
    assert path.read_text("utf-8") == first
    assert list(read_sections(path)) == [name for name in order if name in cells]


def test_what_is_missing_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(Missing, match=r"`wrk` is not here .*apt-get install wrk") as missing:
        need("wrk")
    assert skipped("Express", ("a", "b", "c"), missing.value)[1].startswith("skipped: `wrk`")


@pytest.mark.parametrize(
    ("plan", "short"),
    [
        (
            ["SEARCH saved_widgets USING INDEX ix (id=?)", "SEARCH users USING INDEX u (id=?)"],
            "SEARCH saved_widgets USING INDEX ix (id=?)",
        ),
        (["SCAN custom_widgets", "USE TEMP B-TREE FOR ORDER BY"],
         "SCAN custom_widgets, USE TEMP B-TREE FOR ORDER BY"),
        (
            [
                "Limit  (cost=1.00..2.00 rows=50 width=8)",
                "  ->  Sort  (cost=1.00..2.00 rows=50 width=8)",
                "        Sort Key: saved_widgets.title",
                "        ->  Bitmap Heap Scan on saved_widgets  (cost=1.00..2.00 rows=50 width=8)",
                "              ->  Bitmap Index Scan on ix_saved_widgets_tags  (cost=0.00..1.00)",
                "  ->  Seq Scan on saved_widgets saved_widgets_1  (cost=0.00..1.00)",
            ],
            "Sort, Bitmap Index Scan on ix_saved_widgets_tags, Seq Scan on saved_widgets",
        ),
    ],
)  # fmt: skip
def test_a_plan_is_shortened_to_how_it_comes_by_widgets(plan: list[str], short: str) -> None:
    assert shortened(plan) == short


def test_the_library_is_measured_and_what_is_missing_is_a_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.databases.BINARIES", [])
    monkeypatch.setattr("tests.bench.library.SECONDS", 0)
    table = library.measured(100)
    *rows, last = table.rows
    assert len({row[0] for row in rows}) == len(rows) == 20
    assert all(row[0].startswith("SQLite, ") and len(row) == len(table.columns) for row in rows)
    assert last[1].startswith("skipped: there is no PostgreSQL server")
    assert table.notes.count("- SQLite, ") == len(rows) + 1


def test_a_bare_loop_says_what_the_modules_say(store: Store) -> None:
    library_rows.load([store], 20)
    for operation in operations_of(store, 20):
        with heard() as first:
            operation.call(0)
        with heard() as again:
            Bare(store, [first])()
        assert [said.text for said in again] == [said.text for said in first], operation.name


@pytest.mark.parametrize("proof", ["jwt", "jwt for 20"])
def test_the_load_is_let_in(make_host: MakeHost, proof: str) -> None:
    host = make_host()
    made = widget_requests([f"https://example.com/{n}" for n in range(25)], proof)
    assert len({path for path, _, _ in made}) == 25
    assert len({value for _, _, value in made}) == (25 if proof == "jwt" else 2)
    # Nobody serves this host, which is said only to those whose proof holds.
    for path, header, value in made:
        assert host.client.get(path, headers={header: value}).status_code == 404


def test_the_signed_load_is_let_in(make_host: MakeHost) -> None:
    ((path, header, value),) = widget_requests([ISSUE.replace("github", "nobody")], "signature")
    host = make_host(verify="signature")
    assert host.client.get(path, headers={header: value}).status_code == 404


@pytest.mark.skipif(shutil.which("taskset") is None, reason="`taskset` is not here")
def test_a_server_that_does_not_start_is_named() -> None:
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    with pytest.raises(ServerFailed, match="ended with 3"), running(command, {}, port=free_port()):
        pass


def test_the_benches_have_names_of_their_own() -> None:
    names = [bench.name for bench in BENCHES]
    assert len(set(names)) == len(names)


def test_an_unknown_bench_is_refused() -> None:
    ended = CliRunner().invoke(main, ["nothing"])
    assert ended.exit_code == 2
    assert "'nothing' is not one of" in ended.stderr


def test_the_results_are_those_of_the_benches() -> None:
    assert set(read_sections()) <= {bench.name for bench in BENCHES}
    assert read_sections()


SOON = attacks.Card(200, 0.01)


@pytest.mark.parametrize(
    ("during", "resident", "held"),
    [
        ([SOON] * 20, 700_000_000, "yes"),
        ([SOON] * 19 + [attacks.Card(200, 0.9)], 1, "no"),  # p95 is over 130 ms
        ([SOON] * 39 + [attacks.Card(200, 0.9)], 1, "yes"),
        ([SOON] * 39 + [attacks.Card(200, 1.1)], 1, "no"),
        ([SOON] * 39 + [attacks.Card(0, 0.01)], 1, "no"),
        ([SOON] * 20, 700_000_001, "no"),
    ],
)
def test_bars_of_an_attack(during: list[attacks.Card], resident: int, held: str) -> None:
    rounds = [attacks.Round([SOON] * 20, during, resident, {"429": 2})] * 3
    row = attacks.row_of("an attack", rounds)
    assert (row[6], row[7]) == (held, "6 of 429")
