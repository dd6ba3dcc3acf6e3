"""What the probes count is what coverage.py counts by tracing."""

import ast
import subprocess
import sys
from io import StringIO
from pathlib import Path

import coverage
import pytest

from tests.probes import Arc
from tests.waiting import PATIENCE

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
# In a process of its own: from Python 3.12 on, SlipCover counts for one in each.
REACHED = """
import sys
from tests.probes import Probed
probed = Probed()
exec(probed.code(sys.argv[1]), {"__name__": "sample"})
(arcs,) = probed.arcs().values()
print(arcs)
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
    file = tmp_path / "sample.py"
    file.write_text(f"{WAYS}\n{call}\n", "utf-8")
    command = [sys.executable, "-c", REACHED, str(file)]
    ended = subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE)
    reached = ast.literal_eval(ended.stdout.decode())
    assert missed(file, {str(file.resolve()): reached}) == MISSED[call]
