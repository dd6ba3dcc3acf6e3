"""What every dialect of the widget library stands on. Errors are those of app/errors.py.

models.py        the tables
sqlite_index.py  SQLite's own index for searches
kept_counts.py   how many widgets there are, and with a tag or a label
tokens.py        the tokens of callers: issued, verified, listed, revoked
callers.py       the caller of a request, and what the caller may do
users.py         the users that tokens and saved widgets name
"""
