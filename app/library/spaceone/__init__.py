"""The dialect of SpaceONE's custom widgets.

dialect.py        its addresses, its token, its envelope; what the library mounts
api.py            the operations
schemas.py        the messages: requests and answers
query_schemas.py  the query language as JSON
query_reader.py   a loaded query → its syntax tree
query/            the syntax tree → SQL
records.py        widgets as the store takes and returns them
store.py          one transaction an operation
rows.py           the rows of widgets, and what is stored of one
results.py        the rows of a `stat` as JSON, up to a bound
examples.py       an example of each operation, for the description
samples.py        what the local mode has saved from the start
transfer.py       export and import
"""
