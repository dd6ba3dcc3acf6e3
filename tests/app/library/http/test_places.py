"""Places: few at a time, for one token and for all."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import TooManyRequests
from app.library.http.places import RETRY_AFTER, Places
from app.upstream import ConcurrencyLimit


def test_one_token_has_some_and_all_tokens_have_more() -> None:
    places = Places(ConcurrencyLimit(per_origin=2, total=3), patience=0)
    releases = [places.take("alice"), places.take("alice"), places.take("bob")]

    for jti in ("alice", "bob", "carol"):
        with pytest.raises(TooManyRequests) as caught:
            places.take(jti)
        assert caught.value.retry_after == RETRY_AFTER
    releases[0]()
    places.take("bob")
    with pytest.raises(TooManyRequests):
        places.take("alice")


def test_place_is_given_back_once() -> None:
    places = Places(ConcurrencyLimit(per_origin=1, total=2), patience=0)
    first = places.take("alice")
    first()
    first()
    second = places.take("alice")

    with pytest.raises(TooManyRequests):
        places.take("alice")
    first()
    with pytest.raises(TooManyRequests):
        places.take("alice")
    second()
    places.take("alice")()


def test_who_finds_none_waits_for_one() -> None:
    places = Places(ConcurrencyLimit(per_origin=1, total=1), patience=30)
    release = places.take("alice")
    waits = threading.Event()

    def take() -> str:
        waits.set()
        places.take("bob")()
        return "taken"

    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(take)
        assert waits.wait(10)
        release()
        assert taken.result(10) == "taken"
