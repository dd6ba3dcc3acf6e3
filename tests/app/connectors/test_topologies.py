"""Systems below a path, on hosts of one's own, and behind an API's host."""

import base64
from typing import Final

import pytest
import responses

from app.errors import ConfigurationError
from tests.conftest import MakeHost, settings_with
from tests.host import Host

ISSUE: Final = {"key": "ACME-12", "fields": {"summary": "An issue"}}
GITLAB_ISSUE: Final = {"title": "An issue", "state": "opened"}
PAIR: Final = f"Basic {base64.b64encode(b'ada@acme.example:made_up').decode()}"
TENANT: Final = "https://acme.atlassian.net/_edge/tenant_info"
SCOPED: Final = "https://api.atlassian.com/ex/jira/0a1b-2c3d/rest/api/3/issue/"


@pytest.mark.parametrize(
    "host", ["example.com/jira", "example.com/jira/", "https://example.com/jira"]
)
def test_jira_below_a_path(
    make_host: MakeHost, upstream: responses.RequestsMock, host: str
) -> None:
    upstream.get("https://example.com/jira/rest/api/2/issue/ACME-12", json=ISSUE)
    made = make_host(placard_jira_hosts=host, jira_token="made_up")
    assert made.ask("https://example.com/jira/browse/ACME-12").status_code == 200
    assert upstream.calls[0].request.headers["Authorization"] == "Bearer made_up"
    assert made.ask("https://example.com/browse/ACME-12").status_code == 404


def test_two_servers_below_paths_of_one_host(
    make_host: MakeHost, upstream: responses.RequestsMock
) -> None:
    host = make_host(placard_gitlab_hosts="example.com,example.com/gitlab")
    upstream.get("https://example.com/gitlab/api/v4/projects/a%2Fb/issues/1", json=GITLAB_ISSUE)
    upstream.get("https://example.com/api/v4/projects/a%2Fb/issues/1", json=GITLAB_ISSUE)
    for base in ("gitlab/", ""):
        assert host.ask(f"https://example.com/{base}a/b/-/issues/1").status_code == 200


def test_server_without_https_is_asked_in_clear_and_given_no_token(
    make_host: MakeHost, upstream: responses.RequestsMock
) -> None:
    host = make_host(
        gitlab_host="http://git.local:8080",
        gitlab_token="made_up",
        allow_private_hosts="git.local",
    )
    upstream.get("http://git.local:8080/api/v4/projects/a%2Fb/issues/1", json=GITLAB_ISSUE)
    assert host.ask("http://git.local:8080/a/b/-/issues/1").status_code == 200
    assert "PRIVATE-TOKEN" not in upstream.calls[0].request.headers


@pytest.mark.parametrize("setting", ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example"])
@pytest.mark.parametrize(
    "pasted", ["bücher.example", "xn--bcher-kva.example", "BU\u0308CHER.example"]
)
def test_international_host_in_either_form(
    make_host: MakeHost, upstream: responses.RequestsMock, setting: str, pasted: str
) -> None:
    upstream.get("https://xn--bcher-kva.example/rest/api/2/issue/ACME-12", json=ISSUE)
    host = make_host(placard_jira_hosts=setting)
    assert host.ask(f"https://{pasted}/browse/ACME-12").status_code == 200


@pytest.mark.parametrize(
    "setting",
    ["ftp://example.com", "user@example.com", "example.com?x=1", "example.com#x", "a b", "/jira"],
)
def test_setting_that_names_no_server_is_refused(setting: str) -> None:
    with pytest.raises(ConfigurationError, match="PLACARD_JIRA_HOSTS"):
        settings_with(placard_jira_hosts=setting)


def test_tenant_of_ghe_com_has_its_api_at_a_host_of_its_own(
    make_host: MakeHost, upstream: responses.RequestsMock
) -> None:
    host = make_host(placard_github_hosts="acme.ghe.com", gh_enterprise_token="made_up")
    for name in ("acme", "other"):
        api = f"https://api.{name}.ghe.com/repos/o/r/issues/1"
        upstream.get(api, json={"title": "T", "state": "open"})
        assert host.ask(f"https://{name}.ghe.com/o/r/issues/1").status_code == 200
    first, second = (call.request.headers.get("Authorization") for call in upstream.calls)
    assert (first, second) == ("Bearer made_up", None)


def test_companys_own_host_of_zendesk_is_asked_at_its_account(
    make_host: MakeHost, upstream: responses.RequestsMock
) -> None:
    host = make_host(placard_zendesk_hosts="support.example.com", zendesk_subdomain="acme")
    ticket = {"ticket": {"subject": "S", "status": "open"}}
    upstream.get("https://acme.zendesk.com/api/v2/tickets/7.json", json=ticket)
    assert host.ask("https://support.example.com/hc/en-us/requests/7").status_code == 200


def test_companys_own_host_of_zendesk_is_asked_itself_where_its_account_is_not_known(
    make_host: MakeHost, upstream: responses.RequestsMock
) -> None:
    host = make_host(placard_zendesk_hosts="support.example.com")
    ticket = {"ticket": {"subject": "S", "status": "open"}}
    upstream.get("https://support.example.com/api/v2/tickets/7.json", json=ticket)
    assert host.ask("https://support.example.com/hc/en-us/requests/7").status_code == 200


def scoped_host(make_host: MakeHost, **more: str) -> Host:
    return make_host(jira_email="ada@acme.example", jira_scoped_token="made_up", **more)


def test_scoped_token_goes_to_the_api_by_the_id_of_the_site_which_is_asked_once(
    make_host: MakeHost, upstream: responses.RequestsMock
) -> None:
    host = scoped_host(make_host)
    tenant = upstream.get(TENANT, json={"cloudId": "0a1b-2c3d"})
    for key in ("ACME-12", "ACME-13"):
        upstream.get(f"{SCOPED}{key}", json={**ISSUE, "key": key})
        assert host.ask(f"https://acme.atlassian.net/browse/{key}").status_code == 200
    assert tenant.call_count == 1
    sent = [call.request.headers.get("Authorization") for call in upstream.calls]
    assert sent == [None, PAIR, PAIR]


def test_issues_of_two_sites_are_two(make_host: MakeHost, upstream: responses.RequestsMock) -> None:
    host = scoped_host(make_host)
    for site in ("one", "two"):
        upstream.get(f"https://{site}.atlassian.net/_edge/tenant_info", json={"cloudId": site})
        api = f"https://api.atlassian.com/ex/jira/{site}/rest/api/3/issue/ACME-12"
        upstream.get(api, json={"key": "ACME-12", "fields": {"summary": site}})
        answer = host.ask(f"https://{site}.atlassian.net/browse/ACME-12").get_json()
        assert answer["metadata"]["title"] == site


@pytest.mark.parametrize("answer", [{}, [], {"cloudId": 5}, {"cloudId": "../x"}, {"cloudId": ""}])
def test_id_that_is_none_is_told_and_the_token_stays(
    make_host: MakeHost, upstream: responses.RequestsMock, answer: object
) -> None:
    upstream.get(TENANT, json=answer)
    told = scoped_host(make_host).ask("https://acme.atlassian.net/browse/ACME-12")
    assert told.status_code == 500
    assert len(upstream.calls) == 1


def test_site_that_does_not_exist_is_not_found(
    make_host: MakeHost, upstream: responses.RequestsMock
) -> None:
    upstream.get(TENANT, status=404)
    told = scoped_host(make_host).ask("https://acme.atlassian.net/browse/ACME-12")
    assert told.status_code == 404


def test_scoped_token_is_for_the_sites_that_are_named(
    make_host: MakeHost, upstream: responses.RequestsMock
) -> None:
    host = scoped_host(make_host, jira_site="acme.atlassian.net")
    upstream.get("https://other.atlassian.net/rest/api/3/issue/ACME-12", json=ISSUE)
    assert host.ask("https://other.atlassian.net/browse/ACME-12").status_code == 200
    assert "Authorization" not in upstream.calls[0].request.headers
