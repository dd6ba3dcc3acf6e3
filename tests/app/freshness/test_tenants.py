"""An answer fetched with one tenant's credential is never given to another."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import responses
from werkzeug.test import TestResponse

from tests.app.freshness.answers import API, DEFINITION, QUERY, AtTime, title
from tests.clock import Clock
from tests.host import ISSUE, Host, query_of, token
from tests.standin import ISSUE as RESOURCE

CREDENTIALS = """
[[credential]]
name = "team"
host = "api.github.com"
workspace = "111"
bearer = "made_up_a"

[[credential]]
name = "team"
host = "api.github.com"
workspace = "222"
bearer = "made_up_b"
"""


class Private:
    """A private resource, which only the tenant with the right token sees."""

    def __init__(self, upstream: responses.RequestsMock, refusal: int = 404) -> None:
        self.refusal = refusal
        self.calls: list[tuple[str, str | None]] = []
        upstream.add_callback(responses.GET, API, callback=self)

    def __call__(self, request: Any) -> tuple[int, dict[str, str], str]:
        proof, wanted = request.headers["Authorization"], request.headers.get("If-None-Match")
        self.calls.append((proof, wanted))
        if wanted == '"private"':
            return 304, {}, ""
        if proof != "Bearer made_up_a":
            return self.refusal, {}, ""
        return 200, {"ETag": '"private"'}, json.dumps({**RESOURCE, "title": "Private"})


@pytest.fixture
def tenants(host_at: AtTime, tmp_path: Path) -> Callable[..., TestResponse]:
    """Return a function that asks for the private resource as a workspace."""
    file = tmp_path / "credentials.toml"
    file.write_text(CREDENTIALS)
    file.chmod(0o600)
    host = host_at(credentials_file=str(file))

    def ask(workspace: str, **headers: str) -> TestResponse:
        proof = {"Authorization": f"Bearer {token(workspace=workspace)}"}
        query = query_of(resource_url=ISSUE, workspace=workspace)
        return host.get(query, proof | {name.replace("_", "-"): v for name, v in headers.items()})

    return ask


@pytest.mark.parametrize("wait", [0, 75, 400], ids=["fresh", "stale", "old"])
@pytest.mark.parametrize(("refusal", "expected"), [(404, 404), (403, 403), (500, 500)])
def test_no_tenant_gets_what_the_credential_of_another_fetched(
    tenants: Callable[..., TestResponse],
    upstream: responses.RequestsMock,
    clock: Clock,
    wait: int,
    refusal: int,
    expected: int,
) -> None:
    private = Private(upstream, refusal)
    assert title(tenants("111")) == "Private"
    clock.now += wait
    answer = tenants("222")
    assert answer.status_code == expected
    assert "Private" not in answer.text
    # The other tenant's validator is not sent either.
    assert private.calls == [("Bearer made_up_a", None), ("Bearer made_up_b", None)]


@pytest.mark.parametrize("wait", [0, 75, 400], ids=["fresh", "stale", "old"])
def test_the_etag_of_one_tenant_gets_no_304_for_another(
    tenants: Callable[..., TestResponse],
    upstream: responses.RequestsMock,
    clock: Clock,
    wait: int,
) -> None:
    Private(upstream)
    etag = tenants("111").headers["ETag"]
    assert tenants("111", If_None_Match=etag).status_code == 304
    clock.now += wait
    for wanted in (etag, "*"):
        answer = tenants("222", If_None_Match=wanted)
        assert answer.status_code == 404
        assert "ETag" not in answer.headers


@pytest.mark.parametrize("proof", [{}, {"Authorization": f"Bearer {token(secret='x' * 32)}"}])
def test_without_a_proof_an_etag_gets_a_401(
    host: Host, upstream: responses.RequestsMock, proof: dict[str, str]
) -> None:
    upstream.get(API, json=RESOURCE)
    etag = host.ask().headers["ETag"]
    for wanted in (etag, "*"):
        answer = host.get(QUERY, {**proof, "If-None-Match": wanted})
        assert answer.status_code == 401
        assert "ETag" not in answer.headers


def test_requests_that_differ_only_in_a_header_are_different_entries(
    host_at: AtTime, upstream: responses.RequestsMock, tmp_path: Path
) -> None:
    def named(request: Any) -> tuple[int, dict[str, str], str]:
        resource = {"name": request.headers["X-Tenant"], "at": "2026-01-01T00:00:00Z"}
        return 200, {}, json.dumps(resource)

    file = tmp_path / "status.toml"
    file.write_text(DEFINITION)
    upstream.add_callback(responses.GET, "https://status.example.com/api", callback=named)
    host = host_at(connectors_file=str(file))
    titles = [title(host.ask(f"https://status.example.com/{tenant}")) for tenant in "abab"]
    assert titles == ["a", "b", "a", "b"]
    assert len(upstream.calls) == 2
