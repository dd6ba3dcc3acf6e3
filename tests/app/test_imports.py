"""What a process loads: nothing of what is turned off."""

import os
import subprocess
import sys

import pytest

from tests.host import JWT_SECRET, TOKEN_SECRET

pytestmark = pytest.mark.server
LIBRARY_ONLY = ("sqlalchemy", "alembic", "limits", "app.library.wiring")
# Of the shared cache, and of the local mode.
OTHERS = ("redis", "app.devtools.preview")
PROGRAM = f"""
import sys
import app.cli
from app import create_app
create_app().test_client().get("/healthz")
print(*(name for name in {LIBRARY_ONLY + OTHERS!r} if name in sys.modules))
"""


@pytest.mark.parametrize(("library", "loaded"), [("off", set()), ("on", set(LIBRARY_ONLY))])
def test_a_part_is_loaded_only_where_it_is_on(
    sqlite_url: str, library: str, loaded: set[str]
) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PLACARD_JWT_SECRETS": JWT_SECRET,
        "PLACARD_TOKEN_SECRETS": TOKEN_SECRET,
        "PLACARD_LIBRARY": library,
        "PLACARD_DATABASE_URL": sqlite_url,
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert set(done.stdout.split()) == loaded
