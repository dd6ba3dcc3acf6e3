"""The host, as tests play it: it signs requests as the host's client does, and sends them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from flask import got_request_exception
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.connectors import connector_settings
from app.devtools.signed_calls import query_string
from app.settings import load_settings
from app.testing.proofs import PROOFS
from app.verification import SignedRequest
from app.web import EXTENSION
from templates_schemas.text import host_time

ORIGIN: Final = "https://app.asana.com"
JWT_SECRET: Final = "the host's secret of at least 32 bytes"  # noqa: S105 - made up
SIGNATURE_SECRET: Final = "0123456789abcdef0123456789abcdef"  # noqa: S105 - made up
# The settings of a service in production that verifies both kinds of proof.
SECRETS: Final[Mapping[str, str]] = {
    "PLACARD_VERIFY": "either",
    "PLACARD_JWT_SECRETS": JWT_SECRET,
    "PLACARD_SIGNATURE_SECRETS": SIGNATURE_SECRET,
}
# What the host sends with every request of a task.
CONTEXT: Final[Mapping[str, str]] = {"workspace": "12345", "user": "34567", "task": "23456"}
PATIENCE: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class Host:
    """Sends requests to an application as the host's client in a browser does."""

    client: FlaskClient

    def ask(self, resource_url: str, proof: str = "jwt", **parameters: str | None) -> TestResponse:
        """Ask for the widget of an address: `GET /widget`; see `send`."""
        return self.send("GET", "/widget", {"resource_url": resource_url, **parameters}, proof)

    def attach(self, query: str, proof: str = "jwt", **parameters: str | None) -> TestResponse:
        """Attach what was typed or picked: `POST /attach`; see `send`."""
        return self.send("POST", "/attach", {"query": query, **parameters}, proof)

    def suggest(self, query: str, proof: str = "jwt", **parameters: str | None) -> TestResponse:
        """Ask what can be picked for a text: `GET /typeahead`; see `send`."""
        return self.send("GET", "/typeahead", {"query": query, **parameters}, proof)

    def send(
        self, method: str, path: str, parameters: Mapping[str, str | None], proof: str = "jwt"
    ) -> TestResponse:
        """Send a request of any component.

        A GET has its parameters in the query, a POST as the JSON text of `data`. The `CONTEXT` and
        `expires_at` are sent too, with other values where `parameters` has them; what is None there
        is left out. `proof` is the name of one of `PROOFS`: made with the application's own
        secrets, and bound to this request.
        """
        expiry = host_time(datetime.now(UTC) + PATIENCE)
        given = {**CONTEXT, "expires_at": expiry, **parameters}
        members = {name: value for name, value in given.items() if value is not None}
        if method == "POST":
            text = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
            request = SignedRequest(method, path, b"", data=text)
        else:
            request = SignedRequest(method, path, query_string(members).encode())
        settings = self.client.application.extensions[EXTENSION].settings
        return self.send_with(request, PROOFS[proof](settings, request))

    def send_with(self, request: SignedRequest, proof: Mapping[str, str]) -> TestResponse:
        """Send a request as it is, with the headers of a proof.

        What the service did not expect, such as an error of a connector, is the answer's `failure`.
        """
        failures = list[BaseException]()

        def note(_: object, exception: BaseException) -> None:
            failures.append(exception)

        with got_request_exception.connected_to(note):
            answer = self.client.open(
                f"{request.path}?{request.query.decode()}",
                method=request.method,
                headers={"Origin": ORIGIN, **proof},
                json=None if request.data is None else {"data": request.data},
            )
        answer.failure = failures[-1] if failures else None  # type: ignore[attr-defined]
        return answer


def host_with(settings: Mapping[str, str]) -> Host:
    """Make an application with settings, as the environment has them, and its host.

    Nothing is read of the machine's own environment; `SECRETS` are there where nothing else is
    given. Raises ConfigurationError as the service's start does.
    """
    loaded = load_settings({**SECRETS, **settings}, connector_settings())
    return Host(create_app(loaded).test_client())
