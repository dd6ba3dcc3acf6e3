"""The service's own database: what is saved in the library, and what is kept of people.

store.py        sessions, and the versions of the tables
connections.py  the engine, and the options of each connection
base.py         what all tables share; each room declares its own tables
columns.py      JSON and datetimes in a column
queries.py      reads of bounded time, whose rows come a few at a time
upsert.py       INSERT … ON CONFLICT, for either database
migrations/     the tables, from one version to the next
preparation.py  a database is prepared as soon as it can be used
backup.py       a copy of it while the service runs
failures.py     what its failures mean: it is down, its disk is full

Nothing of it is loaded where neither the library nor sign-in is on.
"""
