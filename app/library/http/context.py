"""The parts of the library, for the views of its dialects."""

from dataclasses import dataclass
from typing import Final, cast

from flask import current_app

from app.database.store import Store
from app.library.core.tokens import TokenStore
from app.library.http.rate_limit import Limiter
from app.library.http.token_slots import TokenSlots
from app.settings import Settings

EXTENSION: Final = "placard.library"


@dataclass(frozen=True, slots=True)
class Library:
    """The parts that all dialects share.

    `searches` are under way in the database, `large_answers` on their way to clients.
    """

    settings: Settings
    store: Store
    tokens: TokenStore
    limiter: Limiter
    searches: TokenSlots
    large_answers: TokenSlots


def library() -> Library:
    """Return the library of the application that answers this request."""
    return cast(Library, current_app.extensions[EXTENSION])
