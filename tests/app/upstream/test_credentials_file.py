"""Which credential goes with which request, and what the credentials file may contain."""

import base64
import os
import re
import tempfile
from pathlib import Path

import pytest
import responses
from hypothesis import given, strategies as st

from app.errors import ConfigurationError
from app.upstream.credentials import (
    Credentials,
    basic,
    bearer,
    header_pairs,
    is_closed,
    read_credentials_file,
)
from tests.conftest import MakeHost
from tests.host import ISSUE, query_of, token
from tests.standin import ISSUE as RESOURCE

API = "https://api.github.com/repos/pallets/flask/issues/1"
URL = "https://api.example.com/things/1"
FILE = """
[[credential]]
name = "team-a"
host = "api.github.com"
workspace = "12345"
bearer = "made_up_a"

[[credential]]
name = "everyone"
host = "api.github.com"
headers = { X-Token = "made_up_b" }

[[credential]]
name = "others"
host = "*.example.com"
basic = ["user", "made_up_c"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "credentials.toml"
    written.write_text(FILE)
    written.chmod(0o600)
    return written


def pair(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("url", "workspace", "headers"),
    [
        (API, "12345", {"Authorization": "Bearer made_up_a"}),
        (API, "67890", {"X-Token": "made_up_b"}),
        (API, None, {"X-Token": "made_up_b"}),
        (URL, None, {"Authorization": pair("user:made_up_c")}),
        ("https://example.com/", None, {}),
        ("https://a.b.example.com/", None, {}),
        ("https://api.example.com.evil.example/", None, {}),
        ("https://api.example.com:8443/", None, {}),
        ("https://api.github.com.evil.example/", "12345", {}),
        ("http://api.github.com/repos/pallets/flask/issues/1", "12345", {}),
    ],
)
def test_a_credential_is_found_by_host_and_workspace(
    file: Path, url: str, workspace: str | None, headers: dict[str, str]
) -> None:
    found = Credentials(read_credentials_file(file).credentials).find(url, workspace)
    assert found.headers == headers
    assert found.origin in ("", re.sub(r"(https://[^/:]+)(:\d+)?/.*", r"\1:443", url))


def test_the_identity_tells_two_values_apart_and_reveals_neither() -> None:
    made = [
        bearer("h", "TOKEN", "first"),
        bearer("h", "TOKEN", "second"),
        basic("h", "TOKEN", "a", "b"),
    ]
    identities = {Credentials([known]).find("https://h/").identity for known in made}
    assert len(identities) == 3
    assert all(re.fullmatch(r"TOKEN#[0-9a-f]{8}", identity) for identity in identities)
    assert not any(secret in repr(known) for known in made for secret in ("first", "second"))


def test_the_first_credential_that_applies_is_used() -> None:
    known = Credentials([header_pairs("*.h", "wide", {"A": "1"}), bearer("x.h", "narrow", "2")])
    assert known.find("https://x.h/").headers == {"A": "1"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("bearer =", "bear ="), ":6: $.credential[0].bear: is not a key of this table"),
        (("bearer =", "bear ="), '; did you mean "bearer"? (unknown_key)'),
        (('name = "team-a"\n', ""), ":2: $.credential[0].name: is required (required)"),
        (('workspace = "12345"', "workspace = 12345"), "workspace: must be a string (type)"),
        (('host = "*.example.com"', 'host = "https://x"'), "$.credential[2].host: must be `host`"),
        (('host = "*.example.com"', 'host = "*.*.com"'), "$.credential[2].host: "),
        (('["user", "made_up_c"]', '["user"]'), ':16: $.credential[2].basic: must be ["user", '),
        (
            ('["user", "made_up_c"]', '"user"'),
            '$.credential[2].basic: must be ["user", "password"]',
        ),
        ((FILE, "[credential]"), "each below its own `[[credential]]` (type)"),
        (("X-Token =", "Host ="), "is the client's own"),
        (("X-Token =", "Content-Length ="), "is the client's own"),
        (('{ X-Token = "made_up_b" }', "{}"), "$.credential[1].headers: must not be empty"),
        (("X-Token =", '"X Token" ='), "$.credential[1].headers.X Token: must be a header's"),
        (('bearer = "made_up_a"', 'bearer = "a\\nb"'), "$.credential[0].bearer: must be visible"),
        (('bearer = "made_up_a"\n', ""), "needs exactly one of bearer, basic, headers"),
        (("[[credential]]", "[[credentials]]"), "$.credentials: is not a key of this table"),
        ((FILE, ""), "$: needs a `[[credential]]` or a `[[client]]` (required)"),
        (('"team-a"', '"team-a'), "is not TOML"),
    ],
)
def test_an_error_in_the_file_is_named_without_a_secret(
    file: Path, change: tuple[str, str], said: str
) -> None:
    file.write_text(FILE.replace(*change))
    with pytest.raises(ConfigurationError) as caught:
        read_credentials_file(file)
    assert caught.value.detail.startswith("PLACARD_CREDENTIALS_FILE: ")
    assert said in caught.value.detail
    assert "made_up" not in caught.value.detail


def test_a_file_that_others_can_read_is_refused(file: Path) -> None:
    file.chmod(0o604)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        read_credentials_file(file)


@pytest.mark.parametrize(
    ("mode", "owner", "is_of_our_group", "is_taken"),
    [
        (0o640, 0, True, True),
        (0o640, 0, False, False),
        (0o640, 1000, True, False),
        (0o660, 0, True, False),
        (0o600, 1000, False, True),
    ],
)
def test_group_of_the_service_may_read_what_is_root_s(
    mode: int, owner: int, is_of_our_group: bool, is_taken: bool
) -> None:
    group = os.getegid() + (not is_of_our_group)
    assert is_closed(os.stat_result((mode, 0, 0, 1, owner, group, 0, 0, 0, 0))) == is_taken


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        read_credentials_file(tmp_path / "none.toml")


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:

    with tempfile.NamedTemporaryFile("w", encoding="utf-8", errors="replace") as written:
        written.write(text)
        written.flush()
        try:
            read_credentials_file(Path(written.name))
        except ConfigurationError as error:
            assert error.detail.startswith("PLACARD_CREDENTIALS_FILE: ")


@pytest.mark.parametrize(
    ("claims", "sent"),
    [
        ({"workspace": "12345"}, {"Authorization": "Bearer made_up_a"}),
        ({}, {"X-Token": "made_up_b"}),
    ],
    ids=["a workspace that the token claims", "one that only a parameter names"],
)
def test_a_workspace_s_credential_is_used_only_where_the_proof_speaks_for_it(
    make_host: MakeHost,
    upstream: responses.RequestsMock,
    file: Path,
    claims: dict[str, str],
    sent: dict[str, str],
) -> None:
    upstream.get(API, json=RESOURCE)
    host = make_host(credentials_file=str(file))
    query = query_of(resource_url=ISSUE, workspace="12345")
    assert host.get(query, {"Authorization": f"Bearer {token(**claims)}"}).status_code == 200
    headers = upstream.calls[0].request.headers
    assert {name: headers[name] for name in ("Authorization", "X-Token") if name in headers} == sent


def test_a_credential_for_an_unknown_connector_is_refused(make_host: MakeHost, file: Path) -> None:
    file.write_text(FILE.replace('workspace = "12345"', 'connector = "gitlub"'))
    with pytest.raises(
        ConfigurationError,
        match=r"toml:\d+: no connector is named gitlub; did you mean \"gitlab\"\?",
    ):
        make_host(credentials_file=str(file))


def test_two_workspaces_never_share_an_answer(
    make_host: MakeHost, upstream: responses.RequestsMock, file: Path
) -> None:
    for title in ("seen with a", "seen with b"):
        upstream.get(API, json={**RESOURCE, "title": title})
    host = make_host(credentials_file=str(file))
    titles = []
    for workspace in ("12345", "67890", "12345", "67890"):
        proof = {"Authorization": f"Bearer {token(workspace=workspace)}"}
        answer = host.get(query_of(resource_url=ISSUE, workspace=workspace), proof)
        titles.append(answer.get_json()["metadata"]["title"])
    assert titles == ["seen with a", "seen with b", "seen with a", "seen with b"]


def test_a_signature_speaks_for_its_workspace(
    make_host: MakeHost, upstream: responses.RequestsMock, file: Path
) -> None:
    upstream.get(API, json=RESOURCE)
    host = make_host(credentials_file=str(file), verify="signature")
    query = query_of(resource_url=ISSUE, workspace="12345", expires_at="2036-10-05T14:48:00Z")
    assert host.ask_signed(query).status_code == 200
    assert upstream.calls[0].request.headers["Authorization"] == "Bearer made_up_a"
