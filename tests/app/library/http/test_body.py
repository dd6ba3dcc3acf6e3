"""Bodies: whatever bytes are sent, they are read or refused with a word on where."""

import json
import sqlite3
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response, jsonify
from hypothesis import example, given, strategies as st
from werkzeug.test import TestResponse

from app.errors import InvalidInput
from app.library.azure_devops.schemas import ListedWidgetSchema
from app.library.datadog.api import error_response
from app.library.datadog.schemas import WidgetRequestSchema
from app.library.http.body import (
    DEEPEST,
    LARGEST,
    LONGEST_KEY,
    MOST_ELEMENTS,
    MOST_SHOWN,
    parse_json,
    read_json_object,
    read_json_object_or_list,
)
from app.library.http.errors import init_errors
from app.library.http.schema import MOST_FAULTS, load

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def app() -> Flask:
    """An application that reads bodies, and does nothing with them."""
    app = Flask(__name__)
    init_errors(app, error_response)

    @app.post("/object")
    def object_() -> Response:
        return jsonify(read_json_object())

    @app.post("/either")
    def either() -> Response:
        return jsonify(read_json_object_or_list())

    return app


def post(app: Flask, data: bytes, path: str = "/object", **options: Any) -> TestResponse:
    return app.test_client().post(path, data=data, **options)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "$: is not JSON: Expecting value at line 1, column 1"),
        (b"{", "$: is not JSON"),
        (b'{"a": 1,}', "$: is not JSON"),
        (b"a=1&b=2", "$: is not JSON"),
        (b"\xff\xfe{\x00}\x00", "$: is not UTF-8"),
        (b"\xef\xbb\xbf{}", "$: is not JSON"),
        (b'{"a": NaN}', "$: NaN is not JSON"),
        (b'{"a": [-Infinity]}', "$: -Infinity is not JSON"),
        (b'{"a": 1e400}', "$: the number '1e400' is too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "$: has a number of too many digits"),
        (b'{"a": 1, "b": 2, "a": 3}', "$: the key 'a' is given twice"),
        (b'{"a": {"b": 1, "b": 1}}', "$: the key 'b' is given twice"),
        (b'{"a": ["x", "\\u0000"]}', "$.a[1]: has the character U+0000"),
        (b'{"a": {"\\u0000": 1}}', "$.a: has the character U+0000"),
        (b'{"a": "\\ud800"}', "$.a: has half of a surrogate pair"),
        (b'{"\\udfff": 1}', "$: has half of a surrogate pair"),
        (b"[" * 100_000, "$: is nested more than 64 deep"),
        (b"[" * 65 + b"]" * 65, "$: is nested more than 64 deep"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "$: is nested more than 64 deep"),
    ],
)
def test_what_no_database_keeps_is_refused_with_its_place(raw: bytes, told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_json(raw)
    assert caught.value.sentence.startswith(told)


def test_the_deepest_body_is_read() -> None:
    assert parse_json(b"[" * DEEPEST + b"]" * DEEPEST)


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert parse_json(b'"\\ud83d\\ude00"') == "😀"


@given(JSON)
def test_what_is_read_is_what_was_sent_and_can_be_kept(document: Any) -> None:
    try:
        read = parse_json(json.dumps(document).encode("utf-8", "surrogatepass"))
    except InvalidInput:
        return
    written = json.dumps(read, ensure_ascii=False, allow_nan=False)
    assert json.dumps(read) == json.dumps(document)
    kept = sqlite3.connect(":memory:").execute("SELECT json_valid(?)", (written,)).fetchone()
    assert kept == (1,)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@example(b'{"a":1}')
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        read = parse_json(raw)
    except InvalidInput as refusal:
        assert refusal.sentence.startswith("$")
    else:
        assert read == json.loads(raw)


def test_a_long_path_or_key_is_cut() -> None:
    for raw in (
        json.dumps({"x" * 100_000: "\0"}).encode(),
        b'{"%b": 1, "%b": 1}' % (b"k" * 9999, b"k" * 9999),
    ):
        with pytest.raises(InvalidInput) as caught:
            parse_json(raw)
        assert len(caught.value.sentence) < 300


def test_the_places_of_many_elements_take_no_more_than_they_do_under_a_short_key() -> None:
    def peak(key: str) -> int:
        raw = json.dumps({key: {key: [""] * 20_000}}).encode()
        tracemalloc.start()
        parse_json(raw)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    assert peak("k" * LONGEST_KEY) < peak("k" * MOST_SHOWN * 5) * 2


class Looked(list[Any]):
    """A list that tells how much of it was looked at."""

    last = 0

    def __iter__(self) -> Iterator[Any]:
        for each in super().__iter__():
            self.last += 1
            yield each


def test_the_search_ends_at_the_fault_that_is_told_last() -> None:
    tags = Looked([1] * 1000)
    definition = {"title": "T", "type": "change", "requests": []}
    attributes = {"definition": definition, "tags": tags}
    with pytest.raises(InvalidInput) as caught:
        load(WidgetRequestSchema(), {"data": {"type": "widgets", "attributes": attributes}})
    assert caught.value.where == "$.data.attributes.tags[0]"
    assert tags.last == MOST_FAULTS
    assert caught.value.others[-2].startswith(f"$.data.attributes.tags[{MOST_FAULTS - 1}]: ")
    assert caught.value.others[-1] == f"the search ended at {MOST_FAULTS} faults"


def test_the_search_of_a_list_in_the_body_ends_there_too() -> None:
    widgets = Looked([{"id": 1}] * 1000)
    with pytest.raises(InvalidInput) as caught:
        load(ListedWidgetSchema(many=True), widgets)
    assert caught.value.where.startswith("$[0].")
    assert widgets.last <= MOST_FAULTS


def test_a_few_faults_are_all_told() -> None:
    attributes = {"definition": {}, "tags": [1] * 10}
    with pytest.raises(InvalidInput) as caught:
        load(WidgetRequestSchema(), {"data": {"type": "widgets", "attributes": attributes}})
    assert len(caught.value.others) == 12
    assert not caught.value.others[-1].startswith("the search")


FULL = MOST_ELEMENTS - 2  # the body itself has an element, and its list the others


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ({"a": [1] * (FULL + 1)}, True),
        ({"a": [1] * (FULL + 2)}, False),
        ({"a": [{"b": 1}, {}] * (FULL // 3)}, True),
        ({"a": [[1, 1]] * FULL}, False),
        ({f"k{n}": n for n in range(MOST_ELEMENTS)}, True),
        ({f"k{n}": n for n in range(MOST_ELEMENTS + 1)}, False),
        # What a text holds is no element.
        ({"a": ',"\\,",' * 20_000}, True),
    ],
)
def test_the_elements_of_a_body_are_bounded(app: Flask, body: Any, read: bool) -> None:
    answer = post(app, json.dumps(body).encode())
    assert answer.status_code == (200 if read else 400)
    refused = "$: has more than 10,000 elements in its lists and objects"
    assert read or answer.get_json()["errors"] == [refused]


def test_too_many_elements_are_refused_before_one_is_read(app: Flask) -> None:
    raw = b'{"a": [' + b"{}," * 300_000 + b"{}]}"

    def peak() -> int:
        tracemalloc.start()
        assert post(app, raw).status_code == 400
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak()
    assert peak() < 4 * len(raw)  # the dictionaries alone take twenty times as much


@pytest.mark.parametrize(("path", "fits"), [("/object", [b"{}"]), ("/either", [b"{}", b"[]"])])
def test_only_the_kinds_that_fit_are_read(app: Flask, path: str, fits: list[bytes]) -> None:
    for raw in (b"{}", b"[]", b"1", b'"a"', b"null", b"true"):
        answer = post(app, raw, path)
        assert answer.status_code == (200 if raw in fits else 400)
        assert raw in fits or answer.get_json()["errors"][0].startswith("$: must be a JSON object")


@pytest.mark.parametrize(("spare", "status"), [(0, 200), (-1, 413), (-100_000, 413)])
def test_a_body_has_a_largest_size(app: Flask, spare: int, status: int) -> None:
    raw = b'{"a": "' + b"x" * (LARGEST - 9 - spare) + b'"}'
    assert post(app, raw).status_code == status


def test_the_content_type_does_not_matter(app: Flask) -> None:
    answer = post(app, b'{"a": 1}', content_type="application/x-www-form-urlencoded")
    assert answer.get_json() == {"a": 1}
