"""Admits a request: its proof, its parameters, its expiry and its workspace.

All of the host's components stand behind it. Implements the section "The request" of the contract.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from app.errors import MalformedRequest, WorkspaceNotServed
from app.telemetry import trace
from app.telemetry.logs import add_log_fields
from app.verification import SIGNATURE_HEADER, Proof, SignedRequest, check_expiry
from app.web import Service
from app.web.signed_body import SignedBody

T = TypeVar("T")

_SIGNATURE_IN_WSGI: Final = "HTTP_" + SIGNATURE_HEADER.upper().replace("-", "_")
# The contract names the first three; a second workspace could smuggle one past a restriction.
ONCE: Final = ("user", "task", "expires_at", "workspace")


def received(
    environ: Mapping[str, Any], path: str, body: SignedBody | None = None
) -> SignedRequest:
    """Return the signed part of a request, from its WSGI environment.

    `body` is that of a POST; without one, the request is a GET.
    """
    return SignedRequest(
        # To what is signed, HEAD is the GET that it stands for.
        method="GET" if body is None else "POST",
        path=path,
        query=environ.get("QUERY_STRING", "").encode("latin-1"),
        authorization=environ.get("HTTP_AUTHORIZATION"),
        signature=environ.get(_SIGNATURE_IN_WSGI),
        data=body.data if body else None,
        envelope=body.raw if body else b"",
        host=environ.get("HTTP_HOST", ""),
    )


def admit(
    signed: SignedRequest,
    parts: Service,
    once: Sequence[str],
    read: Callable[[Mapping[str, str]], T],
) -> tuple[Proof, T]:
    """Return the proof of a request that may be answered, and what `read` returns for it.

    Raises NotAuthenticated, KeysUnavailable or WorkspaceNotServed, or MalformedRequest where one of
    `once` is given more than once, or `read` raises it.
    """
    with trace.step("verify") as facts:
        proof = parts.verifier.verify(signed)
        _check_once(signed, once)
        values = signed.first_values
        value = read(values)
        if (expires_at := values.get("expires_at")) is not None:
            check_expiry(expires_at, time.time())
        facts.update(by=proof.kind, subject=proof.subject)
    add_log_fields(verified_by=proof.kind)
    served = parts.settings.allowed_workspaces
    # The proven one: whoever holds a token can write any other into the query.
    if served and proof.workspace not in served:
        raise WorkspaceNotServed(f"proven workspace {proof.workspace!r} is not served")
    return proof, value


def _check_once(signed: SignedRequest, once: Sequence[str]) -> None:
    if len(signed.first_values) < len(signed.parameters):
        counts = Counter(name for name, _ in signed.parameters)
        for name in once:
            if counts[name] > 1:
                raise malformed(name, "is given more than once")


def malformed(name: str, why: str) -> MalformedRequest:
    """Make the error of a parameter, with what is wrong with it."""
    return MalformedRequest(
        f"{name}: {why}", sentence=f"Illegal or malformed request. `{name}` {why}."
    )
