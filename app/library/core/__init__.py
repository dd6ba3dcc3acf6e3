"""What every dialect of the widget library stands on. Errors are those of app/errors.py.

store.py        the database: sessions, versions of the tables
connections.py  its engine, and what each connection is told
queries.py      reads of bounded time, whose rows come a few at a time
sqlite_index.py  SQLite's own index for searches
models.py       the tables
columns.py      JSON and datetimes in a column
upsert.py       INSERT … ON CONFLICT, for either database
migrations/     the tables, from one version to the next
preparation.py  a database is prepared as soon as it can be used
backup.py       a copy of it while the service runs
failures.py     what its failures mean: it is down, its disk is full
tokens.py       the tokens of callers: issued, verified, listed, revoked
callers.py      the caller of a request, and what the caller may do
users.py        the users that tokens and saved widgets name
"""
