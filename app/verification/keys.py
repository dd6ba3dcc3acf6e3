"""The keys that verify tokens; each is used with one algorithm only."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import InvalidKeyError, PyJWK, PyJWTError
from jwt.algorithms import get_default_algorithms

from app.errors import ConfigurationError, KeysUnavailable, PlacardError

RSA_MIN_BITS: Final = 2048
REFRESH_INTERVAL: Final = 30.0
KEY_SET_LIFETIME: Final = 3600.0
PUBLIC_ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")
_ALGORITHMS: Final = get_default_algorithms()


@dataclass(frozen=True, slots=True)
class Key:
    """A key, the one algorithm that it may be used with, and its `kid` if it has one."""

    algorithm: str
    material: Any = field(repr=False)
    kid: str | None = None

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Tell whether a signature is this key's, of this message."""
        verified: bool = _ALGORITHMS[self.algorithm].verify(message, self.material, signature)
        return verified


class KeySource(Protocol):
    algorithms: Sequence[str]

    def keys(self, algorithm: str, kid: str | None, /) -> Sequence[Key]:
        """Return the keys to try for a token with this `alg` and `kid`."""

    def fault(self) -> str | None:
        """Name what is missing before tokens can be verified, in a word; None if nothing is."""


class FixedKeys:
    """Keys from the settings: shared secrets, a PEM."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = tuple(keys)
        self.algorithms: Sequence[str] = tuple(dict.fromkeys(key.algorithm for key in keys))

    def keys(self, algorithm: str, _kid: str | None) -> Sequence[Key]:
        """Return every key of the algorithm; these keys have no `kid` to compare."""
        return [key for key in self._keys if key.algorithm == algorithm]

    def fault(self) -> None:
        """Nothing is missing."""


class KeySet:
    """The key set (JWKS) at an address, fetched when first needed and kept.

    A refresh that fails changes nothing. There is at most one attempt every `REFRESH_INTERVAL`
    seconds, however many unknown `kid`s arrive; and while it lasts only the thread that makes it
    waits, so that an address that hangs cannot hold all threads. Before there is any key, at most
    `most_waiting` others wait for it, for `patience` seconds. `fetch` returns the document's bytes
    or raises PlacardError; `clock` is monotonic, in seconds.
    """

    algorithms: Sequence[str] = PUBLIC_ALGORITHMS

    def __init__(
        self,
        fetch: Callable[[], bytes],
        clock: Callable[[], float] = time.monotonic,
        *,
        patience: float = 5.0,
        most_waiting: int = 8,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._patience = patience
        self._waiting = threading.BoundedSemaphore(most_waiting)
        self._lock = threading.Lock()
        self._keys: tuple[Key, ...] = ()
        self._attempted_at = float("-inf")
        self._loaded_at = float("-inf")
        self._failure = "not yet tried"

    def keys(self, algorithm: str, kid: str | None) -> Sequence[Key]:
        """Return the keys with this algorithm and, unless it is None, this `kid`.

        Raises KeysUnavailable as long as no fetch has succeeded, and where another thread is
        fetching what may hold the key.
        """
        matching = self._matching(algorithm, kid)
        if not matching or self._clock() - self._loaded_at > KEY_SET_LIFETIME:
            refreshed = self._refresh(waits=not self._keys)
            matching = self._matching(algorithm, kid)
            if not (matching or refreshed):
                raise KeysUnavailable("the key set is being fetched")
        if not self._keys:
            raise KeysUnavailable(f"the key set could not be fetched: {self._failure}")
        return matching

    @property
    def age(self) -> float:
        """How many seconds ago the set was fetched; infinite where it has never been."""
        return self._clock() - self._loaded_at

    def fault(self) -> str | None:
        """Name the set if it is not there; tries to fetch it, unless another thread does."""
        if not self._keys:
            self._refresh()
        return None if self._keys else "key_set"

    def _matching(self, algorithm: str, kid: str | None) -> list[Key]:
        keys = [key for key in self._keys if key.algorithm == algorithm]
        return keys if kid is None else [key for key in keys if key.kid == kid]

    def _refresh(self, *, waits: bool = False) -> bool:
        """Fetch the set if it is time for it; False where another thread is fetching it."""
        if not (self._lock.acquire(blocking=False) or (waits and self._wait())):
            return False
        try:
            now = self._clock()
            if now - self._attempted_at >= REFRESH_INTERVAL:
                self._attempted_at = now
                self._keys, self._loaded_at = read_key_set(self._fetch()), now
        except PlacardError as error:
            self._failure = f"{error.code}: {error.detail}"
        except ValueError as error:
            self._failure = str(error)
        finally:
            self._lock.release()
        return True

    def _wait(self) -> bool:
        """Wait for the thread that is fetching the set; False where that takes too long."""
        if not self._waiting.acquire(blocking=False):
            return False
        try:
            return self._lock.acquire(timeout=self._patience)
        finally:
            self._waiting.release()


def read_key_set(document: bytes) -> tuple[Key, ...]:
    """Parse a JWKS document; keys that are not public signing keys are skipped.

    Raises ValueError if no usable key is left.
    """
    try:
        members = json.loads(document)["keys"]
        keys = tuple(key for key in map(_usable_key, members) if key is not None)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("the document is not a key set") from error
    if not keys:
        raise ValueError("no usable key in the set")
    return keys


def shared_secret_keys(secrets: Sequence[str]) -> list[Key]:
    """Make an HS256 key of each shared secret.

    Raises ConfigurationError for what is meant to be another kind of key, a public one above all.
    """
    prepare = _ALGORITHMS["HS256"].prepare_key
    try:
        return [Key("HS256", prepare(secret)) for secret in secrets]
    except InvalidKeyError as error:
        raise ConfigurationError(f"a shared secret of tokens cannot be used: {error}") from None


def public_key(pem: str) -> Key:
    """Parse a public key in PEM.

    Raises ConfigurationError if no supported algorithm uses a key of this kind or size.
    """
    material = load_pem_public_key(pem.encode())
    algorithm = _algorithm_of(material)
    if algorithm is None:
        raise ConfigurationError(
            f"PLACARD_JWT_PUBLIC_KEY: must be RSA of at least {RSA_MIN_BITS} bits, "
            "EC P-256 or Ed25519"
        )
    return Key(algorithm, material)


def _algorithm_of(material: object) -> str | None:
    """Return the algorithm that a public key may be used with; None if it is unsupported."""
    match material:
        case RSAPublicKey() if material.key_size >= RSA_MIN_BITS:
            return "RS256"
        case EllipticCurvePublicKey() if isinstance(material.curve, SECP256R1):
            return "ES256"
        case Ed25519PublicKey():
            return "EdDSA"
    return None


def _usable_key(member: Any) -> Key | None:
    """Parse one key of a set; None if it is invalid, or not a public key for signatures."""
    try:
        key = PyJWK(member)
    except (PyJWTError, ValueError, TypeError, AttributeError, NotImplementedError):
        return None
    algorithm = _algorithm_of(key.key)
    if algorithm != key.algorithm_name or key.public_key_use not in (None, "sig"):
        return None
    return Key(algorithm, key.key, key.key_id)
