"""The marks of the systems, drawn instead of icons that are not loaded.

Each is a symbol of `static/marks.svg`, which `make assets` makes of the package simple-icons.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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
# By the host of an icon that is a system's own: the system's label.
ICON_HOSTS: Final[Mapping[str, str]] = {
    "bitbucket.org": "Bitbucket",
    "cdn.vsassets.io": "Azure DevOps",
    "github.com": "GitHub",
    "github.githubassets.com": "GitHub",
    "gitlab.com": "GitLab",
    "sentry.io": "Sentry",
    "trello.com": "Trello",
    "wac-cdn.atlassian.com": "Jira",
    "www.datadoghq.com": "Datadog",
    "www.notion.so": "Notion",
    "www.pagerduty.com": "PagerDuty",
    "www.zendesk.com": "Zendesk",
}


@dataclass(frozen=True, slots=True)
class Emblem:
    """What stands for a system, a person or a thing: the name of a mark, or else a letter."""

    letter: str
    mark: str = ""


def emblem_of(label: str) -> Emblem:
    """Return what stands for a system."""
    return Emblem(initial(label), MARKS.get(label, ""))


def emblem_of_icon(url: str, beside: str) -> Emblem:
    """Return what stands for an icon: its system's, or the initial of the text beside it.

    Pictures of people, which the same hosts have, are not of their system.
    """
    target = urlsplit(url)
    label = ICON_HOSTS.get(target.hostname or "", "") if "icon" in target.path else ""
    return emblem_of(label) if label else Emblem(initial(beside))


def initial(text: str) -> str:
    """Return the first letter or digit of a text, as a capital; a dot where it has none."""
    return next(filter(str.isalnum, text), "·").upper()[0]
