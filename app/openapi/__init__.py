"""The service's own description: `/openapi.json`, and what `/docs` shows.

operation.py    what a route takes and answers, as data that stands beside its view
description.py  OpenAPI 3.1, written from the operations of every surface and their schemas
"""
