"""What a process loads: nothing of what is turned off."""

import json
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
# The four services are forks of what each of them loads in any case.
PROGRAM = f"""
import json, os, sys
import app.cli
from app import create_app
for variables in json.loads(sys.argv[1]):
    if os.fork():
        assert os.wait()[1] == 0
        continue
    os.environ.update(variables)
    create_app().test_client().get("/healthz")
    print(*(name for name in {LIBRARY_ONLY + SIGN_IN_ONLY + OTHERS!r} if name in sys.modules))
    sys.stdout.flush()
    os._exit(0)
"""
LOADED = {
    ("off", "off"): set[str](),
    ("on", "off"): set(LIBRARY_ONLY),
    ("off", "on"): {*DATABASE, *SIGN_IN_ONLY},
    ("on", "on"): {*LIBRARY_ONLY, *SIGN_IN_ONLY},
}


def test_a_part_is_loaded_only_where_it_is_on(sqlite_url: str) -> None:
    """The library, and signing in."""
    environment = {
        "PATH": os.environ["PATH"],
        "PLACARD_JWT_SECRETS": JWT_SECRET,
        "PLACARD_TOKEN_SECRETS": TOKEN_SECRET,
        "PLACARD_DATABASE_URL": sqlite_url,
    }
    services = [
        {"PLACARD_LIBRARY": library, **(SIGN_IN if sign_in == "on" else {})}
        for library, sign_in in LOADED
    ]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(services)],
        env=environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    told = [set(line.split()) for line in done.stdout.splitlines()]
    assert dict(zip(LOADED, told, strict=True)) == LOADED
