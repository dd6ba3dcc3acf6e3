"""Cards: what a builder takes, what it holds, and what it tells of the rest."""

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from templates_schemas import (
    Change,
    Created,
    CustomText,
    DatetimeWithIcon,
    Field,
    Footer,
    Pill,
    SummaryWithDetails,
    TextWithIcon,
    Updated,
    faults,
    payload,
)

MOMENT = datetime(2012, 2, 22, 2, 6, 58, 147999, UTC)
NAIVE = datetime(2012, 2, 22)  # noqa: DTZ001
ICON = "https://example-icon.png"
STATUS = Pill("Status", "Open", "green")
NO_URL = "dropped: not an absolute https or http address"


def card(**changes: Any) -> SummaryWithDetails:
    """Build a small card that holds, but for the changes."""
    parts: dict[str, Any] = {"title": "Task", "fields": [STATUS], "footer": Created(MOMENT)}
    return SummaryWithDetails(**(parts | changes))


def test_card_with_everything_is_written_as_the_host_reads_it() -> None:
    built = card(
        subtitle="App · Open in App",
        subicon_url=ICON,
        fields=[
            Pill("Status", "In Progress", "cool-gray"),
            Pill("Kind", "Bug"),
            TextWithIcon("Owner", "Ann", ICON),
            TextWithIcon("Team", "Blue"),
            DatetimeWithIcon("Due", datetime(2012, 2, 22, 2, tzinfo=timezone(timedelta(hours=2)))),
        ],
        footer=CustomText("Nearly done", ICON),
        num_comments=0,
        error="Some of it may not be shown.",
    )
    assert built.changes == ()
    assert payload(built) == {
        "template": "summary_with_details_v0",
        "metadata": {
            "title": "Task",
            "subtitle": "App · Open in App",
            "subicon_url": "https://example-icon.png",
            "fields": [
                {"type": "pill", "name": "Status", "text": "In Progress", "color": "cool-gray"},
                {"type": "pill", "name": "Kind", "text": "Bug", "color": "none"},
                {"type": "text_with_icon", "name": "Owner", "text": "Ann", "icon_url": ICON},
                {"type": "text_with_icon", "name": "Team", "text": "Blue"},
                {
                    "type": "datetime_with_icon",
                    "name": "Due",
                    "datetime": "2012-02-22T00:00:00.000Z",
                },
            ],
            "footer": {"footer_type": "custom_text", "text": "Nearly done", "icon_url": ICON},
            "num_comments": 0,
            "error": "Some of it may not be shown.",
        },
    }


def test_smallest_card_is_written_without_the_keys_that_have_no_value() -> None:
    assert payload(card()) == {
        "template": "summary_with_details_v0",
        "metadata": {
            "title": "Task",
            "fields": [{"type": "pill", "name": "Status", "text": "Open", "color": "green"}],
            "footer": {"footer_type": "created", "created_at": "2012-02-22T02:06:58.147Z"},
        },
    }


def test_card_with_an_error_needs_neither_field_nor_footer() -> None:
    assert payload(card(fields=[], footer=None, error="Hidden.")) == {
        "template": "summary_with_details_v0",
        "metadata": {"title": "Task", "fields": [], "footer": {}, "error": "Hidden."},
    }


def test_updated_footer_is_written_with_the_hosts_time() -> None:
    assert payload(card(footer=Updated(MOMENT)))["metadata"]["footer"] == {
        "footer_type": "updated",
        "last_updated_at": "2012-02-22T02:06:58.147Z",
    }


LONG = "x" * 500
CUT = {
    "title": ({"title": LONG}, "title", 200),
    "subtitle": ({"subtitle": LONG}, "subtitle", 200),
    "error": ({"error": LONG}, "error", 200),
    "footer text": ({"footer": CustomText(LONG)}, "footer.text", 200),
    "pill name": ({"fields": [Pill(LONG, "x")]}, "fields[0].name", 40),
    "pill text": ({"fields": [Pill("x", LONG)]}, "fields[0].text", 40),
    "text name": ({"fields": [TextWithIcon(LONG, "x")]}, "fields[0].name", 40),
    "text": ({"fields": [None, STATUS, TextWithIcon("x", LONG)]}, "fields[1].text", 40),
    "time name": ({"fields": [DatetimeWithIcon(LONG, MOMENT)]}, "fields[0].name", 40),
}


@pytest.mark.parametrize(("changes", "path", "limit"), CUT.values(), ids=CUT.keys())
def test_long_text_is_cut_and_listed(changes: dict[str, Any], path: str, limit: int) -> None:
    built = card(**changes)
    assert built.changes == (Change(path, f"cut from 500 to {limit} UTF-16 code units"),)
    assert f'"{"x" * (limit - 1)}…"' in json.dumps(payload(built), ensure_ascii=False)


def test_text_of_exactly_the_limit_is_kept() -> None:
    built = card(title="x" * 200, fields=[Pill("x" * 40, "🙂" * 20)])
    assert built.changes == ()
    assert built.title == "x" * 200
    assert built.fields == (Pill("x" * 40, "🙂" * 20),)


def test_cleaned_text_is_no_change_to_tell_of() -> None:
    built = card(title=" a\r\n\0b ")
    assert (built.title, built.changes) == ("a b", ())


def test_text_of_which_nothing_can_be_seen_is_left_out_and_listed() -> None:
    built = card(subtitle=" \n\u200b")
    assert built.subtitle is None
    assert built.changes == (Change("subtitle", "dropped: nothing of it can be seen"),)


WITHOUT_VALUE: dict[str, Field] = {
    "pill with null": Pill("Empty", None),
    "text with null": TextWithIcon("Empty", None, ICON),
    "text with nothing": TextWithIcon("Empty", ""),
    "time with null": DatetimeWithIcon("Empty", None, ICON),
}


@pytest.mark.parametrize("empty", WITHOUT_VALUE.values(), ids=WITHOUT_VALUE.keys())
def test_field_without_a_value_is_dropped_without_a_word(empty: Field) -> None:
    built = card(fields=[empty, STATUS])
    assert (built.fields, built.changes) == ((STATUS,), ())


def test_field_of_which_nothing_can_be_seen_is_dropped_and_listed() -> None:
    built = card(fields=[Pill("Empty", " \u200b\n"), STATUS])
    assert built.fields == (STATUS,)
    assert built.changes == (Change("fields", "dropped 'Empty': nothing of it can be seen"),)


@pytest.mark.parametrize(
    "part",
    [Pill(" ", "x"), TextWithIcon("\0", "x"), DatetimeWithIcon("", MOMENT)],
    ids=lambda part: part.type,
)
def test_field_without_a_name_is_dropped_and_listed(part: Field) -> None:
    built = card(fields=[STATUS, part])
    assert built.fields == (STATUS,)
    assert [change.path for change in built.changes] == ["fields"]


def test_field_that_is_none_is_dropped_without_a_word() -> None:
    built = card(fields=[None, STATUS, None])
    assert (built.fields, built.changes) == ((STATUS,), ())


def test_fields_after_the_fifth_are_dropped_and_listed() -> None:
    given = [Pill(f"No. {number}", "x") for number in range(1, 8)]
    built = card(fields=given)
    assert built.fields == tuple(given[:5])
    assert built.changes == (
        Change("fields", "dropped 'No. 6': at most 5 are shown"),
        Change("fields", "dropped 'No. 7': at most 5 are shown"),
    )


def test_field_without_a_value_takes_no_place_among_the_five() -> None:
    given = [Pill("Empty", None), *(Pill(f"No. {number}", "x") for number in range(1, 6))]
    assert card(fields=given).fields == tuple(given[1:])


BAD_URL = "javascript:alert(1)"
ICONS = {
    "subicon": ({"subicon_url": BAD_URL}, "subicon_url"),
    "text": ({"fields": [TextWithIcon("x", "x", BAD_URL)]}, "fields[0].icon_url"),
    "time": ({"fields": [STATUS, DatetimeWithIcon("x", MOMENT, "/a")]}, "fields[1].icon_url"),
    "footer": ({"footer": CustomText("x", "//example.com/a")}, "footer.icon_url"),
}


@pytest.mark.parametrize(("changes", "path"), ICONS.values(), ids=ICONS.keys())
def test_icon_that_is_no_address_is_left_out_and_listed(changes: dict[str, Any], path: str) -> None:
    built = card(**changes)
    assert built.changes == (Change(path, NO_URL),)
    assert path.rpartition(".")[2] not in json.dumps(payload(built))


MISTAKES: dict[str, tuple[Callable[[], object], str]] = {
    "unknown colour": (lambda: Pill("x", "x", "gray"), "'gray' is not a pill colour"),  # type: ignore[arg-type]
    "field's time without offset": (lambda: DatetimeWithIcon("x", NAIVE), "has no offset"),
    "created without offset": (lambda: Created(NAIVE), "has no offset"),
    "updated without offset": (lambda: Updated(NAIVE), "has no offset"),
    "field's time is no time": (lambda: DatetimeWithIcon("x", "No data"), "No data"),
    "created at no time": (lambda: Created("No data"), "No data"),
    "updated at no time": (lambda: Updated("2012-02-22"), "2012-02-22"),
    "blank custom footer": (lambda: CustomText(" \u200b"), "visible text"),
    "blank title": (lambda: card(title=" \n"), "visible title"),
    "no field": (lambda: card(fields=[]), "needs a field"),
    "only fields without a value": (lambda: card(fields=[None, Pill("x", "")]), "needs a field"),
    "no footer": (lambda: card(footer=None), "needs a footer"),
    "blank error, no footer": (lambda: card(footer=None, error=" "), "needs a footer"),
    "-1 comments": (lambda: card(num_comments=-1), "0 or more"),
}


@pytest.mark.parametrize(("build", "words"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistake_of_a_programmer_is_refused(build: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build()


@pytest.mark.parametrize(
    ("part", "key"),
    [
        (STATUS, "text"),
        (TextWithIcon("x", "x"), "text"),
        (DatetimeWithIcon("x", MOMENT), "datetime"),
        (Created(MOMENT), "created_at"),
        (Updated(MOMENT), "last_updated_at"),
        (CustomText("x"), "text"),
        (card(), "title"),
        (Change("title", "x"), "path"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_part_is_frozen(part: object, key: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(part, key, "other")


def test_equal_are_cards_that_show_the_same() -> None:
    cut, short = card(title="x" * 201), card(title="x" * 199 + "…")
    assert cut.changes != short.changes
    assert cut == short
    assert hash(cut) == hash(short)
    assert cut != card(title="x" * 198 + "…")


letters = st.characters(exclude_categories=()) | st.sampled_from("\0\n \u200d\u202e\ud83d🙂")
texts = st.text(letters, max_size=250)
urls = st.none() | texts | texts.map("https://a.example/{}".format)
moments = st.datetimes(timezones=st.timezones())
colors = st.sampled_from(["none", "red", "hot-pink", "cool-gray", "gray"])
fields = st.one_of(
    st.builds(partial, st.just(Pill), texts, st.none() | texts, colors),
    st.builds(partial, st.just(TextWithIcon), texts, st.none() | texts, urls),
    st.builds(partial, st.just(DatetimeWithIcon), texts, st.none() | moments, urls),
)
footers = st.one_of(
    st.builds(partial, st.sampled_from([Created, Updated]), moments),
    st.builds(partial, st.just(CustomText), texts, urls),
)
optional = {"subtitle": texts, "subicon_url": urls, "num_comments": st.integers(-1), "error": texts}


@given(texts, st.lists(fields, max_size=7), footers, st.fixed_dictionaries({}, optional=optional))
def test_whatever_is_built_is_refused_or_fit_for_the_host(
    title: str,
    fields: list[Callable[[], Field]],
    footer: Callable[[], Footer],
    others: dict[str, Any],
) -> None:
    try:
        built = card(title=title, fields=[make() for make in fields], footer=footer(), **others)
    except ValueError:
        return
    assert_fit(payload(built))


@given(texts, texts, texts, urls)
@example("", "x", "x", "https://a.example/\ud83d")
def test_what_an_upstream_says_is_never_refused(title: str, name: str, text: str, url: str) -> None:
    given = [Pill(name, text), TextWithIcon(name, text, url), STATUS]
    built = card(title=f"T{title}", subtitle=text, subicon_url=url, fields=given, error=text)
    assert_fit(payload(built))


def assert_fit(written: dict[str, Any]) -> None:
    assert faults(written) == ()
    sent = json.dumps(written, ensure_ascii=False)
    assert json.loads(sent.encode()) == written
    assert None not in [*written["metadata"].values(), *written["metadata"]["footer"].values()]
    assert all(None not in part.values() for part in written["metadata"]["fields"])
