"""Does a request from a log prove itself, and if not, what would have matched."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from app.errors import MalformedRequest, PlacardError
from app.verification import SIGNATURE_HEADER, SignedRequest, Verifier, check_expiry
from app.web.signed_body import signed_body

# Who does what the diagnosis found, by a part of the diagnosis' words.
HABITS: Final[Mapping[str, str]] = {
    "host's order": "Something between put the parameters into another order: a gateway that takes "
    "the query apart into a map and builds it again.",
    "sorted": "Something sorts the parameters: caches and content networks do, to hit more often. "
    "Switch it off for this path.",
    "%20 instead of +": "Something wrote blanks as +, as HTML forms do: a framework that decodes "
    "the query and encodes it again. Hand the raw query on.",
    "+ instead of %20": "Something wrote + as %20: a proxy that normalises the query. Hand the raw "
    "query on.",
    "once instead of twice": "Something encoded the query a second time: two proxies in a row, or "
    "a redirect rule that escapes what is escaped already.",
    "twice instead of once": "Something decoded the query once on the way: a proxy that hands on "
    "what it has unescaped.",
    "escapes in": "Something rewrote the case of the escapes (%2f and %2F): proxies that normalise "
    "addresses as RFC 3986 advises.",
    "percent-encoded values": "Something decoded the values on the way: a proxy that normalises "
    "addresses, or a log that shows them decoded. See that the line is the raw one.",
    "question mark": "The sender signed the question mark too; what is signed is the query only.",
    "the path and": "The sender signed the path too; what is signed is the query only.",
    "without blanks": "The header was rewritten: a signature is 64 lower-case hex digits.",
    "encoded again": "Something decoded the body and wrote it anew: a framework or a gateway. What "
    "is signed is the text of `data`, to the byte.",
    "whole body": "The sender signed the body as it is sent; the host signs the text of `data`.",
    "inner object": "The sender signed the object, or sent it without `data` around it; the host "
    "sends its text as `data`, and signs that text.",
    "as for a GET": "The sender signed a query; of a POST the text of `data` is signed.",
    "blanks of `data`": "Something wrote the JSON in `data` anew, with other blanks. Hand the "
    "raw body on.",
    "the query without": "Something added this parameter after the request was signed: tracking, "
    "or a cache buster. Let the query through untouched.",
}
# What lies behind a refusal that needs no diagnosis, by its reason.
CAUSES: Final[Mapping[str, str]] = {
    "expired": "The proof itself is right. An old line from a log has expired by now; if it was "
    "refused when it came, compare the clocks: this machine's may be fast.",
    "not_yet_valid": "The proof itself is right, but it is from the future: compare the clocks; "
    "this machine's may be slow.",
    "wrong_qsh": "The token is bound to another request: something changed the path (a prefix that "
    "a proxy adds or strips) or the query.",
    "wrong_audience": "The token is for another service: compare PLACARD_JWT_AUDIENCE.",
    "wrong_issuer": "The token is from somebody else: compare PLACARD_JWT_ISSUER.",
}
PROOFS: Final = {"jwt": "token", "signature": "signature"}
# In characters. Each pattern below looks at a character only a few times.
LONGEST: Final = 1 << 14
_REQUEST_LINE: Final = re.compile(r'(?:\A|["\s])([A-Z]{3,7})[ \t]([^\s"]+)', re.ASCII)
_HEADER: Final = re.compile(r"""(?:-H[ \t])?['"]?([A-Za-z-]{1,40})['"]?:([^"']*)["']?""")


@dataclass(frozen=True, slots=True)
class SignatureCheck:
    """One thing that was looked at: whether it held, and in words."""

    held: bool
    message: str


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """The checks in order, and where one failed the reason, what would match and who does that."""

    checks: tuple[SignatureCheck, ...]
    reason: str = ""
    would_match: str | None = None
    habit: str | None = None

    @property
    def holds(self) -> bool:
        """Whether the request proves itself, now."""
        return not self.reason


class UnreadableRequest(ValueError):
    """What was pasted is no request of the host's; its text says what would be right."""


def check(
    line: str, header: str, verifier: Verifier, secret: str = "", body: str = ""
) -> SignatureReport:
    """Verify a pasted request with the service's secrets, or with one that is given instead.

    The `body` is that of a POST. Raises UnreadableRequest.
    """
    if max(len(line), len(header), len(body)) > LONGEST:
        raise UnreadableRequest(f"More than {LONGEST} characters are not a request of the host")
    request = _with_header(_read_request(line, body.strip()), header)
    ways = replace(verifier, mode="either", secrets=(secret,) if secret else verifier.secrets)
    if request.signature is None and ways.tokens is None:
        raise UnreadableRequest("This service takes no tokens: PLACARD_VERIFY is signature")
    if request.authorization is None and not ways.secrets:
        raise UnreadableRequest("There is no secret to check with: give one below")
    return _verdict(request, ways)


def _verdict(request: SignedRequest, verifier: Verifier) -> SignatureReport:
    try:
        proof = verifier.verify(request)
    except PlacardError as refused:
        return _refused(refused)
    held = SignatureCheck(held=True, message=f"the {PROOFS[proof.kind]} is that of this request")
    expires_at = request.parameter("expires_at")
    if expires_at is None:
        return SignatureReport((held,))
    try:
        check_expiry(expires_at, time.time())
    except PlacardError as refused:
        return _refused(refused, held)
    return SignatureReport(
        (held, SignatureCheck(held=True, message=f"it holds until {expires_at}"))
    )


def _refused(refused: PlacardError, *held: SignatureCheck) -> SignatureReport:
    found = getattr(refused, "would_match", None)
    habit = CAUSES.get(refused.code) or habit_of(found)
    return SignatureReport(
        (*held, SignatureCheck(held=False, message=refused.detail)), refused.code, found, habit
    )


def habit_of(would_match: str | None) -> str | None:
    """Say who does what the diagnosis found, which may be two things; None where nothing fits."""
    habits = [words for mark, words in HABITS.items() if mark in (would_match or "")]
    return " ".join(habits) or None


def _read_request(line: str, body: str) -> SignedRequest:
    given = line.strip()
    found = _REQUEST_LINE.search(given)
    method, target = (found[1], found[2]) if found else ("", given.strip("\"'"))
    path, query = _path_and_query(target)
    if method == "POST" or (body and not method):
        return _with_body(SignedRequest("POST", path, query), body)
    if body:
        raise UnreadableRequest(f"The request line is that of a {method}, which has no body")
    if not query:
        raise UnreadableRequest("The request line has no query: there is nothing that was signed")
    return SignedRequest("GET", path, query)


def _with_body(request: SignedRequest, body: str) -> SignedRequest:
    if not body:
        raise UnreadableRequest("Of a POST the text of `data` is signed: paste its body too")
    try:
        # A form has its line ends as CR LF, whatever was pasted.
        read = signed_body(body.replace("\r\n", "\n").encode("utf-8", "surrogatepass"))
    except MalformedRequest as malformed:
        raise UnreadableRequest(malformed.detail.removeprefix("body: ")) from None
    return replace(request, data=read.data, envelope=read.raw)


def _path_and_query(target: str) -> tuple[str, bytes]:
    if not target or any(blank in target for blank in " \n\t"):
        raise UnreadableRequest(
            "The request line should be like GET /widget?resource_url=… HTTP/1.1"
        )
    try:
        target_url = urlsplit(target)
    except ValueError:
        raise UnreadableRequest("The request line holds an address that cannot be read") from None
    query = target_url.query if target_url.query or "=" not in target_url.path else target_url.path
    return target_url.path, query.encode("utf-8", "surrogatepass")


def _with_header(request: SignedRequest, header: str) -> SignedRequest:
    """Take the header with its name, or a bare signature or token."""
    given = header.strip()
    found = _HEADER.fullmatch(given)
    name, value = (found[1].lower(), found[2].strip()) if found else (_name_of(given), given)
    if name == SIGNATURE_HEADER:
        return replace(request, signature=value)
    if name == "authorization":
        return replace(request, authorization=value)
    raise UnreadableRequest(
        f"The header should be {SIGNATURE_HEADER}: … or Authorization: Bearer …"
    )


def _name_of(value: str) -> str:
    if not value:
        return ""
    return "authorization" if value.count(".") == 2 or " " in value else SIGNATURE_HEADER
