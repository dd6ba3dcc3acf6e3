"""What the store's modules say to a database: heard, said again without them, and explained."""

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Final

from sqlalchemy import Executable, Insert, TextClause, event
from sqlalchemy.engine import Connection, Engine

from app.database.store import Store
from app.library.core.models import SavedWidgetRow
from app.library.spaceone.store import new_id

_EXPLAIN: Final = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}
# What stands around the words of a line: an arrow, costs, and the number of an alias.
_AROUND: Final = re.compile(r"^[\s>-]*|\s+\(cost=.*| (saved|custom)_widgets_\d+")
_WAYS: Final = re.compile(
    r"(SCAN|SEARCH|Seq Scan|(Bitmap )?Index (Only )?Scan).*((saved|custom)_widgets|searched_)"
    r"|USE TEMP B-TREE|(Incremental )?Sort$"
)


@dataclass(frozen=True)
class Statement:
    """A statement with its values: as SQLAlchemy has it, and as the driver got it."""

    clause: Executable
    values: Mapping[str, Any]
    text: str
    sent: Any


@contextmanager
def heard() -> Iterator[list[Statement]]:
    """Write down all statements but settings, of any engine."""
    statements: list[Statement] = []

    def hear(_: Any, __: Any, text: str, sent: Any, context: Any, *___: Any) -> None:
        if context.compiled is None or isinstance(context.compiled.statement, TextClause):
            return
        values = context.compiled_parameters[0]
        statements.append(Statement(context.invoked_statement, values, text, sent))

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


class Bare:
    """The bare loop: each call says the statements of the next variant, and fetches all rows."""

    def __init__(self, store: Store, variants: Sequence[Sequence[Statement]]) -> None:
        self._variants = cycle(variants)
        writes = isinstance(variants[0][0].clause, Insert)
        with (store.writing if writes else store.reading)() as session:
            self._engine = session.get_bind().engine

    def __call__(self) -> None:
        with self._engine.begin() as connection:
            for statement in next(self._variants):
                _say(connection, statement)


def _say(connection: Connection, statement: Statement) -> None:
    if isinstance(statement.clause, Insert):
        connection.execute(statement.clause, {**statement.values, "id": _fresh(statement)})
    else:
        connection.execute(statement.clause, statement.values).all()


def _fresh(statement: Statement) -> Any:
    return uuid.uuid4() if SavedWidgetRow.__tablename__ in statement.text else new_id()


def plan_of(store: Store, statements: Sequence[Statement]) -> list[str]:
    """Explain statements: a line for each, of what it does to come by widgets."""
    with store.reading() as session:
        connection = session.connection()
        ways: list[str] = []
        for statement in statements:
            if isinstance(statement.clause, Insert):
                continue
            explained = connection.exec_driver_sql(
                _EXPLAIN[store.dialect] + statement.text, statement.sent
            )
            ways.append(shortened([str(row[-1]) for row in explained]))
    return [f"`{way}`" for way in ways if way] or ["an insert"]


def shortened(plan: Sequence[str]) -> str:
    """Keep of a plan how widgets are found, and that they are sorted."""
    lines = [_AROUND.sub("", line) for line in plan]
    return ", ".join(dict.fromkeys(line for line in lines if _WAYS.match(line)))
