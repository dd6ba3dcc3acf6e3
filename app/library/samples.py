"""Saves the samples of each dialect, so that the local mode has something to show from the start.

They are records with ids of their own: saved twice, they are there once, and what became of them
since stays.
"""

from app.database.columns import to_json
from app.database.store import Store
from app.errors import ConfigurationError
from app.library.core.users import Author
from app.library.wiring import DIALECTS


def save_samples(store: Store, handle: str, name: str) -> None:
    """Save for a user the samples that do not exist yet."""
    for dialect in DIALECTS:
        lines = [to_json(record).encode() for record in dialect.samples.records]
        for outcome in dialect.transfer.imported(store, Author(handle, name), lines):
            if outcome.state == "refused":
                raise ConfigurationError(f"the sample of {dialect.name}: {outcome.why}")
