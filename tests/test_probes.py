"""What the probes count is what coverage.py counts by tracing."""

from io import StringIO
from pathlib import Path

import coverage
import pytest

from tests.probes import Arc, Probed

# Each form of branch, taken in one way or in both; missed is what coverage.py's tracer misses.
WAYS = """
def ways(given):
    if given:
        given += 1
    for _ in range(given):
        if given > 5:
            continue
        break
    else:
        given = 0
    while given:
        given -= 1
        if given == 7:
            return "seven"
    try:
        int("x")
    except KeyError:
        return "key"
    except (ValueError, TypeError):
        given = 3
    finally:
        given += 1
    match given:
        case 1:
            return "one"
        case 4 | 5:
            given = 2
        case [_, *_] if given:
            return "list"
    with open("/dev/null"):
        if given == 9:
            given = 1
    match given:
        case 1:
            given = 5
        case 3:
            given = 6

    @staticmethod
    def inner(flag):
        if flag:
            flag = 1

    inner(given)
    if given == 8:
        given = 1

def never():
    if ways:
        return

class Kind:
    if ways:
        other = [x for x in "ab" if x]
"""
MISSED = {
    "": "3-46, 49-50, 53->exit",
    "ways(1)": "3->5, 7, 10, 14, 18, 25, 28-29, 32, 35, 37, 41->exit, 46, 49-50, 53->exit",
}


def missed(file: Path, arcs: dict[str, set[Arc]]) -> str:
    """What coverage.py's report tells of a file."""
    measured = coverage.Coverage(
        data_file=None, branch=True, include=[str(file)], config_file=False
    )
    measured.get_data().add_arcs(arcs)
    told = StringIO()
    measured.report([str(file)], show_missing=True, file=told)
    return told.getvalue().splitlines()[2].partition("%")[2].strip()


@pytest.mark.parametrize("call", MISSED)
def test_the_report_tells_what_no_call_has_reached(tmp_path: Path, call: str) -> None:
    file, probed = tmp_path / "sample.py", Probed()
    file.write_text(f"{WAYS}\n{call}\n", "utf-8")
    exec(probed.code(str(file)), {"__name__": "sample"})
    assert missed(file, probed.arcs()) == MISSED[call]
