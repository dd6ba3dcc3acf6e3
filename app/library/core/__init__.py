"""What every dialect of the widget library stands on.

store.py       the database: engine, sessions, time limits
models.py      the tables
columns.py     JSON and times in a column
migrations/    the tables, from one version to the next
tokens.py      the tokens of callers: made, verified, listed, revoked
callers.py     who asks, and what they may
users.py       the users that saved widgets name
errors.py      what goes wrong, before a dialect puts it into its envelope
"""
