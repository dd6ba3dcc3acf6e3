"""Jira's addresses and issues, and whom its one token is given to."""

import base64
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import pytest

from app.connectors import find
from app.connectors.jira import Jira
from app.errors import ConfigurationError, NoConnector
from app.testing.contract import ConnectorContract, request_for, sent_headers, settings_of
from templates_schemas import SummaryWithDetails, payload

ENVIRONMENT: Final = {
    "JIRA_EMAIL": "ada@acme.example",
    "JIRA_TOKEN": "the-token",
    "PLACARD_JIRA_HOSTS": "jira.example.com,jira.example.com:8443,example.com/jira,bücher.example",
}
ONE_SITE: Final = {**ENVIRONMENT, "JIRA_SITE": "Acme.atlassian.net"}
NO_EMAIL: Final = {name: text for name, text in ENVIRONMENT.items() if name != "JIRA_EMAIL"}
BASIC: Final = {
    "Authorization": f"Basic {base64.b64encode(b'ada@acme.example:the-token').decode()}"
}
BEARER: Final = {"Authorization": "Bearer the-token"}

SITE: Final = "https://acme.atlassian.net"
DATA_CENTER: Final = "https://jira.example.com"
ASKED: Final = (
    "summary,status,assignee,issuetype,priority,labels,duedate,resolutiondate,"
    "created,updated,project,comment"
)
CLOUD_API: Final = f"{SITE}/rest/api/3/issue/ACME-12?fields={ASKED}"
OTHER_CLOUD_API: Final = CLOUD_API.replace("acme.", "evil.")
DATA_CENTER_API: Final = f"{DATA_CENTER}/rest/api/2/issue/ACME-12?fields={ASKED}"
BELOW_API: Final = f"https://example.com/jira/rest/api/2/issue/ACME-12?fields={ASKED}"
INTERNATIONAL_API: Final = f"https://xn--bcher-kva.example/rest/api/2/issue/ACME-12?fields={ASKED}"

MATCHES: Final = {
    f"{SITE}/browse/ACME-12": CLOUD_API,
    f"{SITE}/browse/ACME-12/": CLOUD_API,
    f"{SITE}/browse/ACME-12?focusedCommentId=10100": CLOUD_API,
    f"{SITE}/browse/ACME-12?selectedIssue=OTHER-1": CLOUD_API,
    f"{SITE}/browse/ACME-12?selectedIssue=%0A": CLOUD_API,
    f"{SITE}/browse/ACME-12#comment-1": CLOUD_API,
    f"{SITE}/issues/ACME-12": CLOUD_API,
    f"{SITE}/issues/ACME-12?jql=project%20%3D%20ACME": CLOUD_API,
    f"{SITE}/projects/ACME/issues/ACME-12?filter=allopenissues": CLOUD_API,
    f"{SITE}/jira/issues/ACME-12": CLOUD_API,
    f"{SITE}/jira/software/projects/ACME/issues/ACME-12/": CLOUD_API,
    f"{SITE}/jira/software/c/projects/ACME/issues/ACME-12?filter=x": CLOUD_API,
    f"{SITE}/jira/core/projects/ACME/board?selectedIssue=ACME-12": CLOUD_API,
    f"{SITE}/jira/software/projects/ACME/boards/1?selectedIssue=ACME-12": CLOUD_API,
    f"{SITE}/jira/software/projects/ACME/boards/1/?selectedIssue=ACME-12": CLOUD_API,
    f"{SITE}/jira/software/c/projects/ACME/boards/1/backlog?view=x&selectedIssue=ACME-12": (
        CLOUD_API
    ),
    f"{SITE}/secure/RapidBoard.jspa?rapidView=1&selectedIssue=ACME-12": CLOUD_API,
    f"{SITE}/secure/RapidBoard.jspa?selectedIssue=ACME-12&selectedIssue=OTHER-1#x": CLOUD_API,
    "HTTPS://Acme.Atlassian.NET/browse/ACME-12": CLOUD_API,
    "https://acme.atlassian.net:443/browse/ACME-12": CLOUD_API,
    "http://acme.atlassian.net/browse/ACME-12": CLOUD_API,
    f"{SITE}/browse/A2_B-9999999999": CLOUD_API.replace("ACME-12", "A2_B-9999999999"),
    "https://other-1.atlassian.net/browse/ACME-12": CLOUD_API.replace("acme.", "other-1."),
    f"{SITE}/browse/acme-12": CLOUD_API,
    f"{SITE}/jira/servicedesk/projects/SUP/queues/custom/12/ACME-12": CLOUD_API,
    f"{SITE}/jira/servicedesk/projects/SUP/queues/issue/ACME-12": CLOUD_API,
    f"{SITE}/projects/SUP/queues/custom/12/ACME-12": CLOUD_API,
    f"{SITE}/servicedesk/customer/portal/3/ACME-12": CLOUD_API,
    f"{SITE}/servicedesk/customer/portal/3/acme-12?sda_source=notification-email": CLOUD_API,
    f"{SITE}/issues/?jql=project%20%3D%20ACME&selectedIssue=ACME-12": CLOUD_API,
    f"{SITE}/issues?selectedIssue=acme-12": CLOUD_API,
    f"{SITE}/projects/ACME/issues/?filter=allopenissues&selectedIssue=ACME-12": CLOUD_API,
    f"{SITE}/jira/software/c/projects/ACME/issues/?selectedIssue=ACME-12": CLOUD_API,
    f"{SITE}/rest/api/3/issue/ACME-12": CLOUD_API,
    f"{SITE}/rest/api/latest/issue/ACME-12?expand=names": CLOUD_API,
    f"{SITE}/rest/agile/1.0/issue/ACME-12": CLOUD_API,
    f"{SITE}/rest/servicedeskapi/request/ACME-12": CLOUD_API,
    f"{SITE}/rest/api/3/issue/10002": CLOUD_API.replace("ACME-12", "10002"),
    f"{SITE}/secure/ViewIssue.jspa?id=10002": CLOUD_API.replace("ACME-12", "10002"),
    f"{SITE}/secure/ViewIssue.jspa?key=ACME-12&page=x": CLOUD_API,
    f"{SITE}/si/jira.issueviews:issue-html/ACME-12/ACME-12.html": CLOUD_API,
    f"{SITE}/projects/ACME/boards/1?selectedIssue=ACME-12": CLOUD_API,
    f"{DATA_CENTER}/rest/api/latest/issue/10002": DATA_CENTER_API.replace("ACME-12", "10002"),
    f"{DATA_CENTER}/rest/api/2/issue/ACME-12": DATA_CENTER_API,
    "https://example.com/jira/browse/ACME-12": BELOW_API,
    "https://example.com/jira/projects/ACME/issues/ACME-12": BELOW_API,
    "https://example.com/jira/servicedesk/customer/portal/3/ACME-12": BELOW_API,
    "https://example.com/jira/rest/api/2/issue/ACME-12": BELOW_API,
    "https://bücher.example/browse/ACME-12": INTERNATIONAL_API,
    "https://BÜCHER.example/browse/ACME-12": INTERNATIONAL_API,
    "https://xn--bcher-kva.example/browse/ACME-12": INTERNATIONAL_API,
    f"{DATA_CENTER}/browse/ACME-12": DATA_CENTER_API,
    f"{DATA_CENTER}/projects/ACME/issues/ACME-12": DATA_CENTER_API,
    f"{DATA_CENTER}/secure/RapidBoard.jspa?rapidView=1&selectedIssue=ACME-12": DATA_CENTER_API,
    "https://JIRA.example.com:8443/browse/ACME-12": DATA_CENTER_API.replace(".com/", ".com:8443/"),
}
NEAR_MISSES: Final = (
    # Another host.
    "https://atlassian.net/browse/ACME-12",
    "https://.atlassian.net/browse/ACME-12",
    "https://a.b.atlassian.net/browse/ACME-12",
    "https://acme.atlassian.com/browse/ACME-12",
    "https://acme.atlassian.net.evil.example/browse/ACME-12",
    "https://acme-atlassian.net/browse/ACME-12",
    "https://sub.jira.example.com/browse/ACME-12",
    "https://jira.example.com:8080/browse/ACME-12",
    # Another page.
    f"{SITE}/browse/ACME",
    f"{SITE}/browse/ACME-12/edit",
    f"{SITE}/jira/servicedesk/projects/SUP/queues/custom/ACME-12",
    f"{SITE}/jira/servicedesk/projects/SUP/queues/custom/x/ACME-12",
    f"{SITE}/servicedesk/customer/portal/ACME-12",
    f"{SITE}/servicedesk/customer/portals",
    f"{SITE}/rest/api/3/issue/ACME-12/comment",
    f"{SITE}/rest/api/3/issue/10002/comment",
    f"{SITE}/rest/api/3/issue/10\u0662",
    f"{SITE}/rest/api/3/issue/1234567890123456",
    f"{SITE}/secure/ViewIssue.jspa?key=ACME",
    f"{SITE}/secure/ViewIssue.jspa",
    f"{SITE}/secure/EditIssue.jspa?id=10002",
    f"{SITE}/si/jira.issueviews:issue-xml/ACME/ACME.xml",
    f"{SITE}/projects/ACME?selected=ACME-12",
    f"{SITE}/rest/api/1/issue/ACME-12",
    "https://example.com/browse/ACME-12",
    "https://example.com/jira2/browse/ACME-12",
    "https://bucher.example/browse/ACME-12",
    "https://büchers.example/browse/ACME-12",
    f"{SITE}/browse//ACME-12",
    f"{SITE}/browse/ACME-12//",
    f"{SITE}/wiki/browse/ACME-12",
    f"{SITE}/wiki/spaces/ACME?selectedIssue=ACME-12",
    f"{SITE}/issues/?jql=key%3DACME-12",
    f"{SITE}/?selectedIssue=ACME-12",
    f"{SITE}/jira/?selectedIssue=ACME-12",
    f"{SITE}/jira/../browse?selectedIssue=ACME-12",
    f"{SITE}/jira/software/%2e%2e/boards/1?selectedIssue=ACME-12",
    f"{SITE}/jira{'/a' * 9}?selectedIssue=ACME-12",
    f"{SITE}/jira/software/projects/ACME/boards/1",
    f"{SITE}/jira/software/projects/ACME/boards/1?selected=ACME-12",
    f"{SITE}/jira/software/projects/ACME/boards/1#selectedIssue=ACME-12",
    f"{SITE}/secure/RapidBoardXjspa?selectedIssue=ACME-12",
    f"{SITE}/secure/RapidBoard.jspa?rapidView=1",
    # A key that is none.
    f"{SITE}/browse/A-12",
    f"{SITE}/browse/1ACME-12",
    f"{SITE}/browse/ACME-",
    f"{SITE}/browse/ACME-1.0",
    f"{SITE}/browse/ACME-12345678901",
    f"{SITE}/browse/{'A' * 256}-1",
    f"{SITE}/browse/ACME-\u0661\u0662",
    f"{SITE}/browse/\u00c4CME-12",
    f"{SITE}/browse/ACME-12%2F..%2Fmyself",
    f"{SITE}/browse/ACME-12%3Fexpand",
    f"{SITE}/secure/RapidBoard.jspa?selectedIssue=ACME-12%2F..%2Fmyself",
    f"{SITE}/secure/RapidBoard.jspa?selectedIssue=ACME-12%26fields=all",
    f"{SITE}/secure/RapidBoard.jspa?selectedIssue=ACME-12%0A",
    f"{SITE}/secure/RapidBoard.jspa?selectedIssue=&selectedIssue=ACME-12",
)
FIELDS: Final[Mapping[str, Any]] = {
    "summary": "An issue",
    "status": {"name": "To Do", "statusCategory": {"key": "new"}},
    "assignee": {"displayName": "Ada", "avatarUrls": {"48x48": "https://avatars.example/1"}},
    "issuetype": {"name": "Bug", "iconUrl": "https://icons.example/bug"},
    "priority": {"name": "High", "iconUrl": "https://icons.example/high"},
    "labels": ["export"],
    "duedate": "2025-12-24",
    "resolutiondate": "2025-10-04T09:15:27.000+0000",
    "created": "2025-10-02T09:15:27.481+0100",
    "updated": "2025-10-03T09:15:27.481-0730",
    "project": {"name": "Acme Reports"},
    "comment": {"total": 3},
}


class TestJira(ConnectorContract):
    connector = Jira
    environment = ONE_SITE
    matches = MATCHES
    near_misses = NEAR_MISSES
    headers: ClassVar[Mapping[str, str]] = {"Accept": "application/json"}
    resource: ClassVar[Mapping[str, Any]] = {"key": "ACME-12", "fields": FIELDS}
    corpora: ClassVar[Mapping[str, str]] = {"jira/issues": f"{SITE}/browse/ACME-12"}


def card_of(key: str = "ACME-12", **changes: Any) -> Mapping[str, Any]:
    """Return the card of an issue; a change to `...` leaves that part out."""
    given = {name: part for name, part in {**FIELDS, **changes}.items() if part is not ...}
    known, match = find(f"{SITE}/browse/ACME-12", [Jira(settings_of({}))])
    made = known.widget(known.load({"key": key, "fields": given}), match)
    assert isinstance(made, SummaryWithDetails)
    metadata: Mapping[str, Any] = payload(made)["metadata"]
    return metadata


def fields_of(**changes: Any) -> dict[str, Any]:
    """Return the fields of the card of an issue, by name."""
    return {field["name"]: field for field in card_of(**changes)["fields"]}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param(ONE_SITE, (BASIC, {}, {}), id="email-and-site"),
        pytest.param(
            {**ENVIRONMENT, "JIRA_SITE": "jira.example.com"}, ({}, {}, BASIC), id="site-of-our-own"
        ),
        pytest.param(NO_EMAIL, ({}, {}, BEARER), id="token-alone"),
        pytest.param({"JIRA_TOKEN": "the-token"}, ({}, {}, {}), id="token-without-hosts"),
        pytest.param({"JIRA_EMAIL": "ada@acme.example"}, ({}, {}, {}), id="email-without-token"),
    ],
)
def test_token_goes_only_where_it_belongs(
    environment: Mapping[str, str], expected: tuple[Mapping[str, str], ...]
) -> None:
    known = Jira(settings_of(environment))
    asked = (CLOUD_API, OTHER_CLOUD_API, DATA_CENTER_API)
    assert tuple(sent_headers(known, url) for url in asked) == expected


def test_token_without_a_site_keeps_the_service_from_starting() -> None:
    with pytest.raises(ConfigurationError, match=r"^JIRA_SITE: is missing: "):
        Jira(settings_of(ENVIRONMENT))


@pytest.mark.parametrize(
    "url",
    [
        "https://atlassian.net/",
        "https://a.acme.atlassian.net/",
        "https://acme.atlassian.net.evil.example/",
        "https://acme.atlassian.net:8443/",
        "https://jira.example.com:8080/",
        "https://sub.jira.example.com/",
    ],
)
def test_no_other_host_is_given_the_token(url: str) -> None:
    assert sent_headers(Jira(settings_of(ONE_SITE)), url) == {}


def test_each_issue_is_asked_of_its_own_host_only() -> None:
    known = Jira(settings_of(ONE_SITE))
    for page, host in {SITE: "acme.atlassian.net", DATA_CENTER: "jira.example.com"}.items():
        assert request_for(known, f"{page}/browse/ACME-12").hosts == {host}


def test_data_center_host_is_not_served_unless_a_setting_names_it() -> None:
    with pytest.raises(NoConnector):
        find(f"{DATA_CENTER}/browse/ACME-12", [Jira(settings_of({}))])


@pytest.mark.parametrize(
    ("category", "color"),
    [
        ("new", "cool-gray"),
        ("indeterminate", "blue"),
        ("done", "green"),
        ("undefined", "none"),
        (None, "none"),
    ],
)
def test_status_has_the_teams_word_and_its_categorys_colour(
    category: str | None, color: str
) -> None:
    status = {"name": "Waiting for Ada", "statusCategory": {"key": category}}
    assert fields_of(status=status)["Status"] == {
        "type": "pill",
        "name": "Status",
        "text": "Waiting for Ada",
        "color": color,
    }


@pytest.mark.parametrize("status", [..., None, {}, {"name": " ", "statusCategory": None}])
def test_status_that_is_not_told_is_unknown(status: Any) -> None:
    pill = fields_of(status=status)["Status"]
    assert (pill["text"], pill["color"]) == ("Unknown", "none")


@pytest.mark.parametrize(
    ("name", "text", "icon_url"),
    [
        ("Assignee", "Ada", "https://avatars.example/1"),
        ("Type", "Bug", "https://icons.example/bug"),
        ("Priority", "High", "https://icons.example/high"),
    ],
)
def test_person_type_and_priority_have_their_pictures(name: str, text: str, icon_url: str) -> None:
    field = fields_of()[name]
    assert (field["text"], field["icon_url"]) == (text, icon_url)


def test_issue_of_nobody_is_unassigned_but_one_that_hides_whose_it_is_is_not() -> None:
    assert fields_of(assignee=None)["Assignee"]["text"] == "Unassigned"
    assert "Assignee" not in fields_of(assignee=...)


def test_resolved_issue_shows_when_and_an_open_one_when_it_is_due() -> None:
    assert fields_of()["Resolved"]["datetime"] == "2025-10-04T09:15:27.000Z"
    assert fields_of(resolutiondate=None)["Due"]["text"] == "2025-12-24"
    assert fields_of(resolutiondate=None, duedate=None)["Labels"]["text"] == "export"


@pytest.mark.parametrize(
    ("changes", "footer"),
    [
        ({}, {"footer_type": "updated", "last_updated_at": "2025-10-03T16:45:27.481Z"}),
        ({"updated": None}, {"footer_type": "created", "created_at": "2025-10-02T08:15:27.481Z"}),
        ({"updated": ..., "created": ...}, {"footer_type": "custom_text", "text": "Jira"}),
    ],
)
def test_footer_tells_the_last_time_that_is_known(
    changes: Mapping[str, Any], footer: Mapping[str, str]
) -> None:
    assert card_of(**changes)["footer"] == footer


@pytest.mark.parametrize("offset", ["+0000", "+00:00", "Z", "-0000"])
def test_offset_needs_no_colon(offset: str) -> None:
    footer = card_of(updated=f"2025-10-03T09:15:27.481{offset}")["footer"]
    assert footer["last_updated_at"] == "2025-10-03T09:15:27.481Z"


@pytest.mark.parametrize("summary", [..., None, "", " \u200b "])
def test_title_without_a_summary_is_the_key(summary: Any) -> None:
    card = card_of(summary=summary)
    assert (card["title"], card["subtitle"]) == ("ACME-12", "Acme Reports")


def test_subtitle_has_the_key_that_the_issue_has_now() -> None:
    assert card_of()["subtitle"] == "ACME-12 · Acme Reports"
    assert card_of(key="MOVED-3")["subtitle"] == "MOVED-3 · Acme Reports"
    assert card_of(key=" ", project=None)["subtitle"] == "ACME-12"


def test_comments_are_counted_by_their_total() -> None:
    assert card_of()["num_comments"] == 3
    assert "num_comments" not in card_of(comment={"comments": []})
