"""The host, as the tests play it: it signs requests and sends them."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import jwt
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

JWT_SECRET = "the host's secret of at least 32 bytes"
TOKEN_SECRET = "the library's secret of at least 32 bytes"
SIGNATURE_SECRET = "0123456789abcdef0123456789abcdef"
ORIGIN = "https://app.asana.com"
ISSUE = "https://github.com/pallets/flask/issues/1"
EXPIRES_AT = "2036-10-05T14:48:00.000Z"


def query_of(**parameters: str) -> str:
    """Write a query string as the host does: everything but letters and digits escaped."""
    return urlencode(parameters, quote_via=quote, safe="")


def token(secret: str = JWT_SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    """Make a token that holds, but for the changes; a claim changed to None is left out."""
    now = int(time.time())
    claims = {"aud": "placard", "iat": now, "exp": now + 60} | changes
    return jwt.encode(
        {name: value for name, value in claims.items() if value is not None},
        secret,
        algorithm=algorithm,
    )


def signature(message: str | bytes, secret: str = SIGNATURE_SECRET) -> str:
    """Sign a message as the host does."""
    raw = message if isinstance(message, bytes) else message.encode()
    return hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Host:
    """Sends requests to an application, as the host's browser client would."""

    client: FlaskClient

    def ask(self, resource_url: str = ISSUE, **parameters: str) -> TestResponse:
        """Ask for a widget, with a token that holds."""
        return self.get(query_of(resource_url=resource_url, **parameters))

    def get(self, query: str, headers: dict[str, str] | None = None) -> TestResponse:
        """Send a raw query, with a token that holds unless other headers are given."""
        proof = {"Authorization": f"Bearer {token()}"} if headers is None else headers
        return self.client.get(f"/widget?{query}", headers={"Origin": ORIGIN, **proof})

    def ask_signed(self, query: str, signed: str | None = None) -> TestResponse:
        """Send a raw query with the signature of another one, or of itself."""
        proof = signature(query if signed is None else signed)
        return self.get(query, {"x-asana-request-signature": proof})

    def suggest(self, text: str, **parameters: str) -> TestResponse:
        """Ask what can be picked for a text, with the signature of the query."""
        given = {"query": text, "workspace": "12345", "expires_at": EXPIRES_AT} | parameters
        query = query_of(**given)
        return self.client.get(f"/typeahead?{query}", headers=self._signed(query))

    def attach(self, text: str, **parameters: str) -> TestResponse:
        """Attach what a text means, with the signature of `data`."""
        given = {"query": text, "workspace": "12345", "expires_at": EXPIRES_AT} | parameters
        return self.post(json.dumps(given))

    def post(
        self, data: str, signed: str | bytes | None = None, body: str | None = None
    ) -> TestResponse:
        """Send a text as `data`, with its signature or that of something else."""
        proof = self._signed(data if signed is None else signed)
        sent = json.dumps({"data": data}) if body is None else body
        return self.client.post("/attach", data=sent, headers=proof)

    @staticmethod
    def _signed(message: str | bytes) -> dict[str, str]:
        return {"Origin": ORIGIN, "x-asana-request-signature": signature(message)}
