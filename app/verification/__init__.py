"""Is this request who it says it is: pure functions of the request, the keys and the clock.

Implements the section "How a request proves itself" of the host's contract.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.errors import ConfigurationError, MalformedRequest, NotAuthenticated
from app.verification.expiry import check_expiry
from app.verification.keys import FixedKeys, KeySet, KeySource, public_key, shared_secret_keys
from app.verification.qsh import query_string_hash
from app.verification.request import Proof, SignedRequest
from app.verification.signature import HEADER as SIGNATURE_HEADER, sign, verify_signature
from app.verification.token import TokenRules, token_claims, verify_token

__all__ = [
    "SIGNATURE_HEADER",
    "FixedKeys",
    "KeySet",
    "KeySource",
    "Proof",
    "SignedRequest",
    "TokenRules",
    "Verifier",
    "allowed_algorithms",
    "check_expiry",
    "public_key",
    "query_string_hash",
    "shared_secret_keys",
    "sign",
    "token_claims",
]


@dataclass(frozen=True, slots=True)
class Verifier:
    """Verifies requests in one of the modes `jwt`, `signature`, `either` or `off`."""

    mode: str
    tokens: TokenRules | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def verify(self, request: SignedRequest) -> Proof:
        """Return the proof; that the request has not expired is `check_expiry`'s to say.

        Raises NotAuthenticated, or MalformedRequest where a signed request lacks `expires_at`.
        """
        if self.mode == "off":
            return Proof("off", workspace=request.parameter("workspace"))
        failures: list[NotAuthenticated | MalformedRequest] = []
        for offered in self._offered(request):
            try:
                return offered(request)
            except (NotAuthenticated, MalformedRequest) as failure:
                failures.append(failure)
        raise failures[0]

    def _offered(self, request: SignedRequest) -> list[Callable[[SignedRequest], Proof]]:
        """List the ways to try: with `either`, those of which the request carries a header."""
        if self.mode == "jwt":
            return [self._by_token]
        if self.mode == "signature":
            return [self._by_signature]
        ways: list[Callable[[SignedRequest], Proof]] = []
        if request.signature is not None:
            ways.append(self._by_signature)
        if request.authorization is not None or not ways:
            ways.append(self._by_token)
        return ways

    def _by_token(self, request: SignedRequest) -> Proof:
        assert self.tokens is not None
        return verify_token(request, self.tokens)

    def _by_signature(self, request: SignedRequest) -> Proof:
        proof = verify_signature(request, self.secrets)
        if not request.parameter("expires_at"):
            raise MalformedRequest(
                "expires_at: a signed request needs it",
                sentence="Illegal or malformed request. `expires_at` is missing.",
            )
        return proof


def allowed_algorithms(sources: Sequence[KeySource], chosen: Sequence[str]) -> frozenset[str]:
    """Tie the allow-list of algorithms to the keys; an empty one means all that they are made for.

    Raises ConfigurationError where the list names an algorithm that no key is made for.
    """
    possible = frozenset(name for source in sources for name in source.algorithms)
    if strangers := [name for name in chosen if name not in possible]:
        raise ConfigurationError(
            f"PLACARD_JWT_ALGORITHMS: no key is made for {', '.join(strangers)}; "
            f"the keys allow {', '.join(sorted(possible))}"
        )
    return frozenset(chosen) or possible
