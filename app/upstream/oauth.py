"""What goes out and comes back where a person signs in to another system."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class InvalidGrant(Exception):
    """The provider does not, or no longer, take the code or the refresh token."""


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """A provider, and the client that we are there; the addresses are https, or of the loopback."""

    authorize_url: str
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    revoke_url: str = ""
    revocation: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a provider gave: the tokens, when the access token ends, and the whole answer."""

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    expires_at: float | None
    scopes: str = ""
    answer: Mapping[str, Any] = field(default_factory=dict, repr=False)
