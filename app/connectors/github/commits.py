"""GitHub commits, such as https://github.com/pallets/flask/commit/33850c0 (7 to 40 digits).

Reads "Get a commit" of GitHub's REST API, version 2022-11-28
(https://docs.github.com/en/rest/commits/commits), with the credentials of all GitHub pages.
Oddity: an author is two things: the name in the commit, and the account, which may be null or {}.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from marshmallow import fields

from app.connectors.base import Count, Match, Moment, Resource
from app.connectors.github.api import ICON, PLACE, Account, GitHubPage, changes, repository
from app.upstream.messages import UpstreamRequest
from templates_schemas import Created, DatetimeWithIcon, Pill, SummaryWithDetails, TextWithIcon
from templates_schemas.text import first_text

# The API lists no more at once; the rest is on further pages.
FILES_OF_A_PAGE: Final = 300


class KnownAccount(Account):
    """The account of an author; `{}` where GitHub knows of none."""

    login = fields.String(allow_none=True)


class Person(Resource):
    """Who wrote or committed it, in the commit's own words."""

    name = fields.String(allow_none=True)
    date = Moment(required=True)


class Verification(Resource):
    """What became of the signature."""

    verified = fields.Boolean(required=True)
    reason = fields.String(allow_none=True)


class GitCommit(Resource):
    """What git itself knows."""

    message = fields.String(required=True)
    author = fields.Nested(Person, required=True)
    committer = fields.Nested(Person, allow_none=True)
    comment_count = Count(allow_none=True)
    verification = fields.Nested(Verification, allow_none=True)


class Stats(Resource):
    """The lines that came and went."""

    additions = Count(allow_none=True)
    deletions = Count(allow_none=True)


class Commit(Resource):
    """A commit, of the commits API."""

    html_url = fields.String(allow_none=True)
    commit = fields.Nested(GitCommit, required=True)
    author = fields.Nested(KnownAccount, allow_none=True)
    stats = fields.Nested(Stats, allow_none=True)
    files = fields.List(fields.Raw(), allow_none=True)


class GitHubCommit(GitHubPage):
    """Commits of github.com, and of GitHub Enterprise hosts."""

    name: ClassVar[str] = "github_commit"
    example: ClassVar[str] = (
        "https://github.com/pallets/flask/commit/33850c0ebd23ae615e6823993d441f46d80b1ff0"
    )
    path: ClassVar[re.Pattern[str]] = re.compile(PLACE + r"/commit/(?P<sha>[0-9A-Fa-f]{7,40})/?")
    # For a commit that is not there, GitHub answers "No commit found for SHA".
    not_found_statuses: ClassVar[frozenset[int]] = GitHubPage.not_found_statuses | {422}
    schema: ClassVar[type[Resource]] = Commit

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask for the commit."""
        return self.ask(match, f"/commits/{match['sha']}")

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show who wrote what, how much of it, and whether it is signed."""
        commit = resource["commit"]
        author, committer = commit["author"], commit.get("committer") or commit["author"]
        place = f"{repository(resource, match)} @ {match['sha'][:7].lower()}"
        title = first_text(*commit["message"].splitlines())
        return SummaryWithDetails(
            title=title or place,
            subtitle=place if title else None,
            subicon_url=ICON,
            fields=[
                _signature(commit.get("verification")),
                _author(resource.get("author") or {}, author),
                _changes(resource),
                DatetimeWithIcon("Committed", committer["date"]),
            ],
            footer=Created(author["date"]),
            num_comments=commit.get("comment_count"),
        )


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
