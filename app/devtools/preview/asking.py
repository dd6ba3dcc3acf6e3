"""The service asks itself, as the host would: a signed request, through the whole application."""

import json
import time
from collections.abc import Mapping
from contextvars import copy_context
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.test import Client, TestResponse

from app.devtools.signed_calls import (
    ATTACH,
    CONTEXT,
    WIDGET,
    Proving,
    SignedCall,
    signed_call,
    signed_post,
    unsigned_call,
    unsigned_post,
)
from app.errors import ConfigurationError
from app.settings import Settings
from app.telemetry.logs import log_fields
from app.telemetry.trace import Step, left_out, recording
from app.upstream.samples import NO_SAMPLE

# A page that is left open can be tried again from its `curl` line for this long.
PROOF_SECONDS = 300


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """What is asked for: the address of a resource, and what else the host sends, by its names."""

    url: str
    context: Mapping[str, str]

    @classmethod
    def of(
        cls,
        url: str,
        given: Mapping[str, str],
        settings: Settings,
        usual: Mapping[str, str] = MappingProxyType({}),
    ) -> Self:
        """Take the host's parameters of `given`, else the usual ones.

        Where no workspace is given, and only some are served, it is one of these.
        """
        served = dict(zip(("workspace",), settings.allowed_workspaces, strict=False))
        filled_in = {name: given[name].strip() for name in CONTEXT if given.get(name, "").strip()}
        return cls(url.strip(), {**usual, **served, **filled_in})


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    """What the service answered: `code` and `detail` are the log's words for what went wrong.

    `steps` are those that the request took, and `milliseconds` what all of it took.
    """

    call: SignedCall = field(repr=False)
    status: int
    body: bytes
    headers: Mapping[str, str]
    steps: tuple[Step, ...]
    milliseconds: float
    facts: Mapping[str, Any]

    @property
    def is_card(self) -> bool:
        """Whether the answer is a card, and not the envelope of an error."""
        return self.status == 200

    @property
    def lacks_sample(self) -> bool:
        """Whether a connector serves the address, and only the offline mode has no answer."""
        return NO_SAMPLE.encode() in self.body

    @property
    def payload(self) -> Any:
        """The answer's JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The machine-readable word for the outcome."""
        return str(self.facts.get("outcome", "ok"))

    @property
    def changes(self) -> list[str]:
        """What was cut or dropped to fit the host's limits, as lines `path: what`."""
        return [change for step in self.steps for change in step.facts.get("changes", ())]

    @property
    def left_out(self) -> list[str]:
        """What of the system's answer the card does without, as lines `part: why`."""
        return left_out(self.steps)


def ask(
    app: Flask,
    settings: Settings,
    asked: PreviewRequest,
    base: str,
    *,
    component: str = WIDGET,
    refresh: bool = False,
) -> ServiceAnswer:
    """Ask for a widget or another component, proving the request by whatever the service accepts.

    `base` is the address that the service is reached at; `refresh` wants nothing from the cache.
    Raises ConfigurationError where there is no secret to sign with.
    """
    call = _call(settings, asked, base, component)
    headers = dict(call.headers)
    if settings.allowed_origins:
        headers["Origin"] = settings.allowed_origins[0]
    if refresh:
        headers["Cache-Control"] = "no-cache"
    # A context of its own: what the inner request leaves for its log line is not for ours.
    return copy_context().run(_send, app, call, headers)


def _send(app: Flask, call: SignedCall, headers: Mapping[str, str]) -> ServiceAnswer:
    target = urlsplit(call.url)
    with recording() as trace:
        began = time.perf_counter()
        response: TestResponse = Client(app).open(
            target.path,
            method=call.method,
            data=call.body or None,
            content_type="application/json" if call.body else None,
            base_url=f"{target.scheme}://{target.netloc}",
            query_string=target.query,
            headers=headers,
            environ_overrides={"REMOTE_ADDR": "127.0.0.1"},
        )
        taken = (time.perf_counter() - began) * 1000
    return ServiceAnswer(
        call=call,
        status=response.status_code,
        body=response.get_data(),
        headers=dict(response.headers),
        steps=tuple(trace.steps),
        milliseconds=taken,
        facts=dict(log_fields()),
    )


def _call(settings: Settings, asked: PreviewRequest, base: str, component: str) -> SignedCall:
    name = "resource_url" if component == WIDGET else "query"
    parameters = {name: asked.url, **asked.context}
    proving = Proving(_kind(settings), PROOF_SECONDS)
    if component == ATTACH:
        if proving.by == "off":
            return unsigned_post(base, parameters, PROOF_SECONDS, component)[0]
        return signed_post(settings, base, parameters, proving, component)
    if proving.by == "off":
        return unsigned_call(base, parameters, PROOF_SECONDS, component)
    return signed_call(settings, base, parameters, proving, component)


def _kind(settings: Settings) -> str:
    """Choose the proof: a token where there is a secret for one, else a signature."""
    if settings.verify == "off":
        return "off"
    if settings.takes_signatures and settings.signature_secrets:
        return "jwt" if settings.takes_tokens and settings.jwt_secrets else "signature"
    if settings.jwt_secrets:
        return "jwt"
    raise ConfigurationError(
        "PLACARD_JWT_SECRETS: is missing, and this page cannot sign with a public key: set a "
        "secret beside the key in .env, or try PLACARD_VERIFY=off"
    )
