"""What came back: an answer, or why there is none."""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

import certifi

from app.devtools.doctor.calls import Patient, ProbeRequest
from app.errors import AddressRefused, PlacardError
from app.origins import host_of
from app.upstream.address_guard import AddressGuard
from app.upstream.causes import cause_of
from app.upstream.client import Fetcher
from app.upstream.messages import UpstreamRequest, UpstreamResponse
from app.upstream.policy import UpstreamPolicy
from app.upstream.transport import GuardedAdapter

MOST_CALLS: Final = 1000
# In seconds, beyond what the service itself has for its upstreams.
PATIENCE: Final = 5.0
HANDSHAKE: Final = 5.0


# No slots: a cached_property needs the instance's dictionary.
@dataclass(frozen=True)
class ReceivedAnswer:
    """One answer; where there is none, its status is 0 and `failure` says why."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    document: Any = None
    size: int = 0
    url: str = ""
    failure: str = ""
    came_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    certificate_ends: datetime | None = None

    def header(self, name: str) -> str:
        """Return a header's value; nothing where it is missing."""
        return self.headers.get(name.lower(), "")

    @cached_property
    def seconds_off(self) -> float | None:
        """How far the service's clock is from this one; None where it does not tell its time."""
        try:
            server_time = parsedate_to_datetime(self.header("date"))
            return (server_time - self.came_at).total_seconds()
        except (ValueError, TypeError):
            return None


class Line:
    """The line to a service: sends a call, and takes what comes as it is."""

    def __init__(self, patient: Patient) -> None:
        addresses = [urlsplit(each) for each in (patient.base, patient.direct) if each]
        self._hosts = frozenset(map(host_of, addresses))
        # The one who runs this names the addresses; there is nothing to guard against.
        names = [(address.hostname or "").lower() for address in addresses]
        guard = AddressGuard([*names, *(f"[{name}]" for name in names)])
        self._authorities = patient.settings.ca_bundle
        self._fetcher = Fetcher(
            deadline=patient.settings.fetch_deadline + PATIENCE,
            guard=guard,
            # A diagnosis goes on where all fails.
            policy=UpstreamPolicy(failures=MOST_CALLS),
            adapter=GuardedAdapter(guard, self._authorities),
        )

    def send(self, call: ProbeRequest) -> ReceivedAnswer:
        request = UpstreamRequest(call.url, self._hosts, call.method, call.headers, call.body)
        try:
            return _answer(self._fetcher.fetch(request))
        except AddressRefused:
            return ReceivedAnswer(failure="it redirects to another host")
        except PlacardError as error:
            return ReceivedAnswer(failure=error.detail or error.code)

    def shake_hands(self, base: str) -> ReceivedAnswer:
        """Begin TLS with a service, and read how long its certificate holds."""
        url = urlsplit(base)
        context = ssl.create_default_context(cafile=self._authorities or certifi.where())
        address = (url.hostname or "", url.port or 443)
        try:
            with (
                socket.create_connection(address, HANDSHAKE) as plain,
                context.wrap_socket(plain, server_hostname=url.hostname) as secure,
            ):
                certificate = secure.getpeercert() or {}
        except (OSError, UnicodeError) as error:
            return ReceivedAnswer(failure=cause_of(error))
        ends = ssl.cert_time_to_seconds(str(certificate.get("notAfter")))
        return ReceivedAnswer(certificate_ends=datetime.fromtimestamp(ends, UTC))


def _answer(response: UpstreamResponse) -> ReceivedAnswer:
    try:
        document = response.document
    except PlacardError:
        document = None
    return ReceivedAnswer(
        response.status, response.headers, document, len(response.body), response.url
    )
