"""A plugin of pytest that lets coverage.py count by SlipCover's probes: `-p tests.probes --cov`.

Before Python 3.14, coverage.py is called for each line that runs, of each library too, which takes
as long as all tests. SlipCover writes probes into the code that is measured, and nothing else is
slower; it sees threads too that do not let themselves be traced. The rest is coverage.py's: what
counts, the processes of a run, the report and its bound.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.machinery import SourceFileLoader
from itertools import pairwise
from pathlib import Path
from types import CodeType
from typing import Any, Final, cast

import coverage.control
from _pytest.assertion.rewrite import AssertionRewritingHook
from coverage import env
from coverage.core import Core
from coverage.disposition import FileDisposition
from coverage.types import Tracer
from slipcover import Slipcover
from slipcover.branch import EXIT, preinstrument

# Two lines, of which the second was reached from the first; where a function is left, the second is
# the function's own first line, below zero. So coverage.py keeps it.
Arc = tuple[int, int]
# Probes stay. To take them out again, SlipCover looks through modules while threads change them.
NEVER: Final = 1 << 30


@dataclass(frozen=True)
class Outline:
    """What SlipCover does not tell of a file."""

    # First and last lines.
    functions: Sequence[Arc]
    # Of each `except` and `case`: only the first line leads to the second.
    clauses: Sequence[Arc]
    # By the line of each `match`: that of the case after which no other is tried.
    last_cases: Mapping[int, int]
    # By the line of each function: that of its first decorator.
    decorated: Mapping[int, int]

    def arcs(self, lines: Iterable[int], branches: Iterable[Arc]) -> Iterator[Arc]:
        """Yield as arcs what SlipCover has counted in this file."""
        reached = set(lines)
        yield from ((-1, line) for line in reached)
        yield from (clause for clause in self.clauses if reached.issuperset(clause))
        for counted, end in branches:
            start = self.last_cases.get(counted, counted)
            if start not in reached:
                continue
            if end != EXIT:
                yield start, self.decorated.get(end, end)
            else:
                yield from ((start, -at) for at, last in self.functions if at <= start <= last)


class Probed:
    """The code that has probes, and what of it was reached: one in a process, from 3.12 on."""

    def __init__(self) -> None:
        self._slipcover = Slipcover(branch=True, d_miss_threshold=NEVER, exclude_lines=[])
        self._outlines: dict[str, Outline] = {}

    def code(self, path: str) -> CodeType:
        """Compile a file, with probes."""
        path = str(Path(path).resolve())
        tree = ast.parse(Path(path).read_bytes())
        nodes = list(ast.walk(tree))
        last_cases = {
            node.lineno: node.cases[-1].pattern.lineno
            for node in nodes
            if isinstance(node, ast.Match)
        }
        decorated = {
            node.lineno: node.decorator_list[0].lineno
            for node in nodes
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.decorator_list
        }
        clauses = [clause for node in nodes for clause in _clauses(node)]
        code = compile(preinstrument(tree), path, "exec", dont_inherit=True)
        self._outlines[path] = Outline(list(_functions(code)), clauses, last_cases, decorated)
        probed: CodeType = self._slipcover.instrument(code)
        return probed

    def arcs(self) -> dict[str, set[Arc]]:
        """Return what was reached, by file."""
        counted = {
            str(Path(name).resolve()): found
            for name, found in self._slipcover.get_coverage()["files"].items()
        }
        return {
            path: set(
                outline.arcs(*(counted[path][f"executed_{of}"] for of in ("lines", "branches")))
            )
            for path, outline in self._outlines.items()
        }


class ProbeTracer:
    """What coverage.py takes for a tracer, and asks for what was reached."""

    data: dict[str, set[Arc]]

    def __init__(self, probed: Probed) -> None:
        self._probed = probed

    def start(self) -> None:
        """Do nothing: what is loaded has its probes."""

    def stop(self) -> None:
        """Tell all that was reached by now."""
        self.data.update(self._probed.arcs())

    def activity(self) -> bool:
        """Tell whether there is anything to be told."""
        return True

    def reset_activity(self) -> None:
        """Do nothing: there is always something to be told."""

    def get_stats(self) -> None:
        """Tell nothing of the probes themselves."""


class ProbeCore(Core):
    """What coverage.py measures by, in place of a tracer of its own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.tracer_class = cast(type[Tracer], ProbeTracer)
        self.tracer_kwargs = {"probed": probed_below(*options["config"].source)}
        self.file_disposition_class = FileDisposition
        self.supports_plugins = self.supports_dynamic_contexts = False
        self.packed_arcs = self.systrace = False


def pytest_addoption() -> None:
    """Take coverage.py's place before pytest-cov begins; from Python 3.14 on it need not trace."""
    if not env.PYBEHAVIOR.branch_right_left:
        control: Any = coverage.control
        control.Core = ProbeCore


@cache
def probed_below(*folders: str) -> Probed:
    """Load what is below these folders with probes from now on; its assertions stay as written."""
    roots, probed = [Path(folder).resolve() for folder in folders], Probed()
    loads: Any = SourceFileLoader
    rewrites: Any = AssertionRewritingHook
    usual, rewritten = loads.get_code, rewrites.find_spec

    def get_code(loader: SourceFileLoader, name: str) -> CodeType | None:
        is_measured = any(Path(loader.path).resolve().is_relative_to(root) for root in roots)
        return probed.code(loader.path) if is_measured else usual(loader, name)

    def find_spec(hook: AssertionRewritingHook, name: str, *where: Any) -> Any:
        return None if name.partition(".")[0] in folders else rewritten(hook, name, *where)

    loads.get_code, rewrites.find_spec = get_code, find_spec
    return probed


def _functions(code: CodeType) -> Iterator[Arc]:
    """Yield the first and the last line of a module, and of each function in it."""
    yield code.co_firstlineno, max(line or 0 for *_, line in code.co_lines())
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _functions(inner)


def _clauses(node: ast.AST) -> Iterator[Arc]:
    """Yield where each `except` and each `case` leads: into its body, and to the next one."""
    if isinstance(node, ast.Try | ast.TryStar):
        starts = [(each.lineno, each.body[0].lineno) for each in node.handlers]
    elif isinstance(node, ast.Match):
        starts = [(each.pattern.lineno, each.body[0].lineno) for each in node.cases]
    else:
        return
    yield from starts
    yield from pairwise(line for line, _ in starts)
