"""The editor: what is wrong with a payload, on the line where it is."""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, strategies as st

from app.devtools.preview.editor import LONGEST, MOST_FAULTS, edit
from app.devtools.preview.grammar import grammar_of
from app.devtools.preview.json_text import formatted, highlighted, lines_of, written
from templates_schemas import TEMPLATES, faults
from templates_schemas.limits import PILL_COLORS
from tests.app.devtools.preview.conftest import PART, Preview, preview_with, words_of
from tests.app.devtools.preview.test_drawing import JSON, PAYLOADS

WHOLE = preview_with()
FAULTY = """{
  "template": "summary_with_details_v0",
  "metadata": {
    "title": "",
    "fields": [
      {"type": "pill", "name": "State",
       "text": "Open", "color": "teal"},
      {"type": "datetime_with_icon",
       "name": "Due", "datetime": "No data"}
    ],
    "footer": {"footer_type": "created"}
  }
}"""


def test_each_fault_is_at_its_line() -> None:
    found = [(one.line, one.fault.path, one.fault.rule) for one in edit(FAULTY).faults]
    assert found == [
        (4, "$.metadata.title", "min_length"),
        (7, "$.metadata.fields[0].color", "one_of"),
        (9, "$.metadata.fields[1].datetime", "time"),
        # A key that is missing is told where it is missed.
        (11, "$.metadata.footer.created_at", "required"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("", 1, "is not JSON: Expecting value, at column 1"),
        ('{\n "a": 1,\n}', 3, "is not JSON"),
        ('{"a": NaN}', 1, "is not JSON: NaN is not JSON"),
        ("[" * 60_000, 1, "is not JSON: it is nested too deep"),
        ("9" * 5000, 1, "is not JSON"),
        (" " * (LONGEST + 1), 1, f"at most {LONGEST} are read"),
    ],
    ids=["empty", "comma", "nan", "deep", "digits", "long"],
)
def test_what_is_no_json_is_told_with_its_line(text: str, line: int, told: str) -> None:
    (found,) = edit(text).faults
    assert found.line == line
    assert told in found.fault.message
    assert not edit(text).is_json


@pytest.mark.parametrize(
    ("text", "underlined", "rule"),
    [
        ('{"template": "x", "metadata": {}}', '"x"', "one_of"),
        (FAULTY, '""', "min_length"),
        (FAULTY, '"teal"', "one_of"),
        (FAULTY, '"footer"', "required"),
        ('{"a": "👋", "temlate": 1}', '"temlate"', "unknown_key"),
        ('{"template": "👋",\n "template": "y"}', '"template"', "repeated"),
        ('{"metadata": {"fields": [{"type": "pill"}]}}', "{", "required"),
        ('{"a" 1}', "1", "json"),
    ],
)
def test_what_is_underlined_is_the_key_or_the_value_that_is_wrong(
    text: str, underlined: str, rule: str
) -> None:
    units = text.encode("utf-16-le")
    shown = {
        (units[2 * one.start : 2 * one.end].decode("utf-16-le"), one.fault.rule)
        for one in edit(text).faults
    }
    assert (underlined, rule) in shown


@pytest.mark.parametrize(
    ("metadata", "path", "rule", "told"),
    [
        ('"num_comments": 9007199254740992', "num_comments", "maximum", "9007199254740991"),
        (r'"title": "a\ud800b"', "title", "surrogate", "half of a surrogate pair"),
        (r'"title": "a\u0007b"', "title", "control", "U+0007"),
        (r'"title": "a\nb"', "title", "control", "U+000A"),
        ('"title": "a\u202eb"', "title", "direction", "turn the direction"),
        ('"title": "a\u2067b"', "title", "direction", "turn the direction"),
        ('"title": "a", "title": "b"', "title", "repeated", "more than once"),
        ('"titel": "a"', "titel", "unknown_key", 'did you mean "title"?'),
        ('"Fields": []', "Fields", "unknown_key", 'did you mean "fields"?'),
    ],
)
def test_what_a_person_would_not_see_is_told(
    metadata: str, path: str, rule: str, told: str
) -> None:
    found = {one.fault.path: one.fault for one in edit(f'{{"metadata": {{{metadata}}}}}').faults}
    fault = found[f"$.metadata.{path}"]
    assert fault.rule == rule
    assert told in fault.message


@pytest.mark.parametrize(
    ("color", "meant"),
    [("violet", "purple"), ("grey", "cool-gray"), ("Green", "green"), ("yelow", "yellow"),
     ("hot_pink", "hot-pink"), ("teal", "blue-green")],
)  # fmt: skip
def test_the_colour_that_was_meant_is_told(color: str, meant: str) -> None:
    field = {"type": "pill", "name": "a", "text": "b", "color": color}
    text = json.dumps({"metadata": {"fields": [field]}})
    (fault,) = [one.fault for one in edit(text).faults if one.fault.path.endswith("color")]
    assert fault.message.endswith(f'; did you mean "{meant}"?')


def test_right_to_left_names_in_closed_isolates_are_taken() -> None:
    text = json.dumps({"metadata": {"title": "\u2067\u05e9\u05dc\u05d5\u05dd\u2069 said"}})
    assert "$.metadata.title" not in {one.fault.path for one in edit(text).faults}


@given(PAYLOADS | JSON, st.sampled_from([None, 2]))
def test_a_text_that_is_laid_out_says_the_same(payload: Any, indent: int | None) -> None:
    laid = formatted(json.dumps(payload, indent=indent, ensure_ascii=False))
    assert laid == written(payload)
    assert formatted(laid) == laid


def test_laying_out_keeps_what_reading_would_lose() -> None:
    assert formatted(r'{"a":9007199254740993,"a":"\ud800", "b":[{},[]],"c":1.0}') == (
        '{\n  "a": 9007199254740993,\n  "a": "\\ud800",\n  "b": [\n    {},\n    []\n  ],'
        '\n  "c": 1.0\n}'
    )


def test_the_grammar_names_every_key_kind_and_colour() -> None:
    grammar = grammar_of(TEMPLATES["summary_with_details_v0"])
    assert grammar["template"]["words"] == ["summary_with_details_v0"]
    metadata = grammar["metadata"]["keys"]
    assert [key for key, rule in metadata.items() if rule["required"]] == [
        "title", "fields", "footer",
    ]  # fmt: skip
    kinds = metadata["fields"]["items"]
    assert (kinds["by"], set(kinds["kinds"])) == (
        "type",
        {"pill", "text_with_icon", "datetime_with_icon"},
    )
    color = kinds["kinds"]["pill"]["color"]
    assert (color["words"], color["isColor"]) == (list(PILL_COLORS), True)
    assert set(metadata["footer"]["kinds"]["updated"]) == {"footer_type", "last_updated_at"}


@given(PAYLOADS | st.dictionaries(st.text(), JSON), st.sampled_from([None, 2]))
def test_any_json_is_read_and_each_fault_has_a_line(payload: Any, indent: int | None) -> None:
    edited = edit(json.dumps(payload, indent=indent))
    assert edited.is_json
    assert edited.payload == payload
    assert all(1 <= found.line <= edited.lines for found in edited.faults)


@given(st.text())
def test_any_text_is_edited(text: str) -> None:
    edited = edit(text)
    assert edited.is_json or edited.faults
    assert all(1 <= found.line <= edited.lines for found in edited.faults)


@pytest.mark.parametrize("key", ["a/b", 'qu"ote', "back\\slash", "~", "é", "\n"])
def test_odd_keys_are_found_on_their_line(key: str) -> None:
    text = written({"template": "summary_with_details_v0", "metadata": {}, key: 1})
    (line,) = [one.line for one in edit(text).faults if one.fault.rule == "unknown_key"]
    assert line == 4


def paths_of(value: Any, path: str = "$") -> Iterator[str]:
    """Yield the JSON path of a value, and of all within it."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths_of(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from paths_of(inner, f"{path}[{index}]")


# Without what divides a path, so that two values never have one path.
KEYS = st.text(st.characters(codec="utf-8", exclude_characters=".["), max_size=5)


@given(st.dictionaries(KEYS, st.lists(st.text()) | st.dictionaries(KEYS, st.floats(0, 1))))
def test_each_value_is_on_a_line_of_its_own(payload: Any) -> None:
    lines = lines_of(written(payload))
    assert list(lines) == list(paths_of(payload))
    assert sorted(set(lines.values())) == sorted(lines.values())


def test_of_a_key_that_is_given_twice_the_last_counts() -> None:
    assert lines_of('{"a": ["x"],\n "b": "}", "a":\n ["{"]}') == {
        "$": 1, "$.a": 2, "$.a[0]": 3, "$.b": 2,
    }  # fmt: skip


def test_several_faults_of_a_line_are_told_together() -> None:
    edited = edit('{"template": "x", "metadata": {}}')
    assert set(edited.faulty_lines) == {1}
    assert edited.faulty_lines[1].count("; ") == len(edited.faults) - 1


def test_a_shared_address_is_complete(preview: Preview) -> None:
    html = preview.get("/editor", payload=FAULTY)
    shown = words_of(html)
    assert "The host would refuse it" in shown
    assert "Line 7 $.metadata.fields[0].color must be one of: none, red, orange" in shown
    assert html.count('class="faulty"') == 4
    assert "No title" in shown


def test_what_is_typed_is_drawn_by_the_same_template(preview: Preview) -> None:
    typed = preview.client.post("/preview/editor", data=FAULTY.encode(), headers=PART)
    page = preview.get("/editor", payload=FAULTY)
    part = typed.get_data(as_text=True)
    assert part.strip() in page


@pytest.mark.parametrize(
    "payload", [{"\ud800": 1}, {"metadata": {"fields": [{"name": "\ud800"}]}}], ids=str
)
def test_half_a_surrogate_pair_is_shown_as_unknown(preview: Preview, payload: Any) -> None:
    typed = preview.client.post("/preview/editor", data=json.dumps(payload), headers=PART)
    assert typed.status_code == 200


@given(PAYLOADS | JSON)
def test_the_colours_of_json_leave_its_text_as_it_is(payload: Any) -> None:
    without_markup = re.sub(r"<[^<>]*>", "", highlighted(payload))
    assert html.unescape(without_markup) == html.unescape(written(payload))


def test_json_is_coloured_by_what_each_part_is() -> None:
    spans = re.findall(r'class="json-(\w+)">([^<]*)<', highlighted({"<a>": ["b", 1]}))
    assert [(kind, html.unescape(text)) for kind, text in spans] == [
        ("mark", "{"), ("key", '"<a>"'), ("mark", ":"), ("mark", "["), ("string", '"b"'),
        ("mark", ","), ("literal", "1"), ("mark", "]"), ("mark", "}"),
    ]  # fmt: skip


@given(PAYLOADS)
def test_any_json_is_shown(payload: Any) -> None:
    typed = WHOLE.client.post("/preview/editor", data=json.dumps(payload), headers=PART)
    assert typed.status_code == 200


def test_of_very_many_faults_the_first_are_told(preview: Preview) -> None:
    payload: Any = {"metadata": {"fields": [{}] * 10_000}}
    typed = preview.client.post("/preview/editor", data=json.dumps(payload), headers=PART)
    assert f"And {len(faults(payload)) - MOST_FAULTS} more." in words_of(
        typed.get_data(as_text=True)
    )
    assert typed.get_data(as_text=True).count("data-line") == MOST_FAULTS


def test_a_body_that_is_too_large_is_refused(preview: Preview) -> None:
    answer = preview.client.post("/preview/editor", data=b" " * (5 * LONGEST), headers=PART)
    assert answer.status_code == 413


@pytest.mark.parametrize("name", ["minimal", "usual", "everything", "unheard-of"])
def test_presets_are_taken(preview: Preview, name: str) -> None:
    assert "The host would take it" in preview.words("/editor", preset=name)


def test_the_first_newline_of_a_payload_is_kept(preview: Preview) -> None:
    # A textarea drops one newline after its tag.
    assert ">\n\n{}</textarea>" in preview.get("/editor", payload="\n{}")


def test_all_pill_colours_can_be_picked(preview: Preview) -> None:
    assert preview.get("/editor").count('<li><button type="button" class="pill pill-') == 16


def test_a_payload_is_laid_out_with_and_without_a_script(preview: Preview) -> None:
    laid = preview.client.post("/preview/editor/format", data=b'{"a":[1]}')
    assert laid.get_data(as_text=True) == '{\n  "a": [\n    1\n  ]\n}'
    html = preview.get("/editor", payload='{"a":[1]}', format="1")
    assert "{\n  &#34;a&#34;: [\n    1\n  ]\n}</textarea>" in html


def test_what_is_no_json_is_not_laid_out(preview: Preview) -> None:
    assert preview.client.post("/preview/editor/format", data=b"{").status_code == 400
    assert ">\n{</textarea>" in preview.get("/editor", payload="{", format="1")


def test_the_editor_alone_may_write_a_style_under_a_nonce_of_each_page(preview: Preview) -> None:
    policies = [preview.ask(path).headers["Content-Security-Policy"] for path in ("/editor",) * 2]
    nonces = [re.findall(r"'nonce-([\w-]{22})'", policy) for policy in policies]
    assert nonces[0] != nonces[1]
    assert all(len(each) == 1 for each in nonces)
    assert "nonce" not in preview.ask("").headers["Content-Security-Policy"]
