"""Entries as JSON: any input is either refused or an entry that could have been written."""

import json
from typing import Any

from hypothesis import given, strategies as st

from app.cache.entry import CARD, Entry, etag_of
from app.cache.freshness import CachePolicy
from app.cache.serializer import Unreadable, dump, load
from app.settings import LONGEST_TIME
from templates_schemas import faults
from tests.app.cache.entries import CARD_ENTRY, DOWN, FAILURE, FETCHED, NOW, card, failure, times

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
WRITTEN = [json.loads(dump(entry)) for entry in (CARD_ENTRY, FAILURE)]
MEMBERS = [(name,) for name in WRITTEN[0]] + [
    (outer, inner) for outer in ("times", "validator") for inner in WRITTEN[0][outer]
]


def read(raw: bytes) -> Entry | None:
    """Parse bytes that may not be an entry; an entry that is returned can be sent as it is."""
    try:
        entry = load(raw)
    except Unreadable:
        return None
    assert load(dump(entry)) == entry
    if entry.is_card:
        assert entry.etag == etag_of(entry.body)
        assert not faults(json.loads(entry.body))
    return entry


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_random_bytes_are_refused(raw: bytes) -> None:
    assert read(raw) is None


@given(st.sampled_from(WRITTEN), st.sampled_from(MEMBERS), JSON)
def test_any_value_of_any_member_is_accepted_or_refused(
    written: dict[str, Any], member: tuple[str, ...], value: object
) -> None:
    changed = json.loads(json.dumps(written))
    inside = changed if len(member) == 1 else changed[member[0]]
    if inside is not None:
        inside[member[-1]] = value
    read(json.dumps(changed).encode())


@given(JSON)
def test_a_body_that_is_not_a_card_is_refused_though_its_etag_matches(value: object) -> None:
    assert read(dump(card(json.dumps(value).encode()))) is None


@given(st.text(), st.lists(st.text(), max_size=3), st.floats(0, 1e12))
def test_a_written_entry_is_read_again(detail: str, changes: list[str], made_at: float) -> None:
    for entry in (
        card(detail=detail, changes=tuple(changes), times=times(made_at)),
        failure(detail=detail),
    ):
        assert load(dump(entry)) == entry


@given(*[st.floats(0, LONGEST_TIME)] * 4)
def test_an_entry_with_the_times_that_settings_allow_is_read_again(
    ttl: float, stale: float, error: float, waited: float
) -> None:
    policy = CachePolicy(ttl, ttl, stale, error)
    kept = policy.entry(FETCHED, NOW, None)
    if waited < kept.times.keep_until - NOW:
        kept = policy.note_failure(kept, DOWN, NOW + waited)
    assert load(dump(kept)) == kept


def test_the_code_of_a_card_is_refused_as_trouble() -> None:
    assert read(dump(card(times=times(trouble="upstream_timeout", retry_at=1.0)))) is not None
    assert read(dump(card(times=times(trouble=CARD)))) is None


@given(st.floats(1, 10_000), st.floats(0, 10_000), st.floats(0, 10_000), st.sampled_from(WRITTEN))
def test_entry_made_by_other_settings_lives_no_longer_than_ours_allow(
    ttl: float, stale: float, error: float, written: dict[str, Any]
) -> None:
    policy = CachePolicy(ttl, ttl, stale, error)
    kept = load(json.dumps(written).encode())

    cut, made_at = policy.shortened(kept), kept.times.made_at

    assert cut.times.fresh_until <= min(kept.times.fresh_until, made_at + ttl)
    assert cut.times.stale_until <= min(kept.times.stale_until, cut.times.fresh_until + stale)
    assert cut.times.error_until <= min(kept.times.error_until, cut.times.fresh_until + error)
    assert policy.shortened(cut) == cut


def test_entry_made_by_the_same_settings_is_left_as_it_is() -> None:
    policy = CachePolicy(ttl=60, failure_ttl=10, stale=100, stale_if_error=1000)

    assert policy.shortened(CARD_ENTRY) is CARD_ENTRY
    assert policy.shortened(FAILURE) is FAILURE
    assert CachePolicy(1, 1, longest_ttl=60, stale=100, stale_if_error=1000).shortened(
        CARD_ENTRY
    ) is (CARD_ENTRY)
