"""One value of an answer that is null, odd or of another type never costs the card."""

import json
from collections.abc import Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import Any, Final

import pytest
from marshmallow import Schema, ValidationError, fields

from app.cards import checked
from app.connectors import Connector, find
from app.connectors.base import Count, Match, Resource, Timestamp
from app.telemetry.trace import recording
from app.testing import recordings
from app.testing.recordings import read_recording
from tests.cases import FOLDER, connectors_with
from tests.rows import table

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


def recorded(folder: Path) -> dict[str, tuple[Connector, Match, Any, JsonPath]]:
    """Return each value of a folder's recorded answers once, whichever case has it, by its path."""
    found: dict[str, tuple[Connector, Match, Any, JsonPath]] = {}
    for case in filter(is_shown, map(read_recording, recordings.case_files(folder))):
        connector, match = find(case.resource_url, connectors_with(case.settings))
        document = case.exchanges[-1]["response"].get("body")
        for path in read_paths(connector.schema(), document):
            general = "/".join("0" if isinstance(key, int) else key for key in path)
            found.setdefault(general, (connector, match, document, path))
    return found


def is_shown(case: recordings.Recording) -> bool:
    return bool(case.widget["status"] == 200)


def with_value(document: Any, path: JsonPath, value: Any) -> Any:
    """Copy a document along a path, and put a value at its end."""
    if not path:
        return value
    key, *rest = path
    made = copy(document)
    made[key] = with_value(document[key], tuple(rest), value)
    return made


@pytest.mark.parametrize("folder", sorted(FOLDER.iterdir()), ids=lambda folder: folder.name)
def test_one_odd_value_of_a_recorded_answer_never_costs_the_card(folder: Path) -> None:
    with table() as row:
        for name, (connector, match, document, path) in recorded(folder).items():
            for odd in ODD:
                with row(f"{name}: {odd!r}"):
                    resource = connector.load(with_value(document, path, odd))
                    assert checked(connector.widget(resource, match), connector, match)


GITHUB: Final = "https://github.com/o/r"
GITLAB: Final = "https://gitlab.com/o/r/-"
AZURE: Final = "https://dev.azure.com/fabrikam/_workitems/edit/1"
TRELLO: Final = "https://trello.com/c/nqPiDKmw"
SENTRY: Final = "https://acme.sentry.io/issues/1/"
ADA: Final = {"login": "ada", "name": "Ada", "fullName": "Ada"}
GIT: Final = {"message": "Begin", "committer": {"name": "Ada", "date": "2025-10-02T09:15:27Z"}}


def item(**values: Any) -> dict[str, Any]:
    return {"fields": {"System.Title": "T", "System.State": "Active", **values}}


# By what is odd: the page, the answer, and what the card shows of a field all the same.
EXAMPLES: Final[Mapping[str, tuple[str, Any, str, str | None]]] = {
    "a null within GitHub's assignees": (
        f"{GITHUB}/issues/1", {"assignees": [None, ADA]}, "Assignee", "ada",
    ),
    "a null within GitHub's labels": (
        f"{GITHUB}/issues/1", {"labels": [None, {"name": "bug"}]}, "Labels", "bug",
    ),
    "a null within GitLab's assignees": (
        f"{GITLAB}/issues/1", {"assignees": [None, ADA]}, "Assignee", "Ada",
    ),
    "a null within GitLab's labels": (
        f"{GITLAB}/issues/1", {"labels": [None, "bug"]}, "Labels", "bug",
    ),
    "a null within Trello's members": (
        TRELLO, {"name": "T", "members": [None, ADA]}, "Member", "Ada",
    ),
    "a null within Trello's labels": (
        TRELLO, {"name": "T", "labels": [None, {"name": "bug"}]}, "Labels", "bug",
    ),
    "a null within Zendesk's users": (
        "https://acme.zendesk.com/agent/tickets/1",
        {
            "ticket": {"subject": "T", "status": "open", "requester_id": 1},
            "users": [None, {"id": 1, "name": "Ada"}],
        },
        "Requester", "Ada",
    ),
    "a null within Zendesk's tags": (
        "https://acme.zendesk.com/agent/tickets/1",
        {"ticket": {"subject": "T", "status": "open", "tags": [None, "printer"]}},
        "Tags", "printer",
    ),
    "a null within PagerDuty's assignments": (
        "https://acme.pagerduty.com/incidents/PT4KHLK",
        {
            "incident": {
                "title": "T", "status": "triggered",
                "assignments": [None, {"assignee": {"summary": "Ada"}}],
            }
        },
        "Assignee", "Ada",
    ),
    "GitHub's commit.author that is null": (
        f"{GITHUB}/commit/33850c0", {"commit": {**GIT, "author": None}, "author": ADA},
        "Author", "ada",
    ),
    "Sentry's lastSeen that is null": (
        SENTRY, {"title": "T", "status": "resolved", "lastSeen": None}, "Status", "Resolved",
    ),
    "Azure's AssignedTo as a text": (
        AZURE, item(**{"System.AssignedTo": "Some One <someone@example.com>"}),
        "Assignee", "Some One",
    ),
    "Azure's Priority as a text": (
        AZURE, item(**{"Microsoft.VSTS.Common.Priority": "2"}), "Priority", "2",
    ),
    "GitHub's milestone as a text": (
        f"{GITHUB}/issues/1", {"milestone": "2.0"}, "Milestone", None,
    ),
    "GitLab's milestone as a text": (
        f"{GITLAB}/issues/1", {"milestone": "2.0"}, "Milestone", None,
    ),
    "a closed_at that is impossible": (
        f"{GITHUB}/issues/1",
        {"state": "closed", "state_reason": "completed", "closed_at": "2025-02-30T00:00:00Z"},
        "State", "Closed",
    ),
    "a closed_at in a leap second": (
        f"{GITHUB}/issues/1",
        {"state": "closed", "state_reason": "completed", "closed_at": "2016-12-31T23:59:60Z"},
        "State", "Closed",
    ),
}  # fmt: skip


def metadata_of(page: str, answer: Any) -> dict[str, Any]:
    connector, match = find(page, connectors_with({}))
    made = json.loads(checked(connector.widget(connector.load(answer), match), connector, match))
    card: dict[str, Any] = made["metadata"]
    return card


@pytest.mark.parametrize(("page", "answer", "name", "text"), EXAMPLES.values(), ids=EXAMPLES)
def test_odd_value_is_left_out_and_the_rest_is_shown(
    page: str, answer: Any, name: str, text: str | None
) -> None:
    whole = (
        answer
        if set(answer) & {"ticket", "incident", "commit", "fields"}
        else ({"title": "T", "state": "open", **answer})
    )
    fields = {field["name"]: field.get("text") for field in metadata_of(page, whole)["fields"]}
    assert fields.get(name) == text


@pytest.mark.parametrize("comments", ["3", 3])
def test_comments_may_be_counted_by_a_text(comments: Any) -> None:
    for page, answer in {
        f"{GITHUB}/issues/1": {"title": "T", "state": "open", "comments": comments},
        f"{GITLAB}/issues/1": {"title": "T", "state": "open", "user_notes_count": comments},
        AZURE: item(**{"System.CommentCount": comments}),
    }.items():
        assert metadata_of(page, answer)["num_comments"] == 3


def test_priority_of_a_work_item_comes_before_its_tags() -> None:
    answer = item(**{"System.Tags": "one; two", "Microsoft.VSTS.Common.Priority": 2})
    names = [field["name"] for field in metadata_of(AZURE, answer)["fields"]]
    assert names.index("Priority") < names.index("Tags")


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
    closed_at = Timestamp()
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
