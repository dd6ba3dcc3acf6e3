"""The host's payloads as marshmallow schemas, by template name.

cards.py                 what a card is built from: texts are cut, and what was cut is kept
summary_with_details.py  the schema that writes a card and judges any payload
fields.py                its kinds of value
rules.py                 faults: where, which rule, what would be right
hints.py                 what was probably meant by a word that the host does not know
reading.py               the text of a payload, with the faults that only the text has
limits.py                the host's limits
text.py                  texts, times and addresses as the host takes them
envelope.py              errors as the host takes them
lookup.py                the requests and the answers of attach and typeahead
"""

from typing import Any, Final

from marshmallow import Schema

from templates_schemas.cards import (
    Change,
    Created,
    CustomText,
    DatetimeWithIcon,
    Field,
    Footer,
    Pill,
    SummaryWithDetails,
    TextWithIcon,
    Updated,
)
from templates_schemas.envelope import ENVELOPES, EnvelopeForm, envelope
from templates_schemas.lookup import AttachedResourceSchema, TypeaheadListSchema
from templates_schemas.reading import UnreadablePayload, read_payload
from templates_schemas.rules import Fault, faults_of
from templates_schemas.summary_with_details import TEMPLATE, SummaryWithDetailsSchema

__all__ = [
    "ENVELOPES",
    "TEMPLATES",
    "Change",
    "Created",
    "CustomText",
    "DatetimeWithIcon",
    "EnvelopeForm",
    "Fault",
    "Field",
    "Footer",
    "Pill",
    "SummaryWithDetails",
    "TextWithIcon",
    "UnreadablePayload",
    "Updated",
    "answer_faults",
    "envelope",
    "faults",
    "faults_in_text",
    "payload",
    "read_payload",
]

_KEYS: Final = frozenset({"template", "metadata", "items", "resource_name", "resource_url"})
_NO_ANSWER: Final = Fault(
    "$",
    "answer",
    "is not an answer of a widget (template, metadata), of attach (resource_name, resource_url) "
    "or of typeahead (items)",
)
TEMPLATES: Final[dict[str, Schema]] = {TEMPLATE: SummaryWithDetailsSchema()}


def payload(card: SummaryWithDetails) -> dict[str, Any]:
    """Write a card as the host's JSON object; it is not checked by that (see `faults`)."""
    written: dict[str, Any] = TEMPLATES[card.template].dump(card)
    return written


def faults(given: Any) -> tuple[Fault, ...]:
    """List what the host would not accept in a payload, by JSON path and rule.

    The schema is the one that `given["template"]` names; any other value is judged by the
    default template, which then says what is wrong with it.
    """
    name = given.get("template") if isinstance(given, dict) else None
    schema = TEMPLATES.get(name) if isinstance(name, str) else None
    return faults_of(schema or TEMPLATES[TEMPLATE], given)


def answer_faults(given: Any) -> tuple[Fault, ...]:
    """List what the host would not accept in an answer of a widget, of attach or of typeahead.

    Which of the three it is, its keys tell.
    """
    if not isinstance(given, dict):
        return faults(given)
    keys = given.keys()
    if not _KEYS & keys:
        return (_NO_ANSWER,)
    if "template" not in keys:
        if "items" in keys:
            return faults_of(TypeaheadListSchema(), given)
        if {"resource_name", "resource_url"} & set(keys):
            return faults_of(AttachedResourceSchema(), given)
    return faults(given)


def faults_in_text(text: str | bytes) -> tuple[Fault, ...]:
    """List what the host would not accept in the text of an answer; raises UnreadablePayload."""
    read = read_payload(text)
    return (*read.faults, *answer_faults(read.payload))
