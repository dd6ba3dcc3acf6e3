"""`placard lint`: a payload or a file of connectors, checked before anybody is shown it."""

import sys
from pathlib import Path

import click

from app.connectors.definitions.files import load_definitions
from templates_schemas import UnreadablePayload, faults_in_text


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
def lint(*, file: str) -> None:
    """Check the payload in FILE (`-`: standard input): path, rule and what would be right.

    It may be the answer of a widget, of attach or of typeahead.

    Exits with 0 where the host would take it, 1 where not, 2 where it is not JSON. A FILE.toml is
    checked as a file of connectors.
    """
    if file.endswith(".toml"):
        _lint_definitions(Path(file))
        return
    try:
        with click.open_file(file, "rb") as opened:
            broken = faults_in_text(opened.read())
    except UnreadablePayload as error:
        click.echo(f"{file}:{error.line}: {error}", err=True)
        sys.exit(2)
    for fault in broken:
        click.echo(str(fault))
    if broken:
        sys.exit(1)
    click.echo(f"{file}: the host would take it")


def _lint_definitions(file: Path) -> None:
    loaded, broken = load_definitions(file)
    for fault in broken:
        click.echo(fault)
    if broken:
        sys.exit(1)
    names = ", ".join(each["name"] for each in loaded)
    click.echo(f"{file}: {names}: can be used")
