"""Encryption of what is kept or handed out: tokens in the database, the cookie of a session.

Each text is sealed for one purpose, and can be opened for no other: a row that is copied onto
another person's is of no use there.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class SealBroken(Exception):
    """The text is not one of ours, is for another purpose, is too old, or its key is gone."""


class Vault:
    """Seals with the first key, and opens with any of them."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, purpose: str, content: Mapping[str, Any]) -> str:
        """Encrypt what JSON can hold."""
        return self._fernet.encrypt(json.dumps([purpose, content]).encode()).decode()

    def open(self, purpose: str, sealed: str, longest_age: int | None = None) -> dict[str, Any]:
        """Return what was sealed for a purpose, at most `longest_age` seconds ago.

        Raises SealBroken.
        """
        try:
            found, content = json.loads(self._fernet.decrypt(sealed.encode(), longest_age))
        except (InvalidToken, ValueError, TypeError):
            raise SealBroken from None
        if found != purpose or not isinstance(content, dict):
            raise SealBroken
        return content

    def seal_again(self, sealed: str) -> str:
        """Encrypt a sealed text with the first key; raises SealBroken where no key opens it."""
        try:
            return self._fernet.rotate(sealed.encode()).decode()
        except (InvalidToken, ValueError):
            raise SealBroken from None
