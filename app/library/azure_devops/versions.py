"""Versions as requests name them: that of the API, and those of what is written (eTags)."""

import re
from collections.abc import Mapping
from typing import Any, Final

from flask import request

from app.errors import Conflict, InvalidInput

Versions = frozenset[int]
# All that Azure DevOps has had.
SERVED: Final = (
    "3.0", "3.1", "3.2", "4.0", "4.1", "5.0", "5.1", "5.2", "6.0", "6.1", "7.0", "7.1",
)  # fmt: skip
FIRST_PREVIEW_OF_3_0: Final = 2
# No version is ever this one: they count from 1, and that of a list that is being imported from a
# little below.
NEVER: Final = -(2**31)
_API_VERSION: Final = re.compile(
    r"([0-9]{1,3}\.[0-9]{1,3})(?:-preview(?:\.([0-9]{1,3}))?)?", re.ASCII
)
_IN_ACCEPT: Final = re.compile(r';\s*api-version\s*=\s*"?([^",;\s]*)', re.IGNORECASE)
_ETAG: Final = re.compile(r'(?:W/)?("?)([^",\s]{1,40})\1', re.ASCII)
_COUNTED: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


def check_api_version() -> None:
    """Raise InvalidInput where the request names a version of the API that is not served."""
    named = [
        value for name, value in request.args.items(multi=True) if name.lower() == "api-version"
    ]
    if len(named) > 1:
        raise InvalidInput("is given twice", where="api-version", rule="api_version")
    for given in [*named, *_IN_ACCEPT.findall(request.headers.get("Accept", ""))]:
        if not is_served(given):
            raise InvalidInput(
                f"{given[:40]!a} is not served: 3.0-preview.2 to 7.1 are, such as 7.1-preview.2",
                where="api-version",
                rule="api_version",
            )


def is_served(given: str) -> bool:
    """Tell whether a version of the API, such as `7.1-preview.2`, is served."""
    read = _API_VERSION.fullmatch(given)
    if read is None or read[1] not in SERVED:
        return False
    return not (read[1] == SERVED[0] and read[2] and int(read[2]) < FIRST_PREVIEW_OF_3_0)


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
