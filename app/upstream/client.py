"""The one HTTP client: a total deadline, a size limit, checked redirects, credentials."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Final
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import BaseAdapter

from app.errors import (
    AddressRefused,
    UpstreamError,
    UpstreamFailed,
    UpstreamTimeout,
    UpstreamTooLarge,
    UpstreamUnreachable,
    UpstreamUnreadable,
)
from app.origins import DEFAULT_PORTS, Address, is_named
from app.telemetry import trace
from app.telemetry.logs import add_log_fields
from app.upstream.address_guard import AddressGuard
from app.upstream.causes import cause_of
from app.upstream.excerpt import excerpt
from app.upstream.messages import (
    ANONYMOUS,
    Credential,
    UpstreamRequest,
    UpstreamResponse,
    read_address,
)
from app.upstream.policy import UpstreamPolicy
from app.upstream.retry import Retry
from app.upstream.stand_ins import StandIns
from app.upstream.transport import remaining, within
from app.upstream.verdict import REDIRECTS, AnswerRules

# In bytes, of a body: what is kept, and what is read of one of which only a part is shown.
MAX_BODY: Final = 1 << 20
MAX_READ: Final = 32 << 20
MAX_REDIRECTS: Final = 3
# What asks about the state of one resource, and says nothing of another that a redirect leads to.
CONDITIONS: Final = frozenset({"if-none-match", "if-modified-since"})
_CHUNK: Final = 1 << 16
_HEADERS: Final = {
    "User-Agent": "placard",
    "Accept": "application/json",
    # Not what `requests` would offer: only what is bounded while it is decompressed.
    "Accept-Encoding": "gzip, deflate",
}


@dataclass(frozen=True, slots=True)
class Loopback:
    """This service's own address: its host, and what answers a request for it."""

    host: str
    answer: Callable[[UpstreamRequest], UpstreamResponse]

    def has(self, request: UpstreamRequest) -> bool:
        """Tell whether a request is for this address; raises AddressRefused for none at all."""
        return request.address.host == self.host


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as it went out, without its credential, and its answer: for recordings.

    `proven_by` names the headers that carried the credential.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    proven_by: tuple[str, ...]
    body: bytes | None
    response: UpstreamResponse


class Fetcher:
    """Fetches resources for the whole process, over one pool of connections.

    `deadline` is in seconds and covers everything: name resolution, redirects, the body.
    `adapter` is the transport: guarded, or the offline samples. There is no session around it: that
    would keep cookies, and read the environment's proxies and .netrc. `policy` says when a host is
    not to be asked; `stand_ins`, which addresses answer for others. `on_exchange` is told of each
    answer. What is asked of this service itself, `loopback` answers.
    """

    def __init__(
        self,
        *,
        deadline: float,
        guard: AddressGuard,
        adapter: BaseAdapter,
        policy: UpstreamPolicy | None = None,
        stand_ins: StandIns | None = None,
        on_exchange: Callable[[Exchange], None] | None = None,
        loopback: Loopback | None = None,
    ) -> None:
        self.deadline = deadline
        self._loopback = loopback
        self._guard = guard
        self._policy = policy or UpstreamPolicy()
        self._stand_ins = stand_ins or StandIns({})
        self._on_exchange = on_exchange
        self._adapter = adapter

    def fetch(self, request: UpstreamRequest) -> UpstreamResponse:
        """Return the answer, of whatever status, after at most `MAX_REDIRECTS` redirects.

        Raises UpstreamTimeout, UpstreamUnreachable, UpstreamUnreadable, UpstreamTooLarge,
        UpstreamFailed (too many redirects) or AddressRefused; and without a call
        UpstreamRateLimited, UpstreamResting or UpstreamBusy.
        """
        if self._loopback is not None and self._loopback.has(request):
            return _ask_itself(request, self._loopback)
        retry = Retry(request.method, partial(self._policy.report, "retried"))
        with within(self.deadline):
            address = request.address
            for _ in range(MAX_REDIRECTS + 1):
                actual = self._checked(address, request)
                identity = _proof(request, address).identity
                response = retry.call(
                    partial(self._exchange, request, address, actual),
                    partial(self._policy.may_ask, address.origin, identity),
                )
                location = response.headers.get("location")
                if response.verdict.outcome == "signed_out":
                    return response
                # What is asked by POST is not asked again elsewhere.
                if response.status not in REDIRECTS or not location or request.method != "GET":
                    return response
                address = self._stand_ins.target(address, location)
        raise UpstreamFailed(f"more than {MAX_REDIRECTS} redirects")

    def actual_url(self, url: str) -> str:
        """Return an address, or that of what stands in for it; raises AddressRefused."""
        return self._stand_ins.actual(read_address(url)).url

    def is_loopback_request(self, request: UpstreamRequest) -> bool:
        """Tell whether this service itself answers the request."""
        return self._loopback is not None and self._loopback.has(request)

    def _checked(self, address: Address, request: UpstreamRequest) -> Address:
        """Return the address to dial, which may be that of a stand-in.

        Raises AddressRefused for hosts that the connector does not name, and for a redirect from
        https to http.
        """
        parts = address.parts
        downgrade = request.address.parts.scheme == "https" != parts.scheme
        if parts.scheme not in DEFAULT_PORTS or downgrade or parts.username is not None:
            raise AddressRefused(f"{parts.scheme}://{parts.hostname} is not to be asked")
        if not is_named(address.host, request.hosts):
            raise AddressRefused(f"{address.host} is not a host that the connector names")
        dialled = self._stand_ins.actual(address)
        port = dialled.parts.port or DEFAULT_PORTS.get(dialled.parts.scheme, 0)
        self._guard.check_spelling(dialled.parts.hostname or "", port)
        return dialled

    def _exchange(
        self, request: UpstreamRequest, address: Address, actual: Address
    ) -> UpstreamResponse:
        url, parts = address.url, address.parts
        headers = {**_HEADERS, **_headers_for(request, url)}
        proof = _proof(request, address)
        is_private = self._stand_ins.may_carry_credential(actual)
        if request.is_confidential and not is_private:
            raise AddressRefused(f"{actual.host} is not to be sent a secret without TLS")
        carried = proof.headers if is_private else {}
        sent = {**headers, **carried}
        if request.body is not None:
            sent.setdefault("Content-Type", "application/json")
        outgoing = requests.Request(request.method, actual.url, sent, data=request.body)
        # Where a redirect leads is the system's own word: it may repeat what it was sent.
        path = parts.path if url == request.url else "(redirected)"
        with trace.step("fetch", method=request.method, host=parts.hostname, path=path) as f:
            send = partial(self._send, outgoing, url, request.rules, f)
            try:
                response = self._policy.call(address.origin, proof.identity, send)
            except UpstreamError:
                add_log_fields(host=urlsplit(request.url).hostname)
                raise
        if self._on_exchange is not None:
            self._on_exchange(
                Exchange(request.method, url, headers, tuple(carried), request.body, response)
            )
        return response

    def _send(
        self, outgoing: requests.Request, url: str, rules: AnswerRules, facts: trace.Facts
    ) -> UpstreamResponse:
        try:
            with self._adapter.send(
                outgoing.prepare(), stream=True, timeout=remaining(), verify=True
            ) as answer:
                facts["status"] = answer.status_code
                body = _read(answer, rules)
                facts["bytes"] = len(body)
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return UpstreamResponse(answer.status_code, headers, body, url, rules)
        except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError) as error:
            raise UpstreamTimeout(cause_of(error)) from None
        except (requests.exceptions.ContentDecodingError, urllib3.exceptions.DecodeError) as error:
            raise UpstreamUnreadable(f"$: {cause_of(error)}") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _timeout_or_unreachable(error) from None


def _headers_for(request: UpstreamRequest, url: str) -> Mapping[str, str]:
    """Return the request's own headers, without its conditions where a redirect led elsewhere."""
    if url == request.url:
        return request.headers
    headers = request.headers.items()
    return {name: value for name, value in headers if name.lower() not in CONDITIONS}


def _proof(request: UpstreamRequest, address: Address) -> Credential:
    """Return the credential for an address: the request's own only for its origin."""
    at_home = address.origin == request.credential.origin
    return request.credential if at_home else ANONYMOUS


def _ask_itself(request: UpstreamRequest, loopback: Loopback) -> UpstreamResponse:
    path = request.address.parts.path
    host = request.address.host
    with trace.step("fetch", method=request.method, host=host, path=path) as facts:
        response = replace(loopback.answer(request), rules=request.rules)
        facts.update(status=response.status, bytes=len(response.body))
    return response


def _read(answer: requests.Response, rules: AnswerRules) -> bytes:
    """Read the decoded body; of one over `MAX_BODY` bytes only what is shown, if that is known."""
    shape = rules.shown if answer.status_code == 200 else None
    chunks = _bounded(answer, MAX_BODY if shape is None else MAX_READ)
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if shape is not None and len(body) > MAX_BODY:
            # In parts: the parser holds all that it finds in one, which may be a list at each byte.
            read = (bytes(body[at : at + _CHUNK]) for at in range(0, len(body), _CHUNK))
            return excerpt(chain(read, chunks), shape, MAX_BODY)
    return bytes(body)


def _bounded(answer: requests.Response, longest: int) -> Iterator[bytes]:
    """Yield the decoded body, at most `longest` bytes of it."""
    # A 304 ends with its headers (RFC 9112, 6.3), also where they promise chunks to wait for.
    if answer.status_code == 304 and answer.raw.chunked:
        return
    size = 0
    for chunk in answer.raw.stream(_CHUNK, decode_content=True):
        size += len(chunk)
        if size > longest:
            raise UpstreamTooLarge(f"the answer is over {longest} bytes")
        yield chunk


def _timeout_or_unreachable(error: Exception) -> UpstreamTimeout | UpstreamUnreachable:
    """Tell a connection that broke because time was up from one that broke by itself."""
    try:
        remaining()
    except TimeoutError:
        return UpstreamTimeout(cause_of(error))
    return UpstreamUnreachable(cause_of(error))
