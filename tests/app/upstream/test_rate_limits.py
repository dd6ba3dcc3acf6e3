"""A host that asks us to wait is not asked, by whose credential it was said, for as long."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given, strategies as st

from app.errors import UpstreamRateLimited
from app.upstream.messages import UpstreamResponse
from app.upstream.rate_limits import RATE_LIMITS_KEPT, RateLimits
from app.upstream.verdict import LONGEST_WAIT, requested_wait, reset, retry_after
from tests.clock import Clock

NOW = 1_762_257_600.0  # Tue, 04 Nov 2025 12:00:00 GMT
ORIGIN = "https://api.example:443"


def response(status: int = 200, **headers: str) -> UpstreamResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return UpstreamResponse(status, named, b"")


WAITS: Mapping[str, tuple[UpstreamResponse, float]] = {
    "nothing": (response(), 0),
    "429, seconds": (response(429, retry_after="30"), 30),
    "429, blanks around": (response(429, retry_after=" 30 "), 30),
    "429, a date": (response(429, retry_after="Tue, 04 Nov 2025 12:01:00 GMT"), 60),
    "429, an old form of date": (response(429, retry_after="Tuesday, 04-Nov-25 12:01:00 GMT"), 60),
    "429, a date that is past": (response(429, retry_after="Tue, 04 Nov 2025 11:00:00 GMT"), 0),
    "429, at once": (response(429, retry_after="0"), 0),
    "429, a day": (response(429, retry_after="86400"), LONGEST_WAIT),
    "429, nothing": (response(429), 0),
    "429, only a reset": (response(429, x_ratelimit_reset="7"), 7),
    "503": (response(503, retry_after="30"), 30),
    "403, GitHub's secondary limit": (response(403, retry_after="60"), 60),
    "200, Azure DevOps": (response(200, retry_after="30"), 30),
    "404": (response(404, retry_after="30"), 0),
    "302": (response(302, retry_after="30"), 0),
    "none left, a time": (
        response(200, x_ratelimit_remaining="0", x_ratelimit_reset=f"{NOW + 45:.0f}"),
        45,
    ),
    "none left, a time far off": (
        response(403, x_ratelimit_remaining="0", x_ratelimit_reset=f"{NOW + 3600:.0f}"),
        LONGEST_WAIT,
    ),
    "none left, a time that is past": (
        response(200, x_ratelimit_remaining="0", x_ratelimit_reset=f"{NOW - 45:.0f}"),
        0,
    ),
    "none left, seconds": (response(200, ratelimit_remaining="0", ratelimit_reset="14"), 14),
    "none left, seconds by the other name": (
        response(200, x_ratelimit_remaining="0", ratelimit_reset="14"),
        14,
    ),
    "none left, GitLab": (
        response(429, ratelimit_remaining="0", ratelimit_reset=f"{NOW + 45:.0f}"),
        45,
    ),
    "none left, Jira": (
        response(429, x_ratelimit_remaining="0", x_ratelimit_reset="2025-11-04T12:02Z"),
        120,
    ),
    "none left, Sentry": (
        response(
            429, x_sentry_rate_limit_remaining="0", x_sentry_rate_limit_reset=f"{NOW + 9:.0f}"
        ),
        9,
    ),
    "none left, no reset": (response(200, x_ratelimit_remaining="0"), 0),
    "none left, the longer of two": (
        response(
            429, x_ratelimit_remaining="0", x_ratelimit_reset=f"{NOW + 45:.0f}", retry_after="60"
        ),
        60,
    ),
    "some left": (
        response(200, x_ratelimit_remaining="52", x_ratelimit_reset=f"{NOW + 45:.0f}"),
        0,
    ),
}
GARBAGE = ["", "soon", "-5", "+5", "1.5", "1e3", "٣", "5, 6", "9" * 5000, "Tue, 04", "0x10", "NaN"]


@pytest.mark.parametrize(("given_response", "seconds"), WAITS.values(), ids=WAITS)
def test_answer_asks_for_so_many_seconds(given_response: UpstreamResponse, seconds: float) -> None:
    assert requested_wait(given_response, NOW) == seconds


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_asks_for_nothing(garbage: str) -> None:
    assert requested_wait(response(429, retry_after=garbage), NOW) == 0
    assert requested_wait(response(x_ratelimit_remaining="0", x_ratelimit_reset=garbage), NOW) == 0


HEADERS = st.text(max_size=40) | st.integers().map(str) | st.datetimes().map(str)


@given(st.sampled_from([200, 403, 429, 503]), HEADERS, HEADERS, HEADERS)
def test_any_headers_ask_for_a_bounded_time(
    status: int, after: str, remaining: str, reset_at: str
) -> None:
    told = response(
        status, retry_after=after, x_ratelimit_remaining=remaining, x_ratelimit_reset=reset_at
    )
    assert 0 <= requested_wait(told, NOW) <= LONGEST_WAIT


MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # the zone is given beside


@given(MOMENTS.map(lambda moment: moment.replace(microsecond=0)))
def test_dates_are_read_as_they_are_written(moment: datetime) -> None:
    seconds = max(moment.timestamp() - NOW, 0)
    assert retry_after(format_datetime(moment, usegmt=True), NOW) == seconds
    assert reset(moment.isoformat(), NOW) == seconds


@given(st.integers(0, 999_999_999))
def test_seconds_are_read_as_they_are_written(seconds: int) -> None:
    assert retry_after(str(seconds), NOW) == seconds
    assert reset(str(seconds), NOW) == seconds


@given(st.integers(int(NOW), 10**11))
def test_times_in_seconds_are_read_as_they_are_written(moment: int) -> None:
    assert reset(str(moment), NOW) == moment - NOW


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def holds(clock: Clock) -> RateLimits:
    return RateLimits(clock)


def is_held(holds: RateLimits, origin: str = ORIGIN, identity: str = "A#1") -> bool:
    try:
        holds.check(origin, identity)
    except UpstreamRateLimited:
        return True
    return False


def test_hold_lasts_as_long_as_was_asked_for(holds: RateLimits, clock: Clock) -> None:
    assert holds.observe(ORIGIN, "A#1", response(429, retry_after="30")) == 30
    assert is_held(holds)
    clock.now += 29.9
    assert is_held(holds)
    clock.now += 0.1
    assert not is_held(holds)


def test_hold_is_for_one_origin_and_one_credential(holds: RateLimits) -> None:
    holds.observe(ORIGIN, "A#1", response(429, retry_after="30"))
    assert not is_held(holds, identity="B#2")
    assert not is_held(holds, origin="https://other.example:443")


def test_of_two_holds_the_later_end_stays(holds: RateLimits, clock: Clock) -> None:
    holds.observe(ORIGIN, "A#1", response(429, retry_after="30"))
    holds.observe(ORIGIN, "A#1", response(429, retry_after="5"))
    clock.now += 6
    assert is_held(holds)
    holds.observe(ORIGIN, "A#1", response(429, retry_after="60"))
    clock.now += 59
    assert is_held(holds)


def test_answer_without_a_wish_ends_no_hold(holds: RateLimits) -> None:
    holds.observe(ORIGIN, "A#1", response(429, retry_after="30"))
    assert holds.observe(ORIGIN, "A#1", response(200)) == 0
    assert is_held(holds)


def test_table_of_holds_is_bounded(holds: RateLimits) -> None:
    for number in range(RATE_LIMITS_KEPT + 10):
        holds.observe(f"https://{number}.example:443", "A#1", response(429, retry_after="30"))
    assert len(holds._ends) == RATE_LIMITS_KEPT
    assert is_held(holds, f"https://{RATE_LIMITS_KEPT + 9}.example:443")
