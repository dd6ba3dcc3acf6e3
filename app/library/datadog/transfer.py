"""Saved widgets of the Datadog dialect as records: its resources, each with its experience type.

    {"experience_type": "ccm_reports", "data": {…}, "included": […], "favorites": […]}

`data` and `included` are as Datadog answers them; each of `favorites` has a user's `handle` and
`name`, and when the mark was set. An import refuses what the API would refuse.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final
from uuid import UUID, uuid5

from marshmallow import fields, post_load, validate
from sqlalchemy.orm import Session

from app.database.columns import to_json
from app.database.store import Store
from app.library.core.tokens import utc_now
from app.library.core.users import Author
from app.library.datadog.api import draft_of, included, resource
from app.library.datadog.archive import Favorite, Origin, archived, restore
from app.library.datadog.schemas import EXPERIENCE_TYPES, AttributesSchema, DataSchema
from app.library.datadog.store import SavedWidget
from app.library.http.parameters import UuidParameter
from app.library.http.schema import BodySchema, JsonList, load
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
from templates_schemas.text import host_time

_NAMESPACE: Final = UUID("5f1ad2b4-6c1e-4c43-9a51-0f5a1c1f0d3e")


class RecordAttributesSchema(AttributesSchema):
    created_at = fields.AwareDateTime(validate=RECORD_TIME)
    modified_at = fields.AwareDateTime(validate=RECORD_TIME)


class ReferenceSchema(BodySchema):
    """A user, by the id that the record has for it."""

    id = fields.String(required=True)


class RelationSchema(BodySchema):
    data = fields.Nested(ReferenceSchema, required=True)


class RecordRelationshipsSchema(BodySchema):
    """The users who created and modified a widget."""

    created_by = fields.Nested(RelationSchema)
    modified_by = fields.Nested(RelationSchema)


class RecordDataSchema(DataSchema):
    """A widget that has an id already, or none yet."""

    id = UuidParameter()
    attributes = fields.Nested(RecordAttributesSchema, required=True)
    relationships = fields.Nested(RecordRelationshipsSchema, load_default=dict)


class RecordUserAttributesSchema(BodySchema):
    """A user's handle, and the name where one is known."""

    handle = fields.String(required=True, validate=RECORD_NAME)
    name = fields.String(allow_none=True, validate=RECORD_NAME)

    @post_load
    def _pair(self, data: Mapping[str, Any], **_: Any) -> Author:
        return author_of(data)


class RecordUserSchema(ReferenceSchema):
    """A user whom the widget names."""

    attributes = fields.Nested(RecordUserAttributesSchema, required=True)


class FavoriteSchema(BodySchema):
    handle = fields.String(required=True, validate=RECORD_NAME)
    name = fields.String(allow_none=True, validate=RECORD_NAME)
    created_at = fields.AwareDateTime(required=True, validate=RECORD_TIME)

    @post_load
    def _make(self, data: Mapping[str, Any], **_: Any) -> Favorite:
        return Favorite(author_of(data), data["created_at"])


class SavedWidgetRecordSchema(BodySchema):
    experience_type = fields.String(required=True, validate=validate.OneOf(EXPERIENCE_TYPES))
    data = fields.Nested(RecordDataSchema, required=True)
    included = JsonList(fields.Nested(RecordUserSchema), load_default=list)
    favorites = JsonList(fields.Nested(FavoriteSchema), load_default=list)


_RECORD: Final = SavedWidgetRecordSchema()


def exported(store: Store) -> Iterator[bytes]:
    """Yield every saved widget as a line, without deleted ones."""
    for widget, favorites in archived(store):
        yield _written(widget, favorites)


def imported(store: Store, owner: Author, lines: Iterable[bytes]) -> Iterator[Outcome]:
    """Import the widgets of the lines, by id; the id of a record without one is its hash."""
    return import_records(store, lines, partial(_import_one, owner, EqualRecords()))


def _written(widget: SavedWidget, favorites: Iterable[Favorite]) -> bytes:
    data = resource(widget)
    del data["attributes"]["is_favorited"]
    people = included((widget.created_by, widget.modified_by))
    record = {
        "experience_type": widget.experience_type,
        "data": data,
        "included": people,
        "favorites": [
            {"handle": mark.user[0], "name": mark.user[1], "created_at": host_time(mark.created_at)}
            for mark in favorites
        ],
    }
    return line_of(record)


def _import_one(
    owner: Author, equal: EqualRecords, session: Session, record: Any
) -> tuple[str, bool]:
    loaded = load(_RECORD, record)
    experience_type, data, draft = loaded["experience_type"], loaded["data"], draft_of(loaded)
    content = [experience_type, draft.definition, list(draft.tags)]
    key = data.get("id") or uuid5(_NAMESPACE, to_json(equal.numbered(content)))
    return str(key), restore(session, experience_type, key, draft, _origin(loaded, owner))


def _origin(loaded: Mapping[str, Any], owner: Author) -> Origin:
    """Return who made a widget, and when; by default the owner, and now."""
    attributes, relationships = loaded["data"]["attributes"], loaded["data"]["relationships"]
    people = {user["id"]: user["attributes"] for user in loaded["included"]}
    created = attributes.get("created_at") or attributes.get("modified_at") or utc_now()
    return Origin(
        created_at=created,
        created_by=people.get(_id_in(relationships, "created_by"), owner),
        modified_at=attributes.get("modified_at") or created,
        modified_by=people.get(_id_in(relationships, "modified_by"), owner),
        favorites=tuple(loaded["favorites"]),
    )


def _id_in(relationships: Mapping[str, Any], name: str) -> str | None:
    found: str | None = relationships.get(name, {}).get("data", {}).get("id")
    return found


TRANSFER: Final = Transfer("datadog", exported, imported)
