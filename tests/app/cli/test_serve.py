"""What `placard serve` says, and refuses; its real start is in tests/test_production.py."""

import shlex
from urllib.parse import urlsplit

import pytest

from app import create_app
from app.cli.serve import greeting, serve_application
from app.config import Settings
from app.errors import ConfigurationError
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


def test_the_greeting_lists_the_samples_only_where_they_answer() -> None:
    offline, live = greeting(local(), BASE), greeting(local(offline="off"), BASE)
    sample = "https://github.com/placard-samples/reading-list/pull/27"
    assert "offline" in offline
    assert f"  {sample}  github/merged_pull" in offline
    assert "live" in live
    assert sample not in live
    assert ISSUE.rpartition("/")[2] in curl_in(live)[-1]


def test_the_greeting_says_so_when_verification_is_off() -> None:
    said = greeting(local(verify="off"), BASE)
    assert said.endswith("VERIFICATION IS OFF.")
    assert "curl" not in said


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "placard.example"])
def test_the_local_mode_listens_on_this_machine_only(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^PLACARD_MODE: "):
        serve_application(local(), host=host, port=0, workers=1, threads=1)
