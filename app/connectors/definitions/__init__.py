"""Connectors without code: TOML files, read and checked, behind the contract of `base.py`.

files.py        a TOML file → checked definitions
expressions.py  JMESPath expressions over a resource, and their functions
connector.py    a definition as a connector
"""
