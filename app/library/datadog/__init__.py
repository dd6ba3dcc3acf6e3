"""The dialect of Datadog's saved widgets.

dialect.py   its addresses, its token, its envelope; what the library mounts
api.py       the operations
schemas.py   bodies, parameters and answers
search.py    filters and sorts as SQL
store.py     one transaction an operation
archive.py   whole widgets, out of the store and into another
examples.py  an example of each operation, for the description
samples.py   what the local mode has saved from the start
transfer.py  export and import, as lines of JSON
"""
