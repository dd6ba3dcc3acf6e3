"""The production start, with two worker processes on one database."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.app.library.conftest import application, library_of, token_of
from tests.host import JWT_SECRET
from tests.test_production import Service, running


@contextmanager
def served_by_two(database_url: str) -> Iterator[tuple[Service, str, str]]:
    """Run the service with two worker processes: give the first one, its address, a token."""
    with application(database_url=database_url) as app:
        token = token_of(library_of(app))
    settings = {
        "PLACARD_JWT_SECRETS": JWT_SECRET,
        "PLACARD_DATABASE_URL": database_url,
        "PLACARD_LIBRARY_REQUESTS_PER_MINUTE": "100000",
    }
    with running("serve", "--workers", "2", "--threads", "8", settings=settings) as (process, base):
        yield process, base, token
