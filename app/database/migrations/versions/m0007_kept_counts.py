"""Counts that triggers keep: of all widgets of a scope, and of those with a tag or a label.

`searched_counts` has a row for a key and a value, and one more for each owner where searches ask
whose widgets they are; the key of all widgets of a scope is the name of their table. Keys and
values of over 100 characters have no count: PostgreSQL's index could not hold them.

Titles get an index that is read instead of the widgets, and PostgreSQL's index of tags and labels
has each as one entry.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_TABLE: Final = """
    CREATE TABLE searched_counts (
        scope TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, owner TEXT NOT NULL,
        widgets INTEGER NOT NULL, PRIMARY KEY (scope, key, value, owner)
    ) WITHOUT ROWID
"""
# What SQLite's index for searches has already: see m0003_search_index.py. It has no owners of
# custom widgets.
_COUNTED: Final = {
    "searched_titles": ("iif({row}.owner IS NULL, 'custom_widgets', 'saved_widgets')", "''", "1"),
    "searched_values": (
        "{row}.key",
        "{row}.value",
        "length({row}.key) <= 100 AND length({row}.value) <= 100",
    ),
}
_FILLING: Final = """
    INSERT INTO searched_counts (scope, key, value, owner, widgets)
    SELECT scope, {key}, {value}, '', count(*) FROM {table} WHERE {condition} GROUP BY 1, 2, 3
    UNION ALL
    SELECT scope, {key}, {value}, owner, count(*) FROM {table}
    WHERE {condition} AND owner IS NOT NULL GROUP BY 1, 2, 3, 4
"""
_ADDED: Final = """
    CREATE TRIGGER {table}_counted AFTER INSERT ON {table} WHEN {condition} BEGIN
        INSERT INTO searched_counts (scope, key, value, owner, widgets)
            SELECT new.scope, {key}, {value}, whose.column1, 1
            FROM (VALUES (''), (new.owner)) AS whose WHERE whose.column1 IS NOT NULL
            ON CONFLICT DO UPDATE SET widgets = widgets + 1;
    END
"""
_REMOVED: Final = """
    CREATE TRIGGER {table}_uncounted AFTER DELETE ON {table} WHEN {condition} BEGIN
        UPDATE searched_counts SET widgets = widgets - 1 WHERE {is_it};
        DELETE FROM searched_counts WHERE {is_it} AND widgets = 0;
    END
"""
_IS_IT: Final = "scope = old.scope AND key = {key} AND value = {value} AND owner IN ('', old.owner)"

# Writers that are at work at the same time would wait for each other if all changed one row: each
# adds to the row of a slot, and the rows are summed up. A slot is locked before its rows, so that
# two writers of one slot, who change many rows, do not wait for each other for ever.
_TABLE_OF_POSTGRESQL: Final = """
    CREATE TABLE searched_counts (
        scope text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL,
        value text COLLATE "C" NOT NULL, owner text COLLATE "C" NOT NULL,
        slot integer NOT NULL, widgets integer NOT NULL,
        CONSTRAINT pk_searched_counts PRIMARY KEY (scope, key, value, owner, slot)
    )
"""
# The columns of a row, and 1 or -1 as `change`, come from `rows`.
_CHANGES: Final = """
    INSERT INTO searched_counts AS kept (scope, key, value, owner, slot, widgets)
    SELECT {scope}, fact.key, fact.value, whose.owner, {slot}, sum(widget.change)
    FROM ({rows}) AS widget, LATERAL (SELECT '{table}', '' UNION {values}) AS fact (key, value),
        LATERAL ({owners}) AS whose (owner)
    WHERE {alive} AND length(fact.key) <= 100 AND length(fact.value) <= 100
    GROUP BY 1, 2, 3, 4 HAVING sum(widget.change) <> 0
"""
_TEXTS: Final = """
    SELECT {key}, each.element #>> '{{}}' FROM {source} jsonb_array_elements(
        CASE jsonb_typeof({node}) WHEN 'array' THEN {node} ELSE {other} END
    ) AS each (element) WHERE jsonb_typeof(each.element) = 'string'
"""
_NONE: Final = "'[]'"
_LABELS: Final = _TEXTS.format(key="'labels'", source="", node="widget.labels", other=_NONE)
_NAMED_TAGS: Final = _TEXTS.format(
    key="'tags.' || tag.key",
    source="jsonb_each(widget.tags) AS tag,",
    node="tag.value",
    other="jsonb_build_array(tag.value)",
)
_PARTS: Final = {
    "saved_widgets": {
        "columns": "id, experience_type, created_by_id, tags, deleted_at",
        "scope": "widget.experience_type",
        "values": _TEXTS.format(key="'tags'", source="", node="widget.tags", other=_NONE),
        "owners": "VALUES (''), (replace(widget.created_by_id::text, '-', ''))",
        "alive": "widget.deleted_at IS NULL",
    },
    "custom_widgets": {
        "columns": "id, domain_id, labels, tags",
        "scope": "widget.domain_id",
        "values": f"{_LABELS} UNION {_NAMED_TAGS}",
        "owners": "VALUES ('')",
        "alive": "true",
    },
}
_KEEPING: Final = """
    CREATE FUNCTION keep_counts_of_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        mine integer := mod(pg_backend_pid(), 32);
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('placard searched_counts'), mine);
        {changes}
        ON CONFLICT ON CONSTRAINT pk_searched_counts
            DO UPDATE SET widgets = kept.widgets + excluded.widgets;
        RETURN NULL;
    END $$
"""
_EVERY: Final = "SELECT *, 1 AS change FROM {table}"
_CHANGED: Final = """
    SELECT NEW.*, 1 AS change WHERE TG_OP <> 'DELETE'
    UNION ALL SELECT OLD.*, -1 WHERE TG_OP <> 'INSERT'
"""
_COUNTED_OF_POSTGRESQL: Final = """
    CREATE TRIGGER {table}_counted AFTER INSERT OR DELETE OR UPDATE OF {columns} ON {table}
    FOR EACH ROW EXECUTE FUNCTION keep_counts_of_{table}()
"""


def upgrade() -> None:
    """Make the counts, and fill them; make the indexes."""
    is_alive = sa.text("deleted_at IS NULL")
    op.create_index(
        "ix_saved_widgets_folded",
        "saved_widgets",
        ["experience_type", "title_folded", "created_by_id", "deleted_at"],
        sqlite_where=is_alive,
        postgresql_where=is_alive,
    )
    op.create_index(
        "ix_custom_widgets_folded", "custom_widgets", ["domain_id", "title_folded", "id"]
    )
    if op.get_bind().dialect.name == "postgresql":
        _keep_on_postgresql()
        _index_values("jsonb_path_ops")
    else:
        _keep_on_sqlite()


def downgrade() -> None:
    """Remove the counts and the indexes."""
    if op.get_bind().dialect.name == "postgresql":
        for table in _PARTS:
            op.execute(f"DROP TRIGGER {table}_counted ON {table}")
            op.execute(f"DROP FUNCTION keep_counts_of_{table}()")
        _index_values("jsonb_ops")
    else:
        for table in _COUNTED:
            op.execute(f"DROP TRIGGER {table}_counted")
            op.execute(f"DROP TRIGGER {table}_uncounted")
    op.execute("DROP TABLE searched_counts")
    for table in _PARTS:
        op.drop_index(f"ix_{table}_folded", table)


def _keep_on_sqlite() -> None:
    op.execute(_TABLE)
    for table, counted in _COUNTED.items():
        for statement, row in ((_FILLING, table), (_ADDED, "new"), (_REMOVED, "old")):
            key, value, condition = (part.format(row=row) for part in counted)
            is_it = _IS_IT.format(key=key, value=value)
            parts = {"key": key, "value": value, "condition": condition, "is_it": is_it}
            op.execute(statement.format(table=table, **parts))


def _keep_on_postgresql() -> None:
    op.execute(_TABLE_OF_POSTGRESQL)
    for table, parts in _PARTS.items():
        every = _EVERY.format(table=table)
        op.execute(_CHANGES.format(table=table, rows=every, slot=0, **parts))
        changes = _CHANGES.format(table=table, rows=_CHANGED, slot="mine", **parts)
        op.execute(_KEEPING.format(table=table, changes=changes))
        op.execute(_COUNTED_OF_POSTGRESQL.format(table=table, **parts))


def _index_values(kind: str) -> None:
    for name in ("labels", "tags"):
        op.drop_index(f"ix_custom_widgets_{name}", "custom_widgets")
        op.create_index(
            f"ix_custom_widgets_{name}",
            "custom_widgets",
            [name],
            postgresql_using="gin",
            postgresql_ops={name: kind},
        )
