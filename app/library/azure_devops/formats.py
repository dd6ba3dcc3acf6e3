"""How a request wants its answer: the version of the API and the options that `Accept` has.

    Accept: application/json;api-version=7.2-preview.3;excludeUrls=true;enumsAsNumbers=true;
            msDateFormat=true;noArrayWrap=true

Microsoft's client for extensions asks so. Names are read in any case, and an option is on where it
is `true`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from flask import Response, g, request

from app.errors import InvalidInput
from app.library.http.response import json_response

# All that Azure DevOps has had.
SERVED: Final = (
    "3.0", "3.1", "3.2", "4.0", "4.1", "5.0", "5.1", "5.2", "6.0", "6.1", "7.0", "7.1", "7.2",
)  # fmt: skip
FIRST_PREVIEW_OF_3_0: Final = 2
# By their numbers in the clients' enumerations.
SCOPES: Final = ("collection_User", "project_Team", "project")
# Of widgets there are the first two.
OF_WIDGET: Final = SCOPES[:2]
PROJECT_STATES: Final = ("new", "wellFormed")
_NUMBERED: Final[Mapping[str, tuple[str, ...]]] = {
    "dashboardScope": SCOPES,
    "supportedScopes": OF_WIDGET,
    "state": PROJECT_STATES,
}
_DATES: Final = ("lastAccessedDate", "modifiedDate")
_URLS: Final = ("url", "_links")
_API_VERSION: Final = re.compile(
    r"([0-9]{1,3}\.[0-9]{1,3})(?:-preview(?:\.([0-9]{1,3}))?)?", re.ASCII | re.IGNORECASE
)
_PARAMETER: Final = re.compile(r';\s*([a-z-]+)\s*=\s*"?([^",;\s]*)', re.ASCII | re.IGNORECASE)
# With its slashes escaped, as the client looks for it. Within a string of JSON a quote is escaped,
# so that nothing that a user wrote looks like this.
_MS_DATE: Final = re.compile(rf'("(?:{"|".join(_DATES)})":")/(Date\(-?[0-9]+\))/"')


@dataclass(frozen=True, slots=True)
class AnswerFormat:
    """The version of the API that a request names, (0, 0) where none, and the options it sets."""

    version: tuple[int, int] = (0, 0)
    exclude_urls: bool = False
    enums_as_numbers: bool = False
    ms_dates: bool = False
    bare_lists: bool = False

    def shaped(self, document: Any) -> Any:
        """Return a document as the options want it."""
        if isinstance(document, list):
            return [self.shaped(each) for each in document]
        if not isinstance(document, dict):
            return document
        if self.bare_lists and document.keys() == {"count", "value"}:
            return self.shaped(document["value"])
        return {
            name: self._value(name, value)
            for name, value in document.items()
            if not (self.exclude_urls and name in _URLS)
        }

    def _value(self, name: str, value: Any) -> Any:
        if self.enums_as_numbers and name in _NUMBERED:
            names = _NUMBERED[name]
            return [*map(names.index, value)] if isinstance(value, list) else names.index(value)
        if self.ms_dates and name in _DATES:
            return f"/Date({datetime.fromisoformat(value).timestamp() * 1000:.0f})/"
        return self.shaped(value)


def read_format() -> AnswerFormat:
    """Read how the current request wants its answer.

    Raises InvalidInput where it names a version of the API that is not served.
    """
    in_accept = [
        (name.lower(), value)
        for name, value in _PARAMETER.findall(request.headers.get("Accept", ""))
    ]
    on = {name for name, value in in_accept if value.lower() == "true"}
    return AnswerFormat(
        version=_version([value for name, value in in_accept if name == "api-version"]),
        exclude_urls="excludeurls" in on,
        enums_as_numbers="enumsasnumbers" in on,
        ms_dates="msdateformat" in on,
        bare_lists="noarraywrap" in on,
    )


def _version(in_accept: list[str]) -> tuple[int, int]:
    """Return the version that the query names, or else `Accept`."""
    named = [
        value for name, value in request.args.items(multi=True) if name.lower() == "api-version"
    ]
    if len(named) > 1:
        raise InvalidInput("is given twice", where="api-version", rule="api_version")
    for given in (*named, *in_accept):
        if not is_served(given):
            raise InvalidInput(
                f"{given[:40]!a} is not served: 3.0-preview.2 to 7.2 are, such as 7.1-preview.2",
                where="api-version",
                rule="api_version",
            )
    first = next(iter((*named, *in_accept)), "0.0")
    major, minor = first.partition("-")[0].split(".")
    return int(major), int(minor)


def is_served(given: str) -> bool:
    """Tell whether a version of the API, such as `7.1-preview.2`, is served."""
    read = _API_VERSION.fullmatch(given)
    if read is None or read[1] not in SERVED:
        return False
    return not (read[1] == SERVED[0] and read[2] and int(read[2]) < FIRST_PREVIEW_OF_3_0)


def answer_format() -> AnswerFormat:
    """Return how the current request wants its answer."""
    return cast(AnswerFormat, g.answer_format)


def formatted(document: Any, status: int = 200) -> Response:
    """Answer with a document, as the current request wants it."""
    wanted = answer_format()
    if wanted == AnswerFormat(wanted.version):
        return json_response(document, status)
    response = json_response(wanted.shaped(document), status)
    if wanted.ms_dates:
        response.set_data(_MS_DATE.sub(r'\1\\/\2\\/"', response.get_data(as_text=True)))
    return response
