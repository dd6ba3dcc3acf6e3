"""SpaceONE's query language, run by the database: SQLite or PostgreSQL, with equal answers.

    asked.py      what a query says, as frozen dataclasses; no SQL
    moments.py    ISO 8601 and `now-1d/d` → a moment
    patterns.py   a regular expression → one that means the same on both databases
    json_sql.py   JSON values in SQL, and a dialect each for SQLite and PostgreSQL
    places.py     a key such as `options.group_by` → where its values are
    filters.py    conditions → WHERE
    stages.py     stages of an aggregate → a SELECT over a SELECT, groups in groups.py
    limits.py     how large a query may be, and how long it may take

Values are compared within their kind: a text is never equal to, or less than, a number. Numbers are
doubles. A list matches where one of its elements does. What a key does not reach is like null. A
name that a caller gives never becomes part of a statement: it is a parameter, or looked up.
"""
