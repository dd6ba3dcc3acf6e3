"""Sign-in in the local mode: mounts the local provider where no client of the host is set."""

from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.test import Client

from app.devtools.local_provider import (
    EXTENSION,
    HOST,
    MADE_UP,
    OWN_HOST,
    LocalProvider,
    ProviderPages,
)
from app.errors import Forbidden, StoreUnavailable
from app.settings import Settings
from app.upstream.client import Loopback
from app.upstream.messages import UpstreamRequest, UpstreamResponse
from app.upstream.oauth import Tokens
from app.web.local_access import is_from_this_machine

if TYPE_CHECKING:
    # The database is loaded only where people can sign in.
    from app.access.wiring import PeopleParts


@dataclass(frozen=True, slots=True)
class LocalLoopback(Loopback):
    """What this service answers itself in the local mode: the provider's part, and `inner`'s."""

    inner: Loopback | None = None

    def has(self, request: UpstreamRequest) -> bool:
        """Tell whether a request is for the provider, or for this service's own address."""
        return _is_of_provider(request) or (self.inner is not None and self.inner.has(request))


def init_local_provider(
    app: Flask, settings: Settings, inner: Loopback | None
) -> tuple[Settings, Loopback | None]:
    """Let made-up people sign in, where no client of the host is set.

    Returns the settings, with clients of the provider, and what answers requests for it.
    """
    base = settings.public_url
    if base is None or settings.host_client_id is not None:
        return settings, inner
    provider = app.extensions[EXTENSION] = LocalProvider()
    pages = ProviderPages(provider).blueprint()
    pages.before_request(_keep_to_this_machine)
    app.register_blueprint(pages)

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        if not _is_of_provider(request):
            assert inner is not None
            return inner.answer(request)
        # A context of its own: what this leaves for its log line is not for the outer request's.
        return copy_context().run(_answer, app, base, request)

    return _with_clients(settings, base), LocalLoopback(OWN_HOST, answer, inner)


def _with_clients(settings: Settings, base: str) -> Settings:
    """Return the settings with clients at the provider; offline it stands in for GitHub too."""
    values = dict(settings.connector_settings)
    if settings.offline:
        for name in ("GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET"):
            values[name] = values[name] or MADE_UP
    return replace(
        settings,
        host_client_id=MADE_UP,
        host_client_secret=MADE_UP,
        host_authorize_url=f"{base}{HOST[0]}",
        host_token_url=f"https://{OWN_HOST}{HOST[1]}",
        connector_settings=values,
        upstreams={**settings.upstreams, "https://github.com:443": base},
    )


def connect_first_person(app: Flask, people: "PeopleParts") -> None:
    """Connect one of the two made-up people, so that there is one of each kind to look as."""
    provider: LocalProvider | None = app.extensions.get(EXTENSION)
    github = people.providers.named("github")
    if provider is None or github is None or github.client.client_id != MADE_UP:
        return
    person, now = provider.people[0], datetime.now(UTC)
    made = provider.issue(person)
    tokens = Tokens(made["access_token"], made["refresh_token"], None)
    with suppress(StoreUnavailable):
        people.connections.add(person.id, github, tokens, person.login, now)


def _is_of_provider(request: UpstreamRequest) -> bool:
    host, path = request.address.host, request.address.parts.path
    of_api = path == "/user" or path.startswith("/applications/")
    return host in (OWN_HOST, "github.com") or (host == "api.github.com" and of_api)


def _answer(app: Flask, base: str, request: UpstreamRequest) -> UpstreamResponse:
    response = Client(app).open(
        request.address.parts.path,
        method=request.method,
        base_url=base,
        headers={
            "Content-Type": "application/json",
            **request.headers,
            **request.credential.headers,
        },
        data=request.body,
        environ_overrides={"REMOTE_ADDR": "127.0.0.1"},
    )
    headers = {name.lower(): value for name, value in response.headers.items()}
    return UpstreamResponse(response.status_code, headers, response.get_data(), request.url)


def _keep_to_this_machine() -> None:
    if not is_from_this_machine():
        raise Forbidden("the local provider is for this machine only")
