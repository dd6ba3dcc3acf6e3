"""Drawing: any JSON can be drawn, and nothing in it is trusted."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st

from app.connectors import CONNECTORS
from app.devtools.preview.drawing import draw, moment_of
from app.devtools.preview.meters import meters_of, shortened
from app.devtools.preview.presets import NAMES, preset
from app.devtools.preview.timeline import readable
from templates_schemas import faults
from templates_schemas.text import is_web_url

NOW = datetime(2025, 11, 20, 12, tzinfo=UTC)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
KEYS = ("title", "subtitle", "subicon_url", "fields", "footer", "num_comments", "error")
FIELD = st.dictionaries(
    st.sampled_from(["type", "name", "text", "color", "datetime", "icon_url"]),
    JSON | st.sampled_from(["pill", "text_with_icon", "datetime_with_icon", "https://a.example/"]),
)
METADATA = st.dictionaries(st.sampled_from(KEYS), JSON | st.lists(FIELD, max_size=7) | FIELD)
PAYLOADS = JSON | st.fixed_dictionaries({"metadata": JSON | METADATA})


@given(PAYLOADS)
def test_any_json_can_be_drawn_and_measured(payload: Any) -> None:
    card = draw(payload, NOW)
    icons = [card.subicon, *(field.icon for field in card.fields)]
    assert [icon.url for icon in icons if icon and not is_web_url(icon.url)] == []
    assert all(meter.used >= 0 for meter in meters_of(payload))


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_is_one_that_the_host_takes(name: str) -> None:
    assert faults(preset(name, NOW)) == ()


def test_everything_shows_every_part() -> None:
    card = draw(preset("everything", NOW), NOW)
    assert all((card.title, card.subtitle, card.subicon, card.error, card.footer, card.comments))
    assert len(card.fields) == 5


@pytest.mark.parametrize(
    ("sent", "relative", "exact"),
    [
        ("2025-11-20T11:59:58.000Z", "just now", "Thu 20 Nov 2025, 11:59:58 UTC"),
        ("2025-11-17T12:00:00.000Z", "3 days ago", "Mon 17 Nov 2025, 12:00:00 UTC"),
        ("2025-11-20T10:59:00.000Z", "1 hour ago", "Thu 20 Nov 2025, 10:59:00 UTC"),
        ("2025-11-20T12:51:00.000Z", "in 1 hour", "Thu 20 Nov 2025, 12:51:00 UTC"),
        ("2025-11-20T12:50:59.000Z", "in 51 minutes", "Thu 20 Nov 2025, 12:50:59 UTC"),
        ("2024-11-20T12:00:00.000Z", "1 year ago", "Wed 20 Nov 2024, 12:00:00 UTC"),
        ("2025-11-22T13:00:00.000Z", "in 2 days", "Sat 22 Nov 2025, 13:00:00 UTC"),
        ("2025-11-20T14:00:00+02:00", "just now", "Thu 20 Nov 2025, 12:00:00 UTC"),
    ],
)
def test_a_time_is_told_as_people_do_and_exactly(sent: str, relative: str, exact: str) -> None:
    moment = moment_of(sent, NOW)
    assert moment
    assert (moment.relative, moment.exact) == (relative, exact)


@pytest.mark.parametrize(
    "sent", ["No data", "", None, 7, "2025-11-20", "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_time_with_an_offset_is_none(sent: Any) -> None:
    assert moment_of(sent, NOW) is None


@given(st.text())
def test_any_text_is_a_moment_or_none(sent: str) -> None:
    moment = moment_of(sent, NOW)
    assert moment is None or moment.sent


def test_meters_tell_what_is_over() -> None:
    payload = {"metadata": {"title": "x" * 201, "fields": [{"name": "n" * 40, "text": "ok"}] * 6}}
    told = {meter.what: (meter.used, meter.limit) for meter in meters_of(payload)}
    assert told["Title"] == (201, 200)
    assert told["Fields"] == (6, 5)
    over = {meter.what for meter in meters_of(payload) if meter.is_over}
    assert over == {"Title", "Fields"}


def test_lengths_are_counted_as_the_host_counts() -> None:
    (title, *_) = meters_of({"metadata": {"title": "👩‍👩‍👧"}})
    assert title.used == 8


def test_what_was_shortened_is_told_by_the_name_of_the_field() -> None:
    card = preset("usual", NOW)
    told = shortened(["fields[1].text: cut from 50 to 40", "footer.text: cut"], card)
    assert [(one.what, one.how) for one in told] == [
        ("Assignee, text", "cut from 50 to 40"),
        ("Footer, text", "cut"),
    ]


@pytest.mark.parametrize("connector", CONNECTORS, ids=lambda connector: connector.name)
def test_patterns_are_written_with_their_named_parts(connector: Any) -> None:
    shown = readable(connector.path.pattern)
    assert "(?P" not in shown
    assert [name for name in connector.path.groupindex if f"{{{name}}}" not in shown] == []


def test_brackets_that_are_escaped_or_in_a_set_close_nothing() -> None:
    assert readable(r"/(?P<a>[)\]]\)(?:b))/(?P<c>d)e") == "/{a}/{c}e"
