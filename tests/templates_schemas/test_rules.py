from typing import Any

import pytest
from hypothesis import given, strategies as st
from marshmallow import Schema, ValidationError, fields, validate

from templates_schemas import Fault, faults
from templates_schemas.rules import Rule, faults_in, faults_of

KNOWN_KEYS = [
    *("template", "metadata", "title", "subtitle", "subicon_url", "fields", "footer", "error"),
    *("num_comments", "type", "name", "text", "color", "datetime", "icon_url", "footer_type"),
    *("created_at", "last_updated_at", "parts", "_schema"),
]
KNOWN_WORDS = [
    *("summary_with_details_v0", "pill", "text_with_icon", "datetime_with_icon", "red"),
    *("created", "updated", "custom_text", "2012-02-22T02:06:58.147Z", "https://a.example/"),
]
RULES = {
    *("type", "required", "null", "unknown_key", "one_of", "url", "time"),
    *("min_length", "max_length", "minimum", "maximum", "min_items", "max_items"),
    *("surrogate", "control", "direction"),
}

texts = st.text(st.characters(exclude_categories=()), max_size=50)
keys = st.one_of(st.sampled_from(KNOWN_KEYS), texts)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), texts, st.sampled_from(KNOWN_WORDS)
)
any_json = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=7), st.dictionaries(keys, inner, max_size=7)
    ),
    max_leaves=20,
)  # fmt: skip
objects = st.dictionaries(keys, any_json)
near_payloads = st.builds(
    lambda metadata, fields, footer: {
        "template": "summary_with_details_v0",
        "metadata": {**metadata, "fields": fields, "footer": footer},
    },
    objects,
    st.lists(st.fixed_dictionaries({"type": any_json}) | objects, max_size=6),
    st.fixed_dictionaries({"footer_type": any_json}) | objects,
)


@given(any_json | near_payloads)
def test_any_json_is_judged_with_path_rule_and_message(payload: Any) -> None:
    for fault in faults(payload):
        assert fault.path == "$" or fault.path.startswith(("$.", "$["))
        assert fault.rule in RULES
        assert fault.message


@pytest.mark.parametrize("payload", [None, True, 7, "card", [], [{}]], ids=repr)
def test_payload_that_is_no_object_is_one_fault_of_the_whole(payload: Any) -> None:
    assert faults(payload) == (Fault("$", "type", "must be an object"),)


@pytest.mark.parametrize("template", [None, 7, "widget_v9", ["summary_with_details_v0"], {}])
def test_payload_without_a_known_template_is_judged_by_the_default_one(template: Any) -> None:
    paths = [fault.path for fault in faults({"template": template})]
    assert paths == ["$.template", "$.metadata"]


def test_message_tells_both_the_length_and_the_limit() -> None:
    given = {"template": "summary_with_details_v0", "metadata": {"title": "🙂" * 101}}
    assert faults(given)[0] == Fault(
        "$.metadata.title", "max_length", "has 202 UTF-16 code units; at most 200 are shown"
    )


def test_message_tells_the_words_that_are_allowed() -> None:
    footer = {"footer_type": "none"}
    given = {"template": "summary_with_details_v0", "metadata": {"footer": footer}}
    assert Fault(
        "$.metadata.footer.footer_type", "one_of", "must be one of: created, updated, custom_text"
    ) in faults(given)


def test_braces_of_what_was_given_are_not_filled_in() -> None:
    given = {"template": "summary_with_details_v0", "metadata": {"{words}": "{longest}"}}
    assert "$.metadata.{words}" in [fault.path for fault in faults(given)]


def test_rule_keeps_its_name_when_it_is_filled_in() -> None:
    filled = Rule("max_length", "at most {longest}").format(longest=40)
    assert (filled, filled.name) == ("at most 40", "max_length")


def test_fault_reads_as_path_message_and_rule() -> None:
    assert str(Fault("$.a[2]", "url", "must be an address")) == "$.a[2]: must be an address (url)"


def test_fault_of_no_named_rule_reads_as_path_and_message() -> None:
    assert str(Fault("$", "invalid", "Not so.")) == "$: Not so."


class Parcel(Schema):
    """A schema of marshmallow's own fields, as a connector has for what it reads."""

    weight = fields.Integer(required=True)
    labels = fields.List(fields.String(validate=validate.Length(max=3)))


def test_schema_with_marshmallows_own_messages_has_unnamed_faults() -> None:
    assert faults_of(Parcel(), {"labels": ["ab", "abcd"]}) == (
        Fault("$.weight", "invalid", "Missing data for required field."),
        Fault("$.labels[1]", "invalid", "Longer than maximum length 3."),
    )


def test_data_that_loads_has_no_faults() -> None:
    assert faults_of(Parcel(), {"weight": 3, "labels": []}) == ()


def test_complaints_about_the_whole_and_its_parts_are_all_listed() -> None:
    error = ValidationError({"_schema": ["a", "b"], "x": {0: {"_schema": [Rule("url", "c")]}}})
    assert faults_in(error) == (
        Fault("$", "invalid", "a"),
        Fault("$", "invalid", "b"),
        Fault("$.x[0]", "url", "c"),
    )
