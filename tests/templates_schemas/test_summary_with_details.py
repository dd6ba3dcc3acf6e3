"""Every row of the tables in "The answer" of the host's contract, from both sides."""

import json
import re
from typing import Any

import pytest

from templates_schemas import faults

ABSENT = object()
SMILE = "🙂"  # two UTF-16 code units
TIME = "2012-02-22T02:06:58.147Z"
ICON = "https://example-icon.png"

PILL = {"type": "pill", "name": "Status", "text": "In Progress", "color": "cool-gray"}
TEXT = {"type": "text_with_icon", "name": "Status", "text": "In Progress", "icon_url": ICON}
DATETIME = {"type": "datetime_with_icon", "name": "Status", "datetime": TIME, "icon_url": ICON}
CREATED = {"footer_type": "created", "created_at": TIME}
UPDATED = {"footer_type": "updated", "last_updated_at": TIME}
MESSAGE = "This is a custom footer message"
CUSTOM = {"footer_type": "custom_text", "text": MESSAGE, "icon_url": ICON}

EVERYTHING: dict[str, Any] = {
    "template": "summary_with_details_v0",
    "metadata": {
        "title": "Status",
        "subtitle": "Custom App Story · Open in Custom App",
        "subicon_url": ICON,
        "fields": [PILL, TEXT, DATETIME, PILL, PILL],
        "footer": CUSTOM,
        "num_comments": 2,
        "error": "Some details may not be shown.",
    },
}
MINIMAL: dict[str, Any] = {
    "template": "summary_with_details_v0",
    "metadata": {
        "title": "S",
        "fields": [{"type": "pill", "name": "N", "text": "T", "color": "none"}],
        "footer": {"footer_type": "created", "created_at": TIME},
    },
}
# As the host's schema page prints it.
HOSTS_OWN: dict[str, Any] = {
    "metadata": {
        "error": "The resource cannot be accessed",
        "fields": [],
        "footer": {},
        "num_comments": 2,
        "subicon_url": "https://example-icon.png",
        "subtitle": "Custom App Story · Open in Custom App",
        "title": "Status",
    },
    "template": "summary_with_details_v0",
}


def changed(payload: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Copy a payload with another value at a path such as `$.metadata.fields[0].name`."""
    copy: dict[str, Any] = json.loads(json.dumps(payload))
    *way, last = [int(step) if step.isdigit() else step for step in re.findall(r"\w+", path)]
    inner: Any = copy
    for step in way:
        inner = inner[step]
    if value is ABSENT:
        del inner[last]
    else:
        inner[last] = value
    return copy


def found(payload: Any) -> list[tuple[str, str]]:
    return [(fault.path, fault.rule) for fault in faults(payload)]


# Where EVERYTHING is changed, and to what.
ACCEPTED: dict[str, tuple[str, Any]] = {
    "title of 1": ("$.metadata.title", "x"),
    "title of 200": ("$.metadata.title", "x" * 200),
    "title of 100 emoji": ("$.metadata.title", SMILE * 100),
    "subtitle of any length": ("$.metadata.subtitle", "x" * 1000),
    "error of any length": ("$.metadata.error", "x" * 1000),
    "1 field": ("$.metadata.fields", [TEXT]),
    "5 fields": ("$.metadata.fields", [DATETIME] * 5),
    "field name of 1": ("$.metadata.fields[0].name", "x"),
    "field name of 40": ("$.metadata.fields[0].name", "x" * 40),
    "field name of 20 emoji": ("$.metadata.fields[2].name", SMILE * 20),
    "pill text of 1": ("$.metadata.fields[0].text", "x"),
    "pill text of 40": ("$.metadata.fields[0].text", "x" * 40),
    "text of 1": ("$.metadata.fields[1].text", "x"),
    "text of 40": ("$.metadata.fields[1].text", "x" * 40),
    "text without icon": ("$.metadata.fields[1].icon_url", ABSENT),
    "datetime without icon": ("$.metadata.fields[2].icon_url", ABSENT),
    "http icon": ("$.metadata.fields[1].icon_url", "http://example.com/icon.png"),
    "leap day": ("$.metadata.fields[2].datetime", "2024-02-29T23:59:59.999Z"),
    "created footer": ("$.metadata.footer", CREATED),
    "updated footer": ("$.metadata.footer", UPDATED),
    "custom footer without icon": ("$.metadata.footer.icon_url", ABSENT),
    "custom footer of any length": ("$.metadata.footer.text", "x" * 1000),
    "empty footer beside an error": ("$.metadata.footer", {}),
    "no field beside an error": ("$.metadata.fields", []),
    "no comments": ("$.metadata.num_comments", 0),
    "many comments": ("$.metadata.num_comments", 2**53 - 1),
}

# Where EVERYTHING is changed, to what, and by which rule that place is then the one fault.
REFUSED: dict[str, tuple[str, Any, str]] = {
    "more comments than JavaScript counts": ("$.metadata.num_comments", 2**53, "maximum"),
    "half of a pair": ("$.metadata.subtitle", "a\ud83d", "surrogate"),
    "end of a line": ("$.metadata.error", "a\nb", "control"),
    "override of direction": ("$.metadata.fields[0].text", "a\u202eb", "direction"),
    "isolate that is left open": ("$.metadata.fields[0].name", "\u2068a", "direction"),
    # The whole.
    "no template": ("$.template", ABSENT, "required"),
    "unknown template": ("$.template", "summary_with_details_v1", "one_of"),
    "template is a list": ("$.template", [], "type"),
    "no metadata": ("$.metadata", ABSENT, "required"),
    "metadata is a list": ("$.metadata", [], "type"),
    # Texts.
    "no title": ("$.metadata.title", ABSENT, "required"),
    "title is a number": ("$.metadata.title", 7, "type"),
    "title of 0": ("$.metadata.title", "", "min_length"),
    "title of blanks": ("$.metadata.title", " \n\u200b", "min_length"),
    "title of 201": ("$.metadata.title", "x" * 201, "max_length"),
    "title of 201 units": ("$.metadata.title", SMILE * 100 + "x", "max_length"),
    "blank subtitle": ("$.metadata.subtitle", "", "min_length"),
    "subtitle is a number": ("$.metadata.subtitle", 7, "type"),
    "blank error": ("$.metadata.error", "", "min_length"),
    "error is an object": ("$.metadata.error", {}, "type"),
    # Fields.
    "fields left out": ("$.metadata.fields", ABSENT, "required"),
    "fields is an object": ("$.metadata.fields", {}, "type"),
    "6 fields": ("$.metadata.fields", [PILL] * 6, "max_items"),
    "field is a string": ("$.metadata.fields[1]", "pill", "type"),
    "field without type": ("$.metadata.fields[0].type", ABSENT, "required"),
    "unknown type": ("$.metadata.fields[0].type", "badge", "one_of"),
    "pill without name": ("$.metadata.fields[0].name", ABSENT, "required"),
    "text without name": ("$.metadata.fields[1].name", ABSENT, "required"),
    "time without name": ("$.metadata.fields[2].name", ABSENT, "required"),
    "name of 0": ("$.metadata.fields[0].name", "", "min_length"),
    "pill name of 41": ("$.metadata.fields[0].name", "x" * 41, "max_length"),
    "text name of 41": ("$.metadata.fields[1].name", "x" * 41, "max_length"),
    "time name of 41": ("$.metadata.fields[2].name", "x" * 41, "max_length"),
    "pill without text": ("$.metadata.fields[0].text", ABSENT, "required"),
    "pill text of 0": ("$.metadata.fields[0].text", "", "min_length"),
    "pill text of 41": ("$.metadata.fields[0].text", "x" * 41, "max_length"),
    "pill without color": ("$.metadata.fields[0].color", ABSENT, "required"),
    "other color": ("$.metadata.fields[0].color", "gray", "one_of"),
    "capital color": ("$.metadata.fields[0].color", "Red", "one_of"),
    "color is a number": ("$.metadata.fields[0].color", 0, "type"),
    "no text": ("$.metadata.fields[1].text", ABSENT, "required"),
    "text of 0": ("$.metadata.fields[1].text", "", "min_length"),
    "text of 41": ("$.metadata.fields[1].text", "x" * 41, "max_length"),
    "no datetime": ("$.metadata.fields[2].datetime", ABSENT, "required"),
    "datetime is no time": ("$.metadata.fields[2].datetime", "No data", "time"),
    "datetime is a number": ("$.metadata.fields[2].datetime", 1, "type"),
    # Footers.
    "no footer": ("$.metadata.footer", ABSENT, "required"),
    "footer is a list": ("$.metadata.footer", [], "type"),
    "unknown footer": ("$.metadata.footer.footer_type", "edited", "one_of"),
    "custom without text": ("$.metadata.footer.text", ABSENT, "required"),
    "custom text of 0": ("$.metadata.footer.text", "", "min_length"),
    # Comments.
    "-1 comments": ("$.metadata.num_comments", -1, "minimum"),
    "true comments": ("$.metadata.num_comments", True, "type"),
    "2.0 comments": ("$.metadata.num_comments", 2.0, "type"),
    "'2' comments": ("$.metadata.num_comments", "2", "type"),
    # Keys of nowhere, and of the part next door.
    "unknown key": ("$.hint", 1, "unknown_key"),
    "unknown key of metadata": ("$.metadata.url", ICON, "unknown_key"),
    "our own name for fields": ("$.metadata.parts", [], "unknown_key"),
    "icon on a pill": ("$.metadata.fields[0].icon_url", ICON, "unknown_key"),
    "color on a text": ("$.metadata.fields[1].color", "red", "unknown_key"),
    "text on a time": ("$.metadata.fields[2].text", "x", "unknown_key"),
    "time on a custom footer": ("$.metadata.footer.created_at", TIME, "unknown_key"),
}

# A footer, and where in it by which rule the one fault is.
FOOTERS_REFUSED: dict[str, tuple[dict[str, str], str, str]] = {
    "no type": ({"created_at": TIME}, "footer_type", "required"),
    "created without time": ({"footer_type": "created"}, "created_at", "required"),
    "updated without time": ({"footer_type": "updated"}, "last_updated_at", "required"),
    "created at no time": ({**CREATED, "created_at": "2012-02-22"}, "created_at", "time"),
    "updated at no time": ({**UPDATED, "last_updated_at": ""}, "last_updated_at", "time"),
    "icon on created": ({**CREATED, "icon_url": ICON}, "icon_url", "unknown_key"),
    "icon on updated": ({**UPDATED, "icon_url": ICON}, "icon_url", "unknown_key"),
    "text on updated": ({**UPDATED, "text": "x"}, "text", "unknown_key"),
}

COLORS = [
    *("none", "red", "orange", "yellow-orange", "yellow", "yellow-green", "green", "blue-green"),
    *("aqua", "blue", "indigo", "purple", "magenta", "hot-pink", "pink", "cool-gray"),
]
URLS = [
    "$.metadata.subicon_url",
    "$.metadata.fields[1].icon_url",
    "$.metadata.fields[2].icon_url",
    "$.metadata.footer.icon_url",
]
NULLS = [
    *("$.template", "$.metadata"),
    *("$.metadata.title", "$.metadata.subtitle", "$.metadata.error"),
    *("$.metadata.fields", "$.metadata.fields[0]"),
    *("$.metadata.fields[0].name", "$.metadata.fields[0].text", "$.metadata.fields[0].color"),
    "$.metadata.fields[1].text",
    "$.metadata.fields[2].datetime",
    "$.metadata.footer",
    "$.metadata.footer.text",
    "$.metadata.num_comments",
    *URLS,
]
VALID = {"everything": EVERYTHING, "minimal": MINIMAL, "the host's own": HOSTS_OWN}


@pytest.mark.parametrize("payload", VALID.values(), ids=VALID.keys())
def test_valid_payload_has_no_faults(payload: dict[str, Any]) -> None:
    assert faults(payload) == ()


@pytest.mark.parametrize(("path", "value"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_value_within_the_limits_is_accepted(path: str, value: Any) -> None:
    assert found(changed(EVERYTHING, path, value)) == []


@pytest.mark.parametrize(("path", "value", "rule"), REFUSED.values(), ids=REFUSED.keys())
def test_value_beyond_the_limits_is_one_fault(path: str, value: Any, rule: str) -> None:
    assert found(changed(EVERYTHING, path, value)) == [(path, rule)]


@pytest.mark.parametrize(
    ("footer", "key", "rule"), FOOTERS_REFUSED.values(), ids=FOOTERS_REFUSED.keys()
)
def test_footer_of_no_kind_is_one_fault(footer: dict[str, str], key: str, rule: str) -> None:
    given = changed(EVERYTHING, "$.metadata.footer", footer)
    assert found(given) == [(f"$.metadata.footer.{key}", rule)]


@pytest.mark.parametrize("part", [PILL, TEXT, DATETIME], ids=lambda part: part["type"])
def test_hosts_example_of_a_field_is_accepted(part: dict[str, str]) -> None:
    assert found(changed(MINIMAL, "$.metadata.fields", [part])) == []


@pytest.mark.parametrize("part", [CREATED, UPDATED, CUSTOM], ids=lambda part: part["footer_type"])
def test_hosts_example_of_a_footer_is_accepted(part: dict[str, str]) -> None:
    assert found(changed(MINIMAL, "$.metadata.footer", part)) == []


@pytest.mark.parametrize("color", COLORS)
def test_each_of_the_sixteen_colors_is_accepted(color: str) -> None:
    assert found(changed(EVERYTHING, "$.metadata.fields[0].color", color)) == []


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:image/png;base64,AA", "//x.example/a", "/a.png", "ftp://x/", ""],
)
@pytest.mark.parametrize("path", URLS)
def test_address_that_is_not_absolute_http_is_refused(path: str, url: str) -> None:
    assert found(changed(EVERYTHING, path, url)) == [(path, "url")]


@pytest.mark.parametrize("path", NULLS)
def test_null_is_refused(path: str) -> None:
    assert found(changed(EVERYTHING, path, None)) == [(path, "null")]


@pytest.mark.parametrize("word", [None, 7, [], {}], ids=repr)
@pytest.mark.parametrize("path", ["$.metadata.fields[0].type", "$.metadata.footer.footer_type"])
def test_other_than_a_word_names_no_kind(path: str, word: Any) -> None:
    assert found(changed(EVERYTHING, path, word)) == [(path, "one_of")]


def test_empty_field_is_refused_even_beside_an_error() -> None:
    given = changed(EVERYTHING, "$.metadata.fields[4]", {})
    assert found(given) == [("$.metadata.fields[4].type", "required")]


@pytest.mark.parametrize("key", ["fields", "footer"])
def test_fields_and_footer_may_not_be_left_out_beside_an_error(key: str) -> None:
    given = changed(HOSTS_OWN, f"$.metadata.{key}", ABSENT)
    assert found(given) == [(f"$.metadata.{key}", "required")]


def test_without_an_error_fields_and_footer_may_not_be_empty() -> None:
    payload = changed(HOSTS_OWN, "$.metadata.error", ABSENT)
    assert found(payload) == [
        ("$.metadata.fields", "min_items"),
        ("$.metadata.footer", "required"),
    ]


def test_all_faults_are_told_at_once() -> None:
    payload = changed(EVERYTHING, "$.metadata.fields", [PILL] * 6)
    payload["metadata"]["fields"][5] = {**PILL, "color": "gray", "name": ""}
    del payload["metadata"]["title"]
    assert sorted(found(payload)) == [
        ("$.metadata.fields", "max_items"),
        ("$.metadata.fields[5].color", "one_of"),
        ("$.metadata.fields[5].name", "min_length"),
        ("$.metadata.title", "required"),
    ]
