"""The places that a token reaches: `{collection}[/{project}[/{team}]]`, or all where it names none.

Names and GUIDs are compared as those of an address are. What has no collection begins with a slash.
"""

from collections.abc import Callable
from dataclasses import replace

from app.database.columns import folded
from app.errors import Forbidden, InvalidInput
from app.library.azure_devops.addresses import VIRTUAL_DIRECTORY, ApiPath, check_names
from app.library.azure_devops.records import TeamContext
from app.library.core.callers import Caller


def read_place(given: str) -> TeamContext:
    """Read a place, of which project and team may be empty; raises InvalidInput."""
    names = given.split("/")
    length = (
        2 if len(names) == 4 or (len(names) > 1 and names[0].lower() == VIRTUAL_DIRECTORY) else 1
    )
    collection, rest = "/".join(names[:length]), names[length:]
    if len(rest) > 2 or not all(rest) or not (collection or rest):
        raise InvalidInput(
            f"{given[:40]!a} is not a place: collection, collection/project or "
            "collection/project/team",
            where="place",
        )
    check_names(ApiPath(tuple(name for name in names if name), ()))
    return TeamContext(collection, *rest, *[""] * (2 - len(rest)))


def check_place(caller: Caller, context: TeamContext) -> None:
    """Raise Forbidden where the caller's token does not reach a project or team."""
    _check(caller, lambda place: _contains(place, context))


def check_project(caller: Caller, project: TeamContext) -> None:
    """Raise Forbidden where the caller's token reaches nothing in a project."""
    _check(caller, lambda place: _contains(replace(place, team=""), project))


def _check(caller: Caller, reaches: Callable[[TeamContext], bool]) -> None:
    if caller.places and not any(reaches(read_place(place)) for place in caller.places):
        raise Forbidden(
            sentence="Forbidden: the token does not reach this collection, project and team."
        )


def _contains(place: TeamContext, context: TeamContext) -> bool:
    if folded(place.collection) != folded(context.collection):
        return False
    if not place.project:
        return True
    if place.project_id != context.project_id:
        return False
    return not place.team or (bool(context.team) and place.team_id == context.team_id)
