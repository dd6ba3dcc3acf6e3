"""The widget library: saved widgets in a database, behind the dialects of three systems.

README.md beside this file tells how to add an operation.
"""
