"""Slots: few at a time, for one token and for all."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import TooManyRequests
from app.library.http.token_slots import RETRY_AFTER, TokenSlots
from app.upstream.concurrency import ConcurrencyLimit
from tests.waiting import PATIENCE


def test_one_token_has_some_and_all_tokens_have_more() -> None:
    slots = TokenSlots(ConcurrencyLimit(per_origin=2, total=3), patience=0)
    releases = [slots.take("alice"), slots.take("alice"), slots.take("bob")]

    for jti in ("alice", "bob", "carol"):
        with pytest.raises(TooManyRequests) as caught:
            slots.take(jti)
        assert caught.value.retry_after == RETRY_AFTER
    releases[0]()
    slots.take("bob")
    with pytest.raises(TooManyRequests):
        slots.take("alice")


def test_slot_is_given_back_once() -> None:
    slots = TokenSlots(ConcurrencyLimit(per_origin=1, total=2), patience=0)
    first = slots.take("alice")
    first()
    first()
    second = slots.take("alice")

    with pytest.raises(TooManyRequests):
        slots.take("alice")
    first()
    with pytest.raises(TooManyRequests):
        slots.take("alice")
    second()
    slots.take("alice")()


def test_who_finds_none_waits_for_one() -> None:
    slots = TokenSlots(ConcurrencyLimit(per_origin=1, total=1), patience=30)
    release = slots.take("alice")
    waits = threading.Event()

    def take() -> str:
        waits.set()
        slots.take("bob")()
        return "taken"

    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(take)
        assert waits.wait(PATIENCE)
        release()
        assert taken.result(PATIENCE) == "taken"
