"""Versions of what is written, as requests name them: eTags."""

import re
from collections.abc import Mapping
from typing import Any, Final

from flask import request

from app.errors import Conflict, InvalidInput

Versions = frozenset[int]
# No version is ever this one: they count from 1, and that of a list that is being imported from a
# little below.
NEVER: Final = -(2**31)
_ETAG: Final = re.compile(r'(?:W/)?("?)([^",\s]{1,40})\1', re.ASCII)
_COUNTED: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


def read_etag(given: str, where: str) -> int:
    """Read an eTag; one that we have never given is never current.

    Raises InvalidInput for anything but a single eTag, such as `*` or a list.
    """
    read = _ETAG.fullmatch(given.strip(" \t"))
    if read is None or read[2] == "*":
        raise InvalidInput('must be one eTag, such as 3 or "3"', where=where)
    return int(read[2]) if _COUNTED.fullmatch(read[2]) else NEVER


def header_versions(*, required: bool = False) -> Versions:
    """Read the versions of the dashboard's list in the headers `ETag` and `If-Match`.

    Raises InvalidInput for one that cannot be read, or where none is there and one is required.
    """
    given = [name for name in ("ETag", "If-Match") if name in request.headers]
    versions = {read_etag(request.headers[name], where=name) for name in given}
    if required and not versions:
        raise InvalidInput(
            "is missing: the eTag that the list of widgets was last answered with",
            where="header ETag",
            rule="required",
        )
    return frozenset(versions)


def version_in(body: Mapping[str, Any]) -> int | None:
    """Return the version of the dashboard's list that a widget's body has as `dashboard.eTag`."""
    etag: int | None = (body.get("dashboard") or {}).get("etag")
    return etag


def agreed_version(versions: Versions, *others: int | None) -> int | None:
    """Return the one version of the dashboard's list that a request wants to be current.

    Raises Conflict where those of the headers and `others` differ: only one can be current.
    """
    named = {version for version in (*versions, *others) if version is not None}
    if len(named) > 1:
        raise Conflict(
            sentence="The eTags that were given for the dashboard differ: not all are current."
        )
    return next(iter(named), None)
