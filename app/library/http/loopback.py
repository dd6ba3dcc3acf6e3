"""Reads the service's own saved widgets for cards: in this process, through every check."""

from collections.abc import Callable
from contextvars import copy_context

from flask import Flask
from werkzeug.test import Client

from app.library.http.authentication import LOOPBACK
from app.upstream.messages import UpstreamRequest, UpstreamResponse


def make_loopback(app: Flask, base: str) -> Callable[[UpstreamRequest], UpstreamResponse]:
    """Return what answers requests for this service's address, which has the path `base`."""

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        # A context of its own: what this leaves for its log line is not for the outer request's.
        return copy_context().run(_answer, app, base, request)

    return answer


def _answer(app: Flask, base: str, request: UpstreamRequest) -> UpstreamResponse:
    target = request.address.parts
    response = Client(app).open(
        target.path.removeprefix(base),
        method=request.method,
        base_url=f"{target.scheme}://{target.netloc}",
        query_string=target.query,
        headers={**request.headers, **request.credential.headers},
        data=request.body,
        content_type=None if request.body is None else "application/json",
        environ_overrides={LOOPBACK: True},
    )
    headers = {name.lower(): value for name, value in response.headers.items()}
    return UpstreamResponse(response.status_code, headers, response.get_data(), request.url)
