"""The query string hash, which binds a token to one request.

Implements "Creating a query string hash" of Atlassian Connect's page "Understanding JWT".
"""

import hashlib
from collections import defaultdict
from urllib.parse import quote

from app.verification.request import SignedRequest


def canonical_request(request: SignedRequest) -> str:
    """Return the canonical form of a request, `METHOD&path&sorted query`."""
    path = request.path.rstrip("/").replace("&", "%26") or "/"
    values: dict[str, list[str]] = defaultdict(list)
    for name, value in request.query_parameters:
        if name != "jwt":
            values[_encode(name)].append(_encode(value))
    query = "&".join(f"{name}={','.join(sorted(values[name]))}" for name in sorted(values))
    return f"{request.method.upper()}&{path}&{query}"


def query_string_hash(request: SignedRequest) -> str:
    """Return the `qsh` claim of a request: SHA-256 of its canonical form, in lower-case hex."""
    return hashlib.sha256(canonical_request(request).encode()).hexdigest()


def _encode(text: str) -> str:
    return quote(text, safe="~")
