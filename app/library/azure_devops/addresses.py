"""The addresses of the Azure DevOps dialect, read without regard to case or a last slash.

What stands before `_apis` names the team: `{collection}/{project}/{team}`, where the team may be
left out, and then the collection too. A server's `tfs/{collection}` is one collection, and so is
all that comes before the last two of four names. So every base address that a client is given has
its own dashboards. Servers decode a path before they hand it over: `%2F` is a slash like any other.
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

from app.database.base import NAME_LENGTH
from app.errors import InvalidInput
from app.library.azure_devops.records import DashboardKey, TeamContext, WidgetKey, WidgetTypeKey
from app.library.azure_devops.statements import no_dashboard, no_widget
from app.library.http.context import library
from app.library.http.parameters import read_uuid

_NAMES: Final = r"(?:(?!(?i:_apis)/)[^/]+/)"
_CONTEXT: Final = re.compile(rf"{_NAMES}{{1,4}}")
_APIS: Final = re.compile(r"(?:\A|/)_apis(?:/|\Z)", re.IGNORECASE)
# The virtual directory of Azure DevOps Server: a part of the collection that comes after it.
VIRTUAL_DIRECTORY: Final = "tfs"
PROJECTS: Final = "projects"


@dataclass(frozen=True, slots=True)
class ApiPath:
    """An address: the names before `_apis`, and those after it."""

    names: tuple[str, ...]
    rest: tuple[str, ...]

    @property
    def context(self) -> TeamContext:
        """The team whose dashboards these are; an address has the name of a project at least."""
        names = self.names
        if names[0].lower() == VIRTUAL_DIRECTORY and len(names) > 2:
            names = ("/".join(names[:2]), *names[2:])
        if len(names) == 1:
            return TeamContext("", names[0], "")
        if len(names) == 2:
            return TeamContext(*names, "")
        return TeamContext("/".join(names[:-2]), *names[-2:])

    @property
    def project(self) -> TeamContext:
        """The project that is named last, in the collection that stands before `_apis`."""
        return TeamContext("/".join(self.names), self.rest[-1], "")

    @property
    def named_project(self) -> tuple[str, ...]:
        """The name of a project that stands after `_apis`, if one does."""
        is_of_projects = "".join(self.rest[:1]).lower() == PROJECTS
        return self.rest[1:] if is_of_projects else ()

    @property
    def dashboard(self) -> DashboardKey:
        """The dashboard; raises NotFound where its id is not a GUID."""
        given = self.rest[2]
        dashboard_id = read_uuid(given)
        if dashboard_id is None:
            raise no_dashboard(ascii(given[:40]))
        return DashboardKey(self.context, dashboard_id)

    @property
    def contribution(self) -> WidgetTypeKey:
        return WidgetTypeKey(self.context, self.rest[2])

    @property
    def widget(self) -> WidgetKey:
        """The widget; raises NotFound where its id or the dashboard's is not a GUID."""
        dashboard, given = self.dashboard, self.rest[4]
        widget_id = read_uuid(given)
        if widget_id is None:
            raise no_widget(ascii(given[:40]), dashboard.id)
        return WidgetKey(dashboard, widget_id)


def read_address(path: str) -> ApiPath:
    """Read a path without its first slash."""
    before, after = _APIS.split(path, maxsplit=1)
    return ApiPath(
        tuple(before.split("/")) if before else (),
        tuple(after.removesuffix("/").split("/")) if after else (),
    )


def paths_besides(others: Iterable[Pattern[str]]) -> Pattern[str]:
    """Match the dialect's addresses, except those that begin as the addresses of others do.

    That is in any case, since the official client asks in lower case.
    """
    taken = "|".join(other.pattern for other in others)
    return re.compile(rf"(?!(?i:{taken}))/{_NAMES}*(?i:_apis)(?:/|\Z)")


def check_context(context: TeamContext, paths: Pattern[str]) -> None:
    """Raise InvalidInput for a team that has no address, of those that `paths` matches."""
    path = "/".join(name for name in (context.collection, context.project, context.team) if name)
    address = read_address(f"{path}/_apis")
    is_reached = paths.match(f"/{path}/_apis") and _CONTEXT.fullmatch(f"{path}/")
    if not is_reached or address.context != context:
        raise InvalidInput("are not those of any address", where="collection, project, team")
    check_names(address)


def check_names(address: ApiPath) -> None:
    """Raise InvalidInput for names that no collection, project or team can have."""
    for name in (*address.names, *address.named_project):
        if len(name) > NAME_LENGTH or name.strip(" .") == "" or any(map(_is_unfit, name)):
            raise InvalidInput(
                f"the name {name[:40]!a} must be 1 to {NAME_LENGTH} characters of UTF-8, "
                "without control characters",
                where="path",
            )
    if address.names and len(address.context.collection) > NAME_LENGTH:
        raise InvalidInput(f"the collection is over {NAME_LENGTH} characters", where="path")


def _is_unfit(character: str) -> bool:
    # Bytes that are not UTF-8 arrive as U+FFFD: different paths would become one.
    return character == "\ufffd" or unicodedata.category(character) in ("Cc", "Cs")


def url_of(*parts: str) -> str:
    """Write an absolute address of this service."""
    base = library().settings.public_url or request.host_url
    return "/".join([base.rstrip("/"), *(quote(part, safe="/") for part in parts if part)])


def dashboards_url(context: TeamContext, *ids: UUID) -> str:
    """Write the address of the dashboards of a team, or of what is below them."""
    rest = "/".join(["_apis/dashboard/dashboards", *map(str, ids)])
    return url_of(context.collection, context.project, context.team, rest)


class AddressConverter(BaseConverter):
    """A whole path as one variable, since no rule of Werkzeug's ignores case.

    At least `least` names stand before `_apis`, and what `rest` matches after it.
    """

    part_isolating = False

    def __init__(self, map: Any, least: int, rest: str) -> None:  # noqa: A002 - Werkzeug's name
        super().__init__(map)
        self.regex = rf"{_NAMES}{{{least},4}}(?i:_apis{rest})/?"

    def to_python(self, value: str) -> ApiPath:
        return read_address(value)
