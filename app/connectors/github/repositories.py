"""GitHub repositories, such as https://github.com/pallets/flask (`.git` may follow).

Reads "Get a repository" of GitHub's REST API, version 2022-11-28
(https://docs.github.com/en/rest/repos/repos), with the credentials of all GitHub pages. Oddity:
its count of open issues counts the open pull requests too.
"""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields

from app.connectors.base import Count, Match, Resource, Timestamp, one_of
from app.connectors.card_parts import drawn, footer, inner, words
from app.connectors.github.api import API, ICON, OWNER, GitHubPage
from app.upstream.messages import UpstreamRequest
from templates_schemas import Pill, SummaryWithDetails, TextWithIcon
from templates_schemas.limits import PillColor
from templates_schemas.text import first_text


class Repository(Resource):
    needs_any = ("full_name", "visibility", "private")
    full_name = fields.String()
    description = fields.String()
    private = fields.Boolean()
    visibility = fields.String()
    archived = fields.Boolean()
    fork = fields.Boolean()
    parent = Resource.nested(full_name=fields.String())
    language = fields.String()
    stargazers_count = Count()
    open_issues_count = Count()
    license = Resource.nested(name=fields.String(), spdx_id=fields.String())
    default_branch = fields.String()
    created_at = Timestamp()
    pushed_at = Timestamp()


VISIBILITIES: Final[dict[str, PillColor]] = {
    "public": "green",
    "internal": "blue",
    "private": "yellow",
}
# Pages of GitHub itself, whose first step is not an owner.
NO_OWNERS: Final = (
    *("about", "account", "advisories", "api", "apps", "codespaces", "collections", "contact"),
    *("customer-stories", "enterprise", "explore", "features", "issues", "login", "marketplace"),
    *(
        "new",
        "notifications",
        "organizations",
        "orgs",
        "pulls",
        "repos",
        "resources",
        "search",
        "security",
    ),
    *("sessions", "settings", "site", "solutions", "sponsors", "stars", "topics", "trending"),
    "users",
)
_REPO: Final = r"/(?P<repo>(?!\.\.?(?:\.git)?/?\Z)[A-Za-z0-9._-]{1,100}?)"


class GitHubRepository(GitHubPage):
    """Repositories of github.com, and of GitHub Enterprise hosts."""

    name = "github_repository"
    example = "https://github.com/pallets/flask"
    path = one_of(
        rf"(?!/(?i:{'|'.join(NO_OWNERS)})/){OWNER}{_REPO}(?:\.git)?/?",
        rf"{API}{OWNER}{_REPO}",
    )
    schema = Repository

    def canonical(self, match: Match) -> str:
        """Return the repository's page."""
        # Of a name that ends in `.git`, that end would be taken for the suffix of a clone.
        suffix = ".git" * match["repo"].endswith(".git")
        return f"{match.server.url}/{match['owner']}/{match['repo']}{suffix}"

    def request_for(self, match: Match) -> UpstreamRequest:
        return self.ask(match)

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show who sees it, what it is made of, and when it was last pushed to."""
        return SummaryWithDetails(
            title=first_text(resource.get("full_name"), f"{match['owner']}/{match['repo']}"),
            subtitle=drawn(resource.get("description")),
            subicon_url=ICON,
            fields=[
                _visibility(resource),
                TextWithIcon("Forked from", inner(resource, "parent", "full_name")),
                TextWithIcon("Language", resource.get("language")),
                _counted("Stars", resource.get("stargazers_count")),
                _counted("Open issues and pull requests", resource.get("open_issues_count")),
                _license(resource.get("license") or {}),
                TextWithIcon("Default branch", resource.get("default_branch")),
            ],
            footer=footer(resource.get("pushed_at"), resource.get("created_at"), self.label),
        )


def _visibility(resource: Mapping[str, Any]) -> Pill:
    """Show who sees it, and as GitHub does that it is an archive or a fork."""
    private = {True: "private", False: "public", None: None}[resource.get("private")]
    visibility = resource.get("visibility") or private
    shown = words(visibility) or "Unknown"
    if resource.get("archived"):
        return Pill("Visibility", f"{shown} archive", "cool-gray")
    kind = " fork" if resource.get("fork") else ""
    return Pill("Visibility", f"{shown}{kind}", VISIBILITIES.get(visibility or "", "none"))


def _counted(name: str, count: int | None) -> TextWithIcon:
    return TextWithIcon(name, None if count is None else f"{count:,}")


def _license(license_: Mapping[str, Any]) -> TextWithIcon:
    spdx = license_.get("spdx_id")
    return TextWithIcon(
        "License", first_text(None if spdx == "NOASSERTION" else spdx, license_.get("name"))
    )
