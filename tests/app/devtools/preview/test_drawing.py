"""Drawing: any JSON can be drawn, and nothing in it is trusted."""

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, strategies as st

from app.connectors import CONNECTORS, all_connectors
from app.devtools import preview as web_preview
from app.devtools.preview.drawing import DEFAULT_SUBTITLE, draw, shown_time
from app.devtools.preview.marks import ICON_HOSTS, MARKS, Emblem, emblem_of, emblem_of_icon
from app.devtools.preview.meters import limits_of, shortened
from app.devtools.preview.presets import NAMES, blocks, preset
from app.devtools.preview.timeline import readable
from templates_schemas import faults
from templates_schemas.summary_with_details import FIELD_KINDS, FOOTER_KINDS
from templates_schemas.text import is_web_url
from tests.conftest import settings_with

STATIC: Final = Path(str(web_preview.__file__)).parent / "static"
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
    assert all(meter.used >= 0 for meter in limits_of(payload).meters)


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_is_one_that_the_host_takes(name: str) -> None:
    assert faults(preset(name, NOW)) == ()


def test_everything_shows_every_part() -> None:
    card = draw(preset("everything", NOW), NOW)
    assert all((card.title, card.subtitle, card.subicon, card.error, card.footer, card.comments))
    assert len(card.fields) == 5


@pytest.mark.parametrize("name", blocks(NOW))
def test_every_block_fits_into_a_card(name: str) -> None:
    made = blocks(NOW)[name]
    card = preset("minimal", NOW)
    into, block = made["into"], made["block"]
    card["metadata"][into] = [block] if into == "fields" else block
    assert faults(card) == ()


def test_there_is_a_block_of_every_kind() -> None:
    assert set(blocks(NOW)) == {*FIELD_KINDS, *FOOTER_KINDS}


def test_a_card_without_a_subtitle_shows_the_default_one() -> None:
    assert draw({"metadata": {"title": "T"}}, NOW).subtitle == DEFAULT_SUBTITLE
    assert draw({"metadata": {"subtitle": "S"}}, NOW).subtitle == "S"


def test_every_mark_is_drawn_of_the_packages_that_the_lock_pins() -> None:
    marks = (STATIC / "marks.svg").read_text("utf-8")
    drawn = re.findall(r'<symbol id="(\w+)"', marks)
    assert set(drawn) == set(MARKS.values())
    hashed = hashlib.sha256()
    for name in ("build.js", "codemirror.js", "package-lock.json"):
        hashed.update((STATIC.parent / "vendor" / name).read_bytes())
    for made in ("marks.svg", "codemirror.js"):
        assert hashed.hexdigest() in (STATIC / made).read_text("utf-8")[:200], "make assets"


def test_every_mark_is_of_a_connector() -> None:
    labels = {known.label for known in all_connectors(settings_with(mode="local", offline="on"))}
    assert [label for label in (*MARKS, *ICON_HOSTS.values()) if label not in labels] == []


@pytest.mark.parametrize(
    ("url", "beside", "mark", "letter"),
    [
        ("https://github.githubassets.com/favicons/favicon.png", "#7", "github", "G"),
        ("https://gitlab.com/apple-touch-icon.png", "#7", "gitlab", "G"),
        ("https://cdn.vsassets.io/content/icons/favicon.ico", "Bug 7", "", "A"),
        ("https://gitlab.com/uploads/-/system/user/avatar/1/me.png", "mona", "", "M"),
        ("https://avatars.githubusercontent.com/u/1", "GitHub", "", "G"),
        ("https://example.com/favicon.ico", "#7", "", "7"),
        ("https://example.com/favicon.ico", "…", "", "·"),
    ],
)
def test_the_icon_of_a_system_is_its_mark_and_a_face_is_an_initial(
    url: str, beside: str, mark: str, letter: str
) -> None:
    drawn = emblem_of_icon(url, beside)
    assert (drawn.mark, drawn.letter) == (mark, letter)


def test_a_system_without_a_mark_is_its_initial() -> None:
    assert emblem_of("oEmbed") == Emblem("O")


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
    shown = shown_time(sent, NOW)
    assert shown
    assert (shown.relative, shown.exact) == (relative, exact)


@pytest.mark.parametrize(
    "sent", ["No data", "", None, 7, "2025-11-20", "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_time_with_an_offset_is_none(sent: Any) -> None:
    assert shown_time(sent, NOW) is None


@given(st.text())
def test_any_text_is_a_time_or_none(sent: str) -> None:
    shown = shown_time(sent, NOW)
    assert shown is None or shown.sent


def test_limits_tell_what_is_over_and_what_is_near() -> None:
    fields = [{"name": "n" * 40, "text": "ok"}, {"name": "m" * 35, "text": "x" * 36}] * 3
    limits = limits_of({"metadata": {"title": "x" * 201, "fields": fields}})
    assert [(one.what, one.used, one.limit) for one in limits.over] == [
        ("Title", 201, 200),
        ("Fields", 6, 5),
    ]
    assert {one.what for one in limits.near} == {f"{'n' * 40}: name", f"{'m' * 35}: text"}


def test_a_small_card_is_near_no_limit() -> None:
    limits = limits_of(preset("minimal", NOW))
    assert limits.meters
    assert (limits.over, limits.near) == ((), ())


def test_what_has_no_metadata_has_no_meters() -> None:
    assert limits_of([]).meters == ()


def test_lengths_are_counted_as_the_host_counts() -> None:
    assert limits_of({"metadata": {"title": "👩‍👩‍👧"}}).meters[0].used == 8


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
