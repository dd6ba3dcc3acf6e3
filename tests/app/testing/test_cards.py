"""Assertions about cards, and how they tell what differs."""

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.testing.cards import assert_card, assert_error, difference

CARD: dict[str, Any] = {
    "template": "summary_with_details_v0",
    "metadata": {
        "title": "A card",
        "subtitle": "Somewhere",
        "fields": [
            {"type": "pill", "name": "State", "text": "Open", "color": "green"},
            {
                "type": "datetime_with_icon",
                "name": "Due",
                "datetime": "2026-01-02T03:04:05.000Z",
            },
        ],
        "footer": {"footer_type": "created", "created_at": "2012-02-22T02:06:58.147Z"},
        "num_comments": 3,
    },
}
DUE = "2026-01-02T03:04:05.000Z"


def test_a_card_that_shows_what_is_expected_passes() -> None:
    assert_card(
        CARD,
        title="A card",
        subtitle="Somewhere",
        fields={"State": ("Open", "green"), "Due": DUE},
        footer="created 2012-02-22T02:06:58.147Z",
        num_comments=3,
    )
    assert_card(CARD, fields={"State": "Open", "Due": DUE})


def test_differences_are_told_line_by_line() -> None:
    with pytest.raises(AssertionError) as raised:
        assert_card(
            CARD, title="Another", num_comments=3, fields={"State": ("Open", "red"), "Who": "Ann"}
        )
    assert str(raised.value).splitlines() == [
        "the card shows something else (- expected, + made)",
        "- title: Another",
        "+ title: A card",
        "  num_comments: 3",
        "- State = Open (red)",
        "+ State = Open (green)",
        "- Who = Ann",
        f"+ Due = {DUE}",
    ]


def test_what_a_card_lacks_is_told() -> None:
    metadata = {name: value for name, value in CARD["metadata"].items() if name != "subtitle"}
    with pytest.raises(AssertionError, match=r"subtitle: \(none\)"):
        assert_card({**CARD, "metadata": metadata}, subtitle="Somewhere")


@pytest.mark.parametrize(
    ("footer", "told"),
    [
        ({"footer_type": "updated", "last_updated_at": DUE}, f"updated {DUE}"),
        ({"footer_type": "custom_text", "text": "Of a kind"}, "Of a kind"),
    ],
)
def test_each_footer_has_its_words(footer: dict[str, str], told: str) -> None:
    assert_card({**CARD, "metadata": {**CARD["metadata"], "footer": footer}}, footer=told)


def test_a_card_that_the_host_would_not_take_is_told_by_its_faults() -> None:
    with pytest.raises(AssertionError, match=r"\$\.metadata\.title: "):
        assert_card({**CARD, "metadata": {**CARD["metadata"], "title": "x" * 201}})


@pytest.fixture
def client() -> FlaskClient:
    """A client of an application that answers with errors of several forms."""
    app = Flask(__name__)
    answers: dict[str, Any] = {
        "nested": {"data": {"error": "It is gone."}},
        "flat": {"error": "It is gone."},
        "other": {"message": "It is gone."},
    }
    app.add_url_rule("/<form>", "answer", lambda form: (json.dumps(answers[form]), 404, JSON))
    return app.test_client()


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("form", ["nested", "flat"])
def test_an_error_is_read_in_each_of_the_hosts_forms(client: FlaskClient, form: str) -> None:
    assert_error(client.get(f"/{form}"), 404, "is gone")


@pytest.mark.parametrize(
    ("form", "status", "sentence", "told"),
    [
        ("other", 404, "", "not an error in the host's form"),
        ("flat", 403, "", "expected 403, came 404"),
        ("flat", 404, "is here", "expected 'is here' in 'It is gone.'"),
    ],
)
def test_another_error_is_told(
    client: FlaskClient, form: str, status: int, sentence: str, told: str
) -> None:
    with pytest.raises(AssertionError, match=told):
        assert_error(client.get(f"/{form}"), status, sentence)


def test_an_error_is_no_card(client: FlaskClient) -> None:
    with pytest.raises(AssertionError, match=r"no card came, but 404: .*It is gone"):
        assert_card(client.get("/flat"))


def test_values_that_are_equal_do_not_differ() -> None:
    assert difference({"a": 1}, {"a": 1}) == ""
