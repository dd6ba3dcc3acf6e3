"""Dashboards and their widgets as records: a dashboard comes before its widgets, in their order.

    {"collection": …, "project": …, "team": …, "dashboard": {"id": …, "name": …, …}}
    {"collection": …, "project": …, "team": …, "dashboardId": …, "widget": {"id": …, …}}

What is below `dashboard` and `widget` is what the API takes and answers, and is checked by the same
schemas. Who made it and when is not told: it is the importing owner's, and of now.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from re import Pattern
from typing import Any, Final
from uuid import UUID, uuid5

from marshmallow import ValidationError, fields, validate, validates_schema

from app.library.azure_devops.addresses import check_place
from app.library.azure_devops.answers import dashboard_body, widget_body
from app.library.azure_devops.dashboard_store import Dashboards
from app.library.azure_devops.records import Place
from app.library.azure_devops.schemas import (
    LONGEST_NAME,
    DashboardSchema,
    Guid,
    ListedWidgetSchema,
    dashboard_draft_of,
    draft_of,
)
from app.library.azure_devops.widget_store import DashboardWidgets
from app.library.core.callers import Caller
from app.library.core.columns import written_json
from app.library.core.store import Store
from app.library.core.tokens import utc_now
from app.library.core.users import known_user
from app.library.http.body import BodySchema, checked
from app.library.http.transfer import Outcome, Owner, Transfer, each_record
from templates_schemas.rules import Rule

AT_ONCE: Final = 20
FIRST: Final = (0, UUID(int=0))
_NAMESPACE: Final = UUID("a9c0a1ff-35a5-4ac5-9a3f-3f2f3e0a7b16")


class KeptDashboardSchema(DashboardSchema):
    """A dashboard with its id; its widgets come as records of their own."""

    class Meta(DashboardSchema.Meta):
        exclude = ("widgets",)

    id = Guid(required=True)


class RecordSchema(BodySchema):
    """A line: a dashboard, or a widget and the dashboard that it is on."""

    collection = fields.String(required=True, validate=validate.Length(0, LONGEST_NAME))
    project = fields.String(required=True, validate=validate.Length(1, LONGEST_NAME))
    team = fields.String(load_default="", validate=validate.Length(0, LONGEST_NAME))
    dashboard = fields.Nested(KeptDashboardSchema)
    dashboard_id = Guid(data_key="dashboardId")
    widget = fields.Nested(ListedWidgetSchema)

    @validates_schema
    def _check_what_it_is(self, data: Mapping[str, Any], **_: Any) -> None:
        if "widget" in data and "dashboard_id" not in data:
            raise ValidationError({"dashboardId": [Rule("required", "is missing")]})
        if ("widget" in data) == ("dashboard" in data):
            raise ValidationError([Rule("required", "must have either dashboard or widget")])


def exported(store: Store) -> Iterator[bytes]:
    """Yield every dashboard as a line, and then each of its widgets."""
    dashboards, widgets = Dashboards(store), DashboardWidgets(store)
    last = None
    while page := dashboards.after(last, AT_ONCE):
        for dashboard in page:
            place = _names(dashboard.place)
            yield _written(place | {"dashboard": dashboard_body(dashboard)})
            for widget in _widgets(widgets, dashboard.id):
                yield _written(place | {"dashboardId": str(dashboard.id), "widget": widget})
        last = page[-1].id


def imported(
    paths: Pattern[str], store: Store, owner: Owner, lines: Iterable[bytes]
) -> Iterator[Outcome]:
    """Keep the records of the lines, each by its id; a widget without one has its content's."""
    with store.writing() as session:
        person = known_user(session, owner.handle, owner.name, utc_now())
    caller = Caller(person, frozenset(), frozenset(), jti="")
    return each_record(lines, partial(_keep, paths, store, caller))


def _keep(paths: Pattern[str], store: Store, caller: Caller, record: Any) -> tuple[str, bool]:
    loaded = checked(RecordSchema(), record)
    place = Place(loaded["collection"], loaded["project"], loaded["team"])
    check_place(place, paths)
    if "dashboard" in loaded:
        key, draft = loaded["dashboard"]["id"], dashboard_draft_of(loaded["dashboard"])
        return str(key), Dashboards(store).keep(caller, place, key, draft)
    board, widget = loaded["dashboard_id"], loaded["widget"]
    key = widget.get("id") or _key_of([str(board), record["widget"]])
    return str(key), DashboardWidgets(store).keep(caller, place, board, draft_of(widget, key))


def _key_of(content: Any) -> UUID:
    return uuid5(_NAMESPACE, written_json(content))


def _widgets(widgets: DashboardWidgets, dashboard_id: UUID) -> Iterator[dict[str, Any]]:
    last = FIRST
    while page := widgets.after(dashboard_id, last, AT_ONCE):
        for _, widget in page:
            yield {"id": str(widget.id)} | widget_body(widget)
        last, _ = page[-1]


def _names(place: Place) -> dict[str, Any]:
    return {"collection": place.collection, "project": place.project, "team": place.team}


def _written(record: Mapping[str, Any]) -> bytes:
    return written_json(record).encode() + b"\n"


def azure_devops_transfer(paths: Pattern[str]) -> Transfer:
    """Make the dialect's way out and in, of places that `paths` matches the addresses of."""
    return Transfer("azure", exported, partial(imported, paths))
