"""Parts of cards that many systems have."""

from datetime import UTC, datetime
from typing import Final

import pytest

from app.connectors.card_parts import ask, counted, footer, people, pill, words
from templates_schemas import Created, CustomText, Footer, Pill, TextWithIcon, Updated
from templates_schemas.limits import PillColor

TABLE: Final[dict[str, tuple[str, PillColor]]] = {"hold": ("On hold", "cool-gray")}
PICTURE: Final = "https://example.com/ada.png"
EARLY: Final = datetime(2025, 11, 1, tzinfo=UTC)
LATE: Final = datetime(2025, 11, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "text"),
    [("pull_request", "Pull request"), ("PUSH", "Push"), ("_", ""), ("\u200b", ""), (None, "")],
)
def test_name_becomes_words(name: str | None, text: str) -> None:
    assert words(name).strip() == text


@pytest.mark.parametrize(
    ("value", "text", "color"),
    [
        ("hold", "On hold", "cool-gray"),
        ("new_to_us", "New to us", "none"),
        ("", "Unknown", "none"),
        (None, "Unknown", "none"),
    ],
)
def test_pill_goes_by_its_table(value: str | None, text: str, color: PillColor) -> None:
    assert pill("State", value, TABLE, otherwise="Unknown") == Pill("State", text, color)


def test_pill_without_a_value_shows_nothing_unless_it_is_told_what() -> None:
    assert not pill("Priority", None, TABLE)


def test_people_who_have_a_name_are_shown_with_the_picture_of_the_first() -> None:
    known = [(None, "https://example.com/x.png"), (" ", None), ("Ada", PICTURE)]
    assert people("Assignee", known) == TextWithIcon("Assignee", "Ada", PICTURE)
    several = TextWithIcon("Assignees", "Ada, Bob", PICTURE)
    assert people("Assignee", [*known, ("Bob", None)]) == several


@pytest.mark.parametrize("known", [[], [(None, PICTURE)], [("", None), (" ", None)]])
def test_nobody_with_a_name_is_no_field(known: list[tuple[str | None, str | None]]) -> None:
    assert people("Assignee", known) is None


@pytest.mark.parametrize(
    ("updated", "created", "shown"),
    [
        (LATE, EARLY, Updated(LATE)),
        (LATE, None, Updated(LATE)),
        (None, EARLY, Created(EARLY)),
        (None, None, CustomText("Jira")),
    ],
)
def test_footer_tells_the_last_time_else_the_system(
    updated: datetime | None, created: datetime | None, shown: Footer
) -> None:
    assert footer(updated, created, "Jira") == shown


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1204, "1,204 files")]
)
def test_things_are_counted(count: int, text: str) -> None:
    assert counted(count, "file") == text


def test_host_that_is_asked_alone_may_be_reached() -> None:
    request = ask("api.example.com", "v1/things?x=1", headers={"Accept": "text/plain"})
    assert request.url == "https://api.example.com/v1/things?x=1"
    assert request.hosts == {"api.example.com"}
    assert request.headers == {"Accept": "text/plain"}
