"""Verifies that a request comes from the host. No module here knows Flask or makes a call.

    token.py      the JWT in `Authorization`; qsh.py, the hash that binds it to one request
    signature.py  the host's signature; diagnosis.py, why one does not match
    keys.py       the keys of tokens, and the algorithm of each
    expiry.py     `expires_at`
    request.py    the request as it was received, and the proof that it gives
    issuing.py    makes tokens, for trying a service out
    wiring.py     makes the verifier, from the settings

Implements the section "How a request proves itself" of the host's contract.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.errors import ConfigurationError, Forbidden, MalformedRequest, NotAuthenticated
from app.origins import is_loopback_host, name_in_host_header
from app.verification.expiry import check_expiry
from app.verification.keys import FixedKeys, KeySet, KeySource, public_key, shared_secret_keys
from app.verification.qsh import query_string_hash
from app.verification.request import NOBODY, Proof, SignedRequest, Viewer, viewer_named_by
from app.verification.signature import HEADER as SIGNATURE_HEADER, sign, verify_signature
from app.verification.token import TokenRules, token_claims, verify_token

__all__ = [
    "NOBODY",
    "SIGNATURE_HEADER",
    "FixedKeys",
    "KeySet",
    "KeySource",
    "Proof",
    "SignedRequest",
    "TokenRules",
    "Verifier",
    "Viewer",
    "allowed_algorithms",
    "check_expiry",
    "public_key",
    "query_string_hash",
    "shared_secret_keys",
    "sign",
    "token_claims",
]


NO_OBJECT: Final = "`data` must be the text of a JSON object"


@dataclass(frozen=True, slots=True)
class Verifier:
    """Verifies requests in one of the modes `jwt`, `signature`, `either` or `off`.

    `public_host` is the name of this service, besides those of this machine itself. The
    `other_secrets`, by their settings, explain a false signature; they never verify one.
    """

    mode: str
    tokens: TokenRules | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    public_host: str = ""
    other_secrets: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)

    def verify(self, request: SignedRequest) -> Proof:
        """Return the proof; `check_expiry` checks that the request has not expired.

        Raises NotAuthenticated, or MalformedRequest if a signed request lacks `expires_at`; with
        verification off, Forbidden if the request names another host.
        """
        if self.mode == "off":
            return self._unverified(request)
        failures: list[NotAuthenticated | MalformedRequest] = []
        for verify in self._methods(request):
            try:
                return verify(request)
            except (NotAuthenticated, MalformedRequest) as failure:
                failures.append(failure)
        raise failures[0]

    def _unverified(self, request: SignedRequest) -> Proof:
        """Refuse at least a page of another site whose name leads here by its DNS."""
        name = name_in_host_header(request.host)
        if not (is_loopback_host(name) or (name and name == self.public_host)):
            raise Forbidden(f"the request is for the host {name!r}, which this service is not")
        return Proof("off", viewer=viewer_named_by(request))

    def _methods(self, request: SignedRequest) -> list[Callable[[SignedRequest], Proof]]:
        """List the methods to try: in mode `either`, those whose header the request has."""
        if self.mode == "jwt":
            return [self._by_token]
        if self.mode == "signature":
            return [self._by_signature]
        methods: list[Callable[[SignedRequest], Proof]] = []
        if request.signature is not None:
            methods.append(self._by_signature)
        if request.authorization is not None or not methods:
            methods.append(self._by_token)
        return methods

    def _by_token(self, request: SignedRequest) -> Proof:
        assert self.tokens is not None
        return verify_token(request, self.tokens)

    def _by_signature(self, request: SignedRequest) -> Proof:
        proof = verify_signature(request, self.secrets, self.other_secrets)
        if not request.parameter("expires_at"):
            is_object = request.method == "GET" or request.parameters
            why = "`expires_at` is missing" if is_object else NO_OBJECT
            raise MalformedRequest(
                "expires_at: a signed request needs it",
                sentence=f"Illegal or malformed request. {why}.",
            )
        return proof


def allowed_algorithms(sources: Sequence[KeySource], chosen: Sequence[str]) -> frozenset[str]:
    """Return the allowed algorithms: those chosen, or if there are none, all that the keys are for.

    Raises ConfigurationError if one is chosen that no key is for.
    """
    possible = frozenset(name for source in sources for name in source.algorithms)
    if unknown := [name for name in chosen if name not in possible]:
        raise ConfigurationError(
            f"PLACARD_JWT_ALGORITHMS: no key is made for {', '.join(unknown)}; "
            f"the keys allow {', '.join(sorted(possible))}"
        )
    return frozenset(chosen) or possible
