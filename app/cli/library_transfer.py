"""`placard library import` and `export`: widgets as lines of JSON, one after the other."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copymode
from typing import IO, Any, BinaryIO, Final

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from app.cli.library_tokens import library_settings
from app.errors import ConfigurationError, StoreUnavailable
from app.library.azure_devops import transfer as azure_transfer
from app.library.core.store import Store
from app.library.core.tokens import LONGEST_NAME
from app.library.datadog import transfer as datadog_records
from app.library.http.transfer import Outcome, Owner, Transfer, lines_of
from app.library.spaceone import transfer as spaceone_transfer

TRANSFERS: Final[dict[str, Transfer]] = {
    transfer.name: transfer
    for transfer in (
        datadog_records.TRANSFER,
        spaceone_transfer.TRANSFER,
        azure_transfer.TRANSFER,
    )
}
OWNER: Final = "import@localhost"

_dialect = click.option(
    "--from", "dialect", type=click.Choice(list(TRANSFERS)), required=True,
    help="The dialect whose widgets these are.",
)  # fmt: skip
_FILE: Final = click.Path(path_type=Path, allow_dash=True, dir_okay=False)


@click.command(name="import")
@_dialect
@click.option(
    "--sub", default=OWNER, show_default=True, help="Whose those are that do not say whose."
)
@click.argument("file", type=click.File("rb"))
def import_(*, dialect: str, sub: str, file: BinaryIO) -> None:
    """Store the widgets in FILE (`-`: standard input), one JSON record a line.

    What is known by its id stays as it is, so this can be run again. Prints what is refused, and
    why; exits with 1 where something is.
    """
    if not 1 <= len(sub) <= LONGEST_NAME or not sub.isprintable():
        raise click.UsageError(f"--sub: must be 1 to {LONGEST_NAME} printable characters")
    counts: Counter[str] = Counter()
    with _store() as store, _progress() as progress:
        lines = _followed(file, progress)
        for outcome in TRANSFERS[dialect].imported(store, Owner(sub, sub), lines):
            counts[outcome.state] += 1
            _tell(outcome)
    told = ", ".join(f"{counts[state]} {state}" for state in ("stored", "known", "refused"))
    click.echo(told, err=True)
    if counts["refused"]:
        sys.exit(1)


@click.command()
@_dialect
@click.argument("file", type=_FILE, default="-")
def export(*, dialect: str, file: Path) -> None:
    """Write the widgets to FILE (`-`: standard output), one JSON record a line.

    What breaks off leaves FILE as it was.
    """
    count = 0
    with _store() as store, _whole(file) as stream, _progress() as progress:
        task = progress.add_task("exported", total=None)
        for line in TRANSFERS[dialect].exported(store):
            stream.write(line)
            count += 1
            progress.advance(task, len(line))
    click.echo(f"{count} exported", err=True)


@contextmanager
def _whole(given: Path) -> Iterator[IO[Any]]:
    """Open what is written to: a file takes the place of another once it is whole, or never."""
    if str(given) == "-" or (given.exists() and not given.is_file()):
        with click.open_file(str(given), "wb") as stream:
            yield stream
        return
    file = given.resolve()
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with part.open("xb") as stream:
            if file.exists():
                copymode(file, part)
            yield stream
        part.replace(file)
    except OSError as error:
        raise click.UsageError(f"{given}: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _store() -> Iterator[Store]:
    """Open the store; where it stops to answer, say that all can be run again."""
    store = Store(library_settings().database_url)
    try:
        store.prepare()
        yield store
    except StoreUnavailable as error:
        raise ConfigurationError(
            f"PLACARD_DATABASE_URL: the database stopped answering ({error.detail}); what was "
            "stored stays, so run this again"
        ) from None
    finally:
        store.close()


def _progress() -> Progress:
    """Make a bar on standard error, where that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _followed(file: BinaryIO, progress: Progress) -> Iterator[bytes]:
    task = progress.add_task("imported", total=_size_of(file))
    for line in lines_of(file):
        yield line
        progress.advance(task, len(line))


def _size_of(file: BinaryIO) -> int | None:
    """Return how many bytes there are; None of a pipe."""
    try:
        return os.fstat(file.fileno()).st_size or None
    except OSError:
        return None


def _tell(outcome: Outcome) -> None:
    if outcome.state == "refused":
        click.echo(f"line {outcome.line}: {outcome.why}")
