"""Refusals whose status does not say what they mean: the system's own words decide."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
import responses

from tests.conftest import MakeHost

LINEAR: Final = "https://api.linear.app/graphql"
QUESTIONS: Final = "https://api.stackexchange.com/2.3/questions"
CASES_OF: Final = "https://acme.my.salesforce.com/services/data/v60.0/sobjects/Case"
PULLS: Final = "https://api.bitbucket.org/2.0/repositories/acme/storefront/pullrequests"
DEALS: Final = "https://api.hubapi.com/crm/v3/objects/deals"


@dataclass(frozen=True, slots=True)
class System:
    """Two pages of a system, the method and the addresses that are asked for them."""

    pages: tuple[str, str]
    asked: tuple[str, str]
    method: str = "GET"


SYSTEMS: Final[Mapping[str, System]] = {
    "Linear": System(
        ("https://linear.app/acme/issue/ENG-1", "https://linear.app/acme/issue/ENG-2"),
        (LINEAR, LINEAR),
        "POST",
    ),
    "Stack Exchange": System(
        ("https://stackoverflow.com/q/1", "https://stackoverflow.com/q/2"),
        (f"{QUESTIONS}/1", f"{QUESTIONS}/2"),
    ),
    "Salesforce": System(
        (
            "https://acme.my.salesforce.com/50041000002S22yAAC",
            "https://acme.my.salesforce.com/50041000002S22zAAC",
        ),
        (f"{CASES_OF}/50041000002S22yAAC", f"{CASES_OF}/50041000002S22zAAC"),
    ),
    "Bitbucket": System(
        (
            "https://bitbucket.org/acme/storefront/pull-requests/1",
            "https://bitbucket.org/acme/storefront/pull-requests/2",
        ),
        (f"{PULLS}/1", f"{PULLS}/2"),
    ),
    "HubSpot": System(
        (
            "https://app.hubspot.com/contacts/1/record/0-3/1",
            "https://app.hubspot.com/contacts/1/record/0-3/2",
        ),
        (f"{DEALS}/1", f"{DEALS}/2"),
    ),
}
SETTINGS: Final = {
    "linear_api_key": "made_up",
    "placard_salesforce_hosts": "acme.my.salesforce.com",
    "salesforce_access_token": "made_up",
    "hubspot_access_token": "made_up",
}
LIMITS: Final[Mapping[str, tuple[str, int, Any]]] = {
    "Linear's, by a 400": (
        "Linear",
        400,
        {"errors": [{"message": "Rate limited", "extensions": {"code": "RATELIMITED"}}]},
    ),
    "Stack Exchange's, by a 400": (
        "Stack Exchange",
        400,
        {
            "error_id": 502,
            "error_name": "throttle_violation",
            "error_message": "too many requests from this IP, more available in 82216 seconds",
        },
    ),
    "Salesforce's, by a 403": (
        "Salesforce",
        403,
        [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}],
    ),
    "Bitbucket's, by a text": ("Bitbucket", 403, "Rate limit for this resource has been exceeded"),
    "HubSpot's, by a 403": ("HubSpot", 403, {"status": "error", "errorType": "RATE_LIMIT"}),
}
REFUSALS: Final[Mapping[str, tuple[str, int, Any, int]]] = {
    "Linear knows no such issue, by a 400": (
        "Linear",
        400,
        {"errors": [{"message": "Entity not found: Issue"}], "data": None},
        404,
    ),
    "Linear does not know us, by a 400": (
        "Linear",
        400,
        {"errors": [{"message": "x", "extensions": {"type": "authentication error"}}]},
        403,
    ),
    "Stack Exchange wants a token, by a 400": (
        "Stack Exchange",
        400,
        {"error_id": 401, "error_name": "access_token_required"},
        403,
    ),
    "Stack Exchange does not know what is asked, by a 400": (
        "Stack Exchange",
        400,
        {"error_id": 400, "error_name": "bad_parameter"},
        500,
    ),
    "Salesforce does not let us see it": (
        "Salesforce",
        403,
        [{"message": "insufficient access", "errorCode": "INSUFFICIENT_ACCESS"}],
        403,
    ),
}


def register(upstream: responses.RequestsMock, url: str, system: System, **answer: Any) -> None:
    told = answer.pop("told")
    kind = "body" if isinstance(told, str) else "json"
    upstream.add(system.method, url, **answer, **{kind: told})


@pytest.mark.parametrize("case", LIMITS)
def test_a_limit_is_told_and_the_system_is_left_alone(
    make_host: MakeHost, upstream: responses.RequestsMock, case: str
) -> None:
    name, status, told = LIMITS[case]
    system = SYSTEMS[name]
    register(upstream, system.asked[0], system, status=status, told=told)
    host = make_host(**SETTINGS)
    for page in system.pages:
        answer = host.ask(page)
        assert answer.status_code == 500
        assert answer.get_json()["data"]["error"] == (
            f"{name} asks us to wait before we ask again."
        )
    assert len(upstream.calls) == 1


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_means_what_its_body_tells(
    make_host: MakeHost, upstream: responses.RequestsMock, case: str
) -> None:
    name, status, told, shown = REFUSALS[case]
    system = SYSTEMS[name]
    register(upstream, system.asked[0], system, status=status, told=told)
    assert make_host(**SETTINGS).ask(system.pages[0]).status_code == shown


@pytest.mark.parametrize(
    ("status", "told", "shown"),
    [
        (200, {"state": "gone"}, 404),
        (400, {"state": "gone"}, 404),
        (401, {"state": "gone"}, 404),
        (200, {}, 403),
        (400, {"message": "no"}, 500),
        (404, {"message": "no"}, 404),
        (503, {"message": "no"}, 500),
        (400, "<html>", 500),
    ],
)
def test_a_condition_that_any_refusal_would_meet_is_asked_of_a_success_alone(
    make_host: MakeHost,
    upstream: responses.RequestsMock,
    tmp_path: Any,
    status: int,
    told: Any,
    shown: int,
) -> None:
    file = tmp_path / "one.toml"
    file.write_text(DEFINITION, "utf-8")
    system = System(("", ""), ("", ""))
    register(upstream, "https://api.example.com/a", system, status=status, told=told)
    host = make_host(connectors_file=str(file))
    assert host.ask("https://pages.example.com/a").status_code == shown


DEFINITION: Final = """
[[connector]]
name = "one"
label = "One"
hosts = ["pages.example.com"]
path = "/{id}"
example = "https://pages.example.com/a"

[connector.request]
url = "https://api.example.com/{id}"

[connector.answer]
missing = "state == 'gone'"
forbidden = "!(title)"

[connector.card]
title = "title"

[[connector.card.fields]]
type = "pill"
name = "State"
text = "state"
"""
