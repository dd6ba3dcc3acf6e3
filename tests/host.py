"""The host as this suite plays it: the kit's, with requests that are changed by hand."""

import json
from typing import Any

from werkzeug.test import TestResponse

from app.devtools.signed_calls import query_string
from app.testing import host as kit
from app.testing.host import JWT_SECRET, ORIGIN, SIGNATURE_SECRET
from app.testing.proofs import make_token
from app.verification import SIGNATURE_HEADER, SignedRequest, sign
from tests.interface import judge

__all__ = [
    "EXPIRES_AT",
    "ISSUE",
    "JWT_SECRET",
    "ORIGIN",
    "SIGNATURE_SECRET",
    "TOKEN_SECRET",
    "Host",
    "query_of",
    "signature",
    "token",
]

TOKEN_SECRET = "the library's secret of at least 32 bytes"
ISSUE = "https://github.com/pallets/flask/issues/1"
EXPIRES_AT = "2036-10-05T14:48:00.000Z"
# What a request of the host's may lack.
NOBODY: dict[str, str | None] = {"user": None, "task": None, "expires_at": EXPIRES_AT}


def query_of(**parameters: str) -> str:
    """Write a query string as the host does: everything but letters and digits escaped."""
    return query_string(parameters)


def token(secret: str = JWT_SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    """Make a token that holds, but for the changes; a claim changed to None is left out."""
    return make_token(secret, algorithm, **changes)


def signature(message: str | bytes, secret: str = SIGNATURE_SECRET) -> str:
    """Sign a message as the host does."""
    return sign(message if isinstance(message, bytes) else message.encode(), secret)


class Host(kit.Host):
    """Asks with a token that is bound to no request, so that tests may change any part of one."""

    def ask(
        self, resource_url: str = ISSUE, proof: str = "", **parameters: str | None
    ) -> TestResponse:
        """Ask for a widget, with a token that holds, and with nothing but these parameters."""
        if proof:
            return super().ask(resource_url, proof, **parameters)
        given = {"resource_url": resource_url, **parameters}
        return self.get(
            query_of(**{name: value for name, value in given.items() if value is not None})
        )

    def get(self, query: str, headers: dict[str, str] | None = None) -> TestResponse:
        """Send a raw query, with a token that holds unless other headers are given."""
        proof = {"Authorization": f"Bearer {token()}"} if headers is None else headers
        return self.send_with(SignedRequest("GET", "/widget", query.encode()), proof)

    def ask_signed(self, query: str, signed: str | None = None) -> TestResponse:
        """Send a raw query with the signature of another one, or of itself."""
        proof = signature(query if signed is None else signed)
        return self.get(query, {SIGNATURE_HEADER: proof})

    def suggest(
        self, query: str, proof: str = "signature", **parameters: str | None
    ) -> TestResponse:
        """Ask what can be picked for a text, for a workspace and nobody; the answer is judged."""
        answer = super().suggest(query, proof, **(NOBODY | parameters))
        judge("typeahead", answer)
        return answer

    def attach(
        self, query: str, proof: str = "signature", **parameters: str | None
    ) -> TestResponse:
        """Attach what a text means, for a workspace and nobody; the answer is judged."""
        answer = super().attach(query, proof, **(NOBODY | parameters))
        judge("attach", answer)
        return answer

    def post(
        self, data: str, signed: str | bytes | None = None, body: str | None = None
    ) -> TestResponse:
        """Send a text as `data`, with its signature or that of something else."""
        proof = {"Origin": ORIGIN, SIGNATURE_HEADER: signature(data if signed is None else signed)}
        sent = json.dumps({"data": data}) if body is None else body
        return self.client.post("/attach", data=sent, headers=proof)
