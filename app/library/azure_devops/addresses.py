"""The addresses of the Azure DevOps dialect, read without regard to case or a last slash.

What stands before `_apis` is the place: the last names are project and team, or with two names
collection and project; whatever is before them is the collection, which may have several names, as
`tfs/DefaultCollection` has. So every base address that a client is given has its own dashboards.
Servers decode a path before they hand it over: `%2F` is a slash like any other.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from re import Pattern
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from flask import request
from werkzeug.routing import BaseConverter

from app.library.azure_devops.records import Place
from app.library.azure_devops.statements import no_dashboard, no_widget
from app.library.core.errors import Malformed
from app.library.http.context import library

LONGEST_NAME: Final = 255
_NAMES: Final = r"(?:(?!(?i:_apis)/)[^/]+/)"
_PLACE: Final = re.compile(rf"{_NAMES}{{1,4}}")
_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_APIS: Final = re.compile(r"(?:\A|/)_apis(?:/|\Z)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """An address: the names before `_apis`, and those after it."""

    names: tuple[str, ...]
    rest: tuple[str, ...]

    @property
    def place(self) -> Place:
        """The place of the dashboards."""
        names = self.names
        if len(names) == 1:
            return Place("", names[0], "")
        if len(names) == 2:
            return Place(*names, "")
        return Place("/".join(names[:-2]), *names[-2:])

    @property
    def dashboard_id(self) -> UUID:
        """The id of the dashboard; raises DashboardMissing where it is no GUID."""
        given = self.rest[2]
        if not _GUID.fullmatch(given):
            raise no_dashboard(ascii(given[:40]))
        return UUID(given)

    @property
    def widget_id(self) -> UUID:
        """The id of the widget; raises WidgetMissing where it is no GUID."""
        given = self.rest[4]
        if not _GUID.fullmatch(given):
            raise no_widget(ascii(given[:40]), self.dashboard_id)
        return UUID(given)


def read_address(path: str) -> Address:
    """Read a path without its first slash."""
    before, after = _APIS.split(path, maxsplit=1)
    return Address(
        tuple(before.split("/")) if before else (),
        tuple(after.removesuffix("/").split("/")) if after else (),
    )


def read_guid(given: str) -> UUID | None:
    """Read the id of a widget or a dashboard as it stands in a body; None where it is none."""
    return UUID(given) if _GUID.fullmatch(given) else None


def paths_besides(others: Iterable[Pattern[str]]) -> Pattern[str]:
    """Match the dialect's addresses, which are none that begin as those of others do.

    That is in any case, since the official client asks in lower case.
    """
    taken = "|".join(other.pattern for other in others)
    return re.compile(rf"(?!(?i:{taken}))/{_NAMES}*(?i:_apis)(?:/|\Z)")


def check_place(place: Place, paths: Pattern[str]) -> None:
    """Raise Malformed for a place that no address leads to, of those that `paths` matches."""
    path = "/".join(name for name in (place.collection, place.project, place.team) if name)
    address = read_address(f"{path}/_apis")
    is_reached = paths.match(f"/{path}/_apis") and _PLACE.fullmatch(f"{path}/")
    if not is_reached or address.place != place:
        raise Malformed("are not those of any address", where="collection, project, team")
    check_names(address)


def check_names(address: Address) -> None:
    """Raise Malformed for names that no collection, project or team can have."""
    for name in address.names:
        if len(name) > LONGEST_NAME or name.strip(" .") == "" or any(map(_is_unfit, name)):
            raise Malformed(
                f"the name {name[:40]!a} must be 1 to {LONGEST_NAME} characters of UTF-8, "
                "without control characters",
                where="path",
            )
    if len("/".join(address.names[:-2])) > LONGEST_NAME:
        raise Malformed(f"the collection is over {LONGEST_NAME} characters", where="path")


def _is_unfit(character: str) -> bool:
    # What is no UTF-8 arrives as U+FFFD: different paths would become one.
    return character == "\ufffd" or unicodedata.category(character) in ("Cc", "Cs")


def url_of(*parts: str) -> str:
    """Write an absolute address of this service."""
    base = library().settings.public_url or request.host_url
    return "/".join([base.rstrip("/"), *(quote(part, safe="/") for part in parts if part)])


def dashboards_url(place: Place, *ids: UUID | str) -> str:
    """Write the address of the dashboards of a place, or of what is below them."""
    rest = "/".join(["_apis/dashboard/dashboards", *map(str, ids)])
    return url_of(place.collection, place.project, place.team, rest)


class _Converter(BaseConverter):
    """A whole path as one variable, since no rule of Werkzeug's ignores case."""

    part_isolating = False
    names = "{1,4}"
    rest = ""

    def __init__(self, map: Any) -> None:  # noqa: A002 - Werkzeug's name
        super().__init__(map)
        self.regex = rf"{_NAMES}{self.names}(?i:_apis{self.rest})/?"

    def to_python(self, value: str) -> Address:
        """Read the address."""
        return read_address(value)


class _Locations(_Converter):
    names = "{0,4}"


class _Areas(_Converter):
    names = "{0,4}"
    rest = "/resourceareas"


class _Area(_Areas):
    rest = "/resourceareas/[^/]+"


class _Dashboards(_Converter):
    rest = "/dashboard/dashboards"


class _Dashboard(_Converter):
    rest = "/dashboard/dashboards/[^/]+"


class _Widgets(_Converter):
    rest = "/dashboard/dashboards/[^/]+/widgets"


class _Widget(_Converter):
    rest = "/dashboard/dashboards/[^/]+/widgets/[^/]+"


CONVERTERS: Final[dict[str, type[BaseConverter]]] = {
    "azure_locations": _Locations,
    "azure_areas": _Areas,
    "azure_area": _Area,
    "azure_dashboards": _Dashboards,
    "azure_dashboard": _Dashboard,
    "azure_widgets": _Widgets,
    "azure_widget": _Widget,
}
