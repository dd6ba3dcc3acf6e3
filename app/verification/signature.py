"""The host's request signature: `x-asana-request-signature`."""

import hmac
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from app.errors import NotAuthenticated
from app.verification.diagnosis import diagnose
from app.verification.request import Proof, SignedRequest, viewer_named_by

HEADER: Final = "x-asana-request-signature"
_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
# How the text of a POST begins, and no query of the host's. A signature does not say which of the
# two it is for, and within the text stands what a person typed, `&user=…` included.
_OBJECT: Final = b"{"


def sign(message: bytes, secret: str) -> str:
    """Sign a message as the host does: HMAC-SHA256 in lower-case hex."""
    return hmac.digest(secret.encode(), message, "sha256").hex()


def verify_signature(
    request: SignedRequest,
    secrets: Sequence[str],
    others: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Proof:
    """Return the proof that a request's signature gives; `others` are for the diagnosis only.

    Raises NotAuthenticated with the reason `no_signature`, `malformed_signature` or
    `bad_signature`; its `would_match` names what probably changed the request.
    """
    signature = request.signature
    if not signature:
        also = ", and PLACARD_VERIFY takes no token: `either` takes both"
        detail = f"there is no {HEADER} header{also if request.authorization else ''}"
        raise NotAuthenticated("no_signature", detail)
    if request.method != "POST" and request.query.lstrip().startswith(_OBJECT):
        raise NotAuthenticated("bad_signature", "the query is the signed text of a POST")
    # Every secret is tried, so that the time does not show which one matched.
    matches = [_matches(signature, request.message, secret) for secret in secrets]
    if any(matches):
        return Proof("signature", viewer=viewer_named_by(request))
    reason = "bad_signature" if _HEX.fullmatch(signature) else "malformed_signature"
    raise NotAuthenticated(
        reason,
        f"{HEADER} is not the signature of this request",
        would_match=diagnose(request, secrets, others),
    )


def _matches(signature: str, message: bytes, secret: str) -> bool:
    expected = sign(message, secret).encode()
    return hmac.compare_digest(signature.encode("utf-8", "surrogatepass"), expected)
