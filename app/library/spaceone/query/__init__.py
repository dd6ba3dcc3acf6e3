"""SpaceONE's query language, run by the database: SQLite or PostgreSQL, with equal answers.

    ast.py           a query as frozen dataclasses; no SQL
    datetimes.py     ISO 8601 and `now-1d/d` → a datetime
    regexes.py       a regular expression → one that means the same on both databases
    json_backend.py  JSON values in SQL; json_sqlite.py and json_postgresql.py implement it
    keys.py          a key such as `options.group_by` → a column, or steps into a document
    filters.py       conditions → WHERE
    narrowing.py     what SQLite's index knows of a search
    stages.py        stages of an aggregate → a SELECT over a SELECT; `group` is in groups.py
    pipeline.py      all stages of a query as one statement
    limits.py        limits on the size and the time of queries

Values are compared within their kind: a text is never equal to, or less than, a number. Numbers are
doubles. A list matches where one of its elements does. A key that leads nowhere is like null. A
name that a caller gives never becomes part of a statement: it is a parameter, or looked up.
"""
