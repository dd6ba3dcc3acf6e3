"""The marks of the systems, drawn instead of icons that are not loaded.

Each is a symbol of `static/marks.svg`, which `make assets` makes of the package simple-icons.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

# By the label of a connector; systems that the set does not have are drawn as a letter.
MARKS: Final[Mapping[str, str]] = {
    "Asana": "asana",
    "Bitbucket": "bitbucket",
    "Bitbucket Data Center": "bitbucket",
    "Buildkite": "buildkite",
    "CircleCI": "circleci",
    "Confluence": "confluence",
    "Datadog": "datadog",
    "Gitea": "gitea",
    "GitHub": "github",
    "GitLab": "gitlab",
    "HubSpot": "hubspot",
    "Intercom": "intercom",
    "Jenkins": "jenkins",
    "Jira": "jira",
    "Linear": "linear",
    "Notion": "notion",
    "Opsgenie": "opsgenie",
    "PagerDuty": "pagerduty",
    "Sentry": "sentry",
    "Shortcut": "shortcut",
    "Stack Exchange": "stackexchange",
    "Statuspage": "statuspage",
    "Trello": "trello",
    "Zendesk": "zendesk",
}
# By the host of an icon that is a system's own.
ICON_HOSTS: Final[Mapping[str, str]] = {
    "bitbucket.org": "bitbucket",
    "github.com": "github",
    "github.githubassets.com": "github",
    "gitlab.com": "gitlab",
    "sentry.io": "sentry",
    "trello.com": "trello",
    "wac-cdn.atlassian.com": "jira",
    "www.datadoghq.com": "datadog",
    "www.notion.so": "notion",
    "www.pagerduty.com": "pagerduty",
    "www.zendesk.com": "zendesk",
}


def mark_of(label: str) -> str:
    """Return the name of a system's mark, or ''."""
    return MARKS.get(label, "")


def mark_of_icon(url: str) -> str:
    """Return the mark of the system whose own icon an address is, or ''.

    Pictures of people, which the same hosts have, are none.
    """
    parts = urlsplit(url)
    return ICON_HOSTS.get(parts.hostname or "", "") if "icon" in parts.path else ""
