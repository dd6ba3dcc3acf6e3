"""What `placard serve` says, and refuses; its real start is in tests/test_production.py."""

import shlex
from urllib.parse import quote, urlsplit

import pytest

from app import create_app
from app.cli.serve import greeting, serve_application
from app.errors import ConfigurationError
from app.settings import Settings
from tests.conftest import settings_with
from tests.host import ISSUE

BASE = "http://127.0.0.1:8080"


def curl_in(text: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.strip().startswith("curl ")]
    return shlex.split(line)


def local(**changes: str) -> Settings:
    return settings_with(mode="local", **changes)


@pytest.mark.parametrize("verify", ["jwt", "signature", "either"])
def test_the_greeting_s_curl_line_is_answered(verify: str) -> None:
    settings = local(verify=verify)
    *_, header, url = curl_in(greeting(settings, BASE))
    name, _, proof = header.partition(": ")
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}" == BASE
    client = create_app(settings).test_client()
    answer = client.get(f"{parts.path}?{parts.query}", headers={name: proof})
    assert answer.status_code == 200


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
