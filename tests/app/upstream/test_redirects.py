from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3
from hypothesis import example, given, strategies as st
from requests.adapters import BaseAdapter, HTTPAdapter

from app.errors import AddressRefused, UpstreamError, UpstreamFailed
from app.settings.fields import OriginMap
from app.testing.servers import LOOPBACK, answer, redirect, routing, saying, serving
from app.upstream.address_guard import AddressGuard
from app.upstream.client import Fetcher
from app.upstream.messages import Credential, UpstreamRequest
from app.upstream.stand_ins import StandIns
from tests.app.upstream.fetching import certificate, fetching, request_to


@pytest.mark.parametrize(
    "status",
    ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"],
)
def test_redirect_is_followed(status: str) -> None:
    routes = {"/from": redirect("/to?q=1", status), "/to?q=1": answer(b"there")}
    with serving(routing(routes)) as server, fetching() as fetcher:
        response = fetcher.fetch(request_to(f"{server.origin}/from"))
        assert response.url == f"{server.origin}/to?q=1"
    assert (response.status, response.body) == (200, b"there")
    assert [request.split(b" ")[0] for request in server.requests] == [b"GET", b"GET"]
    assert server.targets == ["/from", "/to?q=1"]


@pytest.mark.parametrize("status", ["300 Multiple Choices", "304 Not Modified", "305 Use Proxy"])
def test_a_location_of_any_other_status_is_not_followed(status: str) -> None:
    with serving(saying(redirect("/to", status))) as server, fetching() as fetcher:
        assert fetcher.fetch(request_to(server.origin)).status == int(status[:3])
    assert server.targets == ["/"]


def test_redirect_without_a_location_is_an_answer() -> None:
    moved = answer(b"", status="302 Found")
    with serving(saying(moved)) as server, fetching() as fetcher:
        assert fetcher.fetch(request_to(server.origin)).status == 302


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("sibling", "/a/sibling"),
        ("../up", "/up"),
        ("?q=2", "/a/b?q=2"),
        ("//{host}/c", "/c"),
        ("http://{host}/d?x=%2F#fragment", "/d?x=%2F"),
        ("HTTP://{host}/e", "/e"),
    ],
)
def test_location_is_resolved_against_the_address(location: str, target: str) -> None:
    with serving(saying(answer())) as end, fetching() as fetcher:
        here = f"{LOOPBACK}:{end.port}"
        start = redirect(location.format(host=here))
        with serving(saying(start, answer())) as server:
            url = f"{server.origin}/a/b?q=1"
            fetcher.fetch(request_to(url, here))
    assert [*server.targets, *end.targets] == ["/a/b?q=1", target]


def test_three_redirects_are_followed() -> None:
    routes = {f"/{n}": redirect(f"/{n + 1}") for n in range(3)} | {"/3": answer(b"end")}
    with serving(routing(routes)) as server, fetching() as fetcher:
        assert fetcher.fetch(request_to(f"{server.origin}/0")).body == b"end"


def test_fourth_redirect_is_not_followed() -> None:
    routes = {f"/{n}": redirect(f"/{n + 1}") for n in range(9)}
    with (
        serving(routing(routes)) as server,
        fetching() as fetcher,
        pytest.raises(UpstreamFailed),
    ):
        fetcher.fetch(request_to(f"{server.origin}/0"))
    assert server.targets == ["/0", "/1", "/2", "/3"]


@pytest.mark.parametrize("location", ["/", "/other"], ids=["to-itself", "back-and-forth"])
def test_loop_of_redirects_fails(location: str) -> None:
    routes = {"/": redirect(location), "/other": redirect("/")}
    with (
        serving(routing(routes)) as server,
        fetching() as fetcher,
        pytest.raises(UpstreamFailed),
    ):
        fetcher.fetch(request_to(server.origin))
    assert len(server.targets) == 4


@pytest.mark.parametrize("shape", ["http://{host}/", "//{host}/", "hTTp://{host}/"])
def test_redirect_to_a_host_not_named_is_refused(shape: str) -> None:
    with serving(saying(answer())) as other:
        away = redirect(shape.format(host=f"{LOOPBACK}:{other.port}"))
        with (
            serving(saying(away, answer())) as server,
            fetching() as fetcher,
            pytest.raises(AddressRefused),
        ):
            fetcher.fetch(request_to(server.origin))
    assert server.targets == ["/"]
    assert other.connections == 0


@pytest.mark.parametrize("spelling", [LOOPBACK, "2130706433", "localhost", "[::ffff:7f00:1]"])
def test_each_redirect_is_vetted(spelling: str) -> None:
    with serving(saying(answer())) as private:
        host = f"{spelling}:{private.port}"
        with (
            serving(saying(redirect(f"http://{host}/"))) as server,
            fetching(f"{LOOPBACK}:{server.port}") as fetcher,
            pytest.raises(AddressRefused),
        ):
            fetcher.fetch(request_to(server.origin, host))
    assert server.connections == 1
    assert private.connections == 0


@pytest.mark.parametrize(
    "location",
    [
        "http://u:p@{host}/",
        "http://u@{host}/",
        "http://@{host}/",
        "file:///etc/passwd",
        "ftp://{host}/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:x/",
        "http://[",
    ],
)
def test_redirect_to_an_invalid_address_is_refused(location: str) -> None:
    with serving(saying(answer())) as other:
        host = f"{LOOPBACK}:{other.port}"
        with (
            serving(saying(redirect(location.format(host=host)))) as server,
            fetching() as fetcher,
            pytest.raises(AddressRefused),
        ):
            fetcher.fetch(request_to(server.origin, host, LOOPBACK, ""))
    assert other.connections == 0


@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
def test_redirect_from_https_down_to_http_is_refused(scheme: str, tmp_path: Path) -> None:
    context, ca_bundle = certificate(tmp_path, LOOPBACK)
    with (
        serving(saying(answer())) as plain,
        serving(saying(redirect(plain.origin)), tls=context) as server,
        fetching(ca_bundle=ca_bundle) as fetcher,
    ):
        down = request_to(f"{scheme}://{LOOPBACK}:{server.port}/", f"{LOOPBACK}:{plain.port}")
        with pytest.raises(AddressRefused):
            fetcher.fetch(down)
    assert server.targets == ["/"]
    assert plain.connections == 0


def test_redirect_from_http_up_to_https_is_followed(tmp_path: Path) -> None:
    context, ca_bundle = certificate(tmp_path, LOOPBACK)
    with (
        serving(saying(answer()), tls=context) as secure,
        serving(saying(redirect(secure.origin))) as server,
        fetching(ca_bundle=ca_bundle) as fetcher,
    ):
        fetcher.fetch(request_to(server.origin, f"{LOOPBACK}:{secure.port}"))
    assert secure.targets == ["/"]


class Elsewhere(BaseAdapter):
    """Redirects to a location, and records where it connects, as urllib3 parses it."""

    def __init__(self, location: str) -> None:
        super().__init__()
        self.location = location
        self.asked: list[str | None] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.asked.append(urllib3.util.parse_url(str(request.url)).host)
        moved = urllib3.HTTPResponse(
            BytesIO(), {"Location": self.location}, status=302, preload_content=False
        )
        return HTTPAdapter().build_response(request, moved)

    def close(self) -> None:
        pass


pieces = ["http:", "https:", "//", "/", "\\", "@", ":", "#", "?", "[", "]", "%2f", "%40", ".", ";"]
pieces += ["named.example", "evil.example", "8.8.8.8", "80", " ", "\t", "\xa0", "é", "½", "*"]


@given(st.lists(st.sampled_from(pieces), max_size=8).map("".join))
@example("http://named.example\\@evil.example/")
@example("http://evil.example\\.named.example/")
@example("http://evil.example#@named.example/")
@example("http://named.exam\tple/")
def test_no_location_leads_to_a_host_not_named(location: str) -> None:
    adapter = Elsewhere(location)
    fetcher = Fetcher(deadline=5, guard=AddressGuard(), adapter=adapter)
    named = UpstreamRequest("http://named.example/", frozenset({"named.example"}))
    with suppress(UpstreamError):
        fetcher.fetch(named)
    assert set(adapter.asked) == {"named.example"}


API = "https://api.github.com"


@contextmanager
def standing_in(origin: str) -> Iterator[Fetcher]:
    """Let a server stand in for GitHub's API, as the setting PLACARD_UPSTREAMS does."""
    upstreams = OriginMap().deserialize(f"{API}={origin}")
    with fetching(stand_ins=StandIns(upstreams)) as fetcher:
        yield fetcher


@pytest.mark.parametrize(
    ("url", "target"),
    [
        (f"{API}/repos/a/b?x=1&y=%2F", "/repos/a/b?x=1&y=%2F"),
        (f"{API}:443/a%20b", "/a%20b"),
        ("https://API.GitHub.com/", "/"),
        (API, "/"),
        (f"{API}?q=1", "/?q=1"),
        (f"{API}//a//b", "//a//b"),
        (f"{API}/a#fragment", "/a"),
    ],
)
def test_stand_in_gets_the_same_path_and_query(url: str, target: str) -> None:
    with serving(saying(answer())) as server, standing_in(server.origin) as fetcher:
        assert fetcher.fetch(request_to(url)).url == url
    assert server.targets == [target]
    assert server.headers()["host"] == f"{LOOPBACK}:{server.port}"


@pytest.mark.parametrize("location", ["/to?q=1", "{stand_in}/to?q=1", f"{API}/to?q=1"])
def test_redirect_of_a_stand_in_is_followed_there(location: str) -> None:
    routes = {"/to?q=1": answer(b"there")}
    with serving(routing(routes)) as server, standing_in(server.origin) as fetcher:
        routes["/from"] = redirect(location.format(stand_in=server.origin))
        credential = Credential("T#1", f"{API}:443", {"Authorization": "Bearer secret"})
        response = fetcher.fetch(request_to(f"{API}/from", credential=credential))
    assert response.body == b"there"
    assert server.targets == ["/from", "/to?q=1"]
    assert server.headers(1)["authorization"] == "Bearer secret"


@pytest.mark.parametrize("location", ["http://api.github.com/", "http://127.0.0.1/", "{other}/"])
def test_redirect_of_a_stand_in_to_another_origin_is_refused(location: str) -> None:
    with (
        serving(saying(answer())) as other,
        serving(saying(redirect(location.format(other=other.origin)))) as server,
        standing_in(server.origin) as fetcher,
        pytest.raises(AddressRefused),
    ):
        fetcher.fetch(request_to(API))
    assert server.targets == ["/"]
    assert other.connections == 0


def test_stand_in_is_used_for_its_own_origin_only() -> None:
    with (
        serving(saying(answer())) as server,
        standing_in(server.origin) as fetcher,
        pytest.raises(AddressRefused),
    ):
        fetcher.fetch(request_to(f"http://{LOOPBACK.replace('1', '2')}:{server.port}/"))
    assert server.connections == 0


@pytest.mark.parametrize("name", ["If-None-Match", "if-modified-since"])
def test_a_condition_is_sent_to_the_first_address_only(name: str) -> None:
    routes = {"/from": redirect("/to"), "/to": answer(b"there")}
    with serving(routing(routes)) as server, fetching() as fetcher:
        request = request_to(f"{server.origin}/from", headers={name: "x", "X-Other": "y"})
        fetcher.fetch(request)
    first, second = (server.headers(place) for place in (0, 1))
    assert name.lower() in first
    assert name.lower() not in second
    assert first["x-other"] == second["x-other"] == "y"
