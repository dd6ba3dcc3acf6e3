"""What a body that was loaded gives of a widget or a dashboard, as the stores take it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from marshmallow import Schema

from app.errors import InvalidInput
from app.library.azure_devops.records import DashboardDraft, DashboardEntry, DashboardWidgetDraft
from app.library.azure_devops.schemas import ExtraFieldsSchema
from app.library.azure_devops.statements import MOST_WIDGETS
from app.library.http.operation import Loaded
from app.library.http.schema import load

_EXTRA_FIELDS: Final = ExtraFieldsSchema()


def widget_draft_of(body: Loaded, widget_id: UUID | None = None) -> DashboardWidgetDraft:
    """Return what a body gives of a widget; raises InvalidInput for an id of another."""
    if widget_id is not None and body.get("id") not in (None, widget_id):
        raise InvalidInput("is not that of the address", where="$.id")
    version = body.get("settings_version")
    return DashboardWidgetDraft(
        id=widget_id or body.get("id"),
        etag=body.get("etag"),
        name=body.get("name"),
        contribution_id=body.get("contribution_id"),
        settings=body.get("settings"),
        settings_version=None if version is None else _without_nulls(version),
        extra_fields=_extra_fields(body),
        **(body.get("position") or {}),
        **(body.get("size") or {}),
    )


def drafts_of(bodies: Sequence[Loaded]) -> list[DashboardWidgetDraft]:
    """Return what a list gives of its widgets; raises InvalidInput for an id that comes twice."""
    drafts = [widget_draft_of(body) for body in bodies]
    check_ids([draft.id for draft in drafts])
    return drafts


def load_widgets(schema: Schema, document: dict[str, Any] | list[Any]) -> list[Loaded]:
    """Load widgets, a list or `{"value": […]}`, with a schema of many; raises InvalidInput."""
    given = document.get("value") if isinstance(document, dict) else document
    if not isinstance(given, list):
        raise InvalidInput("must be a list of widgets", where="$.value", rule="type")
    if len(given) > MOST_WIDGETS:
        raise InvalidInput(f"A dashboard has at most {MOST_WIDGETS} widgets.", rule="too_many")
    loaded: list[Loaded] = load(schema, given)
    return loaded


def dashboard_draft_of(body: Loaded) -> DashboardDraft:
    widgets = body.get("widgets")
    return DashboardDraft(
        name=body.get("name"),
        description=body.get("description"),
        rank=body.get("position"),
        refresh_interval=body.get("refresh_interval"),
        widgets=None if widgets is None else tuple(drafts_of(widgets)),
    )


def entries_of(body: Loaded) -> list[DashboardEntry]:
    """Return what a body gives of the dashboards of a team."""
    entries = body["entries"]
    check_ids([entry["id"] for entry in entries])
    return [
        DashboardEntry(entry["id"], entry.get("etag"), entry.get("name"), entry.get("position"))
        for entry in entries
    ]


def check_ids(ids: Sequence[UUID | None]) -> None:
    """Raise InvalidInput for an id that comes twice: which one would count?"""
    given = [each for each in ids if each is not None]
    if len(set(given)) < len(given):
        twice = next(each for each in given if given.count(each) > 1)
        raise InvalidInput(f"the id {twice} is given twice", where="$")


def _extra_fields(body: Loaded) -> dict[str, Any]:
    given = {name: body[name] for name in _EXTRA_FIELDS.fields if name in body}
    dumped: dict[str, Any] = _EXTRA_FIELDS.dump(given)
    return dumped


def _without_nulls(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if value is not None}
