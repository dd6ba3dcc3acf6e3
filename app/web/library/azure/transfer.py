"""Dashboards and their widgets as lines of JSON, out of the library and into it.

A line is either of these; what is below `dashboard` and `widget` is what the API takes and answers,
and is checked by the same schemas. A dashboard comes before its widgets, these in their order.

    {"collection": …, "project": …, "team": …, "dashboard": {"id": …, "name": …, …}}
    {"collection": …, "project": …, "team": …, "dashboardId": …, "widget": {"id": …, …}}

The ids are the keys: what is there already is left as it is, so an import can be run again.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from marshmallow import ValidationError, fields, validate, validates_schema

from app.library.callers import Caller
from app.library.columns import written_json
from app.library.dashboard_content import Place
from app.library.dashboard_widgets import DashboardWidgets
from app.library.dashboards import Dashboards
from app.library.refusals import Refusal, TooLarge
from app.web.library.azure.addresses import check_place
from app.web.library.azure.answers import dashboard_body, widget_body
from app.web.library.azure.schemas import (
    LONGEST_NAME,
    DashboardSchema,
    Guid,
    ListedWidgetSchema,
    dashboard_draft_of,
    draft_of,
)
from app.web.library.body import LARGEST, BodySchema, checked, parsed
from templates_schemas.rules import Rule

AT_ONCE: Final = 20
FIRST: Final = (0, UUID(int=0))
LONGEST_LINE: Final = 2 * LARGEST


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the record of a line, counted from 1; `why` is the reason of a refusal."""

    line: int
    outcome: Literal["stored", "present", "refused"]
    why: str = ""


class KeptDashboardSchema(DashboardSchema):
    """A dashboard with its id; its widgets come as records of their own."""

    class Meta(DashboardSchema.Meta):
        exclude = ("widgets",)

    id = Guid(required=True)


class KeptWidgetSchema(ListedWidgetSchema):
    """A widget with its id."""

    id = Guid(required=True)


class RecordSchema(BodySchema):
    """A line: a dashboard, or a widget and the dashboard that it is on."""

    collection = fields.String(required=True, validate=validate.Length(0, LONGEST_NAME))
    project = fields.String(required=True, validate=validate.Length(1, LONGEST_NAME))
    team = fields.String(load_default="", validate=validate.Length(0, LONGEST_NAME))
    dashboard = fields.Nested(KeptDashboardSchema)
    dashboard_id = Guid(data_key="dashboardId")
    widget = fields.Nested(KeptWidgetSchema)

    @validates_schema
    def _check_what_it_is(self, data: Mapping[str, Any], **_: Any) -> None:
        if "widget" in data and "dashboard_id" not in data:
            raise ValidationError({"dashboardId": [Rule("required", "is missing")]})
        if ("widget" in data) == ("dashboard" in data):
            raise ValidationError([Rule("required", "must have either dashboard or widget")])


def export_records(dashboards: Dashboards, widgets: DashboardWidgets) -> Iterator[bytes]:
    """Write all dashboards of the library with their widgets, a few at a time."""
    last: UUID | None = None
    while part := dashboards.after(last, AT_ONCE):
        for dashboard in part:
            last = dashboard.id
            place = dashboard.place
            names = {
                "collection": place.collection,
                "project": place.project,
                "team": place.team,
            }
            yield _line(names | {"dashboard": dashboard_body(dashboard)})
            for widget in _widgets(widgets, dashboard.id):
                yield _line(names | {"dashboardId": str(dashboard.id), "widget": widget})


def import_records(
    dashboards: Dashboards, widgets: DashboardWidgets, caller: Caller, lines: Iterable[bytes]
) -> Iterator[Imported]:
    """Keep the records, one after the other, and say of each what became of it."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            stored = _keep(dashboards, widgets, caller, line)
        except Refusal as refusal:
            others = getattr(refusal, "others", ())
            yield Imported(number, "refused", " ".join([refusal.sentence, *others]))
        else:
            yield Imported(number, "stored" if stored else "present")


def _keep(dashboards: Dashboards, widgets: DashboardWidgets, caller: Caller, line: bytes) -> bool:
    if len(line) > LONGEST_LINE:
        raise TooLarge(f"The line is over {LONGEST_LINE} bytes.")
    record = checked(RecordSchema(), parsed(line))
    place = Place(record["collection"], record["project"], record["team"])
    check_place(place)
    if "dashboard" in record:
        draft = dashboard_draft_of(record["dashboard"])
        return dashboards.keep(caller, place, record["dashboard"]["id"], draft)
    return widgets.keep(caller, place, record["dashboard_id"], draft_of(record["widget"]))


def _widgets(widgets: DashboardWidgets, dashboard_id: UUID) -> Iterator[dict[str, Any]]:
    last = FIRST
    while part := widgets.after(dashboard_id, last, AT_ONCE):
        for key, widget in part:
            last = key
            yield {"id": str(widget.id)} | widget_body(widget)


def _line(record: Mapping[str, Any]) -> bytes:
    return written_json(record).encode() + b"\n"
