"""One value of an answer that is null, odd or of another type never costs the card."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from marshmallow import Schema, ValidationError, fields

from app.cards import checked
from app.connectors import Connector, all_connectors, connector_settings, find
from app.connectors.base import Count, Match, Moment, Resource
from app.settings import load_settings
from app.telemetry.trace import recording
from tests.host import JWT_SECRET
from tests.recordings import case_files, read_recording

ODD: Final[tuple[Any, ...]] = (
    None,
    {},
    {"name": 5},
    [],
    [None, 5, {"x": None}],
    "odd",
    "",
    7,
    -1,
    2.5,
    True,
)

JsonPath = tuple[str | int, ...]


def read_paths(schema: Schema, document: Any, at: JsonPath = ()) -> Iterator[JsonPath]:
    """Yield the path of each value that a schema reads, those it cannot do without left out."""
    for name, field in schema.fields.items():
        key = field.data_key or name
        if not isinstance(document, dict) or key not in document:
            continue
        if not field.required:
            yield (*at, key)
        yield from _inner(field, document[key], (*at, key))


def _inner(field: fields.Field[Any], value: Any, at: JsonPath) -> Iterator[JsonPath]:
    if isinstance(field, fields.Nested):
        yield from read_paths(field.schema, value, at)
    elif isinstance(field, fields.List) and isinstance(value, list):
        for place, item in enumerate(value):
            yield (*at, place)
            yield from _inner(field.inner, item, (*at, place))


def recorded() -> Iterator[Any]:
    """Yield each value of the recorded answers once, whichever cases have it."""
    seen = set()
    for file in case_files():
        case = read_recording(file)
        if case.widget["status"] != 200:
            continue
        environment = {"PLACARD_JWT_SECRETS": JWT_SECRET, **case.settings}
        settings = load_settings(environment, connector_settings())
        connector, match = find(case.resource_url, all_connectors(settings))
        document = case.exchanges[-1]["response"].get("body")
        for path in read_paths(connector.schema(), document):
            general = (connector.name, *(0 if isinstance(key, int) else key for key in path))
            if general not in seen and not seen.add(general):  # type: ignore[func-returns-value]
                named = "/".join(map(str, general))
                yield pytest.param(connector, match, document, path, id=named)


def with_value(document: Any, path: JsonPath, value: Any) -> Any:
    made = json.loads(json.dumps(document))
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return made


@pytest.mark.parametrize(("connector", "match", "document", "path"), list(recorded()))
def test_one_odd_value_of_a_recorded_answer_never_costs_the_card(
    connector: Connector, match: Match, document: Any, path: JsonPath
) -> None:
    for odd in ODD:
        resource = connector.load(with_value(document, path, odd))
        assert checked(connector.widget(resource, match), connector, match)


class Label(Resource):
    """A label, which needs its name."""

    name = fields.String(required=True)
    color = fields.String()


class Thing(Resource):
    """A thing that can do without a title or a state, but not without both."""

    needs_any = ("title", "state")
    title = fields.String(data_key="theTitle")
    state = fields.String()
    count = Count()
    closed_at = Moment()
    label = fields.Nested(Label)
    labels = fields.List(fields.Nested(Label))


class Wrapper(Resource):
    """What holds a thing."""

    thing = fields.Nested(Thing, required=True)


class Things(Connector):
    """A connector of nothing but its schema."""

    name, label, schema = "things", "Things", Wrapper

    def __init__(self) -> None:
        self.hosts = frozenset()

    def request_for(self, match: Match) -> Any:
        raise NotImplementedError

    def widget(self, resource: Any, match: Match) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({"labels": [{"name": "a"}, None, {"name": 5}, "b"]}, {"labels": [{"name": "a"}]}),
        ({"labels": "bug"}, {}),
        ({"labels": [None]}, {}),
        ({"labels": None}, {"labels": None}),
        ({"label": {"name": "a", "color": 5}}, {"label": {"name": "a"}}),
        ({"label": {"color": "red"}}, {}),
        ({"label": "bug"}, {}),
        ({"count": "3"}, {"count": 3}),
        ({"count": "three"}, {}),
        ({"count": -1}, {}),
        ({"count": True}, {}),
        ({"count": 2**53}, {}),
        ({"closed_at": "2016-12-31T23:59:60Z"}, {}),
        ({"closed_at": "2025-02-30T00:00:00Z"}, {}),
        ({"closed_at": "2025-02-03T00:00:00"}, {}),
        ({"theTitle": 5, "state": "open"}, {"state": "open"}),
    ],
)
def test_what_does_not_load_is_left_out_item_by_item(given: Any, left: Any) -> None:
    kept = {} if "theTitle" in given else {"title": "A thing"}
    resource = Things().load({"thing": {"theTitle": "A thing"} | given})
    assert resource == {"thing": kept | left}


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "thing",
        {},
        {"thing": None},
        {"thing": []},
        {"thing": {}},
        {"thing": {"count": 3}},
        {"thing": {"theTitle": 5, "state": None}},
        {"message": "Not Found"},
    ],
)
def test_document_without_what_is_needed_is_unreadable(document: Any) -> None:
    with pytest.raises(ValidationError):
        Things().load(document)


def test_trace_tells_what_was_left_out_and_where() -> None:
    with recording() as trace:
        Things().load({"thing": {"theTitle": "A", "count": {}, "labels": [{"name": "a"}, None]}})
    told = {(step.name, step.facts["part"]) for step in trace.steps}
    assert told == {("dropped", "$.thing.count"), ("dropped", "$.thing.labels[1]")}
