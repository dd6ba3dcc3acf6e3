"""Whose credential goes with which request: of the environment, or of the credentials file.

The file is TOML, readable by its owner only:

    [[credential]]
    name = "team-a"              # what the cache's keys and the log call it
    host = "gitlab.example.com"  # the host that is asked; `*.example.com` for any of its children
    workspace = "12345"          # optional: only for requests proven to come from this workspace
    connector = "status-page"    # optional: only for this one; a definition gets no other
    bearer = "…"                 # or: basic = ["user", "password"], or: headers = {NAME = "…"}
"""

import base64
import hashlib
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.errors import ConfigurationError
from app.origins import host_of, is_named, origin_of
from app.upstream.messages import ANONYMOUS, Credential
from templates_schemas.rules import faults_in

SETTING: Final = "PLACARD_CREDENTIALS_FILE"
FORMS: Final = ("bearer", "basic", "headers")
_VISIBLE: Final = validate.Regexp(r"[ -~]+\Z", error="must be visible ASCII")
_NAME: Final = validate.Regexp(r"[A-Za-z0-9-]+\Z", error="must be a header's name")
# They say how and to whom a request goes; with another host's name it would go elsewhere.
_TRANSPORT: Final = re.compile(
    r"host|content-.*|transfer-encoding|connection|te|trailer|upgrade|expect|accept-encoding"
    r"|forwarded|x-forwarded-.*|proxy-.*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class HostCredential:
    """Headers for a host (or `*.parent`): for one workspace only, or some connectors only."""

    host: str
    identity: str
    headers: Mapping[str, str] = field(repr=False)
    workspace: str | None = None
    connectors: frozenset[str] | None = None

    def fits(self, connector: str | None, host: str) -> bool:
        """Tell whether a connector's request to a host may carry it."""
        allowed = connector is None or self.connectors is None or connector in self.connectors
        return allowed and is_named(host, (self.host,))


class Credentials:
    """Finds the credential of a request: the first that fits, a workspace's own before others."""

    def __init__(self, known: Iterable[HostCredential] = ()) -> None:
        self._known = tuple(known)

    def find(
        self, url: str, workspace: str | None = None, connector: str | None = None
    ) -> Credential:
        """Return the credential for an address, or the anonymous one.

        `workspace` is the one that the request was proven to come from, or None; `connector` is
        the name of the one that asks.
        """
        parts = urlsplit(url)
        host = host_of(parts)
        # In clear, a credential would be anybody's on the way.
        if parts.scheme != "https":
            return ANONYMOUS
        fitting = [known for known in self._known if known.fits(connector, host)]
        for wanted in (workspace, None) if workspace is not None else (None,):
            for known in fitting:
                if known.workspace == wanted:
                    return Credential(known.identity, origin_of(url), known.headers)
        return ANONYMOUS


def bearer(host: str, name: str, token: str) -> HostCredential:
    """Make the credential `Authorization: Bearer …`; its identity does not give the token away."""
    return _named(host, name, {"Authorization": f"Bearer {token}"})


def basic(host: str, name: str, user: str, password: str) -> HostCredential:
    """Make the credential `Authorization: Basic …`."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return _named(host, name, {"Authorization": f"Basic {pair}"})


def header_pairs(host: str, name: str, headers: Mapping[str, str]) -> HostCredential:
    """Make a credential of headers of the system's own."""
    return _named(host, name, headers)


def _named(
    host: str, name: str, headers: Mapping[str, str], workspace: str | None = None
) -> HostCredential:
    """Name a credential so that two values under one name are told apart, and neither is told."""
    mark = _mark(repr(sorted(headers.items())))
    return HostCredential(host.lower(), f"{name}#{mark}", dict(headers), workspace)


def is_transport_header(name: str) -> bool:
    """Tell whether a header is the HTTP client's own, and for no file to set."""
    return _TRANSPORT.fullmatch(name) is not None


@cache
def _mark(value: str) -> str:
    """Derive a short mark, slowly: who reads it in a log shall not try passwords against it."""
    return hashlib.scrypt(value.encode(), salt=b"placard", n=4096, r=8, p=1, dklen=4).hex()


class _EntrySchema(Schema):
    """One `[[credential]]`."""

    name = fields.String(required=True, validate=validate.Regexp(r"[\w.-]{1,40}\Z"))
    host = fields.String(
        required=True,
        validate=validate.Regexp(
            r"(?:\*\.)?[A-Za-z0-9.-]+(?::\d{1,5})?\Z",
            error="must be `host`, `host:port` or `*.host`",
        ),
    )
    workspace = fields.String(validate=validate.Length(min=1))
    connector = fields.String(validate=validate.Length(min=1))
    bearer = fields.String(validate=_VISIBLE)
    basic = fields.Tuple((fields.String(), fields.String()))
    headers = fields.Dict(
        keys=fields.String(validate=_NAME), values=fields.String(validate=_VISIBLE)
    )

    @validates_schema
    def check_form(self, data: Mapping[str, Any], **_: Any) -> None:
        """Want exactly one form."""
        if sum(form in data for form in FORMS) != 1:
            raise ValidationError(f"needs exactly one of {', '.join(FORMS)}")
        if "headers" in data and not data["headers"]:
            raise ValidationError({"headers": ["must hold a header"]})
        for name in data.get("headers", ()):
            if is_transport_header(name):
                raise ValidationError({"headers": {name: ["is the client's own"]}})


class _FileSchema(Schema):
    """The whole file."""

    credential = fields.List(fields.Nested(_EntrySchema), required=True)


def read_credentials_file(path: Path) -> tuple[HostCredential, ...]:
    """Read the credentials file.

    Raises ConfigurationError, which names the place and what would be right, and no secret.
    """
    try:
        if not path.is_dir() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigurationError(f"{SETTING}: others can read it; chmod 600 {path}")
        given = tomllib.loads(path.read_text("utf-8"))
        loaded = _FileSchema().load(given)
    except OSError as error:
        raise ConfigurationError(f"{SETTING}: {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        # Its text holds the place, and of the content no more than a character.
        raise ConfigurationError(f"{SETTING}: {path} is not TOML: {error}") from None
    except ValidationError as error:
        told = "; ".join(map(str, faults_in(error)))
        raise ConfigurationError(f"{SETTING}: {path}: {told}") from None
    return tuple(_read(entry) for entry in loaded["credential"])


def _read(entry: Mapping[str, Any]) -> HostCredential:
    if "bearer" in entry:
        headers = {"Authorization": f"Bearer {entry['bearer']}"}
    elif "basic" in entry:
        headers = dict(basic("", "", *entry["basic"]).headers)
    else:
        headers = entry["headers"]
    connectors = frozenset({entry["connector"]}) if "connector" in entry else None
    known = _named(entry["host"], entry["name"], headers, entry.get("workspace"))
    return replace(known, connectors=connectors)
