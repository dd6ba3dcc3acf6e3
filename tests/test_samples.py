"""The bundled samples, through a service in the local mode with the network off."""

import socket
from typing import Final, NoReturn

import pytest

from app.upstream.samples import bundled_samples
from templates_schemas import faults
from tests.conftest import MakeHost
from tests.host import Host

STATUSES: Final = {
    "github/draft_pull": 200,
    "github/forbidden": 403,
    "github/long_texts": 200,
    "github/merged_pull": 200,
    "github/missing": 404,
    "github/not_planned_issue": 200,
    "github/open_issue": 200,
    "jira/down": 500,
    "jira/limited": 500,
    "jira/refused": 403,
}
STATES: Final = {
    "github/draft_pull": "Draft",
    "github/merged_pull": "Merged",
    "github/not_planned_issue": "Not planned",
    "github/open_issue": "Open",
}
ADDRESSES: Final = {sample.name: sample.resource_url for sample in bundled_samples()}


@pytest.fixture
def local_host(make_host: MakeHost, monkeypatch: pytest.MonkeyPatch) -> Host:
    """The host of an offline service, where any look at the network fails the test."""

    def refuse(*_: object, **__: object) -> NoReturn:
        pytest.fail("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return make_host(mode="local")


def test_samples_that_are_promised_are_there() -> None:
    assert set(STATUSES) <= set(ADDRESSES)


@pytest.mark.parametrize("name", ADDRESSES)
def test_sample_is_answered_offline(local_host: Host, name: str) -> None:
    answer = local_host.ask(ADDRESSES[name])
    status = STATUSES.get(name, 200)
    assert answer.status_code == status
    assert status != 200 or faults(answer.get_json()) == ()


@pytest.mark.parametrize(("name", "state"), STATES.items(), ids=STATES)
def test_sample_shows_its_state(local_host: Host, name: str, state: str) -> None:
    assert local_host.ask(ADDRESSES[name]).get_json()["metadata"]["fields"][0]["text"] == state


def test_long_texts_are_cut_between_graphemes(local_host: Host) -> None:
    card = local_host.ask(ADDRESSES["github/long_texts"]).get_json()["metadata"]
    assert card["title"].endswith("ends with a whole family…")
    cut = {field["name"]: field["text"] for field in card["fields"] if "text" in field}
    assert cut["Assignees"] == "somebody-with-a-rather-long-name-at_… +2"
    assert cut["Labels"] == "area: import of bookmarks from brows… +2"
    assert cut["Milestone"] == "Second quarter: all the promises 🇩🇪…"


def test_open_issue_is_the_address_of_the_readme() -> None:
    assert ADDRESSES["github/open_issue"] == "https://github.com/pallets/flask/issues/1"


def test_address_without_a_sample_is_answered_with_the_way_out(local_host: Host) -> None:
    answer = local_host.ask("https://github.com/pallets/flask/issues/2")
    assert answer.status_code == 500
    assert answer.get_json() == {
        "data": {
            "error": "No sample answers this address offline; `make run LIVE=1` asks the network, "
            "as does any command with PLACARD_OFFLINE=off."
        }
    }


def test_each_sample_says_where_it_comes_from() -> None:
    assert {sample.source.partition("https://")[0] for sample in bundled_samples()} == {
        "written from "
    }
