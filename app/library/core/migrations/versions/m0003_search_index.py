"""SQLite's index for searches, which triggers keep; PostgreSQL's trigrams where they are to be had.

`searched_titles` has the folded title of each widget that can be found, `searched_trigrams` the
trigrams of these titles, `searched_values` the tags and labels. Whoever writes the widgets, an
earlier release too, changes them in the same statement.
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
        number INTEGER PRIMARY KEY, widget_id TEXT NOT NULL UNIQUE, title TEXT NOT NULL
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
        PRIMARY KEY (scope, key, value, widget_id)
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
class _Searched:
    """What of a table is searched.

    `{row}` stands for a row of it in `alive`, which tells whether it can be found, and in `values`,
    each of which selects its scope, a key, the beginning of a text and its id.
    """

    table: str
    columns: str
    alive: str
    values: tuple[str, ...]


_SAVED_WIDGETS: Final = _Searched(
    "saved_widgets",
    "id, experience_type, title_folded, tags, deleted_at",
    "{row}.deleted_at IS NULL",
    (
        """
        SELECT DISTINCT {row}.experience_type, 'tags', substr(tag.value, 1, 200), {row}.id
        FROM {source}json_each({row}.tags) AS tag WHERE tag.type = 'text'
        """,
    ),
)
_CUSTOM_WIDGETS: Final = _Searched(
    "custom_widgets",
    "id, domain_id, title_folded, labels, tags",
    "1",
    (
        """
        SELECT DISTINCT {row}.domain_id, 'labels', substr(label.value, 1, 200), {row}.id
        FROM {source}json_each({row}.labels) AS label WHERE label.type = 'text'
        """,
        """
        SELECT DISTINCT {row}.domain_id, 'tags.' || tag.key, substr(each.value, 1, 200), {row}.id
        FROM {source}json_each({row}.tags) AS tag, json_each(
            CASE tag.type WHEN 'array' THEN tag.value WHEN 'text' THEN json_array(tag.value)
            ELSE '[]' END
        ) AS each WHERE each.type = 'text'
        """,
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
        alive = searched.alive.format(row=table)
        yield _ADD_TITLE.format(title=_OLD_TITLES.format(table=table, alive=alive))
        for values in searched.values:
            found = values.format(row=table, source=f"{table}, ")
            # In their order, in which they take the least time and room.
            yield _ADD_VALUES.format(values=f"{found} AND {alive} ORDER BY 1, 2, 3, 4")
    yield "INSERT INTO searched_trigrams (searched_trigrams) VALUES ('rebuild')"


_ADD_TITLE: Final = "INSERT INTO searched_titles (widget_id, title) {title}"
_OLD_TITLES: Final = "SELECT id, title_folded FROM {table} WHERE {alive}"
_ADD_VALUES: Final = "INSERT INTO searched_values {values}"
_REMOVE_TITLE: Final = "DELETE FROM searched_titles WHERE widget_id = old.id"
_REMOVE_VALUES: Final = (
    "DELETE FROM searched_values WHERE (scope, key, value, widget_id) IN ({values})"
)


def _triggers(searched: _Searched) -> Iterator[str]:
    added, removed, table = _added(searched), _removed(searched), searched.table
    yield f"CREATE TRIGGER {table}_added AFTER INSERT ON {table} BEGIN {added} END"
    yield f"CREATE TRIGGER {table}_removed AFTER DELETE ON {table} BEGIN {removed} END"
    yield (
        f"CREATE TRIGGER {table}_changed AFTER UPDATE OF {searched.columns} ON {table} "
        f"BEGIN {removed} {added} END"
    )


def _added(searched: _Searched) -> str:
    """Say what adds a new row to the index, unless it cannot be found."""
    alive = searched.alive.format(row="new")
    found = (values.format(row="new", source="") for values in searched.values)
    return _script(
        _ADD_TITLE.format(title=f"SELECT new.id, new.title_folded WHERE {alive}"),
        *(_ADD_VALUES.format(values=f"{each} AND {alive}") for each in found),
    )


def _removed(searched: _Searched) -> str:
    found = (values.format(row="old", source="") for values in searched.values)
    return _script(_REMOVE_TITLE, *(_REMOVE_VALUES.format(values=each) for each in found))


def _script(*statements: str) -> str:
    return "".join(f"{statement};" for statement in statements)


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
