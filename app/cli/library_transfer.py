"""`placard library import` and `export`: saved widgets as JSON, one record a line."""

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

from app.cli.library_tokens import library_settings, prepared_store
from app.database.base import NAME_LENGTH
from app.database.store import Store
from app.errors import ConfigurationError, StoreFull, StoreUnavailable
from app.library.core.users import Author
from app.library.http.transfer import Outcome, Transfer, lines_of
from app.library.wiring import DIALECTS

TRANSFERS: Final[dict[str, Transfer]] = {
    dialect.transfer.name: dialect.transfer for dialect in DIALECTS
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
    "--sub", default=OWNER, show_default=True, help="The owner of widgets that name none."
)
@click.argument("file", type=click.File("rb"))
def import_(*, dialect: str, sub: str, file: BinaryIO) -> None:
    """Store the widgets in FILE (`-`: standard input), one JSON record a line.

    A widget whose id is stored already stays as it is, so this can be run again. Prints each line
    that is refused, and why; exits with 1 if there is one.
    """
    if not 1 <= len(sub) <= NAME_LENGTH or not sub.isprintable():
        raise click.UsageError(f"--sub: must be 1 to {NAME_LENGTH} printable characters")
    counts: Counter[str] = Counter()
    with _store() as store, _progress() as progress:
        lines = _with_progress(file, progress)
        for outcome in TRANSFERS[dialect].imported(store, Author(sub, sub), lines):
            counts[outcome.state] += 1
            _print_refusal(outcome)
    summary = ", ".join(f"{counts[state]} {state}" for state in ("stored", "known", "refused"))
    click.echo(summary, err=True)
    if counts["refused"]:
        sys.exit(1)


@click.command()
@_dialect
@click.argument("file", type=_FILE, default="-")
def export(*, dialect: str, file: Path) -> None:
    """Write the widgets to FILE (`-`: standard output), one JSON record a line.

    If it is interrupted, FILE stays as it was.
    """
    count = 0
    with _store() as store, _replacing(file) as stream, _progress() as progress:
        task = progress.add_task("exported", total=None)
        for line in TRANSFERS[dialect].exported(store):
            stream.write(line)
            count += 1
            progress.advance(task, len(line))
    click.echo(f"{count} exported", err=True)


@contextmanager
def _replacing(path: Path) -> Iterator[IO[Any]]:
    """Open a file to write; it replaces the one at `path` once it is complete, or not at all."""
    if str(path) == "-" or (path.exists() and not path.is_file()):
        with click.open_file(str(path), "wb") as stream:
            yield stream
        return
    file = path.resolve()
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with part.open("xb") as stream:
            if file.exists():
                copymode(file, part)
            yield stream
        part.replace(file)
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _store() -> Iterator[Store]:
    """Open the store; if it stops answering, say that the command can be run again."""
    with prepared_store(library_settings()) as store:
        try:
            yield store
        except StoreFull:
            raise
        except StoreUnavailable as error:
            raise ConfigurationError(
                f"PLACARD_DATABASE_URL: the database stopped answering ({error.detail}); what was "
                "stored stays, so run this again"
            ) from None


def _progress() -> Progress:
    """Make a progress bar on standard error, if that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _with_progress(file: BinaryIO, progress: Progress) -> Iterator[bytes]:
    task = progress.add_task("imported", total=_size_of(file))
    for line in lines_of(file):
        yield line
        progress.advance(task, len(line))


def _size_of(file: BinaryIO) -> int | None:
    """Return the size in bytes; None for a pipe."""
    try:
        return os.fstat(file.fileno()).st_size or None
    except OSError:
        return None


def _print_refusal(outcome: Outcome) -> None:
    if outcome.state == "refused":
        click.echo(f"line {outcome.line}: {outcome.why}")
