"""Entries as JSON: whatever is read is an entry that could have been written, or none."""

import json
from typing import Any

from hypothesis import given, strategies as st

from app.cache import CARD, CachePolicy, Entry, etag_of
from app.cache.serializer import Unreadable, dump, load
from app.settings import LONGEST_TIME
from templates_schemas import faults
from tests.app.cache.parts import CARD_ENTRY, DOWN, FAILURE, FOUND, NOW, card, failure, times

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
WRITTEN = [json.loads(dump(entry)) for entry in (CARD_ENTRY, FAILURE)]
PLACES = [(name,) for name in WRITTEN[0]] + [
    (outer, inner) for outer in ("times", "validator") for inner in WRITTEN[0][outer]
]


def read(raw: bytes) -> Entry | None:
    """Read what may be no entry; what is one can be sent as it is."""
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
def test_any_bytes_are_an_entry_or_none(raw: bytes) -> None:
    assert read(raw) is None


@given(st.sampled_from(WRITTEN), st.sampled_from(PLACES), JSON)
def test_any_value_in_any_place_is_taken_or_refused(
    written: dict[str, Any], place: tuple[str, ...], value: object
) -> None:
    changed = json.loads(json.dumps(written))
    inside = changed if len(place) == 1 else changed[place[0]]
    if inside is not None:
        inside[place[-1]] = value
    read(json.dumps(changed).encode())


@given(JSON)
def test_any_body_is_a_card_or_none_though_its_etag_is_right(value: object) -> None:
    assert read(dump(card(json.dumps(value).encode()))) is None


@given(st.text(), st.lists(st.text(), max_size=3), st.floats(0, 1e12))
def test_what_was_written_is_read_again(detail: str, changes: list[str], made_at: float) -> None:
    for entry in (
        card(detail=detail, changes=tuple(changes), times=times(made_at)),
        failure(detail=detail),
    ):
        assert load(dump(entry)) == entry


@given(*[st.floats(0, LONGEST_TIME)] * 4)
def test_what_the_settings_allow_is_read_again(
    ttl: float, stale: float, error: float, waited: float
) -> None:
    policy = CachePolicy(ttl, ttl, stale, error)
    kept = policy.entry(FOUND, NOW, None)
    if waited < kept.times.keep_until - NOW:
        kept = policy.troubled(kept, DOWN, NOW + waited)
    assert load(dump(kept)) == kept


def test_a_card_s_code_is_no_trouble() -> None:
    assert read(dump(card(times=times(trouble="upstream_timeout", retry_at=1.0)))) is not None
    assert read(dump(card(times=times(trouble=CARD)))) is None
