"""Exports and imports dashboards: each comes before its widgets, which are in their order.

    {"collection": …, "project": …, "team": …, "dashboard": {"id": …, "name": …, …}, "history": …}
    {"collection": …, "project": …, "team": …, "dashboardId": …, "widget": {…}, "history": …}

`dashboard` and `widget` are as in the API, and are checked by the same schemas. `history` is

    {"eTag": "7", "createdDate": …, "createdBy": {"uniqueName": …, "displayName": …},
     "modifiedDate": …, "modifiedBy": …, "widgets": 3}

where `widgets` is how many a dashboard has. Without it, an import sets its owner, and now.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from re import Pattern
from typing import Any, Final
from uuid import UUID, uuid5

from marshmallow import ValidationError, fields, post_load, validate, validates_schema
from sqlalchemy.orm import Session

from app.database.base import NAME_LENGTH
from app.database.columns import to_json
from app.database.store import Store
from app.library.azure_devops.addresses import check_context
from app.library.azure_devops.answers import dashboard_body, widget_body
from app.library.azure_devops.archive import History, archived, restore_dashboard, restore_widget
from app.library.azure_devops.drafts import dashboard_draft_of, widget_draft_of
from app.library.azure_devops.records import DashboardKey, TeamContext
from app.library.azure_devops.schemas import (
    LARGEST as LARGEST_INTEGER,
    CamelCaseBody,
    DashboardSchema,
    Guid,
    ListedWidgetSchema,
)
from app.library.azure_devops.statements import MOST_WIDGETS, WriteStamp
from app.library.core.tokens import utc_now
from app.library.core.users import Author, find_or_add_user
from app.library.http.schema import BodySchema, load
from app.library.http.transfer import (
    RECORD_NAME,
    RECORD_TIME,
    EqualRecords,
    Outcome,
    Transfer,
    author_of,
    import_records,
    line_of,
)
from templates_schemas.rules import Rule
from templates_schemas.text import host_time

_NAMESPACE: Final = UUID("a9c0a1ff-35a5-4ac5-9a3f-3f2f3e0a7b16")


class KeptDashboardSchema(DashboardSchema):
    """A dashboard with its id; its widgets come as records of their own."""

    class Meta(DashboardSchema.Meta):
        exclude = ("widgets",)

    id = Guid(required=True)


class AuthorSchema(BodySchema):
    handle = fields.String(data_key="uniqueName", required=True, validate=RECORD_NAME)
    name = fields.String(data_key="displayName", allow_none=True, validate=RECORD_NAME)

    @post_load
    def _pair(self, data: Mapping[str, Any], **_: Any) -> Author:
        return author_of(data)


class HistorySchema(CamelCaseBody):
    """The version of a dashboard's list or of a widget, and who changed it when."""

    etag = fields.Integer(
        data_key="eTag", required=True, validate=validate.Range(1, LARGEST_INTEGER)
    )
    created_at = fields.AwareDateTime(data_key="createdDate", required=True, validate=RECORD_TIME)
    created_by = fields.Nested(AuthorSchema, required=True)
    modified_at = fields.AwareDateTime(data_key="modifiedDate", required=True, validate=RECORD_TIME)
    modified_by = fields.Nested(AuthorSchema, required=True)
    widgets = fields.Integer(load_default=0, validate=validate.Range(0, MOST_WIDGETS))

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> History:
        return History(**data)


class DashboardRecordSchema(CamelCaseBody):
    """A line: a dashboard, or a widget and the dashboard that it is on."""

    collection = fields.String(required=True, validate=validate.Length(0, NAME_LENGTH))
    project = fields.String(required=True, validate=validate.Length(1, NAME_LENGTH))
    team = fields.String(load_default="", validate=validate.Length(0, NAME_LENGTH))
    dashboard = fields.Nested(KeptDashboardSchema)
    dashboard_id = Guid()
    widget = fields.Nested(ListedWidgetSchema)
    history = fields.Nested(HistorySchema, load_default=None)

    @validates_schema
    def _check_what_it_is(self, data: Mapping[str, Any], **_: Any) -> None:
        if "widget" in data and "dashboard_id" not in data:
            raise ValidationError({"dashboardId": [Rule("required", "is missing")]})
        if ("widget" in data) == ("dashboard" in data):
            raise ValidationError([Rule("required", "must have either dashboard or widget")])


_RECORD: Final = DashboardRecordSchema()


def exported(store: Store) -> Iterator[bytes]:
    """Yield every dashboard as a line, and then each of its widgets."""
    for each in archived(store):
        dashboard, names = each.dashboard, asdict(each.dashboard.context)
        history = _history(each.history) | {"widgets": each.history.widgets}
        yield line_of(names | {"dashboard": dashboard_body(dashboard), "history": history})
        names |= {"dashboardId": str(dashboard.id)}
        for widget, of_widget in each.widgets:
            body = {"id": str(widget.id)} | widget_body(widget)
            yield line_of(names | {"widget": body, "history": _history(of_widget)})


def imported(
    paths: Pattern[str], store: Store, owner: Author, lines: Iterable[bytes]
) -> Iterator[Outcome]:
    """Import the records of the lines, by id; the id of a widget without one is its hash."""
    with store.writing() as session:
        person = find_or_add_user(session, *owner, utc_now())
    change = WriteStamp.of(person.id)
    return import_records(store, lines, partial(_import_one, paths, change, EqualRecords()))


def _import_one(
    paths: Pattern[str], change: WriteStamp, equal: EqualRecords, session: Session, record: Any
) -> tuple[str, bool]:
    loaded = load(_RECORD, record)
    context = TeamContext(loaded["collection"], loaded["project"], loaded["team"])
    check_context(context, paths)
    history = loaded["history"]
    if "dashboard" in loaded:
        key = DashboardKey(context, loaded["dashboard"]["id"])
        draft = dashboard_draft_of(loaded["dashboard"])
        return str(key.id), restore_dashboard(session, change, key, draft, history)
    key, widget = DashboardKey(context, loaded["dashboard_id"]), loaded["widget"]
    content = [str(key.id), record["widget"]]
    widget_id = widget.get("id") or uuid5(_NAMESPACE, to_json(equal.numbered(content)))
    of_widget = widget_draft_of(widget, widget_id)
    return str(widget_id), restore_widget(session, change, key, of_widget, history)


def _history(history: History) -> dict[str, Any]:
    return {
        "eTag": str(history.etag),
        "createdDate": host_time(history.created_at),
        "createdBy": _author(history.created_by),
        "modifiedDate": host_time(history.modified_at),
        "modifiedBy": _author(history.modified_by),
    }


def _author(author: Author) -> dict[str, str]:
    handle, name = author
    return {"uniqueName": handle, "displayName": name}


def azure_devops_transfer(paths: Pattern[str]) -> Transfer:
    """Make the dialect's export and import, of teams whose addresses `paths` matches."""
    return Transfer("azure", exported, partial(imported, paths))
