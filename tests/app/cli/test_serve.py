"""What `placard serve` says, and refuses; its real start is in tests/test_production.py."""

import shlex
from urllib.parse import quote, urlsplit

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from app.cli.serve import greeting, serve_application
from app.devtools.local_provider import PEOPLE
from app.errors import ConfigurationError
from app.settings import Settings
from app.web import EXTENSION
from tests.conftest import settings_with
from tests.host import ISSUE

BASE = "http://127.0.0.1:8080"


def curl_in(text: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.strip().startswith("curl ")]
    return shlex.split(line)


def local(**changes: str) -> Settings:
    return settings_with(mode="local", **changes)


def answer_to_curl_in(said: str, app: Flask) -> TestResponse:
    *_, header, url = curl_in(said)
    name, _, proof = header.partition(": ")
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}" == BASE
    return app.test_client().get(f"{parts.path}?{parts.query}", headers={name: proof})


@pytest.mark.parametrize("verify", ["jwt", "signature", "either"])
def test_the_greeting_s_curl_line_is_answered(verify: str) -> None:
    settings = local(verify=verify)
    assert answer_to_curl_in(greeting(settings, BASE), create_app(settings)).status_code == 200


def test_where_a_person_s_account_shows_a_page_the_first_one_asks(sqlite_url: str) -> None:
    key = Fernet.generate_key().decode()
    database = {"database_url": sqlite_url, "connection_keys": key, "library": "off"}
    settings = local(access="viewer", public_url=BASE, **database)
    app, said = create_app(settings), greeting(settings, BASE)
    assert answer_to_curl_in(said, app).status_code == 200
    assert said.splitlines()[-2].endswith(f"--workspace 1 --user {PEOPLE[0].id}")
    assert PEOPLE[0].login in said.splitlines()[-1]
    shown = app.test_client().get("/preview").text
    assert "The card, as the host draws it" in shown
    app.extensions[EXTENSION].people.store.close()


@pytest.mark.parametrize(("offline", "told"), [("on", "offline"), ("off", "live")])
def test_the_greeting_opens_onto_the_preview(offline: str, told: str) -> None:
    said = greeting(local(offline=offline), BASE)
    assert said.splitlines()[0] == f"Placard answers in the local mode, {told}. Open"
    assert said.splitlines()[2].strip() == f"{BASE}/preview"
    assert quote(ISSUE, safe="") in curl_in(said)[-1]


def test_the_greeting_says_so_when_verification_is_off() -> None:
    said = greeting(local(verify="off"), BASE)
    assert said.endswith("VERIFICATION IS OFF.")
    assert "curl" not in said


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "placard.example"])
def test_the_local_mode_listens_on_this_machine_only(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^PLACARD_MODE: "):
        serve_application(local(), host=host, port=0, workers=1, threads=1)
