"""The widget library: saved widgets in a database, behind the dialects of three systems.

wiring.py      the list of dialects; makes the library of the settings, and mounts it
samples.py     saves the samples of each dialect, at the first start of the local mode
surface.py     what the service around it knows of it; imports nothing of the database
core/          what all dialects stand on: tables, tokens, users
http/          what all dialects share of HTTP: authentication, bodies, operations, errors
datadog/       a folder a dialect: API, schemas, storage, export and import
spaceone/
azure_devops/

README.md beside this file tells how to add an operation or a dialect.
"""
