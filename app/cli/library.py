"""`placard library`: the tables and the backup of the widget library, and its widgets as JSON."""

from pathlib import Path

import click

from app.cli.library_tokens import database_settings
from app.cli.library_transfer import export, import_
from app.database.backup import copy_sqlite, pg_dump_line, sqlite_file
from app.database.migrations import ways_back
from app.database.store import Store
from app.errors import ConfigurationError


@click.group()
def library() -> None:
    """Look after the database of the widget library."""


library.add_command(import_)
library.add_command(export)


@library.command()
@click.option(
    "--back-to",
    type=click.Choice(ways_back()),
    help="Bring them back to those of an earlier release; OPERATIONS.md says what is lost.",
)
def migrate(*, back_to: str | None) -> None:
    """Bring the tables of PLACARD_DATABASE_URL up to date."""
    store = Store(database_settings().database_url)
    try:
        before, after = store.migrate() if back_to is None else store.migrate_back(back_to)
    finally:
        store.close()
    click.echo(f"the tables are at {after}; they were {f'at {before}' if before else 'new'}")


@library.command()
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(*, force: bool, file: Path) -> None:
    """Copy the database to FILE while the service runs.

    FILE is the database of one moment, checked, and readable by its owner only. If the copy fails,
    FILE stays as it was. For PostgreSQL it says which line of pg_dump does this, and exits with 2.
    """
    url = database_settings().database_url
    source = sqlite_file(url)
    if source is None:
        raise ConfigurationError(f"PostgreSQL has a tool for this; run: {pg_dump_line(url, file)}")
    files = {source.resolve().with_name(f"{source.name}{end}") for end in ("", "-wal", "-shm")}
    if file.resolve() in files:
        raise click.UsageError(f"{file}: is the database itself")
    if file.exists() and not force:
        raise click.UsageError(f"{file}: is there already; --force replaces it")
    copy_sqlite(source, file.resolve())
    click.echo(f"{file}: {file.stat().st_size} bytes", err=True)
