"""The widget library's surface: a module or a folder for each dialect, over what they share.

`dialects.py` says what a dialect is, `admission.py` who may ask, `body.py` what a body may be,
`limits.py` how often. How to add an operation: app/library/README.md.
"""
