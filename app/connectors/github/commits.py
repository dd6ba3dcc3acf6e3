"""GitHub commits, such as https://github.com/pallets/flask/commit/33850c0 (7 to 40 digits).

Reads "Get a commit" of GitHub's REST API, version 2022-11-28
(https://docs.github.com/en/rest/commits/commits), with the credentials of all GitHub pages.
Oddity: an author is two things: the name in the commit, and the account, which may be null or {}.
"""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields

from app.connectors.base import Count, Match, Resource, Timestamp, one_of
from app.connectors.card_parts import card, drawn, fields_or, footer, inner
from app.connectors.github.api import (
    API,
    ICON,
    REPOSITORY,
    Account,
    GitHubPage,
    changes,
    repository,
)
from app.upstream.messages import UpstreamRequest
from templates_schemas import DatetimeWithIcon, Pill, SummaryWithDetails, TextWithIcon
from templates_schemas.text import first_text

# The API lists no more at once; the rest is on further pages.
FILES_OF_A_PAGE: Final = 300
_SHA: Final = r"(?P<sha>[0-9A-Fa-f]{7,40})"


class Person(Resource):
    """Who wrote or committed it, in the commit's own words."""

    name = fields.String()
    date = Timestamp()


class GitCommit(Resource):
    needs_any = ("message", "author", "committer")
    message = fields.String()
    author = fields.Nested(Person)
    committer = fields.Nested(Person)
    comment_count = Count()
    verification = Resource.nested(verified=fields.Boolean(required=True), reason=fields.String())


class Commit(Resource):
    """A commit, of the commits API; the account of its author is `{}` where GitHub knows none."""

    html_url = fields.String()
    commit = fields.Nested(GitCommit, required=True)
    author = fields.Nested(Account)
    stats = Resource.nested(additions=Count(), deletions=Count())
    # Only their number is shown.
    files = fields.List(Resource.nested())


class GitHubCommit(GitHubPage):
    """Commits of github.com, and of GitHub Enterprise hosts."""

    name = "github_commit"
    example = "https://github.com/pallets/flask/commit/33850c0ebd23ae615e6823993d441f46d80b1ff0"
    path = one_of(
        rf"{REPOSITORY}/commit/{_SHA}(?:\.patch|\.diff|/checks)?/?",
        rf"{API}{REPOSITORY}/commits/{_SHA}",
    )
    # For a commit that is not there, GitHub answers "No commit found for SHA".
    not_found_statuses = GitHubPage.not_found_statuses | {422}
    schema = Commit

    def canonical(self, match: Match) -> str:
        """Return the page of the commit."""
        return f"{match.server.url}/{match['owner']}/{match['repo']}/commit/{_sha(match)}"

    def request_for(self, match: Match) -> UpstreamRequest:
        return self.ask(match, f"/commits/{_sha(match)}")

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show who wrote what, how much of it, and whether it is signed."""
        commit = resource["commit"]
        written = inner(commit, "author", "date")
        committed = inner(commit, "committer", "date") or written
        message = first_text(*(commit.get("message") or "").splitlines())
        shown = [
            _signature(commit.get("verification")),
            _author(resource.get("author") or {}, commit.get("author") or {}),
            _changes(resource),
            DatetimeWithIcon("Committed", committed),
        ]
        return card(
            drawn(message),
            f"{repository(resource, match)} @ {_sha(match)[:7]}",
            icon=ICON,
            fields=fields_or(shown, TextWithIcon("Commit", _sha(match)[:7])),
            footer=footer(None, written or committed, self.label),
            comments=commit.get("comment_count"),
        )


def _sha(match: Match) -> str:
    return match["sha"].lower()


def _signature(verification: Mapping[str, Any] | None) -> Pill | None:
    if verification is None:
        return None
    if verification["verified"]:
        return Pill("Signature", "Verified", "green")
    unsigned = verification.get("reason") == "unsigned"
    return Pill("Signature", "Unsigned" if unsigned else "Unverified", "cool-gray")


def _author(account: Mapping[str, Any], person: Mapping[str, Any]) -> TextWithIcon:
    name = first_text(account.get("login"), person.get("name"))
    return TextWithIcon("Author", name, account.get("avatar_url"))


def _changes(resource: Mapping[str, Any]) -> TextWithIcon | None:
    stats, files = resource.get("stats") or {}, resource.get("files")
    if files is None:
        return None
    more = len(files) >= FILES_OF_A_PAGE
    return changes(len(files), stats.get("additions"), stats.get("deletions"), more=more)
