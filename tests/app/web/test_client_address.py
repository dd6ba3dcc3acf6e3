"""Whose address the log has: of what a request says, only what trusted proxies have written."""

import json

import pytest
from hypothesis import given, strategies as st

from app.errors import ConfigurationError
from app.settings.proxies import Proxies, TrustedProxies
from tests.conftest import MakeHost, settings_with
from tests.host import Host


def proxies(text: str) -> TrustedProxies:
    trusted = settings_with(trusted_proxies=text).trusted_proxies
    assert trusted is not None
    return trusted


def logged(host: Host, capsys: pytest.CaptureFixture[str], **environ: str) -> dict[str, str]:
    capsys.readouterr()
    host.client.get("/nowhere", environ_overrides=environ)
    line: dict[str, str] = json.loads(capsys.readouterr().err.splitlines()[-1])
    return line


def test_no_address_is_logged_unless_a_setting_asks_for_it(
    make_host: MakeHost, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = {"REMOTE_ADDR": "203.0.113.9", "HTTP_X_FORWARDED_FOR": "198.51.100.1"}
    line = logged(make_host(), capsys, **sent)
    assert "client" not in line
    assert "203.0.113.9" not in json.dumps(line)
    assert logged(make_host(trusted_proxies="1"), capsys, **sent)["client"] == "198.51.100.1"


@pytest.mark.parametrize(
    ("setting", "peer", "forwarded", "client"),
    [
        # A count: so many senders from the end.
        ("0", "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("1", "10.0.0.1", "", "10.0.0.1"),
        ("1", "10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("1", "10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("2", "10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("2", "10.0.0.1", "198.51.100.1", "10.0.0.1"),
        # Networks: the last who is in none of them.
        ("10.0.0.0/8", "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.0/8", "10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.0/8, ::1", "::1", "198.51.100.1, 10.2.3.4", "198.51.100.1"),
        ("10.0.0.0/8", "10.0.0.1", "10.0.0.7, 10.0.0.2", "10.0.0.7"),
        # What cannot be read, no proxy has written; nor what stands before it.
        ("1", "10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
        ("10.0.0.0/8", "10.0.0.1", "198.51.100.1, <script>", "10.0.0.1"),
        # As some proxies write it.
        ("1", "10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("1", "10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("1", "::ffff:10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("10.0.0.0/8", "::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("1", "", "", ""),
    ],
)
def test_client(setting: str, peer: str, forwarded: str, client: str) -> None:
    assert proxies(setting).client(peer, forwarded) == client


@pytest.mark.parametrize("text", ["11", "-1", "10.0.0.1/8", "everybody", "1, 10.0.0.0/8", ","])
def test_setting_that_names_no_proxies_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^PLACARD_TRUSTED_PROXIES: "):
        settings_with(trusted_proxies=text)


@pytest.mark.parametrize("text", ["0", "3", "10.0.0.0/8, ::1/128"])
def test_setting_is_printed_as_it_is_read(text: str) -> None:
    assert Proxies().serialize("x", {"x": proxies(text)}) == text


@given(st.text(), st.sampled_from(["0", "1", "3", "10.0.0.0/8"]))
def test_any_header_gives_the_peer_or_an_address_that_it_names(header: str, setting: str) -> None:
    client = proxies(setting).client("10.0.0.1", header)
    assert client == "10.0.0.1" or all(c in "0123456789abcdef.:" for c in client)
