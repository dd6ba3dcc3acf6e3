"""The versions of the tables. One file a step in `versions/`, run in the order of their links.

Alembic's own command is not needed: `placard library migrate` runs the steps, and SQLite's are run
at the start. The steps after EARLIEST have a `downgrade`, too: `placard library migrate --back-to`.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

HERE = Path(__file__).parent
EARLIEST: Final = "0002"


def head() -> str:
    """Return the revision that this version of Placard needs."""
    return str(_scripts().get_current_head())


def is_known(revision: str) -> bool:
    """Tell whether this version of Placard has the step that leads to a revision."""
    return revision in {step.revision for step in _scripts().walk_revisions()}


def ways_back() -> list[str]:
    """List the revisions that the tables can be brought back to, the newest first."""
    steps = [str(step.revision) for step in _scripts().walk_revisions()]
    return steps[1 : steps.index(EARLIEST) + 1]


def revision_of(connection: Connection) -> str | None:
    """Return the revision of a database's tables; None where it has none."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the steps to a revision that a database lacks, within the connection's transaction."""
    scripts = _scripts()
    # As Alembic's docs do it.
    _run(connection, scripts, lambda now, _: scripts._upgrade_revs(revision, now))  # noqa: SLF001


def downgrade(connection: Connection, revision: str) -> None:
    """Run the steps back to a revision that a database had."""
    scripts = _scripts()
    _run(connection, scripts, lambda now, _: scripts._downgrade_revs(revision, now))  # noqa: SLF001


def _run(connection: Connection, scripts: ScriptDirectory, steps: Callable[..., Any]) -> None:
    with EnvironmentContext(_config(), scripts, fn=steps) as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        environment.run_migrations()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
