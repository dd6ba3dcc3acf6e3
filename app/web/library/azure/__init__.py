"""The Azure DevOps dialect: dashboards and their widgets, below `{collection}/…/_apis`.

Implements the section "Azure DevOps dashboard widgets" of the library's contract, and Azure
DevOps' own page of widgets. `addresses.py` reads the path, `versions.py` the headers, `schemas.py`
the bodies; `locations.py`, `dashboards_api.py` and `widgets_api.py` are the views, `answers.py`
writes what they answer; `operations.py` lists all, for the description of the service.
"""

from app.web.library.azure.dialect import DIALECT

__all__ = ["DIALECT"]
