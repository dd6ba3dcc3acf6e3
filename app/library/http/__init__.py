"""What the dialects share of HTTP. Each dialect is a Flask application, made by `init_dialect`.

dialect.py         what a dialect is, and the one test of an address
operation.py       a view and its operation, declared once: enforced and described
authentication.py  the token of a request → its caller
rate_limit.py      the requests of each token in a minute
thread_share.py    how many of the threads the library may use; the others are for cards
shared_storage.py  where the workers of a machine count them together
parameters.py      the path and the query, read with schemas
body.py            JSON bodies, bounded before they are read
schema.py          what the schemas of bodies share
arrival.py         the bytes of a body, within the time they have
response.py        JSON answers
rows.py            answers of many rows, written one by one up to a bound
token_slots.py     how many of one kind of work may run at a time
errors.py          every error, in the dialect's envelope and in the log
context.py         the library's parts, for views
loopback.py        the service's own widgets, read in this process for cards
transfer.py        export and import: what all records share
"""
