"""Which credential goes with which request: from the environment, or the credentials file.

The file is TOML, and readable by its owner only, or root's and readable by the service's group:

    [[credential]]
    name = "team-a"              # names it in the cache's keys and the log
    host = "gitlab.example.com"  # the host called; `*.example.com` for each direct subdomain
    workspace = "12345"          # optional: only for requests proven to come from this workspace
    connector = "status-page"    # optional: only for this one; a definition gets only such
    bearer = "…"                 # or: basic = ["user", "password"], or: headers = {NAME = "…"}

    [[client]]                   # where people sign in to a host of one's own
    system = "gitlab"
    host = "gitlab.example.com"
    id = "…"
    secret = "…"
"""

import base64
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from marshmallow import ValidationError, fields, validate, validates_schema

from app.errors import ConfigurationError
from app.origins import host_of, is_named, origin_of
from app.settings.toml_files import (
    BrokenToml,
    Pairs,
    Table,
    Tables,
    form,
    length,
    line_of,
    load_toml,
)
from app.upstream.messages import ANONYMOUS, Credential
from templates_schemas.rules import Rule

SETTING: Final = "PLACARD_CREDENTIALS_FILE"
FORMS: Final = ("bearer", "basic", "headers")
_VISIBLE: Final = form(r"[ -~]+\Z", "must be visible ASCII")
_HEADER: Final = form(r"[A-Za-z0-9-]+\Z", "must be a header's name")
_PAIR: Final = Rule("type", 'must be ["user", "password"]')
# The HTTP client sets these: they frame the request and route it to its host.
_TRANSPORT: Final = re.compile(
    r"host|content-.*|transfer-encoding|connection|te|trailer|upgrade|expect|accept-encoding"
    r"|forwarded|x-forwarded-.*|proxy-.*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class HostCredential:
    """Headers for a host (or `*.parent`), limited to a workspace or connectors if these are set.

    `location` is the file and the line that name the connector, of one of a file.
    """

    host: str
    identity: str
    headers: Mapping[str, str] = field(repr=False)
    workspace: str | None = None
    connectors: frozenset[str] | None = None
    location: str = field(default="", compare=False)

    def applies_to(self, connector: str | None, host: str) -> bool:
        """Tell whether a connector's request to a host may carry this credential."""
        allowed = connector is None or self.connectors is None or connector in self.connectors
        return allowed and is_named(host, (self.host,))


@dataclass(frozen=True, slots=True)
class OAuthClientEntry:
    """Our OAuth client at a host of a system, such as `gitlab`; `location` is the file's line."""

    system: str
    host: str
    id: str
    secret: str = field(repr=False)
    location: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class CredentialsFile:
    credentials: tuple[HostCredential, ...] = ()
    clients: tuple[OAuthClientEntry, ...] = ()


class Credentials:
    """Finds the credential of a request: the first that applies, a workspace's before others."""

    def __init__(self, credentials: Iterable[HostCredential] = ()) -> None:
        self._credentials = tuple(credentials)

    @property
    def are_empty(self) -> bool:
        """Whether there is no credential at all."""
        return not self._credentials

    def hosts(self, workspace: str | None, connector: str) -> tuple[str, ...]:
        """List the hosts that a connector's requests for a workspace have a credential for."""
        return tuple(
            one.host
            for one in self._credentials
            if "*" not in one.host
            and one.workspace in (None, workspace)
            and (one.connectors is None or connector in one.connectors)
        )

    def find(
        self, url: str, workspace: str | None = None, connector: str | None = None
    ) -> Credential:
        """Return the credential for an address, or the anonymous one.

        `workspace` is the one that the request was proven to come from, or None; `connector` is
        the name of the connector that sends the request.
        """
        split = urlsplit(url)
        host = host_of(split)
        # Without TLS, anybody on the way could read a credential.
        if split.scheme != "https":
            return ANONYMOUS
        applicable = [one for one in self._credentials if one.applies_to(connector, host)]
        for owner in (workspace, None) if workspace is not None else (None,):
            for credential in applicable:
                if credential.workspace == owner:
                    return Credential(credential.identity, origin_of(split), credential.headers)
        return ANONYMOUS


def bearer(host: str, name: str, token: str) -> HostCredential:
    """Make the credential `Authorization: Bearer …`; its identity does not reveal the token."""
    return _named(host, name, {"Authorization": f"Bearer {token}"})


def basic(host: str, name: str, user: str, password: str) -> HostCredential:
    """Make the credential `Authorization: Basic …`."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return _named(host, name, {"Authorization": f"Basic {pair}"})


def header_pairs(host: str, name: str, headers: Mapping[str, str]) -> HostCredential:
    """Make a credential of a system's own headers."""
    return _named(host, name, headers)


def _named(
    host: str, name: str, headers: Mapping[str, str], workspace: str | None = None
) -> HostCredential:
    """Make a credential; its identity tells two values of one name apart and reveals neither."""
    mark = _mark(repr(sorted(headers.items())))
    return HostCredential(host.lower(), f"{name}#{mark}", dict(headers), workspace)


def is_transport_header(name: str) -> bool:
    """Tell whether only the HTTP client may set a header."""
    return _TRANSPORT.fullmatch(name) is not None


@cache
def _mark(value: str) -> str:
    """Derive a short mark, slowly, so that a mark in a log is no help in guessing passwords."""
    return hashlib.scrypt(value.encode(), salt=b"placard", n=4096, r=8, p=1, dklen=4).hex()


class _FileCredentialSchema(Table):
    """One `[[credential]]`."""

    name = fields.String(
        required=True,
        validate=form(r"[\w.-]{1,40}\Z", "must be 1 to 40 letters, digits, `.`, `-` and `_`"),
    )
    host = fields.String(
        required=True,
        validate=form(
            r"(?:\*\.)?[A-Za-z0-9.-]+(?::\d{1,5})?\Z", "must be `host`, `host:port` or `*.host`"
        ),
    )
    workspace = fields.String(validate=length(1))
    connector = fields.String(validate=length(1))
    bearer = fields.String(validate=_VISIBLE)
    basic = fields.List(
        fields.String(),
        validate=validate.Length(equal=2, error=_PAIR),
        error_messages={"invalid": _PAIR},
    )
    headers = Pairs(
        keys=fields.String(validate=_HEADER),
        values=fields.String(validate=_VISIBLE),
        validate=length(1),
    )

    @validates_schema
    def check_form(self, data: Mapping[str, Any], **_: Any) -> None:
        if sum(form in data for form in FORMS) != 1:
            raise ValidationError(Rule("one_of", f"needs exactly one of {', '.join(FORMS)}"))
        for name in data.get("headers", ()):
            if is_transport_header(name):
                raise ValidationError({"headers": {name: [Rule("header", "is the client's own")]}})


class _ClientSchema(Table):
    """One `[[client]]`."""

    system = fields.String(
        required=True, validate=form(r"[a-z][a-z0-9_-]{0,39}\Z", "must be a system such as gitlab")
    )
    host = fields.String(
        required=True,
        validate=form(
            r"[a-z0-9.-]+(?::\d{1,5})?\Z", "must be `host` or `host:port`, in lower case"
        ),
    )
    id = fields.String(required=True, validate=_VISIBLE)
    secret = fields.String(required=True, validate=_VISIBLE)


class _CredentialsFileSchema(Table):
    credential = Tables(_FileCredentialSchema, "credential", load_default=list)
    client = Tables(_ClientSchema, "client", load_default=list)

    @validates_schema
    def check_content(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse an empty file."""
        if not data["credential"] and not data["client"]:
            raise ValidationError(Rule("required", "needs a `[[credential]]` or a `[[client]]`"))


def is_closed(file: os.stat_result) -> bool:
    """Tell whether only its owner may read a file; of root's, the group of this process may too."""
    is_of_service = file.st_uid == 0 and file.st_gid == os.getegid()
    return not stat.S_IMODE(file.st_mode) & (0o037 if is_of_service else 0o077)


def read_credentials_file(path: Path) -> CredentialsFile:
    """Read the credentials file.

    Raises ConfigurationError, which names the line or member and what would be right, no secret.
    """
    loaded, text = _loaded(path)

    def location(key: str) -> str:
        return f"{path}:{line_of(key, text)}"

    return CredentialsFile(
        credentials=tuple(
            _read(entry, location(f"$.credential[{number}].connector"))
            for number, entry in enumerate(loaded["credential"])
        ),
        clients=tuple(
            OAuthClientEntry(**entry, location=location(f"$.client[{number}].system"))
            for number, entry in enumerate(loaded["client"])
        ),
    )


def _loaded(path: Path) -> tuple[Any, str]:
    try:
        if not path.is_dir() and not is_closed(path.stat()):
            raise ConfigurationError(
                f"{SETTING}: others can read it; chmod 600 {path}, or let it be root's, for the "
                "group of this service, with mode 640"
            )
        return load_toml(path, _CredentialsFileSchema())
    except OSError as error:
        raise ConfigurationError(f"{SETTING}: {path}: {error.strerror}") from None
    except BrokenToml as broken:
        faults = (f"{SETTING}: {path}:{line}: {fault}" for line, fault in broken.faults)
        raise ConfigurationError("\n".join(faults)) from None


def _read(entry: Mapping[str, Any], location: str) -> HostCredential:
    if "bearer" in entry:
        headers = {"Authorization": f"Bearer {entry['bearer']}"}
    elif "basic" in entry:
        headers = dict(basic("", "", *entry["basic"]).headers)
    else:
        headers = entry["headers"]
    connectors = frozenset({entry["connector"]}) if "connector" in entry else None
    credential = _named(entry["host"], entry["name"], headers, entry.get("workspace"))
    return replace(credential, connectors=connectors, location=location)
