"""What one tenant's credential fetched is for nobody else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import responses
from werkzeug.test import TestResponse

from tests.app.cache.parts import Clock
from tests.app.freshness.parts import API, DEFINITION, QUERY, AtTime, title
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
    """One private resource: the tenant with the right token sees it, and no other."""

    def __init__(self, upstream: responses.RequestsMock, refusal: int = 404) -> None:
        self.refusal = refusal
        self.asked: list[tuple[str, str | None]] = []
        upstream.add_callback(responses.GET, API, callback=self)

    def __call__(self, request: Any) -> tuple[int, dict[str, str], str]:
        proof, wanted = request.headers["Authorization"], request.headers.get("If-None-Match")
        self.asked.append((proof, wanted))
        if wanted == '"private"':
            return 304, {}, ""
        if proof != "Bearer made_up_a":
            return self.refusal, {}, ""
        return 200, {"ETag": '"private"'}, json.dumps({**RESOURCE, "title": "Private"})


@pytest.fixture
def tenants(host_at: AtTime, tmp_path: Path) -> Callable[..., TestResponse]:
    """Ask for the private resource, as a workspace."""
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
@pytest.mark.parametrize(("refusal", "told"), [(404, 404), (403, 403), (500, 500)])
def test_what_one_tenant_s_credential_fetched_is_not_answered_for_another(
    tenants: Callable[..., TestResponse],
    upstream: responses.RequestsMock,
    clock: Clock,
    wait: int,
    refusal: int,
    told: int,
) -> None:
    private = Private(upstream, refusal)
    assert title(tenants("111")) == "Private"
    clock.now += wait
    answer = tenants("222")
    assert answer.status_code == told
    assert "Private" not in answer.text
    # Nor is the other's state of it asked about with our credential.
    assert private.asked == [("Bearer made_up_a", None), ("Bearer made_up_b", None)]


@pytest.mark.parametrize("wait", [0, 75, 400], ids=["fresh", "stale", "old"])
def test_one_tenant_s_etag_proves_nothing_for_another(
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
def test_without_a_proof_nobody_learns_what_is_kept(
    host: Host, upstream: responses.RequestsMock, proof: dict[str, str]
) -> None:
    upstream.get(API, json=RESOURCE)
    etag = host.ask().headers["ETag"]
    for wanted in (etag, "*"):
        answer = host.get(QUERY, {**proof, "If-None-Match": wanted})
        assert answer.status_code == 401
        assert "ETag" not in answer.headers


def test_requests_that_differ_in_a_header_only_do_not_meet(
    host_at: AtTime, upstream: responses.RequestsMock, tmp_path: Path
) -> None:
    def named(request: Any) -> tuple[int, dict[str, str], str]:
        told = {"name": request.headers["X-Tenant"], "at": "2026-01-01T00:00:00Z"}
        return 200, {}, json.dumps(told)

    file = tmp_path / "status.toml"
    file.write_text(DEFINITION)
    upstream.add_callback(responses.GET, "https://status.example.com/api", callback=named)
    host = host_at(connectors_file=str(file))
    titles = [title(host.ask(f"https://status.example.com/{tenant}")) for tenant in "abab"]
    assert titles == ["a", "b", "a", "b"]
    assert len(upstream.calls) == 2
