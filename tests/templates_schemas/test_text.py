import unicodedata
from datetime import UTC, datetime, timedelta, timezone

import pytest
import regex
from hypothesis import example, given, strategies as st

from templates_schemas.text import (
    clean,
    cut,
    first_text,
    host_time,
    is_blank,
    is_host_time,
    is_web_url,
    utf16_length,
)

FAMILY = "👨\u200d👩\u200d👧\u200d👦"  # four people, three joiners
FLAGS = "🇩🇪🇫🇷"
ACUTE = "e\u0301"
KSHI = "क्षि"  # one syllable of four characters
REVERSED = "\u202e"

PIECES = [
    FAMILY,
    FLAGS,
    ACUTE,
    KSHI,
    REVERSED,
    "🙂",
    "👍🏽",
    "a",
    " ",
    "\r\n",
    "\0",
    "\u200b",
    "\ud83d",
]
any_text = st.one_of(
    st.text(st.characters(exclude_categories=())),
    st.lists(st.sampled_from(PIECES)).map("".join),
)
limits = st.integers(1, 300)
LRI, RLI, FSI, PDI = "\u2066", "\u2067", "\u2068", "\u2069"


@pytest.mark.parametrize(
    ("text", "length"),
    [("", 0), ("a", 1), ("é", 1), (ACUTE, 2), ("…", 1), ("🙂", 2), (FLAGS, 8), (FAMILY, 11)],
)
def test_length_is_in_utf16_code_units(text: str, length: int) -> None:
    assert utf16_length(text) == length


def test_lone_surrogate_has_a_length() -> None:
    assert utf16_length("\ud83d") == 1


CLEANED = {
    "control character": ("a\0b", "a b"),
    "run of white space": ("a \t\n b", "a b"),
    "line ends": ("a\r\nb\u2028c\u2029d\x85e", "a b c d e"),
    "no-break space": ("a\xa0b", "a b"),
    "blanks around": ("\n a ", "a"),
    "lone surrogate": ("a\ud83d", "a\ufffd"),
    "reversed rest": (f"a{REVERSED}b", "a b"),
    "isolates": (f"a{FSI}b{PDI}c", f"a{FSI}b{PDI}c"),
    "isolate left open": (f"a {RLI}b", f"a {RLI}b{PDI}"),
    "isolates within one another": (f"{LRI}a{RLI}b{PDI}", f"{LRI}a{RLI}b{PDI}{PDI}"),
    "end of no isolate": (f"a{PDI}b{PDI}", "ab"),
    "only isolates": (f"{FSI} {PDI}", ""),
    "joiners that are needed": (FAMILY, FAMILY),
    "only blanks": (" \r\n\u3000", ""),
    "only joiners": ("\u200b\u200d\ufeff", ""),
    "only a filler": ("\u3164", ""),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("text", "cleaned"), CLEANED.values(), ids=CLEANED.keys())
def test_text_is_cleaned(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned
    assert is_blank(text) == (cleaned == "")


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("abcdef", 1, "…"),
        ("ab cdef", 4, "ab…"),
        ("  a\r\nb  ", 3, "a b"),
        ("a\r\nbc", 3, "a…"),
        ("🙂🙂🙂", 6, "🙂🙂🙂"),
        ("🙂🙂🙂", 5, "🙂🙂…"),
        ("🙂🙂🙂", 4, "🙂…"),
        (f"a{FAMILY}b", 13, f"a{FAMILY}b"),
        (f"a{FAMILY}b", 12, "a…"),
        (f"{FAMILY}bc", 12, f"{FAMILY}…"),
        (FAMILY, 10, "…"),
        (FLAGS, 7, "🇩🇪…"),
        (FLAGS, 4, "…"),
        (ACUTE * 3, 5, f"{ACUTE * 2}…"),
        (ACUTE * 3, 4, f"{ACUTE}…"),
        (KSHI * 2, 8, KSHI * 2),
        (KSHI * 2, 7, f"{KSHI}…"),
        (KSHI * 2, 4, "…"),
        ("👍🏽👍🏽", 7, "👍🏽…"),
    ],
)
def test_long_text_is_cut_between_graphemes(text: str, limit: int, expected: str) -> None:
    assert cut(text, limit) == expected


@given(any_text, limits)
@example("🙂" * 200, 200)
@example("a " * 200, 200)
def test_cut_text_fits(text: str, limit: int) -> None:
    assert len(cut(text, limit).encode("utf-16-le")) <= 2 * limit


@given(any_text, limits)
def test_cut_text_stays_as_it_is_when_cut_again(text: str, limit: int) -> None:
    once = cut(text, limit)
    assert cut(once, limit) == once


@given(any_text, limits)
def test_cut_text_is_clean(text: str, limit: int) -> None:
    result = cut(text, limit)
    assert result == result.strip()
    assert "  " not in result
    assert not {"Cc", "Cs", "Zl", "Zp"} & {unicodedata.category(letter) for letter in result}
    assert result.encode().decode() == result


@given(any_text, limits)
@example(FLAGS * 100, 199)
@example(f"{ACUTE} " * 100, 199)
def test_cut_text_is_whole_graphemes_of_the_clean_text(text: str, limit: int) -> None:
    whole, result = clean(text), cut(text, limit)
    if result == whole:
        return
    assert result.endswith("…")
    kept = result.removesuffix("…").rstrip(PDI)
    assert whole.startswith(kept)
    assert len(kept) in {0, *(match.end() for match in regex.finditer(r"\X", whole))}


@given(any_text)
def test_short_text_is_not_cut(text: str) -> None:
    cleaned = clean(text)
    assert cut(text, max(1, utf16_length(cleaned))) == cleaned


@pytest.mark.parametrize(
    ("candidates", "expected"),
    [
        ((), ""),
        ((None, ""), ""),
        ((None, " ", "\u200b", "first", "second"), "first"),
    ],
)
def test_first_visible_text_is_taken(candidates: tuple[str | None, ...], expected: str) -> None:
    assert first_text(*candidates) == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2012, 2, 22, 2, 6, 58, 147999, UTC), "2012-02-22T02:06:58.147Z"),
        (datetime(2012, 2, 22, tzinfo=UTC), "2012-02-22T00:00:00.000Z"),
        (datetime(987, 1, 1, tzinfo=UTC), "0987-01-01T00:00:00.000Z"),
        (
            datetime(2012, 2, 22, 2, tzinfo=timezone(timedelta(hours=5, minutes=30))),
            "2012-02-21T20:30:00.000Z",
        ),
    ],
)
def test_time_is_written_in_utc_with_milliseconds(moment: datetime, expected: str) -> None:
    assert host_time(moment) == expected


def test_time_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="has no offset"):
        host_time(datetime(2012, 2, 22))  # noqa: DTZ001


def test_time_before_the_first_year_of_utc_is_refused() -> None:
    with pytest.raises(ValueError, match="out of range"):
        host_time(datetime.min.replace(tzinfo=timezone(timedelta(hours=1))))


@given(st.datetimes(min_value=datetime(1, 1, 2), timezones=st.timezones()))  # noqa: DTZ001
def test_written_time_has_the_hosts_form_and_loses_less_than_a_millisecond(
    moment: datetime,
) -> None:
    try:
        written = host_time(moment)
    except ValueError:
        assert moment.year == 9999
        return
    assert is_host_time(written)
    assert timedelta() <= moment - datetime.fromisoformat(written) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "text",
    [
        "2012-02-22T02:06:58.147Z",
        "2024-02-29T00:00:00.000Z",
        "0001-01-01T00:00:00.000Z",
        "9999-12-31T23:59:59.999Z",
    ],
)
def test_hosts_form_of_a_time_is_known(text: str) -> None:
    assert is_host_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No data",
        "1330000000000",
        "2012-02-22",
        "2012-02-22T02:06:58Z",
        "2012-02-22T02:06:58.14Z",
        "2012-02-22T02:06:58.147000Z",
        "2012-02-22T02:06:58.147",
        "2012-02-22T02:06:58.147z",
        "2012-02-22T02:06:58.147+00:00",
        "2012-02-22 02:06:58.147Z",
        "2012-02-22T02:06:58.147Z\n",
        " 2012-02-22T02:06:58.147Z",
        "2012-02-22T02:06:58,147Z",
        "٢٠١٢-02-22T02:06:58.147Z",
        "2023-02-29T00:00:00.000Z",
        "2012-13-01T00:00:00.000Z",
        "2012-02-22T24:00:00.000Z",
        "2012-02-22T23:59:60.000Z",
        "0000-01-01T00:00:00.000Z",
    ],
)
def test_other_forms_and_days_that_never_were_are_no_time(text: str) -> None:
    assert not is_host_time(text)


@pytest.mark.parametrize(
    "url",
    [
        "https://example-icon.png",
        "http://example.com",
        "HTTPS://EXAMPLE.COM/",
        "https://example.com:8443/a/b.png?c=%20&d#e",
        "https://localhost:5000/icon.svg",
        "http://192.0.2.7/",
        "http://[2001:db8::7]/",
        "https://bücher.example/",
        "https://my_bucket.s3.amazonaws.com/icon.png",
    ],
)
def test_absolute_http_address_is_a_web_url(url: str) -> None:
    assert is_web_url(url)


@pytest.mark.parametrize(
    "url",
    [
        *("", " ", "icon.png", "/icon.png", "//example.com/", "example.com"),
        *("javascript:alert(1)", "JavaScript://example.com/%0aalert(1)", "data:,x", "ftp://a.b/"),
        *("https:", "https://", "https:///a", "https:/a", "https:a.b", "https://?a", "://a.b/"),
        *(" https://a.b/", "https://a.b/\n", "https://a.b/c d", "https://a b/", "https://a.b/\tc"),
        *("https://a.b\\@c.d", "https://-a.b/", "x https://a.b/"),
    ],
)
def test_other_addresses_are_no_web_url(url: str) -> None:
    assert not is_web_url(url)


@pytest.mark.parametrize("letter", ["\0", "\x1b", "\x7f", "\ud83d"], ids=ascii)
def test_address_with_a_control_or_half_a_character_is_no_web_url(letter: str) -> None:
    assert not is_web_url(f"https://example.com/{letter}.png")


@pytest.mark.parametrize("url", ["https://example.com:65536/", "https://[:::]/"])
def test_address_that_no_browser_opens_is_no_web_url(url: str) -> None:
    assert not is_web_url(url)


@given(st.text("ab \u05d0" + LRI + RLI + FSI + PDI, max_size=60), st.integers(1, 40))
def test_cut_text_leaves_no_isolate_open_and_ends_none_of_others(text: str, limit: int) -> None:
    kept = cut(text, limit)
    depth = 0
    for character in kept:
        depth += (character in (LRI, RLI, FSI)) - (character == PDI)
        assert depth >= 0
    assert depth == 0
    assert utf16_length(kept) <= limit
