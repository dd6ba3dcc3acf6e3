"""Addresses as people paste them, each with the connector and the one resource that it is of."""

import base64
import json
from collections.abc import Mapping
from typing import Final

import pytest

from app.connectors import all_connectors, find
from tests.conftest import settings_with

SHA: Final = "33850c0ebd23ae615e6823993d441f46d80b1ff0"
SHOWN: Final = base64.b64encode(
    json.dumps({"iid": "1", "full_path": "acme/shop", "id": 77}).encode()
).decode()
GITHUB: Final = "https://api.github.com/repos/o/r"
GITLAB: Final = "https://gitlab.com/api/v4/projects/acme%2Fshop"
JIRA: Final = "https://acme.atlassian.net/rest/api/3/issue"
SENTRY: Final = "https://sentry.io/api/0/organizations/acme/issues/1/"
ZENDESK: Final = "https://acme.zendesk.com/api/v2/tickets/1.json"
AZURE: Final = "_apis/wit/workitems/1"
# By the address: who serves it, and the beginning of what is asked for it.
ADDRESSES: Final[Mapping[str, tuple[str, str]]] = {
    "https://acme.atlassian.net/jira/servicedesk/projects/SUP/queues/custom/12/SUP-34": (
        "jira",
        f"{JIRA}/SUP-34?",
    ),
    "https://acme.atlassian.net/servicedesk/customer/portal/3/SUP-34": ("jira", f"{JIRA}/SUP-34?"),
    "https://acme.atlassian.net/issues/?jql=order%20by%20rank&selectedIssue=ACME-12": (
        "jira",
        f"{JIRA}/ACME-12?",
    ),
    "https://acme.atlassian.net/browse/acme-12": ("jira", f"{JIRA}/ACME-12?"),
    "https://example.com/jira/browse/ACME-12": (
        "jira",
        "https://example.com/jira/rest/api/2/issue/ACME-12?",
    ),
    "https://dev.azure.com/fabrikam/Fabrikam/_queries/edit/1/?triage=true": (
        "azure_devops_work_item",
        f"https://dev.azure.com/fabrikam/{AZURE}?",
    ),
    "https://dev.azure.com/fabrikam/Fabrikam/_workitems?id=1&_a=edit": (
        "azure_devops_work_item",
        f"https://dev.azure.com/fabrikam/{AZURE}?",
    ),
    "https://dev.azure.com/fabrikam/A Project/_workitems/edit/1": (
        "azure_devops_work_item",
        f"https://dev.azure.com/fabrikam/{AZURE}?",
    ),
    "https://fabrikam.visualstudio.com/_workitems/edit/1": (
        "azure_devops_work_item",
        f"https://fabrikam.visualstudio.com/{AZURE}?",
    ),
    "https://github.com/orgs/o/projects/1?pane=issue&itemId=9&issue=o%7Cr%7C1": (
        "github",
        f"{GITHUB}/issues/1",
    ),
    "https://github.com/o/r/pull/5/conflicts": ("github", f"{GITHUB}/pulls/5"),
    "https://redirect.github.com/o/r/issues/1": ("github", f"{GITHUB}/issues/1"),
    f"https://github.com/o/r/commit/{SHA}.patch": ("github_commit", f"{GITHUB}/commits/{SHA}"),
    "https://github.com/o/r/actions/runs/1/artifacts/2": (
        "github_run",
        f"{GITHUB}/actions/runs/1",
    ),
    "https://acme.ghe.com/o/r/issues/1": (
        "github",
        "https://api.acme.ghe.com/repos/o/r/issues/1",
    ),
    "https://gitlab.com/acme/shop/-/issues/1/designs/x.png": ("gitlab", f"{GITLAB}/issues/1"),
    f"https://gitlab.com/acme/shop/-/boards/9?show={SHOWN}": ("gitlab", f"{GITLAB}/issues/1"),
    "https://gitlab.com/acme/shop/-/merge_requests/5/reports": (
        "gitlab",
        f"{GITLAB}/merge_requests/5",
    ),
    "https://sentry.io/acme/proj/issues/1/": ("sentry", SENTRY),
    "https://acme.sentry.io/issues/1/tags/user.email/": ("sentry", SENTRY),
    "https://acme.sentry.io/issues/shop-api-1k/": (
        "sentry",
        "https://sentry.io/api/0/organizations/acme/issues/SHOP-API-1K/",
    ),
    "https://acme.zendesk.com/agent/#/tickets/1": ("zendesk", ZENDESK),
    "https://acme.zendesk.com/tickets/1": ("zendesk", ZENDESK),
    "https://acme.pagerduty.com/incidents/PT4KHLK/log_entries/R2D2": (
        "pagerduty",
        "https://api.pagerduty.com/incidents/PT4KHLK",
    ),
}


@pytest.mark.parametrize(
    ("address", "name", "asked"), [(page, *told) for page, told in ADDRESSES.items()], ids=ADDRESSES
)
def test_pasted_address_leads_to_its_resource(address: str, name: str, asked: str) -> None:
    settings = settings_with(placard_jira_hosts="example.com/jira")
    known, match = find(address, all_connectors(settings))
    assert known.name == name
    url = known.request_for(match).url
    assert url.startswith(asked)
    # Nothing but a query follows: `/issues/1` is not the beginning of `/issues/12`.
    assert url.removeprefix(asked)[:1] in ("", "?") or asked.endswith("?")
