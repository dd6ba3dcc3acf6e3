"""The command line: what each command prints, and with which status it ends."""

import errno
import hashlib
import json
import os
import re
import shlex
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
import responses
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from app.__main__ import main as load_and_run
from app.cli import main
from app.connectors import Connector, all_connectors, connector_settings
from app.devtools.signed_calls import CONTEXT
from app.settings import load_settings
from app.settings.report import setting_lines, setting_names
from app.verification import SignedRequest, query_string_hash
from tests.host import ISSUE, JWT_SECRET, SIGNATURE_SECRET, signature
from tests.processes import ROOT
from tests.standin import ISSUE as RESOURCE

SETTINGS = {"PLACARD_JWT_SECRETS": JWT_SECRET, "PLACARD_SIGNATURE_SECRETS": SIGNATURE_SECRET}
API = "https://api.github.com/repos/pallets/flask/issues/1"
MINIMAL = {
    "template": "summary_with_details_v0",
    "metadata": {
        "title": "A card",
        "fields": [{"type": "pill", "name": "State", "text": "Open", "color": "green"}],
        "footer": {"footer_type": "created", "created_at": "2012-02-22T02:06:58.147Z"},
    },
}

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `placard …` in an empty folder, with sound settings unless others are given."""
    monkeypatch.chdir(tmp_path)
    for name in setting_names(connector_settings()):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, stdin: str | None = None, **settings: str) -> Result:
        for name, value in {**SETTINGS, **settings}.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(main, list(arguments), input=stdin)

    return run


def sent_by(curl: str) -> tuple[str, str, str]:
    """Read a curl line: the address, and the header's name and value."""
    words = shlex.split(curl)
    assert words[:3] == ["curl", "-sS", "-H"]
    name, _, value = words[3].partition(": ")
    return words[4], name, value


def test_sign_makes_a_token_that_is_bound_to_the_request(run: Run) -> None:
    ended = run("sign", ISSUE, "--base", "https://cards.example/", "--workspace", "12345")
    url, header, proof = sent_by(ended.stdout)
    parts = urlsplit(url)
    assert (parts.netloc, parts.path, header) == ("cards.example", "/widget", "Authorization")
    query = dict(parse_qsl(parts.query))
    assert (query["resource_url"], query["workspace"]) == (ISSUE, "12345")
    claims = jwt.decode(
        proof.removeprefix("Bearer "), JWT_SECRET, algorithms=["HS256"], audience="placard"
    )
    assert claims["exp"] - claims["iat"] == 300
    request = SignedRequest("GET", "/widget", parts.query.encode())
    assert claims["qsh"] == query_string_hash(request)


def test_sign_makes_the_host_s_signature(run: Run) -> None:
    ended = run("sign", ISSUE, "--by", "signature", "--user", "34567")
    url, header, proof = sent_by(ended.stdout)
    assert header == "x-asana-request-signature"
    assert proof == signature(urlsplit(url).query)
    assert "&user=34567&expires_at=" in url


def test_sign_makes_a_post_for_attach(run: Run) -> None:
    ended = run("sign", "ACME-12", "--for", "attach", "--by", "signature", "--workspace", "1")
    words = shlex.split(ended.stdout)
    body = json.loads(words[words.index("--data-raw") + 1])
    assert words[-1] == "http://127.0.0.1:8080/attach"
    assert words[3:6] == [
        f"x-asana-request-signature: {signature(body['data'])}",
        "-H",
        "Content-Type: application/json",
    ]
    assert {"query": "ACME-12", "workspace": "1"}.items() <= json.loads(body["data"]).items()


def test_sign_binds_a_token_to_the_body_of_a_post(run: Run) -> None:
    ended = run("sign", "ACME-12", "--for", "attach")
    words = shlex.split(ended.stdout)
    data = json.loads(words[words.index("--data-raw") + 1])["data"]
    claims = jwt.decode(
        words[3].removeprefix("Authorization: Bearer "),
        JWT_SECRET,
        algorithms=["HS256"],
        audience="placard",
    )
    assert claims["body_sha256"] == hashlib.sha256(data.encode()).hexdigest()
    assert claims["qsh"] == query_string_hash(SignedRequest("POST", "/attach", b""))


def test_sign_makes_a_query_for_typeahead(run: Run) -> None:
    ended = run("sign", "two words", "--for", "typeahead", "--by", "signature")
    url, _, proof = sent_by(ended.stdout)
    assert url.startswith("http://127.0.0.1:8080/typeahead?query=two%20words&expires_at=")
    assert proof == signature(urlsplit(url).query)


def test_console_prints_what_the_host_s_console_wants(run: Run) -> None:
    ended = run("console", PLACARD_PUBLIC_URL="https://cards.example/placard")
    lines = ended.stdout.splitlines()
    told = dict(zip(lines[::2], map(str.strip, lines[1::2]), strict=True))
    assert ended.exit_code == 0
    for name, path in (("Widget metadata", "widget"), ("Resource attach", "attach")):
        assert told[f"{name} URL:"] == f"https://cards.example/placard/{path}"
    assert told["Resource typeahead URL:"] == "https://cards.example/placard/typeahead"
    assert told["Match URL pattern:"] == run("connectors", "--pattern").stdout.strip()
    assert told["To install the app again:"].endswith("?app_id=<the app's client id>")
    assert "Authentication URL:" not in told


def test_console_prints_where_people_sign_in(run: Run) -> None:
    ended = run(
        "console",
        PLACARD_PUBLIC_URL="https://cards.example",
        PLACARD_CONNECTION_KEYS=Fernet.generate_key().decode(),
        PLACARD_HOST_CLIENT_ID="1234567",
        PLACARD_HOST_CLIENT_SECRET="a client's secret",
    )
    assert ended.exit_code == 0, ended.stderr
    assert "Authentication URL:\n    https://cards.example/auth\n" in ended.stdout
    assert ended.stdout.endswith("install_platform_ui_app?app_id=1234567\n")
    assert "secret" not in ended.stdout


def test_console_wants_to_know_the_address(run: Run) -> None:
    ended = run("console")
    assert ended.exit_code == 2
    assert ended.stderr.startswith("PLACARD_PUBLIC_URL: is missing")


def test_console_says_where_the_address_is_not_https(run: Run) -> None:
    ended = run("console", PLACARD_PUBLIC_URL="http://127.0.0.1:8080")
    assert ended.exit_code == 0
    assert "is not https" in ended.stderr


def test_sign_sends_all_that_the_host_may_send(run: Run) -> None:
    options = [part for name in CONTEXT for part in (f"--{name}", f"{name} 1")]
    url, _, _ = sent_by(run("sign", ISSUE, *options).stdout)
    query = parse_qsl(urlsplit(url).query)
    assert query[:-1] == [("resource_url", ISSUE), *((name, f"{name} 1") for name in CONTEXT)]


@pytest.mark.parametrize("address", ["nonsense", "github.com/a/b", "javascript:alert(1)", ""])
def test_sign_refuses_what_is_no_address(run: Run, address: str) -> None:
    ended = run("sign", "--", address)
    assert ended.exit_code == 2
    assert ended.stdout == ""
    assert "Invalid value" in ended.stderr


def test_sign_names_the_issuer_where_one_is_required(run: Run) -> None:
    ended = run("sign", ISSUE, PLACARD_JWT_ISSUER="https://issuer.example")
    token = sent_by(ended.stdout)[2].removeprefix("Bearer ")
    claims = jwt.decode(token, JWT_SECRET, algorithms=["HS256"], audience="placard")
    assert claims["iss"] == "https://issuer.example"


def test_sign_says_which_secret_is_missing(run: Run) -> None:
    ended = run("sign", ISSUE, "--by", "signature", PLACARD_SIGNATURE_SECRETS="")
    assert ended.exit_code == 2
    assert ended.stderr.startswith("PLACARD_SIGNATURE_SECRETS: ")
    assert "add --local" in ended.stderr


def test_sign_makes_no_secrets_that_the_service_does_not_know(run: Run, tmp_path: Path) -> None:
    ended = run("--local", "sign", ISSUE, PLACARD_JWT_SECRETS="", PLACARD_SIGNATURE_SECRETS="")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "run this where `placard --local serve` or `make run` was started" in ended.stderr
    assert not (tmp_path / ".env").exists()


def test_lint_takes_what_the_host_would_take(run: Run) -> None:
    ended = run("lint", "-", stdin=json.dumps(MINIMAL))
    assert (ended.exit_code, ended.stdout) == (0, "-: the host would take it\n")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"resource_name": "A", "resource_url": "https://a.example"}, []),
        ({"resource_name": "A" * 256}, ["$.resource_name", "$.resource_url"]),
        ({"resource_url": "a", "error": "x"}, ["$.resource_url", "$.resource_name", "$.error"]),
        ({"items": [{"title": "A", "value": "https://a.example", "subtitle": "B"}]}, []),
        ({"items": [], "header": "A"}, []),
        ({"items": [{"title": "A", "value": None}]}, ["$.items[0].value"]),
        ({"items": [{"title": "A", "value": "https://a.example"}] * 51}, ["$.items"]),
        ({"items": {}, "header": 1}, ["$.items", "$.header"]),
    ],
    ids=str,
)
def test_lint_knows_the_answers_of_attach_and_typeahead(
    run: Run, answer: Any, told: list[str]
) -> None:
    ended = run("lint", "-", stdin=json.dumps(answer))
    lines = [line.removeprefix("-:1: ") for line in ended.stdout.splitlines()]
    assert sorted(line.partition(":")[0] for line in lines) == (sorted(told) or ["-"])
    assert ended.exit_code == bool(told)


def test_lint_says_that_a_system_s_own_answer_is_none_of_ours(run: Run) -> None:
    (told,) = run("lint", "-", stdin=json.dumps(RESOURCE)).stdout.splitlines()
    assert told.startswith("-:1: $: is not an answer of a widget (template, metadata), of attach")


def test_lint_tells_the_unknown_keys_of_a_payload_in_their_order(run: Run) -> None:
    keys = [f"key{number}" for number in range(20)]
    ended = run("lint", "-", stdin=json.dumps({**MINIMAL, **dict.fromkeys(keys, 1)}))
    assert re.findall(r"key\d+", ended.stdout) == keys


def test_lint_tells_what_was_meant_and_what_is_given_twice(run: Run) -> None:
    text = json.dumps(MINIMAL).replace('"green"', '"grean"').replace('"name"', '"nmae"')
    ended = run("lint", "-", stdin=text.replace('"title"', '"title": "A", "title"'))
    assert ended.exit_code == 1
    for told in (
        'did you mean "green"? (one_of)',
        'did you mean "name"? (unknown_key)',
        "$.metadata.title: is given more than once; the last one counts (repeated)",
    ):
        assert told in ended.stdout


def test_lint_names_each_fault_by_path_and_rule(run: Run, tmp_path: Path) -> None:
    broken = json.loads(json.dumps(MINIMAL))
    broken["metadata"]["fields"][0]["color"] = "teal"
    broken["metadata"]["title"] = "x" * 201
    (tmp_path / "card.json").write_text(json.dumps(broken))
    ended = run("lint", "card.json")
    assert ended.exit_code == 1
    title, color = ended.stdout.splitlines()
    assert title == (
        "card.json:1: $.metadata.title: "
        "has 201 UTF-16 code units; at most 200 are shown (max_length)"
    )
    assert color.startswith("card.json:1: $.metadata.fields[0].color: must be one of: none, red, ")
    assert color.endswith("(one_of)")


@pytest.mark.parametrize(
    "text", ["{", "", "NaN", "[" * 100_000], ids=["half", "empty", "NaN", "deep"]
)
def test_lint_says_what_is_not_json(run: Run, text: str) -> None:
    ended = run("lint", "-", stdin=text)
    assert ended.exit_code == 2
    assert re.match(r"-:1: \$: is (not JSON|nested too deep)", ended.stdout)


def test_lint_takes_several_files_and_gives_lines(run: Run, tmp_path: Path) -> None:
    broken = json.dumps(MINIMAL, indent=2).replace('"green"', '"teal"')
    (tmp_path / "good.json").write_text(json.dumps(MINIMAL))
    (tmp_path / "bad.json").write_text(broken)
    (tmp_path / "bad.toml").write_text("[[connector]\n")
    ended = run("lint", "good.json", "bad.json", "bad.toml")
    assert ended.exit_code == 1
    line = 1 + broken[: broken.index('"teal"')].count("\n")
    color, toml, good = ended.stdout.splitlines()
    assert color.startswith(f"bad.json:{line}: $.metadata.fields[0].color: must be one of: ")
    assert toml.startswith("bad.toml:1: $: is not TOML: ")
    assert good == "good.json: the host would take it"


def test_lint_prints_problems_for_other_programs(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(json.dumps(MINIMAL).replace("A card", " "))
    ended = run("lint", "--format", "json", "bad.json")
    assert ended.exit_code == 1
    (problem,) = json.loads(ended.stdout)
    assert list(problem) == ["file", "line", "path", "rule", "message"]
    assert (problem["file"], problem["line"]) == ("bad.json", 1)
    assert problem["path"] == "$.metadata.title"
    assert run("lint", "--format", "json", "-", stdin=json.dumps(MINIMAL)).stdout == "[]\n"


def test_lint_prints_annotations_of_githubs_workflows(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a,b.json").write_text('{"template": "100%"}')
    ended = run("lint", "--format", "github", "a,b.json")
    assert ended.exit_code == 1
    for line in ended.stdout.splitlines():
        assert line.startswith("::error file=a%2Cb.json,line=1,title=")
        assert "::$" in line
    assert run("lint", "--format", "github", "-", stdin=json.dumps(MINIMAL)).stdout == ""


def test_lint_without_a_file_says_what_it_wants(run: Run) -> None:
    ended = run("lint")
    assert ended.exit_code == 2
    assert "Missing argument" in ended.stderr


def test_render_draws_a_sample_offline(run: Run) -> None:
    ended = run("--local", "render", ISSUE)
    assert ended.exit_code == 0, ended.output
    for seen in ("pallets/flask #1", "State", "Open", "fields", "/200"):
        assert seen in ended.stdout


def test_render_says_how_to_do_without_the_system(run: Run) -> None:
    ended = run("--local", "render", "https://github.com/pallets/flask/issues/999999")
    assert ended.exit_code == 1
    assert "\nNo answer from api.github.com/repos/pallets/flask/issues/999999\n" in ended.stderr
    assert "`placard render --answer FILE.json URL`" in ended.stderr
    assert "`placard record URL --name open --answer FILE.json --page URL-OF-ITS-DOCS`" in (
        ended.stderr
    )


def test_render_draws_an_answer_that_is_given(run: Run, tmp_path: Path) -> None:
    (tmp_path / "issue.json").write_text(json.dumps(RESOURCE))
    ended = run("render", "--answer", "issue.json", ISSUE)
    assert ended.exit_code == 0, ended.output
    assert "Stand-in issue" in ended.stdout


@pytest.mark.parametrize(
    ("answer", "url", "told"),
    [
        (
            b"\xff{",
            ISSUE,
            "200 from api.github.com/repos/pallets/flask/issues/1\nupstream_unreadable: ",
        ),
        (b"{}", "https://nowhere.example/1", "no_connector: "),
        (b"{}", "nonsense", "malformed_request: "),
    ],
)
def test_render_says_why_a_given_answer_makes_no_card(
    run: Run, tmp_path: Path, answer: bytes, url: str, told: str
) -> None:
    (tmp_path / "answer.json").write_bytes(answer)
    ended = run("render", "--answer", "answer.json", url)
    assert ended.exit_code == 1
    assert told in ended.stderr


@pytest.mark.parametrize("answer", [(), ("--answer", "answer.json")])
def test_render_draws_what_a_status_means(
    run: Run, tmp_path: Path, answer: tuple[str, ...]
) -> None:
    (tmp_path / "answer.json").write_text('{"message": "Not Found"}')
    ended = run("render", *answer, "--status", "404", ISSUE)
    assert ended.exit_code == 1
    assert "404 from api.github.com/" in ended.stderr
    assert "resource_missing: " in ended.stderr


def test_render_gives_the_payload_as_json(run: Run, upstream: responses.RequestsMock) -> None:
    upstream.get(API, json=RESOURCE)
    ended = run("render", "--json", ISSUE)
    assert json.loads(ended.stdout)["metadata"]["title"] == "Stand-in issue"


def test_render_draws_every_part_and_what_was_cut(
    run: Run, upstream: responses.RequestsMock
) -> None:
    answer: dict[str, Any] = {
        **RESOURCE,
        "title": "[red]not markup[/red] " + "x" * 300,
        "state": "closed",
        "closed_at": "2026-02-02T02:02:02Z",
        "user": {"login": "alice", "avatar_url": "https://avatars.example/alice.png"},
        "comments": 1,
    }
    upstream.get(API, json=answer)
    ended = run("render", ISSUE)
    for seen in (
        "[red]not markup[/red]",
        "◦ alice",
        "Closed",
        "2026-02-02T02:02:02.000Z",
        " ago, 2026-01-03T03:04:05.000Z · 1 comment",
        "title 200/200",
        "title: cut from 322 to 200 UTF-16 code units",
    ):
        assert seen in ended.stdout


def test_render_tells_what_of_the_answer_was_left_out(
    run: Run, upstream: responses.RequestsMock
) -> None:
    upstream.get(API, json={**RESOURCE, "milestone": "2.0", "labels": [None, {"name": "bug"}]})
    ended = run("render", ISSUE)
    assert "left out: $.milestone: " in ended.stdout
    assert "left out: $.labels[0]: " in ended.stdout
    assert "bug" in ended.stdout


def test_render_tells_the_error_and_its_reason(run: Run, upstream: responses.RequestsMock) -> None:
    upstream.get(API, status=404, json={"message": "Not Found"})
    ended = run("render", ISSUE)
    assert ended.exit_code == 1
    for seen in (
        "404",
        "Not found. GitHub has no such page",
        "resource_missing: upstream status 404",
    ):
        assert seen in ended.stderr


STATUS_PAGE = Path(__file__).parents[1] / "connectors" / "definitions" / "status_page.toml"


def test_lint_takes_a_definition_that_can_be_used(run: Run) -> None:
    ended = run("lint", str(STATUS_PAGE))
    assert ended.exit_code == 0
    assert ended.stdout == f"{STATUS_PAGE}: status-page: can be used\n"


def test_lint_names_a_definition_s_fault_by_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(STATUS_PAGE.read_text().replace("\ntitle =", "\ntitel ="))
    ended = run("lint", "bad.toml")
    assert ended.exit_code == 1
    assert [line.split(": ")[:2] for line in ended.stdout.splitlines()] == [
        ["bad.toml:13", "$.connector[0].card.titel"],
        ["bad.toml:12", "$.connector[0].card.title"],
    ]
    assert ended.stdout.splitlines()[0].endswith(
        "is not a key of this table, which takes title, subtitle, subicon_url, num_comments, "
        'fields, footer; did you mean "title"? (unknown_key)'
    )


def test_lint_says_what_a_name_may_be(run: Run, tmp_path: Path) -> None:
    text = STATUS_PAGE.read_text()
    (tmp_path / "bad.toml").write_text(text.replace('"status-page"', '"Status page"'))
    ended = run("lint", "bad.toml")
    assert ended.stdout.startswith("bad.toml:2: $.connector[0].name: must be a small letter, then ")


def test_lint_tells_what_another_connector_serves(run: Run, tmp_path: Path) -> None:
    text = STATUS_PAGE.read_text().replace('"status-page"', '"github"')
    text = text.replace("status.example.com", "github.com").replace("/incidents/", "/a/b/issues/")
    (tmp_path / "taken.toml").write_text(text.replace("p31zjtct2jer", "12"))
    ended = run("lint", "taken.toml")
    assert ended.exit_code == 1
    assert ended.stdout == (
        "taken.toml:2: $.connector[0].name: is the name of another connector, in "
        "app.connectors.github.issues (unique)\n"
        "taken.toml:6: $.connector[0].example: is an address of the connector github, which is "
        "matched before (unique)\n"
    )


def test_lint_tells_what_another_definition_of_the_file_serves(run: Run, tmp_path: Path) -> None:
    text = STATUS_PAGE.read_text()
    (tmp_path / "two.toml").write_text(text + text.replace('"status-page"', '"other"'))
    ended = run("lint", "two.toml")
    assert "$.connector[1].example: is an address of the connector status-page" in ended.stdout


def test_lint_tells_what_the_files_in_use_have_taken(run: Run, tmp_path: Path) -> None:
    used, tried = tmp_path / "used.toml", tmp_path / "tried.toml"
    used.write_text(STATUS_PAGE.read_text())
    tried.write_text(STATUS_PAGE.read_text())
    ended = run("lint", "tried.toml", PLACARD_CONNECTORS_FILE="used.toml")
    assert ended.stdout == (
        f"tried.toml:2: $.connector[0].name: is the name of another connector, in {used} (unique)\n"
        "tried.toml:6: $.connector[0].example: is an address of the connector status-page, which "
        "is matched before (unique)\n"
    )
    assert run("lint", "used.toml", PLACARD_CONNECTORS_FILE="used.toml").exit_code == 0
    both = run("lint", "used.toml", "tried.toml", PLACARD_CONNECTORS_FILE="")
    assert [line.partition(" ")[0] for line in both.stdout.splitlines()] == [
        "used.toml:2:", "tried.toml:2:", "tried.toml:6:",
    ]  # fmt: skip


def test_lint_says_of_each_key_that_is_missing_that_it_is_required(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "empty.toml").touch()
    (tmp_path / "half.toml").write_text("[[connector]]\ncard = {}\n")
    lines = run("lint", "empty.toml", "half.toml").stdout.splitlines()
    assert lines[0] == "empty.toml:1: $.connector: is required (required)"
    assert "half.toml:2: $.connector[0].card.title: is required (required)" in lines
    assert all(": is required" in line for line in lines)


def test_lint_refuses_what_the_start_would_refuse(run: Run, tmp_path: Path) -> None:
    text = STATUS_PAGE.read_text().replace(
        'name = "status-page"', 'name = "x"\nhosts_setting = "X_HOSTS"'
    )
    (tmp_path / "own.toml").write_text(text)
    ended = run("lint", "own.toml")
    assert "is for bundled definitions; name this connector in the credentials" in ended.stdout


def test_render_tries_a_definition(run: Run, upstream: responses.RequestsMock) -> None:
    upstream.get(
        "https://status.example.com/api/v2/incidents/7.json",
        json={"incident": {"name": "Login fails", "status": "resolved"}},
    )
    page = "https://status.example.com/incidents/7"
    ended = run("render", "--definition", str(STATUS_PAGE), page)
    assert ended.exit_code == 0, ended.output
    for seen in ("Login fails", "resolved", "no value in this answer: subtitle, Affected, Began\n"):
        assert seen in ended.stdout


def test_render_says_which_option_gave_a_definition_that_is_broken(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "bad.toml").write_text("[connector]")
    ended = run("render", "--definition", "bad.toml", ISSUE)
    assert ended.exit_code == 2
    assert ended.stderr.startswith("--definition: ")


def test_connectors_are_listed_with_what_they_want(run: Run) -> None:
    ended = run("connectors")
    for seen in ("github: GitHub", f"example: {ISSUE}", "github.com", "GITHUB_TOKEN"):
        assert seen in ended.stdout


def test_settings_are_printed_with_their_source_and_without_secrets(run: Run) -> None:
    ended = run("settings", GITHUB_TOKEN="ghp_made_up", PLACARD_OFLINE="on")
    for name in setting_names(connector_settings()):
        assert f"{name}=" in ended.stdout
    assert "GITHUB_TOKEN=********  (environment)" in ended.stdout
    assert "PLACARD_MODE=production  (default)" in ended.stdout
    assert "ghp_made_up" not in ended.output
    assert JWT_SECRET not in ended.output
    assert "PLACARD_OFLINE: is not a setting; did you mean PLACARD_OFFLINE?" in ended.stderr


def test_settings_and_connectors_do_not_wrap_where_they_are_piped(run: Run) -> None:
    told = {line.meaning for line in setting_lines(load_settings(SETTINGS))}
    assert any(len(meaning) > 80 for meaning in told)
    lines = run("settings").stdout.splitlines()
    assert sorted(told - {line.strip() for line in lines}) == []
    shown = run("connectors").stdout.splitlines()
    hosts = ", ".join(sorted(next(each for each in known() if each.name == "gitlab").hosts))
    assert f"    hosts: {hosts}" in shown


def known() -> tuple[Connector, ...]:
    return all_connectors(load_settings(SETTINGS, connector_settings()))


def test_settings_are_printed_as_json_without_secrets(run: Run) -> None:
    ended = run("settings", "--json", GITHUB_TOKEN="ghp_made_up")
    told = {each["name"]: each for each in json.loads(ended.stdout)}
    assert list(told) == setting_names(connector_settings())
    assert told["GITHUB_TOKEN"]["value"] == "********"
    assert told["GITHUB_TOKEN"]["source"] == "environment"
    assert "ghp_made_up" not in ended.output


def test_connectors_are_printed_as_json(run: Run) -> None:
    told = {each["name"]: each for each in json.loads(run("connectors", "--json").stdout)}
    assert list(told) == [connector.name for connector in known()]
    assert told["github"]["example"] == ISSUE
    assert "GITHUB_TOKEN" in told["github"]["settings"]
    assert "github.com" in told["github"]["hosts"]


def test_a_file_that_cannot_be_written_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "cases").write_text("in the way")
    settings = {"GITHUB_TOKEN": "made_up"}
    (tmp_path / "answer.json").write_text(json.dumps(RESOURCE))
    given = ("--answer", "answer.json", "--page", "https://docs.example/")
    ended = run("record", ISSUE, "--name", "x", "--to", "cases/of", *given, **settings)
    assert (ended.exit_code, ended.stderr) == (2, "cases/of/github: Not a directory\n")


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOENT, "the current folder: No such file or directory\n"),
        (errno.ENOSPC, "what is written to: No space left on device\n"),
    ],
)
def test_an_error_of_a_place_without_a_name_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch, number: int, told: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("app.cli.console.all_connectors", fail)
    ended = run("connectors")
    assert (ended.exit_code, ended.stderr) == (2, told)


def test_an_error_that_is_no_file_s_is_not_hidden(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))

    monkeypatch.setattr("app.cli.console.all_connectors", broken)
    assert isinstance(run("connectors").exception, ConnectionResetError)


def test_the_local_mode_says_where_it_cannot_keep_its_secrets(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".env").symlink_to(tmp_path / "no" / "where")
    ended = run("--local", "serve", PLACARD_JWT_SECRETS="", PLACARD_SIGNATURE_SECRETS="")
    assert ended.exit_code == 2
    assert ended.stderr.startswith(f".env: cannot be written in {tmp_path} (No such file")


def test_ctrl_c_ends_a_command_without_a_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("app.cli.console.all_connectors", interrupted)
    ended = run("connectors")
    assert (ended.exit_code, ended.output) == (130, "")


def test_a_wrong_setting_ends_any_command(run: Run) -> None:
    ended = run("connectors", PLACARD_CACHE_BYTES="much")
    assert ended.exit_code == 2
    assert ended.stderr.startswith("PLACARD_CACHE_BYTES: ")


def test_record_makes_a_case_without_credentials(
    run: Run, upstream: responses.RequestsMock, tmp_path: Path
) -> None:
    answer = {**RESOURCE, "temp_clone_token": "AXXX", "echo": "token ghp_made_up!"}
    upstream.get(API, json=answer, headers={"Set-Cookie": "session=1", "ETag": '"1"'})
    ended = run("record", ISSUE, "--name", "open", "--to", "cases", GITHUB_TOKEN="ghp_made_up")
    assert ended.exit_code == 0, ended.output
    case_text = (tmp_path / "cases/github/open.json").read_text()
    case = json.loads(case_text)
    (exchange,) = case["exchanges"]
    assert case["source"].startswith("recorded 20")
    assert case["resource_url"] == ISSUE
    assert exchange["request"]["url"] == API
    assert exchange["request"]["headers"]["Authorization"] == "scrubbed"
    assert exchange["response"]["headers"] == {"content-type": "application/json", "etag": '"1"'}
    assert exchange["response"]["body"]["temp_clone_token"] == "scrubbed"
    assert exchange["response"]["body"]["echo"] == "token scrubbed!"
    assert "ghp_made_up" not in case_text
    widget = json.loads((tmp_path / "cases/github/open.widget.json").read_text())
    assert (widget["status"], widget["body"]["metadata"]["title"]) == (200, "Stand-in issue")


def test_record_keeps_an_error_with_its_envelope(
    run: Run, upstream: responses.RequestsMock, tmp_path: Path
) -> None:
    upstream.get(API, status=404, body="<html>")
    run("record", ISSUE, "--name", "missing", "--to", "cases")
    case = json.loads((tmp_path / "cases/github/missing.json").read_text())
    assert case["exchanges"][0]["response"]["text"] == "<html>"
    widget = json.loads((tmp_path / "cases/github/missing.widget.json").read_text())
    assert widget["status"] == 404
    assert widget["body"]["data"]["error"].startswith("Not found.")


def test_record_needs_something_to_record(run: Run) -> None:
    assert run("--local", "record", ISSUE, "--name", "x").exit_code == 2
    ended = run("record", "https://example.com/", "--name", "x", PLACARD_MODE="production")
    assert ended.exit_code == 1
    assert "no_connector" in ended.stderr


def test_record_scrubs_the_credentials_of_the_file_and_signed_addresses(
    run: Run, upstream: responses.RequestsMock, tmp_path: Path
) -> None:
    file = tmp_path / "credentials.toml"
    file.write_text(
        '[[credential]]\nname = "a"\nhost = "api.github.com"\nbearer = "made_up_in_a_file"\n'
    )
    file.chmod(0o600)
    signed = f"{API}?access_token=made_up_one&X-Amz-Signature=made_up_two&page=1"
    upstream.get(API, status=302, headers={"Location": signed})
    upstream.get(signed, json={**RESOURCE, "echo": "Bearer made_up_in_a_file"})
    ended = run("record", ISSUE, "--name", "x", "--to", "cases", PLACARD_CREDENTIALS_FILE=str(file))
    assert ended.exit_code == 0, ended.output
    text = (tmp_path / "cases/github/x.json").read_text()
    assert "made_up" not in text
    assert "page=1" in text


def test_a_wrong_file_of_connectors_ends_any_command(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("connector = []")
    for command in (["connectors"], ["render", ISSUE], ["doctor", "http://127.0.0.1:1"]):
        ended = run(*command, PLACARD_CONNECTORS_FILE="bad.toml")
        assert ended.exit_code == 2
        assert ended.stderr.startswith("PLACARD_CONNECTORS_FILE: ")


@pytest.mark.parametrize("used", [STATUS_PAGE.name, str(STATUS_PAGE)])
def test_render_tries_a_definition_in_place_of_the_one_in_use(
    run: Run, upstream: responses.RequestsMock, tmp_path: Path, used: str
) -> None:
    older = STATUS_PAGE.read_text().replace('"incident.name"', '"incident.impact"')
    (tmp_path / STATUS_PAGE.name).write_text(older)
    upstream.get(
        "https://status.example.com/api/v2/incidents/7.json", json={"incident": {"name": "Down"}}
    )
    page = "https://status.example.com/incidents/7"
    ended = run("render", "--definition", str(STATUS_PAGE), page, PLACARD_CONNECTORS_FILE=used)
    assert ended.exit_code == 0, ended.output
    assert "Down" in ended.stdout


def test_record_keeps_what_is_asked_by_post(
    run: Run, upstream: responses.RequestsMock, tmp_path: Path
) -> None:
    host = "spaceone.example.com"
    upstream.post(f"https://{host}/dashboard/v1/custom-widget/get", status=404, json={})
    page = f"https://{host}/dashboard/v1/custom-widget/custom-widget-0123456789ab?domain_id=d"
    ended = run("record", page, "--name", "x", "--to", "cases", PLACARD_SPACEONE_HOSTS=host)
    assert ended.exit_code == 0, ended.output
    case = json.loads((tmp_path / "cases/spaceone/x.json").read_text())
    assert case["settings"] == {"PLACARD_SPACEONE_HOSTS": host}
    assert case["exchanges"][0]["request"]["body"] == {
        "custom_widget_id": "custom-widget-0123456789ab",
        "domain_id": "d",
    }


def test_record_makes_a_case_and_a_sample_of_an_answer_that_is_written(
    run: Run, tmp_path: Path
) -> None:
    answer = tmp_path / "answer.json"
    issue = {"identifier": "ENG-1", "title": "Fix it", "state": {"name": "Todo"}}
    answer.write_text(json.dumps({"data": {"issue": issue}}))
    ended = run(
        "record", "https://linear.app/acme/issue/ENG-1", "--name", "open", "--to", "cases",
        "--answer", str(answer), "--page", "https://linear.app/developers", "--sample", "samples",
        LINEAR_API_KEY="the-token-of-nobody",
    )  # fmt: skip
    assert ended.exit_code == 0, ended.output
    case, widget, sample = (Path(line) for line in ended.stdout.splitlines())
    told = json.loads(case.read_text())
    assert told["source"] == "written from https://linear.app/developers"
    assert told["settings"] == {"LINEAR_API_KEY": "scrubbed"}
    assert told["exchanges"][0]["request"]["headers"]["Authorization"] == "scrubbed"
    assert json.loads(widget.read_text())["body"]["metadata"]["title"] == "Fix it"
    made = json.loads(sample.read_text())
    assert "settings" not in made
    assert "Authorization" not in made["exchanges"][0]["request"]["headers"]
    assert "the-token-of-nobody" not in case.read_text() + sample.read_text()


@pytest.mark.parametrize(
    ("issue", "told"),
    [
        (
            {"title": "Fix it", "state": {"name": ["Todo"]}},
            "left out: Status.text: state.name: is neither a text nor a number",
        ),
        ({}, "resource_missing: upstream status 200, by its body"),
    ],
)
def test_record_tells_what_its_card_leaves_out_or_why_there_is_none(
    run: Run, tmp_path: Path, issue: Any, told: str
) -> None:
    ended = _record_written(run, tmp_path, {"data": {"issue": issue}}, "the-token-of-nobody")
    assert ended.exit_code == 0
    assert told in ended.stderr


def test_record_refuses_a_secret_that_other_texts_hold(run: Run, tmp_path: Path) -> None:
    ended = _record_written(run, tmp_path, {}, "x")
    assert ended.exit_code == 2
    assert ended.stderr.startswith("a secret of the settings has fewer than 6 characters")


def _record_written(run: Run, folder: Path, document: Any, token: str) -> Result:
    answer = folder / "answer.json"
    answer.write_text(json.dumps(document))
    written = ("--answer", str(answer), "--page", "https://linear.app/developers")
    page = "https://linear.app/acme/issue/ENG-1"
    return run("record", page, "--name", "x", "--to", "cases", *written, LINEAR_API_KEY=token)


@pytest.mark.parametrize("command", [["render"], ["record", "--name", "x"]])
def test_a_definition_that_is_off_is_named_with_its_setting(run: Run, command: list[str]) -> None:
    page = "https://linear.app/acme/issue/ENG-1"
    ended = run(*command, page, PLACARD_MODE="production")
    assert ended.exit_code == 1
    assert "linear is bundled, and is on once LINEAR_API_KEY is set" in ended.stderr


def test_record_wants_an_answer_with_its_page(run: Run, tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    answer.write_text("{}")
    ended = run(
        "record", "https://linear.app/acme/issue/ENG-1", "--name", "x", "--answer", str(answer)
    )
    assert ended.exit_code == 2
    assert "--page goes together with --answer, or --status" in ended.stderr


def test_settings_check_tells_whether_the_service_can_start(run: Run) -> None:
    ended = run("settings", "--check")
    assert (ended.exit_code, ended.stdout) == (0, "the service can start\n")
    refused = run("settings", "--check", PLACARD_JWT_SECRETS="short")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("PLACARD_JWT_SECRETS: ")


def test_settings_markdown_is_the_table_of_the_page(run: Run) -> None:
    printed = run("settings", "--markdown").output
    assert printed.strip() in (ROOT / "app/settings/README.md").read_text("utf-8")


def test_an_address_to_listen_on_is_of_this_machine_and_no_name(run: Run) -> None:
    ended = run("serve", "--host", "placard.example")
    assert ended.exit_code == 2
    assert "'placard.example' is not an IP address" in ended.stderr


def test_the_command_is_loaded_with_ctrl_c_ending_it_in_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    minded: list[Any] = []
    monkeypatch.setattr("app.cli.main", lambda: minded.append(signal.getsignal(signal.SIGINT)))
    try:
        load_and_run()
    finally:
        signal.signal(signal.SIGINT, before)
    assert minded == [signal.SIG_DFL]
