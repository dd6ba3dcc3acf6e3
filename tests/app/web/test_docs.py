"""`/docs` and `/openapi.json`: where they are, what the page is made of, and who gets the token."""

import html
import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.conftest import MakeHost
from tests.host import ORIGIN

TOKEN = "the token that `make run` printed"
PATHS = ["/docs", "/openapi.json", "/docs/assets/swagger-ui.css"]


@pytest.fixture
def local(make_host: MakeHost, sqlite_url: str) -> FlaskClient:
    """A client of a service in the local mode, with the library."""
    return make_host(mode="local", database_url=sqlite_url, local_token=TOKEN).client


@pytest.mark.parametrize("path", PATHS)
def test_in_production_they_are_there_where_the_setting_says_so(
    make_host: MakeHost, sqlite_url: str, path: str
) -> None:
    assert make_host().client.get(path).status_code == 404
    assert make_host(database_url=sqlite_url).client.get(path).status_code == 404
    assert make_host(docs="on").client.get(path).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_in_the_local_mode_they_are_always_there(make_host: MakeHost, path: str) -> None:
    assert make_host(mode="local", library="off", docs="off").client.get(path).status_code == 200


def test_without_the_library_the_host_s_operations_are_described(make_host: MakeHost) -> None:
    told = make_host(docs="on").client.get("/openapi.json").get_json()
    host, health = {"/widget", "/attach", "/typeahead"}, {"/healthz", "/livez", "/readyz"}
    assert set(told["paths"]) == {*host, *health, "/metrics"}


def test_the_page_is_made_of_its_own_files_and_has_nothing_inline(local: FlaskClient) -> None:
    text = local.get("/docs").text
    links = re.findall(r'(?:href|src)="([^"]+)"', text)
    # Relative: a proxy may serve it all under a path of its own. Four lead to the preview.
    assert len(links) == 10
    for link in links:
        answer = local.get(f"/{link}")
        assert answer.status_code == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=", text)


@pytest.mark.parametrize("path", PATHS)
def test_its_policy_allows_this_service_only_and_nothing_inline(
    local: FlaskClient, path: str
) -> None:
    policy = local.get(path).headers["Content-Security-Policy"]
    told = {name: values for name, *values in map(str.split, policy.split(";"))}
    assert told.pop("img-src") == ["'self'", "data:"]
    assert told["default-src"] == told["frame-ancestors"] == ["'none'"]
    assert {value for values in told.values() for value in values} == {"'self'", "'none'"}


def test_a_file_is_sent_again_only_when_it_has_changed(local: FlaskClient) -> None:
    path = "/docs/assets/swagger-ui-bundle.js"
    first = local.get(path)
    again = local.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, first.mimetype) == (200, "text/javascript")
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("name", ["index.html", "LICENSE", "..%2Fdocs.py", "docs.js/"])
def test_no_other_file_is_sent(local: FlaskClient, name: str) -> None:
    assert local.get(f"/docs/assets/{name}").status_code == 404


def proofs_of(page: str) -> dict[str, str]:
    (written,) = re.findall(r'data-proofs="([^"]*)"', page)
    proofs: dict[str, str] = json.loads(html.unescape(written))
    return proofs


def test_in_the_local_mode_the_page_proves_what_is_tried_on_it(local: FlaskClient) -> None:
    answer = local.get("/docs", headers={"Origin": ORIGIN})
    proofs = proofs_of(answer.text)
    for_host = {"Authorization": f"Bearer {proofs.pop('host_token')}"}
    assert local.get("/typeahead?query=x", headers=for_host).status_code == 200
    assert proofs == dict.fromkeys(("application_key", "basic", "bearer"), TOKEN)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "request_of_another",
    [
        {"headers": {"Host": "rebound.example:8080"}},
        {"headers": {"X-Forwarded-For": "192.0.2.7"}},
        {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}},
    ],
    ids=str,
)
def test_nobody_but_this_machine_gets_the_token(
    local: FlaskClient, request_of_another: dict[str, Any]
) -> None:
    answer = local.get("/docs", **request_of_another)
    assert answer.status_code == 200
    assert proofs_of(answer.text) == {}


def test_no_token_is_shown_in_production_or_without_the_library(
    make_host: MakeHost, sqlite_url: str
) -> None:
    production, local = {"docs": "on", "database_url": sqlite_url}, {"mode": "local"}
    for changes, proven in ((production, set()), (local, {"host_token"})):
        answer = make_host(local_token=TOKEN, **changes).client.get("/docs")
        assert proofs_of(answer.text).keys() == proven
