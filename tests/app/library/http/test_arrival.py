"""The bytes of a body have their time, however they come."""

import io
from functools import partial
from typing import IO, Any, cast

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.errors import BodyTimeout
from app.library.http import body
from app.library.http.arrival import PATIENCE, read_in_time
from tests.app.library.conftest import application, library_of, token_of
from tests.clock import Clock


class Dribble(io.RawIOBase):
    """A stream that gives a byte of its content at each read, a second later each time."""

    def __init__(self, content: bytes, clock: Clock) -> None:
        self._content = io.BytesIO(content)
        self._clock = clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        self._clock.now += 1
        piece = self._content.read(1)
        buffer[: len(piece)] = piece
        return len(piece)


@pytest.mark.parametrize(("length", "arrives"), [(0, True), (8, True), (9, False), (500, False)])
def test_body_arrives_in_time_or_is_refused(length: int, arrives: bool) -> None:
    clock = Clock()
    began, content = clock.now, b"x" * length

    if arrives:
        assert read_in_time(cast(IO[bytes], Dribble(content, clock)), 10, clock) == content
    else:
        with pytest.raises(BodyTimeout):
            read_in_time(cast(IO[bytes], Dribble(content, clock)), 10, clock)
    assert clock.now - began <= 10


ASKED = [
    ("POST", "/api/v2/widgets/ccm_reports", "errors"),
    ("POST", "/dashboard/v1/custom-widget/list", "detail"),
    ("POST", "/acme/shop/team/_apis/dashboard/dashboards", "$id"),
]


@pytest.mark.parametrize(("method", "path", "envelope"), ASKED)
@pytest.mark.parametrize("length", ["1000", None])
def test_late_body_is_a_408_in_the_dialect_s_envelope(
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
    envelope: str,
    length: str | None,
) -> None:
    clock = Clock()
    monkeypatch.setattr(body, "read_in_time", partial(read_in_time, clock=clock))
    began = clock.now
    with application(database_url=sqlite_url) as app:
        answer = post_slowly(app, method, path, clock, length)
    assert (answer.status_code, answer.headers["Connection"]) == (408, "close")
    assert next(iter(answer.get_json())) == envelope
    assert clock.now - began == PATIENCE


def post_slowly(
    app: Flask, method: str, path: str, clock: Clock, length: str | None
) -> TestResponse:
    text = token_of(library_of(app))
    sent: dict[str, object] = {
        "wsgi.input": Dribble(b" " * 1000, clock),
        "wsgi.input_terminated": True,
    }
    if length is not None:
        sent["CONTENT_LENGTH"] = length
    headers = {"DD-APPLICATION-KEY": text, "Authorization": f"Bearer {text}"}
    return app.test_client().open(path, method=method, headers=headers, environ_overrides=sent)
