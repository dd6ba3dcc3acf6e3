"""What every bundled definition holds to: one module for all of them, with no line for one alone.

What is a definition's own stands in its file: `examples` and `refused`, and in its recorded cases.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings, strategies as st
from marshmallow import ValidationError

from app.connectors import all_connectors, bundled_definitions, connector_settings, find
from app.connectors.definitions.addresses import DefinedMatch
from app.connectors.definitions.bundled import CATALOGUE, catalogue
from app.connectors.definitions.connector import DefinedConnector
from app.connectors.definitions.expressions import evaluate
from app.connectors.definitions.files import lint_definitions
from app.errors import MalformedRequest, NoConnector
from app.origins import host_of, is_named
from app.settings import Settings, load_settings
from app.testing.contract import JSON, PIECES, near_misses_of, paths_of, set_at
from app.testing.recordings import read_recording
from app.upstream.credentials import Credentials
from app.upstream.excerpt import excerpt
from templates_schemas import faults, payload
from templates_schemas.text import is_web_url
from tests.cases import FOLDER, case_files
from tests.conftest import settings_with
from tests.corpora import real_payloads
from tests.host import JWT_SECRET
from tests.profiles import share
from tests.rows import table

NAMES: Final = [known.name for known in catalogue()]
BY_NAME: Final = {known.name: known for known in catalogue()}
TOKEN: Final = "token_made_up_for_tests"

# Folders of real payloads, which are no part of the project, by the definition that reads them.
REAL: Final[Mapping[str, tuple[str, ...]]] = {
    "asana": ("asana/task",),
    "azure_devops_build": ("azure-devops/build",),
    "azure_devops_pull_request": ("azure-devops/pull_request",),
    "bitbucket": ("bitbucket-cloud/pull_request",),
    "bitbucket_issue": ("bitbucket-cloud/issue",),
    "bitbucket_server": ("bitbucket-server/pull_request",),
    "buildkite": ("buildkite/build",),
    "circleci_job": ("circleci/job",),
    "circleci_pipeline": ("circleci/pipeline",),
    "circleci_workflow": ("circleci/workflow",),
    "confluence": (
        "confluence/page_v2",
        "confluence/content_v1",
        "confluence/whiteboard_v2",
    ),
    "freshdesk": ("freshdesk/ticket",),
    "gitea": (
        "gitea-forgejo/issue",
        "gitea-forgejo/pull",
    ),
    "gitea_release": ("gitea-forgejo/release",),
    "github_discussion": ("github/discussion_graphql",),
    "github_release": ("github/release",),
    "gitlab_epic": ("gitlab/epic",),
    "gitlab_pipeline": ("gitlab/pipeline",),
    "gitlab_release": ("gitlab/release",),
    "hubspot": ("hubspot/deal",),
    "intercom": ("intercom/conversation",),
    "jenkins": ("jenkins/build",),
    "launchdarkly": ("launchdarkly/flag",),
    "linear": ("linear/issue",),
    "notion": (
        "notion/page",
        "notion/database",
    ),
    "oembed": ("oembed/answer",),
    "opsgenie": ("opsgenie/alert",),
    "opsgenie_incident": ("opsgenie/incident",),
    "salesforce": (
        "salesforce/case",
        "salesforce/opportunity",
        "salesforce/record",
    ),
    "servicenow": (
        "servicenow/incident",
        "servicenow/change_request",
        "servicenow/security_incident",
        "servicenow/ticket",
        "servicenow/vulnerability",
    ),
    "stackexchange": ("stackexchange/question",),
    "statuspage": ("statuspage/incident",),
    "youtrack": ("youtrack/issue",),
}


def addresses_of(known: DefinedConnector) -> list[tuple[str, str | None]]:
    """List every address that a definition promises, with what is asked for it where it says so."""
    told = [(known.example, None), *((one, None) for one in known.definition["examples"])]
    return [
        (each, None) if isinstance(each, str) else (each["address"], each["asks"])
        for each, _ in told
    ]


def environment_of(known: DefinedConnector) -> dict[str, str]:
    """Set every setting that a definition has: hosts of its own as its examples have them."""
    given = {"PLACARD_JWT_SECRETS": JWT_SECRET}
    for setting in known.settings:
        given[setting.name] = {"token": TOKEN, "text": "made_up@example.com"}.get(setting.kind, "")
    if "hosts_setting" in known.definition:
        given[known.definition["hosts_setting"]] = ",".join(sorted(own_hosts_of(known)))
    return given


def own_hosts_of(known: DefinedConnector) -> set[str]:
    hosts = {host_of(urlsplit(address)) for address, _ in addresses_of(known)}
    public = {host for host in BY_NAME[known.name].hosts if "*" not in host}
    return hosts - public


def settings_of(known: DefinedConnector) -> Settings:
    return load_settings(environment_of(known), connector_settings())


@cache
def made(known: DefinedConnector) -> DefinedConnector:
    return known.with_settings(settings_of(known))


@pytest.mark.parametrize("file", sorted(CATALOGUE.glob("*.toml")), ids=lambda file: file.stem)
def test_its_file_has_no_fault(file: Path) -> None:
    assert lint_definitions(file) == []


def test_each_name_is_of_one_connector_only() -> None:
    names = [known.name for known in all_connectors(settings_with(mode="local"))]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("name", NAMES)
def test_its_addresses_are_asked_of_the_api(name: str) -> None:
    known = made(BY_NAME[name])
    with table() as row:
        for address, told in addresses_of(known):
            with row(address):
                asked = told or known.request_for(find(known.example, [known])[1]).url
                request = known.request_for(find(address, [known])[1])
                assert request.url == asked
                assert request.hosts == {host_of(urlsplit(asked))}


@pytest.mark.parametrize("name", NAMES)
def test_its_canonical_addresses_are_of_the_same_resource_without_tabs_and_tracking(
    name: str,
) -> None:
    with table() as row:
        for address, _ in addresses_of(BY_NAME[name]):
            with row(address):
                hold_canonical(made(BY_NAME[name]), address)


def hold_canonical(known: DefinedConnector, address: str) -> None:
    match = find(address, [known])[1]

    canonical = known.canonical(match)

    again = find(canonical, [known])[1]
    assert known.canonical(again) == canonical
    # What oEmbed is asked for is the address itself.
    if known.name != "oembed":
        assert known.request_for(again).url == known.request_for(match).url
        assert known.request_for(again).body == known.request_for(match).body
    assert is_web_url(canonical)
    plain, mark, fragment = address.partition("#")
    if not fragment.startswith("/"):
        tracked = f"{plain}{'&' if '?' in plain else '?'}utm_source=mail{mark}{fragment}"
        assert known.canonical(find(tracked, [known])[1]) == canonical


@pytest.mark.parametrize("name", NAMES)
def test_its_addresses_are_its_own_among_all_connectors(name: str) -> None:
    connectors = all_connectors(settings_of(BY_NAME[name]))
    with table() as row:
        for address, _ in addresses_of(BY_NAME[name]):
            with row(address):
                assert find(address, connectors)[0].name == name


@pytest.mark.parametrize("name", NAMES)
def test_the_address_that_is_asked_is_its_own_too(name: str) -> None:
    known = made(BY_NAME[name])
    of_api = {form.url for form in known.forms if form.is_api}
    for address, _ in addresses_of(known):
        match = find(address, [known])[1]
        assert isinstance(match, DefinedMatch)
        assert match.form
        if match.form.url in of_api:
            url = known.request_for(match).url
            assert known.request_for(find(url, [known])[1]).url == url


def test_most_definitions_serve_the_addresses_of_the_api_itself() -> None:
    without = {known.name for known in catalogue() if not any(f.is_api for f in known.forms)}
    # What is asked is the same for all pages, or tells which it is by more than its path.
    assert without == {"github_discussion", "linear", "oembed", "stackexchange"}


@pytest.mark.parametrize("name", NAMES)
def test_an_address_that_only_looks_like_its_own_is_left_alone(name: str) -> None:
    known = made(BY_NAME[name])
    assert known.definition["refused"]
    for near_miss in (*known.definition["refused"], *near_misses_of(known.example)):
        with pytest.raises((NoConnector, MalformedRequest)):
            pytest.fail(f"{near_miss} is {find(near_miss, [known])[1]}")


@pytest.mark.parametrize("name", NAMES)
@given(PIECES)
def test_no_text_matches_for_a_host_that_is_not_named(name: str, text: str) -> None:
    known = made(BY_NAME[name])
    for address in (text, f"https://{text}", known.example + text):
        try:
            match = find(address, [known])[1]
        except (NoConnector, MalformedRequest):
            continue
        assert is_named(match.host, known.hosts)
        assert known.request_for(match).url.startswith("https://")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_on_where_its_setting_is_given(name: str) -> None:
    known = BY_NAME[name]
    public = bool(known.definition["public"])
    assert (name in _on(settings_with())) is public
    assert name in _on(settings_of(known))
    credential = known.definition.get("credential", {})
    for setting in (credential.get("setting", ""), known.definition.get("hosts_setting", "")):
        given = {"PLACARD_JWT_SECRETS": JWT_SECRET, setting: environment_of(known).get(setting, "")}
        assert not given[setting] or name in _on(load_settings(given, connector_settings()))


@pytest.mark.parametrize("name", NAMES)
def test_its_token_goes_to_hosts_that_are_named_and_to_no_other(name: str) -> None:
    known = made(BY_NAME[name])
    assert all("*" not in credential.host for credential in known.credentials)
    assert all(TOKEN not in repr(credential) for credential in known.credentials)
    found = Credentials(known.credentials)
    assert found.find("https://evil.example/").headers == {}
    for host in known.hosts:
        asked = known._hosts.api_host(host.replace("*", "somebody-else"))
        assert "somebody-else" not in asked or found.find(f"https://{asked}/").headers == {}
    if "credential" in known.definition:
        asked_for = [
            known.request_for(find(address, [known])[1]).url for address, _ in addresses_of(known)
        ]
        assert any(found.find(url).headers for url in asked_for)


def _on(settings: Settings) -> list[str]:
    return [known.name for known in bundled_definitions(settings)]


def document_of(name: str) -> tuple[str, Any]:
    """Return a page, and the answer that its open case recorded."""
    recording = read_recording(FOLDER / name / "open.json")
    return recording.resource_url, recording.exchanges[-1]["response"]["body"]


def is_card(known: DefinedConnector, page: str, answer: Any) -> bool:
    """Make a card of an answer, and hold it to the contract; False where it is none."""
    match = find(page, [known])[1]
    if known.verdict(answer):
        return False
    try:
        card = known.widget(known.load(answer), match)
    except ValidationError:
        return False
    assert faults(payload(card)) == ()
    return True


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=share(2))
@given(JSON)
def test_any_json_gives_a_valid_card_or_none(name: str, answer: Any) -> None:
    is_card(made(BY_NAME[name]), BY_NAME[name].example, answer)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=share(2))
@given(st.data())
def test_an_answer_with_odd_parts_gives_a_valid_card_or_none(
    name: str, data: st.DataObject
) -> None:
    page, answer = document_of(name)
    known = made(BY_NAME[name])
    for path in data.draw(st.lists(st.sampled_from(list(paths_of(answer))), max_size=3)):
        set_at(answer, path, data.draw(JSON))
    is_card(known, page, answer)


CASES: Final = [
    pytest.param(file.parent.name, file, id=f"{file.parent.name}/{file.stem}")
    for file in case_files()
    if file.parent.name in NAMES
]


@pytest.mark.parametrize(("name", "file"), CASES)
def test_one_value_that_is_odd_does_not_cost_the_card(name: str, file: Path) -> None:
    """One of those that are read: what is kept of a large answer."""
    known, case = made(BY_NAME[name]), read_recording(file)
    answer = case.exchanges[-1]["response"].get("body")
    if case.widget["status"] != 200:
        assert not is_card(known, case.resource_url, answer)
        return
    answer = kept_of(known, answer)
    resource = evaluate(known.definition["answer"]["resource"], answer)
    for path in list(paths_of(answer)):
        sound = value_at(answer, path)
        if holds(sound, resource):
            continue  # Without the whole resource there is no card to be had.
        odd: Any
        for odd in (None, {}, "odd", 7):
            set_at(answer, path, odd)
            assert is_card(known, case.resource_url, answer), f"{path}: {odd!r}"
        set_at(answer, path, sound)


@pytest.mark.parametrize(("name", "file"), CASES)
def test_what_is_kept_of_a_large_answer_makes_the_same_card(name: str, file: Path) -> None:
    known, case = made(BY_NAME[name]), read_recording(file)
    answer = case.exchanges[-1]["response"].get("body")
    if case.exchanges[-1]["response"]["status"] != 200:
        return  # Of a refusal nothing is left out.
    kept = kept_of(known, answer)
    assert known.verdict(kept) == known.verdict(answer)
    if known.verdict(answer) is None:
        match = find(case.resource_url, [known])[1]
        cards = [payload(known.widget(known.load(each), match)) for each in (answer, kept)]
        assert cards[0] == cards[1]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", ["long " * 200, "\u202eodd\x00 <b>&amp;\ud83d", " \u200b"])
def test_texts_of_any_length_and_any_characters_are_shown(name: str, text: str) -> None:
    page, answer = document_of(name)
    for path in list(paths_of(answer)):
        if isinstance(value_at(answer, path), str):
            set_at(answer, path, text)
    is_card(made(BY_NAME[name]), page, answer)


def kept_of(known: DefinedConnector, answer: Any) -> Any:
    """Leave out of an answer what is not read."""
    shape = known.answer_rules.shown
    assert shape is not None
    return json.loads(excerpt([json.dumps(answer).encode()], shape, 1 << 20))


def holds(value: Any, resource: Any) -> bool:
    """Tell whether a resource is a part of a value, or all of it."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is resource or any(holds(part, resource) for part in inner)


def value_at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


@pytest.mark.corpora
@pytest.mark.parametrize("name", REAL)
def test_real_payloads_give_valid_cards(name: str) -> None:
    known = made(BY_NAME[name])
    for file in (file for kind in REAL[name] for file in real_payloads(kind)):
        told = json.loads(file.read_bytes())
        assert is_card(known, known.example, told) or _is_refusal(told), file


def _is_refusal(told: Any) -> bool:
    """Tell the answers among the corpora that say no."""
    return isinstance(told, dict) and bool({"errors", "error", "message"} & set(told))
