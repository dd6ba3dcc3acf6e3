"""Proofs that are made by hand, and what a service says of them."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import responses
from structlog.testing import capture_logs

from app.telemetry.logs import merge_log_fields
from tests.host import ISSUE, JWT_SECRET, Host, query_of

QUERY = query_of(resource_url=ISSUE, workspace="12345")
API_ISSUE = "https://api.github.com/repos/pallets/flask/issues/1"
ISSUE_JSON = {"title": "An issue", "state": "open", "created_at": "2012-02-22T02:06:58Z"}
HS256 = '{"alg":"HS256"}'


def verdict(host: Host, headers: Mapping[str, str], query: str = QUERY) -> str:
    """Return which proof held, or the reason of the refusal; a refusal asks no upstream."""
    with (
        responses.RequestsMock(assert_all_requests_are_fired=False) as outside,
        capture_logs(processors=[merge_log_fields]) as log,
    ):
        outside.get(API_ISSUE, json=ISSUE_JSON)
        answer = host.get(query, dict(headers))
        if answer.status_code == 200:
            return str(log[-1]["verified_by"])
        assert (answer.status_code, len(outside.calls)) == (401, 0)
    assert answer.json == {"data": {"error": "Authorization required."}}
    assert log[-1]["request_id"] == answer.headers["X-Request-Id"]
    return str(log[-1]["reason"])


def bearer(given: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {given}"}


def now() -> int:
    return int(time.time())


def by_hand(header: str, claims: str, secret: str = JWT_SECRET) -> str:
    """Write a token of raw JSON texts, which a library would refuse to encode."""
    parts = [base64.urlsafe_b64encode(text.encode()).rstrip(b"=") for text in (header, claims)]
    mark = hmac.new(secret.encode(), b".".join(parts), hashlib.sha256).digest()
    return b".".join([*parts, base64.urlsafe_b64encode(mark).rstrip(b"=")]).decode()


def with_header(secret: str = JWT_SECRET, **header: Any) -> str:
    claims = {"aud": "placard", "iat": now(), "exp": now() + 60}
    return by_hand(json.dumps({"alg": "HS256"} | header), json.dumps(claims), secret)


def with_claims(**claims: str) -> str:
    """Make a token whose claims are the given JSON texts."""
    raw = {"aud": '"placard"', "iat": str(now()), "exp": str(now() + 60)} | claims
    return by_hand(HS256, "{" + ",".join(f'"{name}":{text}' for name, text in raw.items()) + "}")
