"""GitHub repositories, such as https://github.com/pallets/flask (`.git` may follow).

Reads "Get a repository" of GitHub's REST API, version 2022-11-28
(https://docs.github.com/en/rest/repos/repos), with the credentials of all GitHub pages. Oddity:
its count of open issues counts the open pull requests too.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from marshmallow import fields

from app.connectors.base import Count, Match, Moment, Resource
from app.connectors.card_parts import footer, words
from app.connectors.github.api import ICON, OWNER, GitHubPage
from app.upstream.messages import UpstreamRequest
from templates_schemas import Pill, SummaryWithDetails, TextWithIcon
from templates_schemas.limits import PillColor
from templates_schemas.text import first_text


class License(Resource):
    """A licence; its SPDX name is `NOASSERTION` where GitHub does not know it."""

    name = fields.String(allow_none=True)
    spdx_id = fields.String(allow_none=True)


class Parent(Resource):
    """The repository that this one was forked from."""

    full_name = fields.String(required=True)


class Repository(Resource):
    """A repository."""

    full_name = fields.String(required=True)
    description = fields.String(allow_none=True)
    private = fields.Boolean(required=True)
    visibility = fields.String(allow_none=True)
    archived = fields.Boolean(allow_none=True)
    fork = fields.Boolean(allow_none=True)
    parent = fields.Nested(Parent, allow_none=True)
    language = fields.String(allow_none=True)
    stargazers_count = Count(allow_none=True)
    open_issues_count = Count(allow_none=True)
    license = fields.Nested(License, allow_none=True)
    default_branch = fields.String(allow_none=True)
    created_at = Moment(required=True)
    pushed_at = Moment(allow_none=True)


VISIBILITIES: Final[dict[str, PillColor]] = {
    "public": "green",
    "internal": "blue",
    "private": "yellow",
}
# What stands where an owner would, and is none: the pages of GitHub itself.
NO_OWNERS: Final = (
    *("about", "account", "advisories", "api", "apps", "codespaces", "collections", "contact"),
    *("customer-stories", "enterprise", "explore", "features", "issues", "login", "marketplace"),
    *("new", "notifications", "organizations", "orgs", "pulls", "resources", "search", "security"),
    *("sessions", "settings", "site", "solutions", "sponsors", "stars", "topics", "trending"),
    "users",
)


class GitHubRepository(GitHubPage):
    """Repositories of github.com, and of GitHub Enterprise hosts."""

    name: ClassVar[str] = "github_repository"
    example: ClassVar[str] = "https://github.com/pallets/flask"
    path: ClassVar[re.Pattern[str]] = re.compile(
        rf"(?!/(?i:{'|'.join(NO_OWNERS)})/){OWNER}"
        r"/(?P<repo>(?!\.\.?(?:\.git)?/?\Z)[A-Za-z0-9._-]{1,100}?)(?:\.git)?/?"
    )
    schema: ClassVar[type[Resource]] = Repository

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask for the repository."""
        return self.ask(match)

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show who sees it, what it is made of, and when it was last pushed to."""
        return SummaryWithDetails(
            title=first_text(resource["full_name"], f"{match['owner']}/{match['repo']}"),
            subtitle=resource.get("description"),
            subicon_url=ICON,
            fields=[
                _visibility(resource),
                TextWithIcon("Forked from", (resource.get("parent") or {}).get("full_name")),
                TextWithIcon("Language", resource.get("language")),
                _counted("Stars", resource.get("stargazers_count")),
                _counted("Open issues and pull requests", resource.get("open_issues_count")),
                _license(resource.get("license") or {}),
                TextWithIcon("Default branch", resource.get("default_branch")),
            ],
            footer=footer(resource.get("pushed_at"), resource["created_at"]),
        )


def _visibility(resource: Mapping[str, Any]) -> Pill:
    """Show who sees it, and as GitHub does that it is an archive or a fork."""
    visibility = resource.get("visibility") or ("private" if resource["private"] else "public")
    shown = words(visibility) or "Unknown"
    if resource.get("archived"):
        return Pill("Visibility", f"{shown} archive", "cool-gray")
    kind = " fork" if resource.get("fork") else ""
    return Pill("Visibility", f"{shown}{kind}", VISIBILITIES.get(visibility, "none"))


def _counted(name: str, count: int | None) -> TextWithIcon:
    return TextWithIcon(name, None if count is None else f"{count:,}")


def _license(known: Mapping[str, Any]) -> TextWithIcon:
    spdx = known.get("spdx_id")
    return TextWithIcon(
        "License", first_text(None if spdx == "NOASSERTION" else spdx, known.get("name"))
    )
