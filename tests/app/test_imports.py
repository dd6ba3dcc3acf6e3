"""What a process loads: nothing of what is turned off."""

import os
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet

from tests.host import JWT_SECRET, TOKEN_SECRET

pytestmark = pytest.mark.server
DATABASE = ("sqlalchemy", "alembic")
LIBRARY_ONLY = (*DATABASE, "limits", "app.library.wiring")
SIGN_IN_ONLY = ("authlib", "app.access.wiring", "app.web.sign_in")
SIGN_IN = {
    "PLACARD_CONNECTION_KEYS": Fernet.generate_key().decode(),
    "PLACARD_HOST_CLIENT_ID": "client",
    "PLACARD_HOST_CLIENT_SECRET": "made_up",
    "PLACARD_PUBLIC_URL": "https://placard.example",
}
# Of the shared cache, and of the local mode.
OTHERS = ("redis", "app.devtools.preview")
PROGRAM = f"""
import sys
import app.cli
from app import create_app
create_app().test_client().get("/healthz")
print(*(name for name in {LIBRARY_ONLY + SIGN_IN_ONLY + OTHERS!r} if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("library", "sign_in", "loaded"),
    [
        ("off", False, set()),
        ("on", False, set(LIBRARY_ONLY)),
        ("off", True, {*DATABASE, *SIGN_IN_ONLY}),
        ("on", True, {*LIBRARY_ONLY, *SIGN_IN_ONLY}),
    ],
)
def test_a_part_is_loaded_only_where_it_is_on(
    sqlite_url: str, library: str, sign_in: bool, loaded: set[str]
) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PLACARD_JWT_SECRETS": JWT_SECRET,
        "PLACARD_TOKEN_SECRETS": TOKEN_SECRET,
        "PLACARD_LIBRARY": library,
        "PLACARD_DATABASE_URL": sqlite_url,
        **(SIGN_IN if sign_in else {}),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert set(done.stdout.split()) == loaded
