"""Exports and imports dashboards: each comes before its widgets, which are in their order.

    {"collection": …, "project": …, "team": …, "dashboard": {"id": …, "name": …, …}}
    {"collection": …, "project": …, "team": …, "dashboardId": …, "widget": {"id": …, …}}

`dashboard` and `widget` are as in the API, and are checked by the same schemas. The user and the
time are not exported: an import sets its owner, and now.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from re import Pattern
from typing import Any, Final
from uuid import UUID, uuid5

from marshmallow import ValidationError, fields, validate, validates_schema

from app.library.azure_devops.addresses import check_context
from app.library.azure_devops.answers import dashboard_body, widget_body
from app.library.azure_devops.dashboard_store import Dashboards
from app.library.azure_devops.drafts import dashboard_draft_of, widget_draft_of
from app.library.azure_devops.records import DashboardKey, TeamContext
from app.library.azure_devops.schemas import DashboardSchema, Guid, ListedWidgetSchema
from app.library.azure_devops.widget_store import DashboardWidgets
from app.library.core.callers import Caller
from app.library.core.columns import to_json
from app.library.core.models import NAME_LENGTH
from app.library.core.store import Store
from app.library.core.tokens import utc_now
from app.library.core.users import find_or_add_user
from app.library.http.body import BodySchema, load
from app.library.http.transfer import Outcome, Owner, Transfer, import_records
from templates_schemas.rules import Rule

AT_ONCE: Final = 20
FIRST: Final = (0, UUID(int=0))
_NAMESPACE: Final = UUID("a9c0a1ff-35a5-4ac5-9a3f-3f2f3e0a7b16")


class KeptDashboardSchema(DashboardSchema):
    """A dashboard with its id; its widgets come as records of their own."""

    class Meta(DashboardSchema.Meta):
        exclude = ("widgets",)

    id = Guid(required=True)


class DashboardRecordSchema(BodySchema):
    """A line: a dashboard, or a widget and the dashboard that it is on."""

    collection = fields.String(required=True, validate=validate.Length(0, NAME_LENGTH))
    project = fields.String(required=True, validate=validate.Length(1, NAME_LENGTH))
    team = fields.String(load_default="", validate=validate.Length(0, NAME_LENGTH))
    dashboard = fields.Nested(KeptDashboardSchema)
    dashboard_id = Guid(data_key="dashboardId")
    widget = fields.Nested(ListedWidgetSchema)

    @validates_schema
    def _check_what_it_is(self, data: Mapping[str, Any], **_: Any) -> None:
        if "widget" in data and "dashboard_id" not in data:
            raise ValidationError({"dashboardId": [Rule("required", "is missing")]})
        if ("widget" in data) == ("dashboard" in data):
            raise ValidationError([Rule("required", "must have either dashboard or widget")])


_RECORD: Final = DashboardRecordSchema()


def exported(store: Store) -> Iterator[bytes]:
    """Yield every dashboard as a line, and then each of its widgets."""
    dashboards, widgets = Dashboards(store), DashboardWidgets(store)
    last = None
    while page := dashboards.after(last, AT_ONCE):
        for dashboard in page:
            names = asdict(dashboard.context)
            yield _written(names | {"dashboard": dashboard_body(dashboard)})
            for widget in _widgets(widgets, dashboard.id):
                yield _written(names | {"dashboardId": str(dashboard.id), "widget": widget})
        last = page[-1].id


def imported(
    paths: Pattern[str], store: Store, owner: Owner, lines: Iterable[bytes]
) -> Iterator[Outcome]:
    """Import the records of the lines, by id; the id of a widget without one is its hash."""
    with store.writing() as session:
        person = find_or_add_user(session, owner.handle, owner.name, utc_now())
    caller = Caller(person, frozenset(), frozenset(), jti="")
    return import_records(lines, partial(_import_one, paths, store, caller))


def _import_one(paths: Pattern[str], store: Store, caller: Caller, record: Any) -> tuple[str, bool]:
    loaded = load(_RECORD, record)
    context = TeamContext(loaded["collection"], loaded["project"], loaded["team"])
    check_context(context, paths)
    if "dashboard" in loaded:
        key = DashboardKey(context, loaded["dashboard"]["id"])
        draft = dashboard_draft_of(loaded["dashboard"])
        return str(key.id), Dashboards(store).import_one(caller, key, draft)
    key, widget = DashboardKey(context, loaded["dashboard_id"]), loaded["widget"]
    widget_id = widget.get("id") or _key_of([str(key.id), record["widget"]])
    draft_of_widget = widget_draft_of(widget, widget_id)
    return str(widget_id), DashboardWidgets(store).import_one(caller, key, draft_of_widget)


def _key_of(content: Any) -> UUID:
    return uuid5(_NAMESPACE, to_json(content))


def _widgets(widgets: DashboardWidgets, dashboard_id: UUID) -> Iterator[dict[str, Any]]:
    last = FIRST
    while page := widgets.after(dashboard_id, last, AT_ONCE):
        for _, widget in page:
            yield {"id": str(widget.id)} | widget_body(widget)
        last, _ = page[-1]


def _written(record: Mapping[str, Any]) -> bytes:
    return to_json(record).encode() + b"\n"


def azure_devops_transfer(paths: Pattern[str]) -> Transfer:
    """Make the dialect's export and import, of teams whose addresses `paths` matches."""
    return Transfer("azure", exported, partial(imported, paths))
