"""Versions as requests name them: that of the API, and those of what is written (eTags)."""

import re
from collections.abc import Iterable
from typing import Final

from flask import request

from app.library.core.errors import Conflict, Malformed

# Those that Azure DevOps has had.
SERVED: Final = (
    "3.0", "3.1", "3.2", "4.0", "4.1", "5.0", "5.1", "5.2", "6.0", "6.1", "7.0", "7.1",
)  # fmt: skip
FIRST_PREVIEW_OF_3_0: Final = 2
# No version is ever this one: versions count from 1.
NEVER: Final = -1
_API_VERSION: Final = re.compile(
    r"([0-9]{1,3}\.[0-9]{1,3})(?:-preview(?:\.([0-9]{1,3}))?)?", re.ASCII
)
_IN_ACCEPT: Final = re.compile(r';\s*api-version\s*=\s*"?([^",;\s]*)', re.IGNORECASE)
_ETAG: Final = re.compile(r'(?:W/)?("?)([^",\s]{1,40})\1', re.ASCII)
_COUNTED: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


def check_api_version() -> None:
    """Raise Malformed where the request names a version of the API that is not served."""
    named = [
        value for name, value in request.args.items(multi=True) if name.lower() == "api-version"
    ]
    if len(named) > 1:
        raise Malformed("is given twice", where="api-version", rule="api_version")
    for given in [*named, *_IN_ACCEPT.findall(request.headers.get("Accept", ""))]:
        if not is_served(given):
            raise Malformed(
                f"{given[:40]!a} is not served: 3.0-preview.2 to 7.1 are, such as 7.1-preview.2",
                where="api-version",
                rule="api_version",
            )


def is_served(given: str) -> bool:
    """Tell whether a version of the API, such as `7.1-preview.2`, is one that is served."""
    read = _API_VERSION.fullmatch(given)
    if read is None or read[1] not in SERVED:
        return False
    return not (read[1] == SERVED[0] and read[2] and int(read[2]) < FIRST_PREVIEW_OF_3_0)


def read_etag(given: str, where: str) -> int:
    """Read an eTag; one that we have never given is no version that is current ever.

    Raises Malformed for what is no single eTag: `*`, or a list.
    """
    read = _ETAG.fullmatch(given.strip(" \t"))
    if read is None or read[2] == "*":
        raise Malformed('must be one eTag, such as 3 or "3"', where=where)
    return int(read[2]) if _COUNTED.fullmatch(read[2]) else NEVER


def list_version(others: Iterable[int | None] = ()) -> int | None:
    """Return the version of the dashboard's list that the request wants to be current.

    It stands in the header `ETag` or `If-Match`; `others` are those of a body's `dashboard.eTag`.
    Raises Conflict where they differ: only one of them can be current.
    """
    headers = {name: request.headers.get(name) for name in ("ETag", "If-Match")}
    named = {read_etag(value, where=name) for name, value in headers.items() if value is not None}
    named.update(version for version in others if version is not None)
    if len(named) > 1:
        raise Conflict("The eTags that were given for the dashboard differ: not all are current.")
    return next(iter(named), None)


def required_list_version(others: Iterable[int | None] = ()) -> int:
    """Return the version of the list as `list_version`; raises Malformed without the header."""
    if "ETag" not in request.headers and "If-Match" not in request.headers:
        raise Malformed(
            "is missing: the eTag that the list of widgets was last answered with",
            where="header ETag",
            rule="required",
        )
    version = list_version(others)
    assert version is not None
    return version
