"""Connectors without code: what a definition makes, and what is wrong with one."""

import json
import re
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest
import responses
from hypothesis import given, strategies as st

from app import create_app
from app.connectors import all_connectors
from app.connectors.base import read_address
from app.connectors.definitions.addresses import form_of
from app.connectors.definitions.files import lint_definitions, read_definitions
from app.connectors.registry import find
from app.errors import ConfigurationError
from app.telemetry.trace import recording
from app.testing.contract import JSON, match_of
from app.testing.definitions import DefinitionContract
from tests.conftest import MakeHost, settings_with
from tests.host import Host

FOLDER: Final = Path(__file__).parent / "definitions"
STATUS: Final = FOLDER / "status_page.toml"
BUILDS: Final = FOLDER / "build_server.toml"
PAGE: Final = "https://status.example.com/incidents/p31zjtct2jer"
API: Final = "https://status.example.com/api/v2/incidents/p31zjtct2jer.json"
BUILD: Final = "https://builds.example.com/job/nightly/42"
BUILD_API: Final = "https://api.builds.example.com:8443/query"
INCIDENT: Final[Mapping[str, Any]] = {
    "incident": {
        "name": "Login fails",
        "impact": "major",
        "shortlink": "https://stspg.example/1",
        "status": "resolved",
        "components": [{"name": "API"}, {"name": "Web"}],
        "created_at": "2025-10-02T09:15:27+02:00",
        "updated_at": 1759390527,
    }
}


class TestStatusPage(DefinitionContract):
    definition = STATUS
    matches: ClassVar[Mapping[str, str]] = {
        PAGE: API,
        f"{PAGE}/": API,
        f"{PAGE}?x=1#y": API,
        PAGE.replace("status", "STATUS"): API,
        "https://status.example.com:443/incidents/a.b~c": API.replace("p31zjtct2jer", "a.b~c"),
        "http://status.example.com/incidents/é": API.replace("p31zjtct2jer", "%C3%A9"),
        "https://status.example.com/incidents/Caf%C3%A9%20noir": API.replace(
            "p31zjtct2jer", "Caf%C3%A9%20noir"
        ),
        "https://status.example.com/incidents/100%25": API.replace("p31zjtct2jer", "100%25"),
        "https://status.example.com/incidents/a%252Fb": API.replace("p31zjtct2jer", "a%252Fb"),
        "https://status.example.com/incidents/%61": API.replace("p31zjtct2jer", "a"),
    }
    near_misses = (
        "https://status.example.com/incidents/",
        "https://status.example.com/incidents/a/b",
        "https://status.example.com/incidents/a%2Fb",
        "https://status.example.com/incidents/a%5Cb",
        "https://status.example.com/incidents/a%0Ab",
        "https://status.example.com/incidents/%FF",
        "https://status.example.com/incidents/%zz",
        "https://status.example.com/incidents/%2e%2E",
        "https://status.example.com/components/a",
        "https://api.status.example.com/incidents/a",
    )
    headers: ClassVar[Mapping[str, str]] = {"Accept": "application/json"}
    resource = INCIDENT


@pytest.fixture
def host(make_host: MakeHost) -> Host:
    return make_host(connectors_file=str(FOLDER))


def test_a_definition_makes_its_card(host: Host, upstream: responses.RequestsMock) -> None:
    upstream.get(API, json=INCIDENT)
    assert host.ask(PAGE).get_json()["metadata"] == {
        "title": "Login fails",
        "subtitle": "major · https://stspg.example/1",
        "fields": [
            {"type": "pill", "name": "Status", "text": "resolved", "color": "green"},
            {"type": "text_with_icon", "name": "Affected", "text": "API, Web"},
            {"type": "datetime_with_icon", "name": "Began", "datetime": "2025-10-02T07:15:27.000Z"},
        ],
        "footer": {"footer_type": "updated", "last_updated_at": "2025-10-02T07:35:27.000Z"},
    }


def test_a_definition_can_ask_by_post(host: Host, upstream: responses.RequestsMock) -> None:
    answer = {
        "number": 42,
        "passed": False,
        "icon": "https://builds.example.com/icon.png",
        "notes": ["a", "b"],
        "author": {"login": "alice", "avatar": "javascript:alert(1)"},
        "ended": "2025-10-02",
        "touched": None,
    }
    upstream.post(BUILD_API, json=answer)
    assert host.ask(BUILD).get_json()["metadata"] == {
        "title": "42",
        "subicon_url": "https://builds.example.com/icon.png",
        "fields": [
            {"type": "text_with_icon", "name": "Passed", "text": "no"},
            {"type": "text_with_icon", "name": "By", "text": "alice"},
            {"type": "datetime_with_icon", "name": "Ended", "datetime": "2025-10-02T00:00:00.000Z"},
        ],
        "footer": {"footer_type": "created", "created_at": "2025-10-02T00:00:00.000Z"},
        "num_comments": 2,
    }
    sent = upstream.calls[0].request
    assert json.loads(sent.body or b"") == {"job": "nightly", "numbers": ["42"], "full": True}
    assert (sent.headers["Content-Type"], sent.headers["X-Client"]) == (
        "application/json",
        "placard of nightly",
    )


def test_an_expression_that_fails_drops_its_field_and_says_so(
    host: Host, upstream: responses.RequestsMock
) -> None:
    incident = {**INCIDENT["incident"], "created_at": "soon", "components": 5, "impact": None}
    upstream.get(API, json={"incident": incident})
    with recording() as trace:
        card = host.ask(PAGE).get_json()["metadata"]
    assert [field["name"] for field in card["fields"]] == ["Status"]
    assert "subtitle" not in card
    told = [step.facts for step in trace.steps if step.name == "dropped"]
    dropped = {facts["part"]: facts["why"] for facts in told}
    assert dropped == {
        "Began.datetime": "time() needs a time",
        "subtitle": "join() takes a list of strings, and was given null; "
        "join(…, […][?@]) leaves out what is null",
    }


@given(JSON)
def test_any_json_makes_a_card_of_any_definition(answer: Any) -> None:
    host = Host(create_app(settings_with(connectors_file=str(FOLDER))).test_client())
    with responses.RequestsMock() as upstream:
        upstream.get(API, body=json.dumps(answer))
        upstream.post(BUILD_API, body=json.dumps(answer))
        for page in (PAGE, BUILD):
            made = host.ask(page)
            assert made.status_code in (200, 500)
            assert made.status_code == 200 or "we cannot read" in made.get_json()["data"]["error"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "https://status.example.com/api",
            "{https://status.example.com/}://evil.example/a",
            "(url)",
        ),
        ("https://status.example.com/api", "http://status.example.com/api", "(url)"),
        ("https://status.example.com/api", "https://status.example.com:abc/api", "(url)"),
        ("https://status.example.com/api", "https://status.example.com:99999/api", "(url)"),
        ("https://status.example.com/api", "https://[::1/api", "(url)"),
        ("{id}.json", "{id:[0-9]+}.json", "(url)"),
        ("{id}.json", "{ID}.json", "(url)"),
        ("{ Accept", "{ Host", "is the client's own (header)"),
        ("{ Accept", "{ Content-Length", "is the client's own (header)"),
        ("{ Accept", "{ X-Forwarded-Host", "is the client's own (header)"),
        ("{ Accept", "{ X-Api-Key", "(credential)"),
        ("headers = {", "body = nan\nheaders = {", "must be what JSON can hold"),
        ("headers = {", "body = 2020-01-01\nheaders = {", "must be what JSON can hold"),
        ("https://status.example.com/incidents/p31", "https://[::1/incidents/p31", "(example)"),
        (
            "https://status.example.com/incidents/p31",
            "ftp://status.example.com/incidents/p31",
            "(ex",
        ),
        ('"/incidents/{id}"', '"/incidents/{id:a{99999999999}}"', "(pattern)"),
        ('"incident.name"', '"chose(incident)"', "there is no function chose()"),
        ('"incident.name"', '"choose(incident)"', "choose() takes 3, not 1"),
        ('"incident.name"', '"a && !b.c"', "write `!(a.b)`"),
        ('"incident.name"', '"a[' + "9" * 5000 + ']"', "over 500 characters"),
        ('"incident.name"', '"[@,@][] | [@,@][] | [][] | []"', "over 4 flattenings"),
        ('"incident.name"', '"' + "(" * 400 + '"', "is not a valid JMESPath expression"),
    ],
)
def test_what_could_do_harm_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = tmp_path / "bad.toml"
    assert old in STATUS.read_text()
    file.write_text(STATUS.read_text().replace(old, new, 1))
    (told,) = lint_definitions(file)
    assert said in told


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "twice.toml"
    file.write_text(STATUS.read_text() * 2)
    (told,) = lint_definitions(file)
    assert told.startswith(f"{file}:35: $.connector[1].name: is the name of another: status-page")


@pytest.mark.parametrize("text", ["", "connector = []", "[[connector]]", "a = " + "[" * 3000])
def test_a_file_without_a_definition_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "none.toml"
    file.write_text(text)
    assert lint_definitions(file)


def test_a_folder_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no \*\.toml in this folder"):
        read_definitions([str(tmp_path)])


@pytest.mark.parametrize("path", ["/../admin", "/a/..", "/./a", "/../../etc"])
def test_whoever_writes_an_address_does_not_choose_what_the_api_is_asked(
    tmp_path: Path, path: str
) -> None:
    file = tmp_path / "wide.toml"
    text = STATUS.read_text().replace("/incidents/{id}", "/{a}/{id}")
    file.write_text(text)
    (known,) = read_definitions([str(file)])
    assert match_of(known, PAGE) is not None
    assert match_of(known, f"https://status.example.com{path}") is None


def test_a_pattern_that_takes_for_ever_matches_nothing(tmp_path: Path) -> None:
    file = tmp_path / "slow.toml"
    slow = '"/incidents/{id:(?:[a-z0-9]|[a-z0-9][a-z0-9])+}"'
    file.write_text(STATUS.read_text().replace('"/incidents/{id}"', slow))
    (known,) = read_definitions([str(file)])
    assert match_of(known, PAGE) is not None
    assert match_of(known, "https://status.example.com/incidents/" + "a" * 60 + "!") is None


DEEP, LARGE = "[" * 400 + "]" * 400, '{"incident": {"created_at": ' + "9" * 4000 + "}}"


@pytest.mark.parametrize("answer", [DEEP, LARGE], ids=["deep", "large"])
def test_an_answer_that_breaks_every_expression_is_no_card(
    host: Host, upstream: responses.RequestsMock, answer: str
) -> None:
    upstream.get(API, body=answer)
    assert host.ask(PAGE).status_code == 500


def test_an_address_whose_part_is_empty_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "empty.toml"
    file.write_text(STATUS.read_text().replace('"/incidents/{id}"', '"/incidents/{id:[a-z0-9]*}"'))
    (known,) = read_definitions([str(file)])
    assert match_of(known, PAGE) is not None
    assert match_of(known, "https://status.example.com/incidents/") is None


def test_a_colour_that_is_none_is_told_in_the_trace(
    host: Host, upstream: responses.RequestsMock, tmp_path: Path, make_host: MakeHost
) -> None:
    file = tmp_path / "colour.toml"
    text = re.sub("color = .*", 'color = "incident.status"', STATUS.read_text())
    file.write_text(text)
    upstream.get(API, json=INCIDENT)
    with recording() as trace:
        card = make_host(connectors_file=str(file)).ask(PAGE).get_json()["metadata"]
    assert card["fields"][0]["color"] == "none"
    assert [step.facts["part"] for step in trace.steps if step.name == "dropped"] == [
        "Status.color"
    ]


@pytest.mark.parametrize("body", ["null", "{}", '{"incident": null}', '{"error": "denied"}', "[]"])
def test_an_answer_of_which_nothing_would_be_shown_is_no_card(
    host: Host, upstream: responses.RequestsMock, body: str
) -> None:
    upstream.get(API, body=body)
    answer = host.ask(PAGE)
    assert answer.status_code == 500
    assert "we cannot read" in answer.get_json()["data"]["error"]


def test_a_card_of_little_names_its_source(host: Host, upstream: responses.RequestsMock) -> None:
    upstream.get(API, json={"incident": {"name": "Login fails"}})
    card = host.ask(PAGE).get_json()["metadata"]
    assert card["title"] == "Login fails"
    assert card["fields"] == [{"type": "text_with_icon", "name": "Source", "text": "Status page"}]
    assert card["footer"] == {"footer_type": "custom_text", "text": "Status page"}


def test_a_part_is_decoded_once_where_it_is_shown(
    host: Host, upstream: responses.RequestsMock
) -> None:
    page = "https://status.example.com/incidents/Caf%C3%A9%20100%25"
    upstream.get(
        API.replace("p31zjtct2jer", "Caf%C3%A9%20100%25"), json={"incident": {"status": "up"}}
    )
    assert host.ask(page).get_json()["metadata"]["title"] == "Status page Café 100%"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('name = "status-page"', 'name = "Status Page"', 2, "$.connector[0].name: "),
        ('hosts = ["status.example.com"]', "hosts = []", 4, "$.connector[0].hosts: "),
        ('["status.example.com"]', '["*.com"]', 4, "must be a whole host"),
        ('["status.example.com"]', '["a.*.example.com"]', 4, "must be a whole host"),
        ('["status.example.com"]', '{ "status.example.com" = "*" }', 4, "must be a whole host"),
        ('"/incidents/{id}"', '"/incidents/{id:[}"', 5, "(pattern)"),
        ('example = "https://status', 'example = "https://other', 6, "(example)"),
        ("https://status.example.com/api", "https://{id}/api", 9, "(url)"),
        ("https://status.example.com/api", "https://u@status.example.com/api", 9, "(url)"),
        ("{id}.json", "{number}.json", 9, "has parts that `path` has not: number (part)"),
        ("{ Accept =", '{ X-Id = "{idd}", Accept =', 10, "has parts that `path` has not: idd"),
        ("{ Accept =", "{ Authorization =", 10, "belongs into the credentials file (credential)"),
        (
            'title = "incident.name"',
            'title = "incident["',
            13,
            "is not a valid JMESPath expression",
        ),
        ("color = ", """color = "'reddish'" # """, 20, "must be one of: none, red, "),
        ("color = ", "colors = { up = 'gren' } #", 20, """colors.up: must be one of: none, red"""),
        ("color = ", "colors = { up = 'gren' } #", 20, """; did you mean "green"? (one_of)"""),
        ("color = ", "colors = 'green' #", 20, "colors: must be a table (type)"),
        ("[[connector]]", "[connector]", 1, "each below its own `[[connector]]` (type)"),
        ('label = "Status page"', 'label = ""', 3, "must have 1 to 40 characters (length)"),
        ('label = "Status page"', "label = 7", 3, "$.connector[0].label: must be a string (type)"),
        (
            "{ Accept",
            """{ Accept = "a" }\nbody = { id = "{idd}" }\n# {""",
            11,
            "has parts that `path`",
        ),
        ("example = ", 'page = "/{idd}"\nexample = ', 6, "no address has the part idd (part)"),
        ("example = ", 'page = "/{id|shout}"\nexample = ', 6, "there is no filter shout"),
        ('type = "pill"', 'type = "pile"', 17, "must be one of: pill, text_with_icon"),
        ('datetime = "incident.created_at"', "", 27, "is required for this type (required)"),
        ("updated = ", "updatd = ", 33, "$.connector[0].card.footer.updatd: "),
        ("[connector.card.footer]", "[connector.card.footer", 32, "is not TOML"),
    ],
)
def test_each_fault_names_file_line_and_rule(
    tmp_path: Path, old: str, new: str, line: int, said: str
) -> None:
    file = tmp_path / "bad.toml"
    text = STATUS.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    (told,) = lint_definitions(file)
    assert said in told
    assert told.startswith(f"{file}:{line}: ")
    with pytest.raises(ConfigurationError, match=r"^PLACARD_CONNECTORS_FILE: "):
        read_definitions([str(file)])


SEARCH: Final = """
[connector.search]
url = "/api/v2/incidents?query={words}"
results = "incidents"
title = "name"
address = "join('', ['/incidents/', id])"
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{words}", "{words|shout}", "there is no filter shout"),
        ("{words}", "{scope}", "has parts that a search has not: scope"),
        ("/api", "//evil.example/api", "(url)"),
        ("results", 'urls = { "a.example" = "http://b.example" }\nresults', "(url)"),
        ('"name"', "\"part('number')\"", "no finding has the part number"),
    ],
)
def test_a_search_asks_a_literal_host_for_what_a_search_has(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    sound, file = STATUS.read_text() + SEARCH, tmp_path / "search.toml"
    file.write_text(sound)
    assert lint_definitions(file) == []
    file.write_text(STATUS.read_text() + SEARCH.replace(old, new, 1))
    (told,) = lint_definitions(file)
    assert "connector[0].search." in told
    assert said in told


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert lint_definitions(tmp_path / "none.toml") == [
        f"{tmp_path / 'none.toml'}: No such file or directory"
    ]


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "taken.toml"
    file.write_text(STATUS.read_text().replace('"status-page"', '"github"'))
    with pytest.raises(ConfigurationError, match="more than one connector has the name github"):
        all_connectors(settings_with(connectors_file=str(file)))


def test_a_definition_takes_no_address_from_a_connector_of_code(tmp_path: Path) -> None:
    file = tmp_path / "greedy.toml"
    text = STATUS.read_text().replace("status.example.com", "github.com")
    text = text.replace("/incidents/{id}", "/{owner}/{repo}/issues/{id}").replace(
        "https://github.com/incidents/p31zjtct2jer", "https://github.com/a/b/issues/1"
    )
    file.write_text(text)
    known = all_connectors(settings_with(connectors_file=str(file)))
    assert find("https://github.com/a/b/issues/1", known)[0].name == "github"


@pytest.mark.parametrize(
    ("entry", "sent"),
    [('connector = "status-page"', "Bearer made_up"), ("", None), ('connector = "github"', None)],
    ids=["its own", "one for all of code", "another's"],
)
def test_a_definition_gets_no_credential_but_its_own(
    make_host: MakeHost, upstream: responses.RequestsMock, tmp_path: Path, entry: str, sent: str
) -> None:
    file = tmp_path / "credentials.toml"
    file.write_text(
        f'[[credential]]\nname = "a"\nhost = "status.example.com"\nbearer = "made_up"\n{entry}\n'
    )
    file.chmod(0o600)
    upstream.get(API, json=INCIDENT)
    host = make_host(connectors_file=str(STATUS), credentials_file=str(file))
    assert host.ask(PAGE).status_code == 200
    assert upstream.calls[0].request.headers.get("Authorization") == sent


def test_a_definition_for_another_system_s_host_gets_not_its_token(
    make_host: MakeHost, upstream: responses.RequestsMock, tmp_path: Path
) -> None:
    file = tmp_path / "sly.toml"
    file.write_text(STATUS.read_text().replace("status.example.com", "api.github.com"))
    upstream.get(API.replace("status.example.com", "api.github.com"), json=INCIDENT)
    host = make_host(connectors_file=str(file), github_token="made_up_token")
    assert host.ask(PAGE.replace("status.example.com", "api.github.com")).status_code == 200
    assert "Authorization" not in upstream.calls[0].request.headers


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:

    with tempfile.NamedTemporaryFile("w", encoding="utf-8", errors="replace") as written:
        written.write(text)
        written.flush()
        assert isinstance(lint_definitions(Path(written.name)), list)


def test_an_edited_file_is_read_again_in_the_local_mode(
    upstream: responses.RequestsMock, tmp_path: Path, make_host: MakeHost
) -> None:
    file = tmp_path / "edited.toml"
    file.write_text(STATUS.read_text())
    local = make_host(mode="local", offline="off", connectors_file=str(file))
    upstream.get(API, json=INCIDENT)
    assert local.ask(PAGE).get_json()["metadata"]["title"] == "Login fails"
    file.write_text(STATUS.read_text().replace('"incident.name"', '"incident.impact"'))
    assert local.ask(PAGE).get_json()["metadata"]["title"] == "major"
    file.write_text(STATUS.read_text().replace('"incident.name"', '"incident["'))
    assert local.ask(PAGE).status_code == 500
    with recording() as trace:
        local.ask(PAGE)
    assert [step.name for step in trace.steps if step.failed] == ["match"]
    file.write_text(STATUS.read_text() + "\n")
    assert local.ask(PAGE).get_json()["metadata"]["title"] == "Login fails"


def test_an_edited_file_is_not_read_again_in_production(
    host: Host, upstream: responses.RequestsMock, tmp_path: Path, make_host: MakeHost
) -> None:
    file = tmp_path / "edited.toml"
    file.write_text(STATUS.read_text())
    running = make_host(connectors_file=str(file))
    upstream.get(API, json=INCIDENT)
    file.write_text(STATUS.read_text().replace('"incident.name"', '"incident["'))
    assert running.ask(PAGE).get_json()["metadata"]["title"] == "Login fails"


def test_a_match_has_its_time_while_other_threads_are_busy() -> None:
    """The time of a match is that of the process: what other threads do must not end it."""
    form, address = form_of("/{tenant}/issues/{number:[0-9]+}"), "https://a.example/acme/issues/1"
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            sum(range(2000))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        found = [form.parts_of(read_address(address)) for _ in range(300)]
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert None not in found
