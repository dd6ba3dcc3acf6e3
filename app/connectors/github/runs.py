"""GitHub Actions workflow runs, such as https://github.com/pallets/flask/actions/runs/19042837465 .

Reads "Get a workflow run" of GitHub's REST API, version 2022-11-28
(https://docs.github.com/en/rest/actions/workflow-runs), or "Get a workflow run attempt" where the
address names one, with the credentials of all GitHub pages; private repositories need the
permission "Actions: read". Oddity: `status` says what a run does, and only a completed one has a
`conclusion`. The page of a job shows its run.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from marshmallow import fields

from app.connectors.base import Count, Match, Moment, Resource
from app.connectors.card_parts import footer, pill, words
from app.connectors.github.api import (
    ICON,
    PLACE,
    Account,
    GitHubPage,
    repository,
)
from app.upstream.messages import UpstreamRequest
from templates_schemas import SummaryWithDetails, TextWithIcon
from templates_schemas.limits import PillColor
from templates_schemas.text import first_text


class Run(Resource):
    """A run of a workflow, or one attempt of it."""

    html_url = fields.String(allow_none=True)
    name = fields.String(allow_none=True)
    path = fields.String(allow_none=True)
    display_title = fields.String(allow_none=True)
    run_number = Count(required=True)
    run_attempt = Count(allow_none=True)
    status = fields.String(allow_none=True)
    conclusion = fields.String(allow_none=True)
    head_branch = fields.String(allow_none=True)
    event = fields.String(allow_none=True)
    actor = fields.Nested(Account, allow_none=True)
    created_at = Moment(required=True)
    updated_at = Moment(allow_none=True)


STATES: Final[dict[str, tuple[str, PillColor]]] = {
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


class GitHubRun(GitHubPage):
    """Workflow runs of github.com, and of GitHub Enterprise hosts."""

    name: ClassVar[str] = "github_run"
    example: ClassVar[str] = "https://github.com/pallets/flask/actions/runs/19042837465"
    path: ClassVar[re.Pattern[str]] = re.compile(
        PLACE + r"/actions/runs/(?P<run>[0-9]{1,19})(?:/attempts/(?P<attempt>[0-9]{1,9}))?"
        r"(?:/job/[0-9]{1,19}|/workflow|/usage)?/?"
    )
    schema: ClassVar[type[Resource]] = Run

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask for the run, or for the attempt that the address names."""
        attempt = f"/attempts/{match['attempt']}" if "attempt" in match.parts else ""
        return self.ask(match, f"/actions/runs/{match['run']}{attempt}")

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show what became of the run, what it ran, and what or who began it."""
        workflow = first_text(resource.get("name"), resource.get("path"))
        actor = resource.get("actor") or {}
        place = _place(resource, match)
        state = first_text(resource.get("conclusion"), resource.get("status"))
        title = first_text(resource.get("display_title"), workflow)
        return SummaryWithDetails(
            title=title or place,
            subtitle=place if title else None,
            subicon_url=ICON,
            fields=[
                pill("State", state, STATES, otherwise="Unknown"),
                TextWithIcon("Workflow", workflow),
                TextWithIcon("Branch", resource.get("head_branch")),
                TextWithIcon("Actor", actor.get("login"), actor.get("avatar_url")),
                TextWithIcon("Event", words(resource.get("event"))),
            ],
            footer=footer(resource.get("updated_at"), resource["created_at"]),
        )


def _place(resource: Mapping[str, Any], match: Match) -> str:
    """Name the repository and the run; the attempt where it is not the first."""
    run, attempt = resource["run_number"], resource.get("run_attempt") or 1
    again = f", attempt {attempt}" if attempt > 1 else ""
    return f"{repository(resource, match)} · run #{run}{again}"
