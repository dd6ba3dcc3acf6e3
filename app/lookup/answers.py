"""The answers of attach and typeahead: built, checked against the host's contract, and written."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema

from app.errors import BrokenCard
from app.widgets import Widget
from templates_schemas.lookup import (
    RESOURCE_NAME_MAX,
    AttachedResourceSchema,
    TypeaheadItem,
    TypeaheadListSchema,
)
from templates_schemas.rules import faults_of
from templates_schemas.text import cut


@dataclass(frozen=True, slots=True)
class LookupAnswer:
    """The bytes of a checked answer, and the cache's part in it."""

    body: bytes
    cache_status: str = ""


def attached_answer(widget: Widget, address: str) -> LookupAnswer:
    """Answer that a card's resource is attached by an address; raises BrokenCard."""
    name = cut(metadata_of(widget)["title"], RESOURCE_NAME_MAX)
    body = _checked(AttachedResourceSchema(), {"resource_name": name, "resource_url": address})
    return LookupAnswer(body, widget.cache_status)


def list_answer(items: Sequence[TypeaheadItem], header: str) -> LookupAnswer:
    """Answer with items to pick, below a header where there is one; raises BrokenCard."""
    return LookupAnswer(_checked(TypeaheadListSchema(), {"items": items, "header": header or None}))


def item_of(widget: Widget, address: str) -> TypeaheadItem:
    """Make the item of a card, which is picked by an address."""
    card = metadata_of(widget)
    return TypeaheadItem(card["title"], address, card.get("subtitle"), card.get("subicon_url"))


def metadata_of(widget: Widget) -> dict[str, Any]:
    """Read what a card shows."""
    metadata: dict[str, Any] = json.loads(widget.body)["metadata"]
    return metadata


def _checked(schema: Schema, answer: Any) -> bytes:
    written = schema.dump(answer)
    for fault in faults_of(schema, written):
        raise BrokenCard(f"lookup: {fault}")
    return json.dumps(written, ensure_ascii=False, separators=(",", ":")).encode()
