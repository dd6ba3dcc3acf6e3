"""How each connector searches its system: what is asked, and what is made of the answer.

The answers are written from the systems' own pages of their APIs, which each connector names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest
import responses
from responses import matchers
from structlog.testing import capture_logs

from app.connectors.searches import beginning_of
from app.connectors.trello import Trello
from app.telemetry.logs import merge_log_fields
from tests.conftest import MakeHost
from tests.corpora import real_payloads
from tests.interface import judge

TEXT: Final = 'login "flow"'


@dataclass(frozen=True)
class Case:
    """A search: the settings that turn it on, what is asked, the answer, and the items of it."""

    settings: Mapping[str, str]
    asked: str
    answer: Any
    items: list[tuple[str, str, str]]
    header: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


GITHUB: Final = Case(
    {"github_token": "gh-secret"},
    "https://api.github.com/search/issues?q=login%20flow%20in%3Atitle%20%28is%3Aissue%20OR%20"
    "is%3Apull-request%29&sort=updated&per_page=10&advanced_search=true",
    {
        "items": [
            {"title": "Login flow", "html_url": "https://github.com/o/r/issues/1"},
            {"title": ":bug: Flow", "html_url": "https://github.com/o/r/pull/2"},
            {"title": "A page of another kind", "html_url": "https://github.com/o/r/wiki"},
            {"title": "", "html_url": "https://github.com/o/r/issues/3"},
            {"title": "Login flow again", "html_url": "https://github.com/o/r/issues/1#top"},
            "no object",
        ]
    },
    [
        ("Login flow", "o/r #1", "https://github.com/o/r/issues/1"),
        ("🐛 Flow", "o/r #2", "https://github.com/o/r/pull/2"),
    ],
    "GitHub",
    headers={"Authorization": "Bearer gh-secret"},
)
JIRA: Final = Case(
    {"jira_email": "a@b.example", "jira_token": "secret", "jira_site": "acme.atlassian.net"},
    "https://acme.atlassian.net/rest/api/3/search/jql?jql=summary%20~%20%22login%20flow%2A%22%20"
    "ORDER%20BY%20updated%20DESC&fields=summary,issuetype,project&maxResults=10",
    {"issues": [{"key": "ACME-12", "fields": {"summary": "Login", "project": {"name": "Acme"}}}]},
    [("Login", "ACME-12 · Acme", "https://acme.atlassian.net/browse/ACME-12")],
    "Jira",
)
SENTRY: Final = Case(
    {"sentry_auth_token": "secret", "sentry_org": "acme"},
    "https://sentry.io/api/0/organizations/acme/issues/?query=is%3Aunresolved%20login%20flow"
    "&limit=10&shortIdLookup=1",
    [
        {
            "title": "LoginError",
            "shortId": "SHOP-1A",
            "permalink": "https://acme.sentry.io/issues/4509000001/",
            "project": {"name": "Shop"},
        }
    ],
    [("LoginError", "SHOP-1A · Shop", "https://acme.sentry.io/issues/4509000001/")],
    "Sentry",
    headers={"Authorization": "Bearer secret"},
)
TRELLO: Final = Case(
    {"trello_key": "key", "trello_token": "token"},
    "https://api.trello.com/1/search?query=login%20flow%20is%3Aopen&modelTypes=cards"
    "&card_fields=name,shortLink&card_board=true&partial=true&cards_limit=10",
    {"cards": [{"name": "Login", "shortLink": "nqPiDKmw", "board": {"name": "Web"}}]},
    [("Login", "Web", "https://trello.com/c/nqPiDKmw")],
    "Trello",
)
ZENDESK: Final = Case(
    {"zendesk_subdomain": "acme", "zendesk_email": "a@b.example", "zendesk_token": "secret"},
    "https://acme.zendesk.com/api/v2/search.json?query=type%3Aticket%20subject%3A%22login%20flow"
    "%22&sort_by=updated_at&per_page=10",
    {"results": [{"id": 35436, "subject": "Login", "type": "incident"}]},
    [("Login", "#35436 · Incident", "https://acme.zendesk.com/agent/tickets/35436")],
    "Zendesk",
)
AZURE: Final = Case(
    {"azure_devops_pat": "secret", "azure_devops_organization": "fabrikam"},
    "https://almsearch.dev.azure.com/fabrikam/_apis/search/workitemsearchresults?api-version=7.1",
    {
        "results": [
            {
                "project": {"name": "Web"},
                "fields": {
                    "system.id": "7",
                    "system.title": "Login",
                    "system.workitemtype": "Bug",
                },
            }
        ]
    },
    [("Login", "Web · Bug #7", "https://dev.azure.com/fabrikam/_workitems/edit/7")],
    "Azure DevOps",
    body={"searchText": "login flow", "$skip": 0, "$top": 10},
)
AZURE_SERVER: Final = Case(
    {"azure_devops_server_pat": "secret", "azure_devops_collection": "DefaultCollection",
     "placard_azure_devops_hosts": "tfs.example.com/tfs"},
    "https://tfs.example.com/tfs/DefaultCollection/_apis/search/workitemsearchresults"
    "?api-version=5.0-preview.1",
    {"results": [{"fields": {"system.id": "7", "system.title": "Login"}}]},
    [("Login", "#7", "https://tfs.example.com/tfs/DefaultCollection/_workitems/edit/7")],
    "Azure DevOps",
    body={"searchText": "login flow", "$skip": 0, "$top": 10},
)  # fmt: skip
SHORTCUT: Final = Case(
    {"shortcut_api_token": "secret"},
    "https://api.app.shortcut.com/api/v3/search/stories?query=login%20%22flow%22&page_size=10"
    "&detail=slim",
    {
        "data": [
            {"id": 7, "name": "Login", "app_url": "https://app.shortcut.com/acme/story/7/login"}
        ]
    },
    [("Login", "sc-7", "https://app.shortcut.com/acme/story/7")],
    "Shortcut",
    headers={"Shortcut-Token": "secret"},
)
LINEAR: Final = Case(
    {"linear_api_key": "secret"},
    "https://api.linear.app/graphql",
    {
        "data": {
            "searchIssues": {
                "nodes": [
                    {
                        "identifier": "ENG-1",
                        "title": "Login",
                        "url": "https://linear.app/acme/issue/ENG-1/login",
                        "state": {"name": "Todo"},
                    }
                ]
            }
        }
    },
    [("Login", "ENG-1 · Todo", "https://linear.app/acme/issue/ENG-1")],
    "Linear",
    body={
        "variables": {"term": TEXT},
        "query": "query($term: String!) { searchIssues(term: $term, first: 10) { nodes { "
        "identifier title url state { name } } } }",
    },
)
HEX: Final = "0123456789abcdef0123456789abcdef"
NOTION: Final = Case(
    {"notion_token": "secret"},
    "https://api.notion.com/v1/search",
    {
        "results": [
            {
                "url": f"https://www.notion.so/Login-{HEX}",
                "properties": {"Name": {"type": "title", "title": [{"plain_text": "Login"}]}},
            }
        ]
    },
    [("Login", "", f"https://www.notion.so/{HEX}")],
    "Notion",
    headers={"Notion-Version": "2022-06-28"},
)
ASANA: Final = Case(
    {"asana_access_token": "secret"},
    "https://app.asana.com/api/1.0/workspaces/12345/typeahead?resource_type=task"
    "&query=login%20%22flow%22&count=10&opt_fields=name,projects.name",
    {"data": [{"gid": "12", "name": "Login", "projects": [{"name": "Web"}]}]},
    [("Login", "Web", "https://app.asana.com/0/0/12")],
    "Asana",
)
CONFLUENCE: Final = Case(
    {"confluence_token": "secret", "placard_confluence_hosts": "acme.atlassian.net"},
    "https://acme.atlassian.net/wiki/rest/api/search?cql=type%3Dpage%20AND%20title~%22login%20"
    "flow*%22&limit=10",
    {
        "results": [
            {
                "content": {
                    "title": "Login",
                    "_links": {"webui": "/spaces/ENG/pages/98341/Login"},
                },
                "resultGlobalContainer": {"title": "Engineering"},
            },
            {"space": {"key": "ENG"}},
        ]
    },
    [("Login", "Engineering", "https://acme.atlassian.net/wiki/spaces/ENG/pages/98341")],
    "Confluence",
)
WIKI: Final = Case(
    {"confluence_token": "secret", "placard_confluence_hosts": "wiki.example.com/base"},
    "https://wiki.example.com/base/rest/api/search?cql=type%3Dpage%20AND%20title~%22login%20flow"
    "*%22&limit=10",
    {
        "results": [
            {"content": {"title": "Login", "_links": {"webui": "/spaces/ENG/pages/98341/Login"}}}
        ]
    },
    [("Login", "", "https://wiki.example.com/base/spaces/ENG/pages/98341")],
    "Confluence",
)
GITEA: Final = Case(
    {"gitea_token": "secret", "placard_gitea_hosts": "git.example.com"},
    "https://git.example.com/api/v1/repos/issues/search?q=login%20%22flow%22&state=open&limit=10",
    [
        {
            "title": "Login",
            "number": 7,
            "html_url": "https://git.example.com/o/r/issues/7",
            "repository": {"full_name": "o/r"},
        }
    ],
    [("Login", "o/r#7", "https://git.example.com/o/r/issues/7")],
    "Gitea",
    headers={"Authorization": "token secret"},
)
EPIC: Final = Case(
    {
        "gitlab_groups": "acme/web",
        "gitlab_token": "secret",
        "gitlab_host": "gitlab.example.com",
    },
    "https://gitlab.example.com/api/v4/groups/acme%2Fweb/epics?search=login%20%22flow%22&in=title"
    "&state=opened&per_page=10",
    [
        {
            "title": "Login",
            "references": {"full": "acme/web&9"},
            "web_url": "https://gitlab.example.com/groups/acme/web/-/epics/9",
        }
    ],
    [("Login", "acme/web&9", "https://gitlab.example.com/groups/acme/web/-/epics/9")],
    "GitLab",
)
BITBUCKET: Final = Case(
    {"bitbucket_server_token": "secret", "placard_bitbucket_server_hosts": "bb.example.com",
     "bitbucket_server_repositories": "projects/SHOP/repos/web"},
    "https://bb.example.com/rest/api/1.0/projects/SHOP/repos/web/pull-requests?state=ALL"
    "&filterText=login%20%22flow%22&limit=10",
    {"values": [{"id": 3, "title": "Login", "toRef": {"repository": {"slug": "web"}}}]},
    [("Login", "web #3", "https://bb.example.com/projects/SHOP/repos/web/pull-requests/3")],
    "Bitbucket Data Center",
)  # fmt: skip
PULL_REQUESTS: Final = Case(
    {"azure_devops_pat": "secret", "azure_devops_projects": "fabrikam/Web"},
    "https://dev.azure.com/fabrikam/Web/_apis/git/pullrequests?searchCriteria.status=active"
    "&searchCriteria.title=login%20%22flow%22&$top=10&api-version=7.1",
    {"value": [{"title": "Login", "pullRequestId": 7, "repository": {"name": "shop"}}]},
    [("Login", "shop !7", "https://dev.azure.com/fabrikam/Web/_git/shop/pullrequest/7")],
    "Azure DevOps",
)
HUBSPOT: Final = Case(
    {"hubspot_access_token": "secret", "hubspot_account_id": "1234567"},
    "https://api.hubapi.com/crm/v3/objects/deals/search",
    {"results": [{"id": "512", "properties": {"dealname": "Login"}}]},
    [("Login", "", "https://app.hubspot.com/contacts/1234567/record/0-3/512")],
    "HubSpot",
    body={"query": TEXT, "limit": 10, "properties": ["dealname"]},
)
INTERCOM: Final = Case(
    {"intercom_access_token": "secret", "intercom_workspace": "ab12cd34"},
    "https://api.intercom.io/conversations/search",
    {"conversations": [{"id": "471", "source": {"subject": "<p>Login</p>"}, "state": "open"}]},
    [("Login", "Open", "https://app.intercom.com/a/inbox/ab12cd34/inbox/all/conversation/471")],
    "Intercom",
    body={
        "query": {"field": "source.subject", "operator": "~", "value": TEXT},
        "pagination": {"per_page": 10},
    },
)
JENKINS: Final = Case(
    {"jenkins_user_id": "me", "jenkins_api_token": "secret",
     "placard_jenkins_hosts": "jenkins.example.com"},
    "https://jenkins.example.com/api/json?tree=jobs%5Bname,url%5D",
    {
        "jobs": [
            {"name": "Flow of login", "url": "https://jenkins.example.com/job/login/"},
            {"name": "other", "url": "https://jenkins.example.com/job/other/"},
        ]
    },
    [("Flow of login", "Last build", "https://jenkins.example.com/job/login/lastBuild/")],
    "Jenkins",
)  # fmt: skip
LAUNCHDARKLY: Final = Case(
    {"launchdarkly_access_token": "secret", "launchdarkly_projects": "shop"},
    "https://app.launchdarkly.com/api/v2/flags/shop?filter=query:login%20flow&limit=10&summary=1",
    {"items": [{"name": "Login", "key": "login"}]},
    [("Login", "shop / login", "https://app.launchdarkly.com/projects/shop/flags/login")],
    "LaunchDarkly",
)
SALESFORCE: Final = Case(
    {"salesforce_access_token": "secret", "placard_salesforce_hosts": "acme.my.salesforce.com"},
    "https://acme.my.salesforce.com/services/data/v60.0/parameterizedSearch/?q=login%20%22flow%22"
    "&sobject=Case&Case.fields=Id,Subject,CaseNumber&sobject=Opportunity&Opportunity.fields=Id,Name"
    "&defaultLimit=10",
    {
        "searchRecords": [
            {
                "attributes": {"type": "Case"},
                "Id": "50041000002S22yAAC",
                "Subject": "Login",
                "CaseNumber": "00001026",
            }
        ]
    },
    [
        (
            "Login",
            "Case · 00001026",
            "https://acme.my.salesforce.com/lightning/r/Case/50041000002S22yAAC/view",
        )
    ],
    "Salesforce",
)
SERVICENOW: Final = Case(
    {"servicenow_token": "secret", "placard_servicenow_hosts": "acme.service-now.com"},
    "https://acme.service-now.com/api/now/table/incident?sysparm_query=short_descriptionLIKElogin"
    "%20flow%5EORnumberSTARTSWITHlogin%20flow%5EORDERBYDESCsys_updated_on&sysparm_limit=10"
    "&sysparm_fields=sys_id,number,short_description",
    {"result": [{"sys_id": HEX, "number": "INC1", "short_description": "Login"}]},
    [("Login", "INC1", f"https://acme.service-now.com/incident.do?sys_id={HEX}")],
    "ServiceNow",
)
STACKEXCHANGE: Final = Case(
    {"stackexchange_sites": "stackoverflow"},
    "https://api.stackexchange.com/2.3/search/advanced?title=login%20%22flow%22"
    "&site=stackoverflow&order=desc&sort=relevance&pagesize=10",
    {
        "items": [
            {"title": "Login &lt;b&gt;", "link": "https://stackoverflow.com/questions/7/login"}
        ]
    },
    [("Login <b>", "stackoverflow", "https://stackoverflow.com/questions/7")],
    "Stack Exchange",
)
STATUSPAGE: Final = Case(
    {"statuspage_api_key": "secret", "statuspage_pages": "kctbh9vrtdwd"},
    "https://api.statuspage.io/v1/pages/kctbh9vrtdwd/incidents?q=login%20%22flow%22&limit=10",
    [{"id": "p31zjtct2jer", "name": "Login", "status": "in_progress"}],
    [
        (
            "Login",
            "In progress",
            "https://manage.statuspage.io/pages/kctbh9vrtdwd/incidents/p31zjtct2jer",
        )
    ],
    "Statuspage",
)
YOUTRACK: Final = Case(
    {"youtrack_token": "secret", "placard_youtrack_hosts": "acme.myjetbrains.com"},
    "https://acme.myjetbrains.com/youtrack/api/issues?query=login%20%22flow%22&$top=10"
    "&fields=idReadable,summary",
    [{"idReadable": "HD-25", "summary": "Login"}],
    [("Login", "HD-25", "https://acme.myjetbrains.com/youtrack/issue/HD-25")],
    "YouTrack",
)
CASES: Final = {
    name.lower(): case for name, case in list(globals().items()) if isinstance(case, Case)
}


def host_with(make_host: MakeHost, case: Case) -> Any:
    return make_host(verify="signature", **case.settings)


def registered(outside: responses.RequestsMock, case: Case) -> None:
    body = [] if case.body is None else [matchers.json_params_matcher(case.body)]
    method = responses.POST if case.asked.rpartition("/")[2] in POSTED else responses.GET
    outside.add(
        responses.POST if case.body is not None else method,
        case.asked,
        json=case.answer,
        match=[*body, matchers.header_matcher(dict(case.headers))],
    )


POSTED: Final = ("search",)


@pytest.mark.parametrize("name", CASES)
def test_it_asks_once_and_gives_what_can_be_picked(
    make_host: MakeHost, upstream: responses.RequestsMock, name: str
) -> None:
    case = CASES[name]
    registered(upstream, case)
    host = host_with(make_host, case)

    for _ in range(2):
        answer = host.suggest(TEXT)
        assert judge("typeahead", answer) == 200
        found = answer.get_json()
        assert [
            (item["title"], item.get("subtitle", ""), item["value"]) for item in found["items"]
        ] == case.items
        assert found["header"] == case.header
    # Of GitHub and GitLab other kinds are searched too.
    assert [str(call.request.url) for call in upstream.calls].count(case.asked) == 1


@pytest.mark.parametrize("name", CASES)
def test_odd_answers_give_nothing_and_no_error(make_host: MakeHost, name: str) -> None:
    case = CASES[name]
    for answer in (None, [], {}, "x", 7, [None], {"items": None}, {"results": [{}], "data": [1]}):
        with responses.RequestsMock(assert_all_requests_are_fired=False) as outside:
            outside.add(responses.GET, case.asked.partition("?")[0], json=answer)
            outside.add(responses.POST, case.asked.partition("?")[0], json=answer)
            found = host_with(make_host, case).suggest(TEXT)
        assert judge("typeahead", found) == 200
        assert found.get_json()["items"] == []


def test_of_a_long_list_only_the_beginning_is_read(
    make_host: MakeHost, upstream: responses.RequestsMock
) -> None:
    """Ten thousand took a second of the processor, whoever waited for them."""
    (node,) = LINEAR.answer["data"]["searchIssues"]["nodes"]
    for before, count in ((99, 1), (100, 0)):
        nodes = [{}] * before + [node]
        answer = {"data": {"searchIssues": {"nodes": nodes}}}
        upstream.post(LINEAR.asked, json=answer)
        found = host_with(make_host, LINEAR).suggest(TEXT).get_json()["items"]
        assert len(found) == count
        upstream.reset()


def test_only_lists_are_cut_and_not_too_deep_within() -> None:
    deep: Any = list(range(200))
    for _ in range(2000):
        deep = [deep]
    assert beginning_of({"a": {"b": [{"c": [1]}] * 200}, "d": "x" * 200, "e": deep}) == {
        "a": {"b": [{"c": [1]}] * 100}, "d": "x" * 200, "e": deep,
    }  # fmt: skip


PARCELS: Final = """
[[connector]]
name = "parcels"
label = "Parcels"
hosts = { "parcels.example" = "api.parcels.example" }
path = "/p/{id}"
example = "https://parcels.example/p/7"
request.url = "/v2/parcels/{id}"
card = { title = "title", fields = [{ name = "Status", type = "pill", text = "status" }] }
search.url = "/v2/parcels?q={query}"
search.results = "@"
search.title = "title"
search.address = "join('', ['/p/', id])"
"""


TOKENS: Final = """
[[credential]]
name = "parcels"
host = "api.parcels.example"
connector = "parcels"
bearer = "made-up"
"""


def test_a_path_is_on_the_host_of_the_pages(
    make_host: MakeHost, upstream: responses.RequestsMock, tmp_path: Path
) -> None:
    file = tmp_path / "parcels.toml"
    file.write_text(PARCELS)
    tokens = tmp_path / "credentials.toml"
    tokens.write_text(TOKENS)
    tokens.chmod(0o600)
    upstream.get("https://api.parcels.example/v2/parcels", json=[{"id": "7", "title": "Books"}])
    host = make_host(verify="signature", connectors_file=str(file), credentials_file=str(tokens))
    (item,) = host.suggest(TEXT).get_json()["items"]
    assert item["value"] == "https://parcels.example/p/7"


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"stackexchange"}))
def test_without_a_credential_nothing_is_asked(
    make_host: MakeHost, upstream: responses.RequestsMock, name: str
) -> None:
    secrets = ("token", "pat", "key", "secret")
    settings = {
        name: value
        for name, value in CASES[name].settings.items()
        if not name.endswith(secrets) and not name.endswith("_email")
    }

    answer = make_host(verify="signature", **settings).suggest(TEXT)

    assert answer.get_json() == {"items": []}
    assert len(upstream.calls) == 0


def test_gitlab_is_asked_for_issues_and_for_merge_requests(
    make_host: MakeHost, upstream: responses.RequestsMock
) -> None:
    wanted = "scope=all&state=opened&in=title&search=login%20%22flow%22&per_page=10"
    for kind, mark in (("issues", "#"), ("merge_requests", "!")):
        found = {
            "title": f"Login {kind}",
            "web_url": f"https://gitlab.com/acme/web/-/{kind}/1",
            "references": {"full": f"acme/web{mark}1"},
        }
        upstream.get(f"https://gitlab.com/api/v4/{kind}?{wanted}&order_by=updated_at", json=[found])

    answer = make_host(verify="signature", gitlab_token="secret").suggest(TEXT)

    items = answer.get_json()["items"]
    assert [item["subtitle"] for item in items] == ["acme/web#1", "acme/web!1"]
    assert answer.get_json()["header"] == "GitLab"


def test_pagerduty_is_asked_for_what_is_open_and_searched_here(
    make_host: MakeHost, upstream: responses.RequestsMock
) -> None:
    wanted = "statuses[]=triggered&statuses[]=acknowledged&sort_by=created_at:desc&limit=100"
    found = [
        {
            "title": title,
            "incident_number": number,
            "html_url": f"https://acme.pagerduty.com/incidents/PT4KHL{number}",
            "service": {"summary": "Web"},
        }
        for number, title in enumerate(["The flow of Login", "Other"], start=1)
    ]
    upstream.get(f"https://api.pagerduty.com/incidents?{wanted}", json={"incidents": found})
    upstream.get(f"https://api.eu.pagerduty.com/incidents?{wanted}", status=401)
    host = make_host(verify="signature", pagerduty_token="secret")

    for text, titles in ((TEXT, ["The flow of Login"]), ("oth", ["Other"]), ("nothing", [])):
        items = host.suggest(text).get_json()["items"]
        assert [item["title"] for item in items] == titles
    assert len(upstream.calls) == 2


@pytest.mark.parametrize(
    ("text", "settings", "asked"),
    [
        (
            "acme-12",
            {"jira_email": "a@b.c", "jira_token": "s", "jira_site": "acme.atlassian.net"},
            "https://acme.atlassian.net/rest/api/3/issue/ACME-12?",
        ),
        ("acme/web!34", {}, "https://gitlab.com/api/v4/projects/acme%2Fweb/merge_requests/34"),
        ("acme/web/shop!34", {}, "https://gitlab.com/api/v4/projects/acme%2Fweb%2Fshop/merge_req"),
        ("o/r#12", {}, "https://api.github.com/repos/o/r/issues/12"),
        ("SHOP-1A", {"sentry_org": "acme"}, "https://sentry.io/api/0/organizations/acme/issues/S"),
    ],
)
def test_a_short_form_is_asked_for_directly(
    make_host: MakeHost, text: str, settings: dict[str, str], asked: str
) -> None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as outside:
        make_host(verify="signature", **settings).suggest(text)
        calls = [str(call.request.url) for call in outside.calls]
    assert any(url.startswith(asked) for url in calls)


def test_a_bug_of_one_connector_keeps_nothing_away_that_others_found(
    make_host: MakeHost, upstream: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> NoReturn:
        raise KeyError("a bug")

    monkeypatch.setattr(Trello, "results", fails)
    for case in (TRELLO, JIRA):
        registered(upstream, case)

    host = make_host(verify="signature", **TRELLO.settings, **JIRA.settings)
    with capture_logs(processors=[merge_log_fields]) as log:
        answer = host.suggest(TEXT)

    assert [item["title"] for item in answer.get_json()["items"]] == ["Login"]
    assert answer.get_json()["header"] == "Jira"
    assert log[-1]["left_out"] == {"trello": "internal_error"}
    assert "KeyError" in [line.get("exception") for line in log]


@pytest.mark.corpora
@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("asana", "asana"),
        ("confluence", "confluence"),
        ("intercom", "intercom"),
        ("notion", "notion"),
        ("salesforce", "salesforce"),
        ("stackexchange", "stackexchange"),
    ],
)
def test_real_answers_can_be_read(make_host: MakeHost, name: str, folder: str) -> None:
    case = CASES[name]
    for payload in real_payloads(f"{folder}/search"):
        with responses.RequestsMock() as outside:
            method = responses.GET if case.body is None and name != "notion" else responses.POST
            outside.add(method, case.asked, body=payload.read_bytes())
            host = host_with(make_host, case)
            with capture_logs(processors=[merge_log_fields]) as log:
                answer = host.suggest(TEXT)
        assert judge("typeahead", answer) == 200
        assert "left_out" not in log[-1]


def test_a_credential_of_a_workspace_is_searched_with_in_that_workspace_only(
    make_host: MakeHost, upstream: responses.RequestsMock, tmp_path: Any
) -> None:
    file = tmp_path / "credentials.toml"
    entry = '[[credential]]\nname = "{0}"\nhost = "{1}"\nworkspace = "{2}"\nbearer = "{0}-secret"\n'
    file.write_text(
        entry.format("team-a", "api.github.com", "1")
        + entry.format("team-b", "api.github.com", "2")
    )
    file.chmod(0o600)
    for number, team in enumerate("ab", start=1):
        found = {"title": f"Login {team}", "html_url": f"https://github.com/o/r/issues/{number}"}
        upstream.get(
            GITHUB.asked,
            json={"items": [found]},
            match=[matchers.header_matcher({"Authorization": f"Bearer team-{team}-secret"})],
        )
    host = make_host(verify="signature", credentials_file=str(file))

    for workspace, titles in (
        ("1", ["Login a"]),
        ("2", ["Login b"]),
        ("3", []),
        ("1", ["Login a"]),
    ):
        items = host.suggest(TEXT, workspace=workspace).get_json()["items"]
        assert [item["title"] for item in items] == titles
    assert len(upstream.calls) == 2
