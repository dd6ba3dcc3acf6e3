"""`expires_at`: ISO 8601 with an offset, or milliseconds; at that very time it is too late."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, strategies as st

from app.errors import MalformedRequest, NotAuthenticated
from app.verification import check_expiry
from app.verification.expiry import read_expiry
from tests.conftest import MakeHost
from tests.host import ISSUE, Host, query_of, token
from tests.proofs import bearer, verdict

MOMENT = 1_475_678_880.0  # 2016-10-05T14:48:00Z


@pytest.mark.parametrize(
    "text",
    [
        "2016-10-05T14:48:00.000Z",
        "2016-10-05T14:48:00Z",
        "2016-10-05T14:48Z",
        "2016-10-05T16:48:00.000+02:00",
        "2016-10-05T16:48:00+0200",
        "2016-10-05T09:18:00-05:30",
        "2016-10-05T14:48:00.000000+00:00",
        "1475678880000",
    ],
)
def test_the_same_time_is_parsed_in_each_form(text: str) -> None:
    assert read_expiry(text) == 1_475_678_880.0


def test_milliseconds_are_kept() -> None:
    assert read_expiry("1475678880147") == 1_475_678_880.147
    assert read_expiry("2016-10-05T14:48:00.147Z") == 1_475_678_880.147


@pytest.mark.parametrize("text", ["2016-10-05T14:48:00.000Z", "1475678880000"])
def test_a_request_is_valid_until_just_before_its_expiry(text: str) -> None:
    check_expiry(text, MOMENT - 0.001)

    for late in (0.0, 0.001, 3600.0):
        with pytest.raises(NotAuthenticated) as refused:
            check_expiry(text, MOMENT + late)
        assert refused.value.code == "expired"
        assert refused.value.would_match == f"a clock that is {late:.3f} s behind this one"


def test_smallest_milliseconds_are_1e11() -> None:
    assert read_expiry("100000000000") == 100_000_000.0
    with pytest.raises(MalformedRequest, match="seconds"):
        read_expiry("99999999999")


UNREADABLE = {
    "empty": "",
    "blank": " ",
    "without an offset": "2036-10-05T14:48:00.000",
    "a day": "2036-10-05",
    "seconds": "2107435680",
    "zero": "0",
    "negative": "-2107435680000",
    "a fraction": "2107435680000.5",
    "an exponent": "2e12",
    "a plus": "+2107435680000",
    "underscores": "2_107_435_680_000",
    "hexadecimal": "0x1eaadf3c000",
    "Arabic digits": "٢١٠٧٤٣٥٦٨٠٠٠٠",
    "full-width digits": "\uff12\uff10\uff13\uff16-10-05T14:48:00Z",
    "5000 digits": "9" * 5000,
    "words": "tomorrow",
    "null": "null",
    "not a number": "NaN",
    "infinite": "Infinity",
    "no such month": "2036-13-05T14:48:00Z",
    "no such hour": "2036-10-05T25:48:00Z",
    "year 10000": "10000-01-01T00:00:00Z",
    "a trailing blank": "2036-10-05T14:48:00Z ",
    "a line end": "2036-10-05T14:48:00Z\n",
    "a zero byte": "2036-10-05T14:48:00Z\0",
    "two": "2036-10-05T14:48:00Z,2036-10-05T14:48:00Z",
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_an_invalid_expiry_is_malformed(host: Host, kind: str) -> None:
    answer = host.ask(expires_at=UNREADABLE[kind])

    assert answer.status_code == 400
    assert "`expires_at`" in answer.get_json()["data"]["error"]


@pytest.mark.parametrize("text", ["2016-10-05T14:48:00.000Z", "1475678880000"])
def test_token_does_not_outlive_the_request(host: Host, text: str) -> None:
    query = query_of(resource_url=ISSUE, expires_at=text)

    assert verdict(host, bearer(token()), query) == "expired"


@pytest.mark.parametrize(
    "text", ["2036-10-05T14:48:00.000Z", "2036-10-05T14:48:00+14:00", "2107435680000"]
)
def test_request_that_has_not_expired_is_answered(host: Host, text: str) -> None:
    assert verdict(host, bearer(token()), query_of(resource_url=ISSUE, expires_at=text)) == "jwt"


def test_the_expiry_is_optional_with_a_token(host: Host) -> None:
    assert verdict(host, bearer(token()), query_of(resource_url=ISSUE)) == "jwt"


def test_the_expiry_is_checked_even_without_verification(make_host: MakeHost) -> None:
    unverified = make_host(verify="off", mode="local")

    assert unverified.get(query_of(resource_url=ISSUE, expires_at="soon"), {}).status_code == 400


@given(st.text() | st.from_regex(re.compile(r"-?\d+"), fullmatch=True))
@example("9999-12-31T23:59:59.999999-23:59")
@example("0001-01-01T00:00:00+23:59")
def test_any_text_is_a_time_or_malformed(text: str) -> None:
    try:
        time = read_expiry(text)
    except MalformedRequest as refused:
        assert "`expires_at`" in refused.sentence
    else:
        assert isinstance(time, float)


OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(timezones=OFFSETS))
def test_any_time_with_an_offset_is_parsed(time: datetime) -> None:
    elapsed = time - datetime(1970, 1, 1, tzinfo=UTC)

    assert read_expiry(time.isoformat()) == elapsed.total_seconds()


@given(st.integers(10**11, 10**18 - 1), st.floats(-1e6, 1e6))
def test_milliseconds_expire_exactly_at_their_time(milliseconds: int, away: float) -> None:
    now = milliseconds / 1000 + away
    late = now >= milliseconds / 1000
    try:
        check_expiry(str(milliseconds), now)
    except NotAuthenticated:
        assert late
    else:
        assert not late
