"""GitHub Actions workflow runs, such as https://github.com/pallets/flask/actions/runs/19042837465 .

Reads "Get a workflow run" of GitHub's REST API, version 2022-11-28
(https://docs.github.com/en/rest/actions/workflow-runs), or "Get a workflow run attempt" where the
address names one, with the credentials of all GitHub pages; private repositories need the
permission "Actions: read". Oddity: `status` says what a run does, and only a completed one has a
`conclusion`. The page of a job shows its run.
"""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields

from app.connectors.base import Count, Match, Resource, Timestamp, one_of
from app.connectors.card_parts import PillTable, card, drawn, footer, pill, words
from app.connectors.github.api import API, ICON, REPOSITORY, Account, GitHubPage, repository
from app.upstream.messages import UpstreamRequest
from templates_schemas import SummaryWithDetails, TextWithIcon
from templates_schemas.text import first_text


class Run(Resource):
    """A run of a workflow, or one attempt of it."""

    needs_any = ("status", "conclusion", "run_number")
    html_url = fields.String()
    name = fields.String()
    path = fields.String()
    display_title = fields.String()
    run_number = Count()
    run_attempt = Count()
    status = fields.String()
    conclusion = fields.String()
    head_branch = fields.String()
    event = fields.String()
    actor = fields.Nested(Account)
    created_at = Timestamp()
    updated_at = Timestamp()


STATES: Final[PillTable] = {
    "requested": ("Requested", "yellow-orange"),
    "queued": ("Queued", "yellow-orange"),
    "pending": ("Pending", "yellow-orange"),
    "waiting": ("Waiting", "yellow-orange"),
    "in_progress": ("In progress", "yellow"),
    "success": ("Success", "green"),
    "failure": ("Failure", "red"),
    "startup_failure": ("Startup failure", "red"),
    "timed_out": ("Timed out", "red"),
    "action_required": ("Action required", "orange"),
    "neutral": ("Neutral", "cool-gray"),
    "cancelled": ("Cancelled", "cool-gray"),
    "skipped": ("Skipped", "cool-gray"),
    "stale": ("Stale", "cool-gray"),
}
_RUN: Final = r"(?P<run>[0-9]{1,19})(?:/attempts/(?P<attempt>[0-9]{1,9}))?"


class GitHubRun(GitHubPage):
    """Workflow runs of github.com, and of GitHub Enterprise hosts."""

    name = "github_run"
    example = "https://github.com/pallets/flask/actions/runs/19042837465"
    path = one_of(
        rf"{REPOSITORY}/actions/runs/{_RUN}(?:/job/[0-9]{{1,19}}|/artifacts/[0-9]{{1,19}}"
        r"|/workflow|/usage)?/?",
        rf"{API}{REPOSITORY}/actions/runs/{_RUN}",
    )
    schema = Run

    def canonical(self, match: Match) -> str:
        """Return the page of the run, or of the attempt."""
        return f"{match.server.url}/{match['owner']}/{match['repo']}{_run(match)}"

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask for the run, or for the attempt that the address names."""
        return self.ask(match, _run(match))

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show what became of the run, what it ran, and what or who began it."""
        workflow = first_text(resource.get("name"), resource.get("path"))
        actor = resource.get("actor") or {}
        state = first_text(resource.get("conclusion"), resource.get("status"))
        return card(
            drawn(first_text(resource.get("display_title"), workflow)),
            _subtitle(resource, match),
            icon=ICON,
            fields=[
                pill("State", state, STATES, otherwise="Unknown"),
                TextWithIcon("Workflow", drawn(workflow)),
                TextWithIcon("Branch", resource.get("head_branch")),
                TextWithIcon("Actor", actor.get("login"), actor.get("avatar_url")),
                TextWithIcon("Event", words(resource.get("event"))),
            ],
            footer=footer(resource.get("updated_at"), resource.get("created_at"), self.label),
        )


def _run(match: Match) -> str:
    attempt = match.get("attempt")
    return f"/actions/runs/{match['run']}" + f"/attempts/{attempt}" * bool(attempt)


def _subtitle(resource: Mapping[str, Any], match: Match) -> str:
    """Name the repository and the run; the attempt where it is not the first."""
    number, attempt = resource.get("run_number"), resource.get("run_attempt") or 1
    run = f"run {match['run']}" if number is None else f"run #{number}"
    again = f", attempt {attempt}" if attempt > 1 else ""
    return f"{repository(resource, match)} · {run}{again}"
