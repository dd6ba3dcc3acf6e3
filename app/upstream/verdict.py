"""What an answer means, decided once: from its status, its headers and, where it counts, its body.

The story, the cache and the rate limits read the verdict; nobody else looks at what it is made of.
Implements RFC 9110, section 10.2.3 (`Retry-After`), and what the systems that are asked say of
their rate limits, refusals and sign-in pages.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal, Protocol
from urllib.parse import SplitResult, parse_qsl, urljoin, urlsplit

from app.errors import UpstreamUnreadable
from app.upstream.excerpt import Shape

Outcome = Literal["ok", "not_modified", "missing", "forbidden", "signed_out", "limited", "failed"]

# In seconds: the longest that an upstream may have us wait, and how long we wait where only the
# words of an answer tell of a limit. GitHub's page of rate limits asks for a minute.
LONGEST_WAIT: Final = 900.0
DEFAULT_WAIT: Final = 60.0
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
# Azure DevOps says with a 200 that the next call shall wait, GitHub's secondary limit with a 403.
_STATUSES_THAT_WAIT: Final = frozenset({200, 403, 420, 429, 503})
# Statuspage says with a 420 what RFC 6585 says with a 429.
_STATUSES_OF_A_LIMIT: Final = frozenset({420, 429})
_FAMILIES: Final = ("x-ratelimit", "ratelimit", "x-sentry-rate-limit")
_DIGITS: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
# A reset below it counts seconds from now (IETF, Datadog), others are times (GitHub, GitLab).
_FIRST_TIME: Final = 1_000_000_000
# One above it is in milliseconds (Linear, LaunchDarkly).
_LAST_SECONDS: Final = 100_000_000_000
# How much of a body is searched for words.
_SEARCHED: Final = 1 << 14
_LIMIT_WORDS: Final = re.compile(
    rb"(?<![a-z/#])rate[ _-]?limit|abuse detection|too many requests", re.IGNORECASE
)
# A web application firewall between us and the upstream says with these that it answered itself.
_CHALLENGE_HEADERS: Final = ("cf-mitigated", "x-amzn-waf-action")
_PROXIES: Final = ("cloudflare", "akamaighost", "imperva", "sucuri/cloudproxy")
_PASSWORD_FIELD: Final = re.compile(rb"""<input[^>]+type\s*=\s*["']?password""", re.IGNORECASE)
# The last part of the path of a sign-in page, in the systems that are asked and in most others.
_SIGN_IN_PATH: Final = re.compile(
    r"/(?:log[-_]?[io]n|_?sign[-_]?in|sso|saml2?|authorize|auth/login/[^/]+|session/new)"
    r"(?:\.\w{1,6})?/?\Z",
    re.IGNORECASE | re.ASCII,
)
_IDENTITY_PROVIDER: Final = re.compile(
    r"(?:log[io]n|sign[-_]?in|sso|saml|auth|oauth|idp?|identity|accounts?)\d*\.[a-z0-9.-]+"
    r"|[a-z0-9.-]+\.(?:okta|oktapreview|auth0|onelogin|pingidentity|duosecurity)\.com",
    re.ASCII,
)
_SIGN_IN_PARAMETERS: Final = frozenset(
    {"samlrequest", "relaystate", "os_destination", "return_to", "returnurl", "redirect_uri"}
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means. `wait` is how long it asks us to wait, in seconds; 0 where it does not.

    `transient` says of what is `limited` or `failed` that it will pass: a kept card may stand in.
    """

    outcome: Outcome
    detail: str = ""
    wait: float = 0.0
    transient: bool = False


@dataclass(frozen=True, slots=True)
class AnswerRules:
    """What a connector says of the answers of its system.

    `verdict` reads the document of a 200, where that may tell of a failure; None is a success.
    `refusal` reads that of any other answer, where it may tell more than the status does: of
    `limited`, `forbidden` and `missing`. `shown` is what is read of a document that is too large to
    be kept whole; None is nothing.
    """

    not_found_statuses: frozenset[int] = frozenset({404, 410, 451})
    forbidden_statuses: frozenset[int] = frozenset({401, 403})
    verdict: Callable[[Any], Outcome | None] | None = None
    refusal: Callable[[Any], Outcome | None] | None = None
    shown: Shape | None = None


class UpstreamAnswer(Protocol):
    """What is judged: an answer, with the JSON of its body and the rules of who asked."""

    @property
    def status(self) -> int:
        """The status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, their names in lower case."""

    @property
    def body(self) -> bytes:
        """The decoded body."""

    @property
    def url(self) -> str:
        """The address that was asked."""

    @property
    def rules(self) -> AnswerRules:
        """The rules of the connector that asked."""

    @property
    def document(self) -> Any:
        """The JSON of the body; raises UpstreamUnreadable."""


def judge(answer: UpstreamAnswer, now: float) -> Verdict:
    """Say what an answer means; `now` is the time of day, in seconds.

    Raises UpstreamUnreadable where the rules read the document of a 200 and it is not JSON.
    """
    wait = requested_wait(answer, now)
    detail = f"upstream status {answer.status}"
    if answer.status == 304:
        return Verdict("not_modified", detail, wait)
    if leads_to_sign_in(answer) or _is_sign_in_page(answer):
        return Verdict("signed_out", f"{detail}: a sign-in page", wait)
    if answer.status == 200:
        return _of_document(answer, detail, wait)
    return _of_refusal(answer, detail, wait)


def _of_refusal(answer: UpstreamAnswer, detail: str, wait: float) -> Verdict:
    """Say what a status that is not a success means: by its headers, its words, the status."""
    if _is_challenge(answer):
        wait = wait or DEFAULT_WAIT
        return Verdict("failed", f"{detail}: a proxy's challenge", wait, transient=True)
    if _is_limited(answer):
        return _limited(detail, wait)
    if _tells_of_a_limit(answer):
        return _limited(f"{detail}, by its words", wait or DEFAULT_WAIT)
    return _of_body(answer, detail, wait) or _of_status(answer, detail, wait)


def _of_body(answer: UpstreamAnswer, detail: str, wait: float) -> Verdict | None:
    """Ask the connector's rules what the document of a refusal tells, if that is JSON."""
    read, detail = answer.rules.refusal, f"{detail}, by its body"
    try:
        outcome = read(answer.document) if read else None
    except UpstreamUnreadable:
        return None
    if outcome == "limited":
        return _limited(detail, wait or DEFAULT_WAIT)
    return Verdict(outcome, detail, wait) if outcome in ("forbidden", "missing") else None


def _of_status(answer: UpstreamAnswer, detail: str, wait: float) -> Verdict:
    if answer.status in answer.rules.forbidden_statuses:
        return Verdict("forbidden", detail, wait)
    if answer.status in answer.rules.not_found_statuses:
        return Verdict("missing", detail, wait)
    return Verdict("failed", detail, wait, transient=answer.status >= 500)


def _of_document(answer: UpstreamAnswer, detail: str, wait: float) -> Verdict:
    """Ask the connector's rules what the document of a 200 means."""
    read = answer.rules.verdict
    outcome = read(answer.document) if read else None
    if outcome == "limited":
        return _limited(f"{detail}, by its body", wait or DEFAULT_WAIT)
    if outcome is None or outcome == "ok":
        return Verdict("ok", detail, wait)
    return Verdict(outcome, f"{detail}, by its body", wait, transient=outcome == "failed")


def _limited(detail: str, wait: float) -> Verdict:
    return Verdict("limited", detail, wait, transient=True)


def _is_limited(answer: UpstreamAnswer) -> bool:
    if answer.status in _STATUSES_OF_A_LIMIT:
        return True
    return answer.status == 403 and ("retry-after" in answer.headers or is_used_up(answer.headers))


def _tells_of_a_limit(answer: UpstreamAnswer) -> bool:
    """Tell whether a 403 is a limit by its words alone, as GitHub's secondary limit is."""
    return answer.status == 403 and _LIMIT_WORDS.search(answer.body[:_SEARCHED]) is not None


def _is_html(answer: UpstreamAnswer) -> bool:
    return answer.headers.get("content-type", "").lower().startswith("text/html")


def _is_challenge(answer: UpstreamAnswer) -> bool:
    """Tell whether a proxy before the upstream answered, and wants a person at a browser."""
    if any(name in answer.headers for name in _CHALLENGE_HEADERS):
        return True
    server = answer.headers.get("server", "").lower()
    return answer.status == 403 and _is_html(answer) and server.startswith(_PROXIES)


def _is_sign_in_page(answer: UpstreamAnswer) -> bool:
    """Tell whether a page with a field for a password stands where JSON was asked for."""
    if answer.status not in (200, 203) or not _is_html(answer):
        return False
    at_sign_in = _SIGN_IN_PATH.search(urlsplit(answer.url).path) is not None
    return at_sign_in or _PASSWORD_FIELD.search(answer.body) is not None


def leads_to_sign_in(answer: UpstreamAnswer) -> bool:
    """Tell whether an answer redirects to a sign-in page or to an identity provider."""
    location = answer.headers.get("location", "")
    if answer.status not in REDIRECTS or not location:
        return False
    try:
        target, current = urlsplit(urljoin(answer.url, location)), urlsplit(answer.url)
        host = target.hostname or ""
    except ValueError:
        return False
    if _SIGN_IN_PATH.search(target.path) is not None:
        return True
    return host != current.hostname and _asks_who_one_is(target, host)


def _asks_who_one_is(target: SplitResult, host: str) -> bool:
    names = {name.lower() for name, _ in parse_qsl(target.query, keep_blank_values=True)}
    return bool(names & _SIGN_IN_PARAMETERS) or _IDENTITY_PROVIDER.fullmatch(host) is not None


def requested_wait(answer: UpstreamAnswer, now: float) -> float:
    """Return the seconds that an answer asks us to wait, 0 to `LONGEST_WAIT`.

    `now` is the time of day. What cannot be read asks for nothing.
    """
    headers = answer.headers
    waits = [0.0]
    if answer.status in _STATUSES_THAT_WAIT and "retry-after" in headers:
        waits.append(retry_after(headers["retry-after"], now) or 0.0)
    if is_used_up(headers) or (
        answer.status in _STATUSES_OF_A_LIMIT and "retry-after" not in headers
    ):
        waits.extend(reset(headers.get(f"{family}-reset", ""), now) for family in _FAMILIES)
    return min(max(waits), LONGEST_WAIT)


def is_used_up(headers: Mapping[str, str]) -> bool:
    """Tell whether a rate limit has no call left."""
    return any(headers.get(f"{family}-remaining", "").strip() == "0" for family in _FAMILIES)


def reset(value: str, now: float) -> float:
    """Read when a limit is new again, as seconds from now.

    It is told in seconds from now, or as a time: in seconds, in milliseconds, in ISO 8601 (Jira).
    """
    text = value.strip()
    if _DIGITS.fullmatch(text):
        seconds = float(text)
        if seconds > _LAST_SECONDS:
            seconds /= 1000
        return seconds if seconds < _FIRST_TIME else max(seconds - now, 0.0)
    try:
        return _seconds_until(datetime.fromisoformat(text), now)
    except (ValueError, OverflowError):
        return 0.0


def retry_after(value: str, now: float) -> float | None:
    """Read `Retry-After`, seconds or an HTTP date, as seconds from now; None where it is neither.

    Implements RFC 9110, section 10.2.3. `now` is the time of day.
    """
    text = value.strip()
    if _DIGITS.fullmatch(text):
        return float(text)
    try:
        return _seconds_until(parsedate_to_datetime(text), now)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def _seconds_until(then: datetime, now: float) -> float:
    """Count the seconds to a time, none where it is past; one without an offset is UTC."""
    aware = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(aware.timestamp() - now, 0.0)
