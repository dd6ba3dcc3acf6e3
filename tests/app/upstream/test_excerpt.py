"""Of a document that is too large to be kept, what is shown is read, and only that."""

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
import responses
from hypothesis import given, strategies as st
from marshmallow import ValidationError

from app.connectors import CONNECTORS, Connector, all_connectors
from app.connectors.base import Resource, shape_of
from app.errors import UpstreamTooLarge, UpstreamUnreadable
from app.testing import recordings
from app.testing.recordings import read_recording
from app.upstream.client import MAX_BODY
from app.upstream.excerpt import Shape, excerpt
from tests.cases import FOLDER
from tests.conftest import settings_with
from tests.host import Host
from tests.rows import table

KEYS = st.sampled_from("abc")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
)
SHAPES = st.recursive(st.none(), lambda inner: st.dictionaries(KEYS, inner, max_size=3))
LONG = "x" * 20_000


def within(document: Any, shape: Shape | None) -> Any:
    """Say what of a document is within a shape."""
    if isinstance(document, list):
        return [within(item, shape) for item in document]
    if isinstance(document, dict) and shape is not None:
        return {key: within(document[key], shape[key]) for key in document.keys() & shape.keys()}
    return document


def written(loaded: Any) -> bytes:
    """Write what was loaded; half of a surrogate pair is `?`, as the parser has it."""
    return json.dumps(loaded, default=str, ensure_ascii=False).encode("utf-8", "replace")


def pieces(text: str, length: int) -> Iterator[bytes]:
    body = text.encode()
    return (body[at : at + length] for at in range(0, len(body), length))


@given(VALUES, st.dictionaries(KEYS, SHAPES, max_size=3), st.integers(1, 9))
def test_what_is_within_the_shape_is_read_wherever_the_pieces_end(
    document: Any, shape: Shape, length: int
) -> None:
    read = excerpt(pieces(json.dumps(document), length), shape, MAX_BODY)
    assert json.loads(read) == within(document, shape)


@pytest.mark.parametrize("text", ["", "{", '{"a": 1', "<html>", "[1,]", '{"a": 1} x', "\xff"])
def test_what_is_not_json_is_unreadable(text: str) -> None:
    with pytest.raises(UpstreamUnreadable, match="is not JSON"):
        excerpt(pieces(text, 3), {"a": None}, MAX_BODY)


def test_what_is_shown_has_a_limit_and_what_is_not_has_none() -> None:
    document = json.dumps({"shown": "x" * 100, "hidden": ["x" * 100] * 100})
    assert json.loads(excerpt(pieces(document, 50), {"shown": None}, 200)) == {"shown": "x" * 100}
    with pytest.raises(UpstreamTooLarge):
        excerpt(pieces(document, 50), {"hidden": None}, 200)


def test_a_document_that_is_nested_without_end_is_unreadable() -> None:
    with pytest.raises(UpstreamUnreadable, match="levels deep"):
        excerpt(pieces("[" * 10_000, 100), {}, MAX_BODY)


@pytest.mark.parametrize("name", [each.name for each in CONNECTORS])
def test_a_schema_loads_of_the_excerpt_what_it_loads_of_the_whole(name: str) -> None:
    (known,) = (each for each in all_connectors(settings_with()) if each.name == name)
    with table() as row:
        for case in recordings.case_files(FOLDER / name):
            with row(case.stem):
                for exchange in read_recording(case).exchanges:
                    if "body" in exchange["response"]:
                        hold_excerpt(known, exchange["response"]["body"])


def hold_excerpt(known: Connector, body: Any) -> None:
    assert issubclass(known.schema, Resource)
    read = json.loads(excerpt([json.dumps(body).encode()], shape_of(known.schema()), MAX_BODY))
    try:
        whole = known.load(body)
    except ValidationError:
        with pytest.raises(ValidationError):
            known.load(read)
    else:
        assert written(known.load(read)) == written(whole)


def test_a_commit_with_300_patches_is_shown(host: Host, upstream: responses.RequestsMock) -> None:
    sha = "33850c0ebd23ae615e6823993d441f46d80b1ff0"
    person = {"name": "Ada", "date": "2025-10-02T09:15:27Z"}
    commit = {
        "commit": {"message": "Begin", "author": person},
        "stats": {"additions": 9, "deletions": 1},
        "files": [{"filename": f"{number}.py", "patch": LONG} for number in range(299)],
    }
    upstream.get(f"https://api.github.com/repos/pallets/flask/commits/{sha}", json=commit)
    answer = host.ask(f"https://github.com/pallets/flask/commit/{sha}")
    assert _texts(answer.get_json())["Changes"] == "299 files, +9 -1"


def test_an_issue_with_100_long_comments_is_shown(
    host: Host, upstream: responses.RequestsMock
) -> None:
    comments = [{"body": LONG} for _ in range(100)]
    fields = {"summary": "An issue", "comment": {"comments": comments, "total": 100}}
    api = "https://acme.atlassian.net/rest/api/3/issue/ACME-12"
    upstream.get(api, json={"fields": fields, "key": "ACME-12"})
    answer = host.ask("https://acme.atlassian.net/browse/ACME-12").get_json()
    assert answer["metadata"]["title"] == "An issue"
    assert answer["metadata"]["num_comments"] == 100


def test_a_work_item_with_a_long_description_is_shown(
    host: Host, upstream: responses.RequestsMock
) -> None:
    fields = {"System.Description": "x" * 1_100_000, "System.Title": "A work item"}
    upstream.get("https://dev.azure.com/fabrikam/_apis/wit/workitems/1", json={"fields": fields})
    answer = host.ask("https://dev.azure.com/fabrikam/Fabrikam/_workitems/edit/1").get_json()
    assert answer["metadata"]["title"] == "A work item"


def test_a_title_that_is_too_large_is_still_too_large(
    host: Host, upstream: responses.RequestsMock
) -> None:
    upstream.get(
        "https://api.github.com/repos/pallets/flask/issues/1",
        json={"title": "x" * (MAX_BODY + 1), "state": "open"},
    )
    answer = host.ask("https://github.com/pallets/flask/issues/1")
    assert answer.status_code == 500
    assert "too large" in answer.get_json()["data"]["error"]


def test_lists_within_lists_take_no_more_memory_than_other_answers(
    host: Host, upstream: responses.RequestsMock
) -> None:
    page = "https://github.com/pallets/flask/issues/1"
    upstream.get(page.replace("/github.com/", "/api.github.com/repos/"), body="[" * (MAX_BODY + 1))
    tracemalloc.start()
    try:
        answer = host.ask(page)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status_code == 500
    assert peak < 16 * MAX_BODY


def _texts(answer: Any) -> dict[str, str]:
    return {field["name"]: field.get("text", "") for field in answer["metadata"]["fields"]}
