"""Requests to other systems, their credentials, and the responses."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from app.errors import AddressRefused, UpstreamUnreadable
from app.origins import Address, read_url
from app.upstream.verdict import AnswerRules, Verdict, judge

NO_RULES: Final = AnswerRules()


@dataclass(frozen=True, slots=True)
class Credential:
    """Headers that prove who we are, and the one origin that may see them.

    `identity` names the credential without giving it away; it goes into cache keys and logs.
    """

    identity: str
    origin: str
    headers: Mapping[str, str] = field(repr=False)


ANONYMOUS = Credential(identity="anonymous", origin="", headers={})


@dataclass(frozen=True, slots=True)
class UrlLookup:
    """A value in a URL: `name` in the document at `url` replaces `placeholder`."""

    placeholder: str
    url: str
    name: str


@dataclass(frozen=True)
class UpstreamRequest:
    """One outgoing request. `hosts` are all that it may reach, redirects included.

    A body is JSON, unless a header says what else. Whose `credential` it carries, and by whose
    `rules` its answer is judged, is for the story to say. `fallback` is what to ask, with the same
    credential, where the answer says that there is no such resource. `lookup` is what `url` needs
    before it can be asked. A body that `is_confidential` goes only where a credential may.
    """

    url: str
    hosts: frozenset[str]
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    credential: Credential = ANONYMOUS
    rules: AnswerRules = NO_RULES
    fallback: "UpstreamRequest | None" = None
    lookup: UrlLookup | None = None
    is_confidential: bool = False

    @cached_property
    def address(self) -> Address:
        """The address, read once; raises AddressRefused where it is not valid."""
        return read_address(self.url)


@dataclass(frozen=True)
class UpstreamResponse:
    """One answer: the status, the headers in lower case, and the whole decoded body.

    `url` is the address that gave it, `rules` those of the request.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: str = ""
    rules: AnswerRules = NO_RULES

    @cached_property
    def document(self) -> Any:
        """The JSON of the body, read once; raises UpstreamUnreadable."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise UpstreamUnreadable("$: is not JSON") from None

    @cached_property
    def verdict(self) -> Verdict:
        """What the answer means; raises UpstreamUnreadable as `judge` does."""
        return judge(self, time.time())


def read_address(url: str) -> Address:
    """Read an address that is to be asked; raises AddressRefused where it is not valid."""
    try:
        return read_url(url)
    except ValueError:
        raise AddressRefused("the address cannot be read") from None
