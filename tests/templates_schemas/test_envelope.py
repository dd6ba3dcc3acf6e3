from typing import Any, get_args

import pytest

from templates_schemas import ENVELOPES, EnvelopeForm, envelope
from templates_schemas.rules import faults_of

NESTED: EnvelopeForm = "nested"
FLAT: EnvelopeForm = "flat"
# The host's sentence for each of its five statuses.
SENTENCES = {
    400: "Illegal or malformed request.",
    401: "Authorization required.",
    403: "Access forbidden.",
    404: "Not found.",
    500: "Internal server error.",
}

REFUSED: dict[str, tuple[EnvelopeForm, Any, str, str]] = {
    "nested given flat": (NESTED, {"error": "x", "data": {"error": "x"}}, "$.error", "unknown_key"),
    "nested without data": (NESTED, {}, "$.data", "required"),
    "nested with no object": (NESTED, {"data": "Not found."}, "$.data", "type"),
    "nested with null": (NESTED, {"data": None}, "$.data", "null"),
    "nested without error": (NESTED, {"data": {}}, "$.data.error", "required"),
    "nested null error": (NESTED, {"data": {"error": None}}, "$.data.error", "null"),
    "nested blank error": (NESTED, {"data": {"error": ""}}, "$.data.error", "min_length"),
    "nested with more": (NESTED, {"data": {"error": "x", "code": 1}}, "$.data.code", "unknown_key"),
    "flat with data": (FLAT, {"error": "x", "data": {"error": "x"}}, "$.data", "unknown_key"),
    "flat without error": (FLAT, {}, "$.error", "required"),
    "flat null error": (FLAT, {"error": None}, "$.error", "null"),
    "flat blank error": (FLAT, {"error": " "}, "$.error", "min_length"),
    "flat error is an object": (FLAT, {"error": {"error": "x"}}, "$.error", "type"),
    "both without data": ("both", {"error": "x"}, "$.data", "required"),
    "both without error": ("both", {"data": {"error": "x"}}, "$.error", "required"),
    "flat is a list": (FLAT, ["x"], "$", "type"),
}


def found(form: EnvelopeForm, given: Any) -> list[tuple[str, str]]:
    return [(fault.path, fault.rule) for fault in faults_of(ENVELOPES[form](), given)]


def test_there_are_three_forms() -> None:
    assert list(ENVELOPES) == ["nested", "flat", "both"]
    assert get_args(EnvelopeForm) == ("nested", "flat", "both")


@pytest.mark.parametrize("sentence", SENTENCES.values(), ids=SENTENCES.keys())
def test_both_in_one_is_what_either_host_reads(sentence: str) -> None:
    body = envelope(sentence, "both")
    assert body == {**envelope(sentence, "flat"), **envelope(sentence, "nested")}
    assert found("both", body) == []


@pytest.mark.parametrize("sentence", SENTENCES.values(), ids=SENTENCES.keys())
def test_nested_envelope_is_that_of_the_hosts_schema_page(sentence: str) -> None:
    assert envelope(sentence, "nested") == {"data": {"error": sentence}}
    assert found("nested", {"data": {"error": sentence}}) == []


@pytest.mark.parametrize("sentence", SENTENCES.values(), ids=SENTENCES.keys())
def test_flat_envelope_is_the_error_alone(sentence: str) -> None:
    assert envelope(sentence, "flat") == {"error": sentence}
    assert found("flat", {"error": sentence}) == []


@pytest.mark.parametrize(("form", "given", "path", "rule"), REFUSED.values(), ids=REFUSED.keys())
def test_other_shapes_are_one_fault(form: EnvelopeForm, given: Any, path: str, rule: str) -> None:
    assert found(form, given) == [(path, rule)]


def test_one_form_is_not_taken_for_the_other() -> None:
    assert found("flat", envelope("Not found.", "nested")) == [
        ("$.error", "required"),
        ("$.data", "unknown_key"),
    ]
    assert found("nested", envelope("Not found.", "flat")) == [
        ("$.data", "required"),
        ("$.error", "unknown_key"),
    ]
