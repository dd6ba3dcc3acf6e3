"""SQLite's index for searches, which triggers keep; PostgreSQL's trigrams where they are to be had.

`searched_titles` has the folded title of each widget that can be found, `searched_trigrams` the
trigrams of these titles, `searched_values` the beginnings of tags and labels. Whoever writes the
widgets, an earlier release too, changes them in the same statement.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TABLES: Final = (
    """
    CREATE TABLE searched_titles (
        number INTEGER PRIMARY KEY, widget_id TEXT NOT NULL UNIQUE, scope TEXT NOT NULL, owner TEXT,
        title TEXT NOT NULL
    )
    """,
    # The titles are folded already. What the trigrams find is compared with the title itself.
    """
    CREATE VIRTUAL TABLE searched_trigrams USING fts5(
        title, content='searched_titles', content_rowid='number', detail='none',
        tokenize='trigram case_sensitive 1'
    )
    """,
    """
    CREATE TABLE searched_values (
        scope TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, widget_id TEXT NOT NULL,
        owner TEXT, PRIMARY KEY (scope, key, value, widget_id)
    ) WITHOUT ROWID
    """,
)
_TITLE_TRIGGERS: Final = (
    """
    CREATE TRIGGER searched_titles_added AFTER INSERT ON searched_titles BEGIN
        INSERT INTO searched_trigrams (rowid, title) VALUES (new.number, new.title);
    END
    """,
    """
    CREATE TRIGGER searched_titles_removed AFTER DELETE ON searched_titles BEGIN
        INSERT INTO searched_trigrams (searched_trigrams, rowid, title)
            VALUES ('delete', old.number, old.title);
    END
    """,
)


@dataclass(frozen=True, slots=True)
class _Values:
    """Texts by which rows are found: their key, the beginning of each, and where they come from."""

    key: str
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class _SearchedTable:
    """What of a table is searched; `{row}` stands for a row of it.

    `columns` are those that matter; `alive` tells whether a row can be found, and `owner` whose it
    is, where searches ask for that.
    """

    table: str
    columns: str
    scope: str
    owner: str
    alive: str
    values: tuple[_Values, ...]


_SAVED_WIDGETS: Final = _SearchedTable(
    "saved_widgets",
    "id, experience_type, created_by_id, title_folded, tags, deleted_at",
    "{row}.experience_type",
    "{row}.created_by_id",
    "{row}.deleted_at IS NULL",
    (_Values("'tags'", "tag.value", "json_each({row}.tags) AS tag WHERE tag.type = 'text'"),),
)
_CUSTOM_WIDGETS: Final = _SearchedTable(
    "custom_widgets",
    "id, domain_id, title_folded, labels, tags",
    "{row}.domain_id",
    "NULL",
    "1",
    (
        _Values(
            "'labels'", "label.value", "json_each({row}.labels) AS label WHERE label.type = 'text'"
        ),
        _Values(
            "'tags.' || tag.key",
            "each.value",
            """
            json_each({row}.tags) AS tag, json_each(
                CASE tag.type WHEN 'array' THEN tag.value WHEN 'text' THEN json_array(tag.value)
                ELSE '[]' END
            ) AS each WHERE each.type = 'text'
            """,
        ),
    ),
)
_SEARCHED: Final = (_SAVED_WIDGETS, _CUSTOM_WIDGETS)


def upgrade() -> None:
    """Make the index and fill it."""
    if op.get_bind().dialect.name == "postgresql":
        _add_trigrams_of_postgresql()
        return
    for statement in (*_TABLES, *_filling(), *_TITLE_TRIGGERS):
        op.execute(statement)
    for searched in _SEARCHED:
        for statement in _triggers(searched):
            op.execute(statement)


def downgrade() -> None:
    """Remove SQLite's index; PostgreSQL's was there before, where it could be had."""
    if op.get_bind().dialect.name == "postgresql":
        return
    for searched in _SEARCHED:
        for when in ("added", "removed", "changed"):
            op.execute(f"DROP TRIGGER {searched.table}_{when}")
    for table in ("searched_trigrams", "searched_titles", "searched_values"):
        op.execute(f"DROP TABLE {table}")


def _filling() -> Iterator[str]:
    for searched in _SEARCHED:
        table = searched.table
        yield _add_title(searched, table, f"FROM {table}")
        for values in searched.values:
            # In their order, in which they take the least time and room.
            yield f"{_add_values(searched, values, table, f'{table}, ')} ORDER BY 1, 2, 3, 4"
    yield "INSERT INTO searched_trigrams (searched_trigrams) VALUES ('rebuild')"


def _triggers(searched: _SearchedTable) -> Iterator[str]:
    table = searched.table
    added = _script(
        _add_title(searched, "new", ""),
        *(_add_values(searched, values, "new", "") for values in searched.values),
    )
    removed = _script(
        "DELETE FROM searched_titles WHERE widget_id = old.id",
        *(_remove_values(searched, values) for values in searched.values),
    )
    yield f"CREATE TRIGGER {table}_added AFTER INSERT ON {table} BEGIN {added} END"
    yield f"CREATE TRIGGER {table}_removed AFTER DELETE ON {table} BEGIN {removed} END"
    yield (
        f"CREATE TRIGGER {table}_changed AFTER UPDATE OF {searched.columns} ON {table} "
        f"BEGIN {removed} {added} END"
    )


def _script(*statements: str) -> str:
    return "".join(f"{statement};" for statement in statements)


_ADD_TITLE: Final = """
    INSERT INTO searched_titles (widget_id, scope, owner, title)
    SELECT {row}.id, {scope}, {owner}, {row}.title_folded {source} WHERE {alive}
"""
_ADD_VALUES: Final = """
    INSERT INTO searched_values (scope, key, value, widget_id, owner)
    SELECT DISTINCT {scope}, {key}, substr({text}, 1, 200), {row}.id, {owner}
    FROM {rows}{source} AND {alive}
"""
_REMOVE_VALUES: Final = """
    DELETE FROM searched_values WHERE (scope, key, value, widget_id) IN (
        SELECT {scope}, {key}, substr({text}, 1, 200), {row}.id FROM {source}
    )
"""


def _add_title(searched: _SearchedTable, row: str, source: str) -> str:
    return _ADD_TITLE.format(row=row, source=source, **_of_row(searched, row))


def _add_values(searched: _SearchedTable, values: _Values, row: str, rows: str) -> str:
    return _ADD_VALUES.format(row=row, rows=rows, **_of_row(searched, row), **_of(values, row))


def _remove_values(searched: _SearchedTable, values: _Values) -> str:
    return _REMOVE_VALUES.format(row="old", **_of_row(searched, "old"), **_of(values, "old"))


def _of_row(searched: _SearchedTable, row: str) -> dict[str, str]:
    parts = {"scope": searched.scope, "owner": searched.owner, "alive": searched.alive}
    return {name: part.format(row=row) for name, part in parts.items()}


def _of(values: _Values, row: str) -> dict[str, str]:
    return {"key": values.key, "text": values.text, "source": values.source.format(row=row)}


def _add_trigrams_of_postgresql() -> None:
    """Make what the first step could not, if the server had no pg_trgm then, or kept it from us."""
    connection = op.get_bind()
    try:
        with connection.begin_nested():
            connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except sa.exc.DBAPIError:
        return
    for table in ("custom_widgets", "saved_widgets"):
        op.execute(
            f"CREATE INDEX IF NOT EXISTS ix_{table}_title_folded ON {table} "
            "USING gin (title_folded gin_trgm_ops)"
        )
