import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.errors import AddressRefused, UpstreamUnreachable
from app.testing.servers import LOOPBACK, answer, saying, serving
from app.upstream.messages import UpstreamRequest
from app.upstream.samples import (
    Recordings,
    Sample,
    SampleAdapter,
    bundled_samples,
    read_sample,
    recorded_body,
)
from tests.app.upstream.fetching import fetching, request_to

URL = "https://api.example/issues/1?full=yes"
GET_ISSUE = "https://api.example/issue/get"
CASE: dict[str, Any] = {
    "source": "https://docs.example/issues",
    "resource_url": "https://example/issues/1",
    "exchanges": [
        {
            "request": {"method": "GET", "url": URL},
            "response": {
                "status": 200,
                "headers": {"Content-Type": "application/json", "ETag": '"1"'},
                "body": {"title": "Grüße 👋", "assignee": None},
            },
        },
        {
            "request": {"method": "GET", "url": "https://api.example/old"},
            "response": {"status": 301, "headers": {"Location": URL}, "text": ""},
        },
        {
            "request": {"method": "GET", "url": "https://api.example/gone"},
            "response": {"status": 410, "headers": {}, "text": "<p>Gone</p>"},
        },
        {
            "request": {"method": "GET", "url": "https://api.example/away"},
            "response": {"status": 302, "headers": {"Location": "http://evil/"}, "text": ""},
        },
        {
            "request": {"method": "POST", "url": GET_ISSUE, "body": {"id": 1, "in": "a"}},
            "response": {"status": 200, "headers": {}, "text": "the first"},
        },
        {
            "request": {"method": "POST", "url": GET_ISSUE, "body": {"id": 2, "in": "a"}},
            "response": {"status": 200, "headers": {}, "text": "the second"},
        },
        {
            "request": {"method": "POST", "url": "https://api.example/any"},
            "response": {"status": 200, "headers": {}, "text": "any"},
        },
    ],
}


@pytest.fixture
def adapter() -> SampleAdapter:
    return SampleAdapter([read_sample("example/issue", json.dumps(CASE))])


def test_a_sample_is_parsed() -> None:
    sample = read_sample("example/issue", json.dumps(CASE))
    assert sample == Sample(
        "example/issue",
        "https://docs.example/issues",
        "https://example/issues/1",
        tuple(CASE["exchanges"]),
        "Issue",
    )


def test_a_sample_may_say_what_it_shows() -> None:
    assert read_sample("a/open", json.dumps(CASE | {"title": "Issue, open"})).title == "Issue, open"


def test_of_recordings_with_one_address_the_last_one_counts(tmp_path: Path) -> None:
    recordings = Recordings(tmp_path)
    assert recordings.samples() == ()
    for moment, name in ((2, "first"), (1, "second")):
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(CASE), "utf-8")
        os.utime(file, (moment, moment))
    assert [case.name for case in recordings.samples()] == ["first"]
    os.utime(tmp_path / "second.json", (3, 3))
    assert [case.name for case in recordings.samples()] == ["second"]
    assert recordings.faults() == ()


def test_recordings_answer_before_samples(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(CASE).replace("the first", "mine"), "utf-8")
    bundled = [read_sample("example/issue", json.dumps(CASE))]
    adapter = SampleAdapter(bundled, Recordings(tmp_path))
    with fetching("elsewhere.example", adapter=adapter) as fetcher:
        asked = _post(GET_ISSUE, b'{"id": 1, "in": "a"}')
        assert fetcher.fetch(asked).body == b"mine"
        file.unlink()
        assert fetcher.fetch(asked).body == b"the first"


def test_recorded_json_is_written_out() -> None:
    assert json.loads(recorded_body({"body": {"a": [1, None, "ß"]}})) == {"a": [1, None, "ß"]}


def test_a_recorded_null_is_a_body() -> None:
    assert recorded_body({"body": None, "text": "other"}) == b"null"


def test_recorded_text_is_unchanged() -> None:
    assert recorded_body({"text": "<p>ß</p>"}) == b"<p>\xc3\x9f</p>"


def test_a_recorded_request_is_answered_any_number_of_times(adapter: SampleAdapter) -> None:
    with fetching("elsewhere.example", adapter=adapter) as fetcher:
        for _ in range(2):
            response = fetcher.fetch(request_to(URL))
            assert response.status == 200
            assert response.headers == {"content-type": "application/json", "etag": '"1"'}
            assert json.loads(response.body) == {"title": "Grüße 👋", "assignee": None}


def test_the_recorded_status_is_returned(adapter: SampleAdapter) -> None:
    with fetching(adapter=adapter) as fetcher:
        response = fetcher.fetch(request_to("https://api.example/gone"))
    assert (response.status, response.body) == (410, b"<p>Gone</p>")


def test_recorded_redirect_is_followed(adapter: SampleAdapter) -> None:
    with fetching(adapter=adapter) as fetcher:
        assert fetcher.fetch(request_to("https://api.example/old")).url == URL


def test_recorded_redirect_to_a_host_not_named_is_refused(adapter: SampleAdapter) -> None:
    with fetching(adapter=adapter) as fetcher, pytest.raises(AddressRefused):
        fetcher.fetch(request_to("https://api.example/away"))


@pytest.mark.parametrize(
    ("url", "body", "text"),
    [
        (GET_ISSUE, b'{"id": 1, "in": "a"}', b"the first"),
        (GET_ISSUE, b'{"in":"a","id":2}', b"the second"),
        ("https://api.example/any", b'{"id": 3}', b"any"),
    ],
    ids=["first", "in_another_order", "recorded_without_a_body"],
)
def test_recorded_body_tells_requests_apart(
    adapter: SampleAdapter, url: str, body: bytes, text: bytes
) -> None:
    with fetching(adapter=adapter) as fetcher:
        assert fetcher.fetch(_post(url, body)).body == text


@pytest.mark.parametrize("body", [b'{"id": 3, "in": "a"}', b"{}", None])
def test_an_unrecorded_body_is_unreachable(adapter: SampleAdapter, body: bytes | None) -> None:
    with fetching(adapter=adapter) as fetcher, pytest.raises(UpstreamUnreachable):
        fetcher.fetch(_post(GET_ISSUE, body))


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("POST", URL),
        ("GET", "https://api.example/issues/2"),
        ("GET", "https://api.example/issues/1"),
        ("GET", "http://api.example/issues/1?full=yes"),
    ],
    ids=["method", "path", "query", "scheme"],
)
def test_an_unrecorded_request_is_unreachable(
    adapter: SampleAdapter, method: str, url: str
) -> None:
    request = UpstreamRequest(url, frozenset({"api.example"}), method=method)
    with fetching(adapter=adapter) as fetcher, pytest.raises(UpstreamUnreachable) as failure:
        fetcher.fetch(request)
    assert failure.value.sentence == (
        "No sample answers this address offline; `make run LIVE=1` asks the network, as does any "
        "command with PLACARD_OFFLINE=off."
    )


def test_samples_make_no_connection(adapter: SampleAdapter) -> None:
    with (
        serving(saying(answer())) as server,
        fetching(LOOPBACK, adapter=adapter) as fetcher,
        pytest.raises(UpstreamUnreachable),
    ):
        fetcher.fetch(request_to(server.origin))
    assert server.connections == 0


def test_bundled_samples_are_named_after_their_connector() -> None:
    names = [sample.name for sample in bundled_samples()]
    assert names == sorted(names)
    assert {name.split("/")[0] for name in names} >= {"github"}
    assert not any(name.endswith(".json") for name in names)


def test_each_bundled_sample_answers_all_its_requests() -> None:
    samples = bundled_samples()
    with fetching("elsewhere.example", adapter=SampleAdapter(samples)) as fetcher:
        for sample in samples:
            hosts = {urlsplit(exchange["request"]["url"]).netloc for exchange in sample.exchanges}
            first, last = sample.exchanges[0]["request"], sample.exchanges[-1]["response"]
            body = json.dumps(first["body"]).encode() if "body" in first else None
            asked = replace(request_to(first["url"], *hosts), method=first["method"], body=body)
            response = fetcher.fetch(asked)
            assert (response.status, response.body) == (last["status"], recorded_body(last))


def _post(url: str, body: bytes | None) -> UpstreamRequest:
    return UpstreamRequest(url, frozenset({"api.example"}), method="POST", body=body)
