"""`placard lint`: payloads and files of connectors, checked before anybody is shown them."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, takewhile
from pathlib import Path
from typing import Final

import click

from app.cli.output import print_json
from app.connectors import coded_connectors, connector_settings
from app.connectors.base import Connector
from app.connectors.definitions.bundled import CATALOGUE
from app.connectors.definitions.connector import DefinedConnector
from app.connectors.definitions.files import SETTING, check_file, definition_files, load_definitions
from app.devtools.preview.json_text import span_of, spans_of
from app.settings import load_settings
from app.settings.local import environment_of
from templates_schemas import Fault, UnreadablePayload, faults_in_text
from templates_schemas.reading import UNTIL_JSON

FORMATS: Final = ("text", "github", "json")


@dataclass(frozen=True, slots=True)
class Problem:
    """A broken rule in a file: `line` counts from 1, `path` is a JSON path such as `$.metadata`."""

    file: str
    line: int
    path: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {Fault(self.path, self.rule, self.message)}"

    def as_annotation(self) -> str:
        """Write the problem as GitHub's workflows read it from a log."""
        properties = f"file={_property(self.file)},line={self.line},title={_property(self.rule)}"
        return f"::error {properties}::{_data(f'{self.path}: {self.message}')}"


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True)
)
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", show_default=True,
    help="For people, for the annotations of GitHub's workflows, or for other programs.",
)  # fmt: skip
def lint(*, files: tuple[str, ...], form: str) -> None:
    """Check the payloads in FILES (`-`: standard input): line, path, rule, what would be right.

    Each may be the answer of a widget, of attach or of typeahead.

    Exits with 0 where the host would take all, 1 where not, 2 where one is not JSON. A FILE.toml is
    checked as a file of connectors, beside the others and those of PLACARD_CONNECTORS_FILE.
    """
    others = _definitions_beside(files)
    problems = [problem for file in files for problem in _problems_of(file, others)]
    if form == "json":
        print_json([asdict(each) for each in problems])
    for problem in problems if form != "json" else ():
        click.echo(problem.as_annotation() if form == "github" else str(problem))
    if form == "text":
        faulty = {problem.file for problem in problems}
        for file in files:
            if file not in faulty:
                click.echo(f"{file}: {_praise(file)}")
    if problems:
        sys.exit(2 if any(problem.rule == UNTIL_JSON for problem in problems) else 1)


def _definitions_beside(files: Sequence[str]) -> Mapping[Path, Sequence[Connector]]:
    """Read the definitions that are used, and those that are checked, in the order of use.

    Of a file with faults there are none: they are told where it is checked, or at the start.
    """
    used = environment_of(os.environ).get(SETTING, "")
    paths = load_settings({SETTING: used}).connectors_file
    checked = [file for file in files if file.endswith(".toml")]
    return {
        file: [DefinedConnector(each) for each in load_definitions(file)[0]]
        for file in definition_files([*paths, *checked])
        if file.parent != CATALOGUE
    }


def _problems_of(file: str, others: Mapping[Path, Sequence[Connector]]) -> list[Problem]:
    is_toml = file.endswith(".toml")
    found = _faults_of_definitions(Path(file), others) if is_toml else _faults_of_payload(file)
    return [Problem(file, line, at.path, at.rule, at.message) for line, at in found]


def _faults_of_definitions(
    file: Path, others: Mapping[Path, Sequence[Connector]]
) -> list[tuple[int, Fault]]:
    """List the faults of a file of connectors: of no settings but defaults, beside others."""
    coded, checked = coded_connectors(load_settings({}, connector_settings())), file.resolve()
    taken = {connector.name: type(connector).__module__ for connector in coded}
    for other in (other for other in others if other != checked):
        taken |= {connector.name: str(other) for connector in others[other]}
    earlier = takewhile(lambda other: other != checked, others)
    before = [*coded, *chain.from_iterable(others[other] for other in earlier)]
    return check_file(file, by_user=checked.parent != CATALOGUE, before=before, taken=taken)[1]


def _faults_of_payload(file: str) -> list[tuple[int, Fault]]:
    with click.open_file(file, "rb") as opened:
        text = opened.read()
    try:
        broken = faults_in_text(text)
    except UnreadablePayload as unreadable:
        return [(unreadable.line, unreadable.fault)]
    spans = spans_of(text.decode("utf-8-sig", "replace")) if broken else {}
    return [(span_of(fault.path, spans).line, fault) for fault in broken]


def _praise(file: str) -> str:
    if not file.endswith(".toml"):
        return "the host would take it"
    return f"{', '.join(each['name'] for each in check_file(Path(file))[0])}: can be used"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
