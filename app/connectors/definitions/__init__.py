"""Connectors without code: TOML files, read and checked, behind the contract of `base.py`.

catalogue/      the definitions that are bundled, one file a system
bundled.py      reads them, with the settings that they bring along
files.py        a TOML file → checked definitions
schema.py       what a file may hold, and every fault of it
fields.py       its kinds of values: expressions, colours, hosts
consistency.py  how the parts of a definition go together
patterns.py     the patterns of addresses
addresses.py    the addresses that a definition serves
templates.py    what the parts of an address are filled into
expressions.py  JMESPath expressions over a resource, and their functions
card.py         the expressions of a card
search.py       the search of a definition
excerpts.py     what of a large answer the expressions read
hosts.py        its hosts, and the token of each
connector.py    a definition as a connector
"""
