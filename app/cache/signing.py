"""Signs what is kept outside this process: whoever may write there can store nothing of their own.

An entry is signed with its key's name, so that it cannot be moved to another key either.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from app.cache.serializer import Unreadable

# The keys are for nothing else, although the secrets that they are derived from are.
_PURPOSE: Final = b"placard cache entries"
_SIGNATURE_BYTES: Final = hashlib.sha256().digest_size


class EntrySigner:
    """Signs with a key of the first secret, and accepts what a key of any of them signed."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = [hmac.digest(secret.encode(), _PURPOSE, "sha256") for secret in secrets]

    def sign(self, name: str, content: bytes) -> bytes:
        """Put the signature before a content that is to be stored under a name."""
        return _signature(self._keys[0], name, content) + content

    def verified(self, name: str, signed: bytes) -> bytes:
        """Return the content that was signed for a name; raises Unreadable."""
        signature, content = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
        expected = [_signature(key, name, content) for key in self._keys]
        if not any(hmac.compare_digest(signature, each) for each in expected):
            raise Unreadable("is not signed by this service")
        return content


def _signature(key: bytes, name: str, content: bytes) -> bytes:
    return hmac.digest(key, name.encode() + b"\0" + content, "sha256")
