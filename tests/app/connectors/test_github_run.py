"""GitHub's workflow runs: which addresses are theirs, and what their cards show."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import pytest

from app.connectors import find
from app.connectors.github import GitHubRun
from app.testing.contract import ConnectorContract, sent_headers, settings_of
from templates_schemas import payload

ENVIRONMENT: Final = {
    "GITHUB_TOKEN": "the-token",
    "PLACARD_GITHUB_HOSTS": "github.example.com",
    "GH_ENTERPRISE_TOKEN": "the-enterprise-token",
}
PAGE: Final = "https://github.com/pallets/flask/actions/runs/19042837465"
API: Final = "https://api.github.com/repos/pallets/flask/actions/runs/19042837465"
ENTERPRISE_API: Final = "https://github.example.com/api/v3/repos/pallets/flask/actions/runs"
SMALL: Final = {"run_number": 562, "created_at": "2025-10-02T09:15:27Z"}


class TestGitHubRun(ConnectorContract):
    connector = GitHubRun
    environment = ENVIRONMENT
    matches: ClassVar[Mapping[str, str]] = {
        PAGE: API,
        f"{PAGE}/": API,
        f"{PAGE}?pr=27": API,
        f"{PAGE}#artifacts": API,
        f"{PAGE}/job/54417231912": API,
        f"{PAGE}/job/54417231912/": API,
        f"{PAGE}/job/54417231912?pr=27#step:5:14": API,
        f"{PAGE}/workflow": API,
        f"{PAGE}/artifacts/2": API,
        API: API,
        f"{API}/attempts/2": f"{API}/attempts/2",
        f"{PAGE}/usage": API,
        f"{PAGE}/attempts/2": f"{API}/attempts/2",
        f"{PAGE}/attempts/2/": f"{API}/attempts/2",
        f"{PAGE}/attempts/2/job/54417231912": f"{API}/attempts/2",
        "http://github.com/pallets/flask/actions/runs/19042837465": API,
        "https://GitHub.com:443/pallets/flask/actions/runs/19042837465": API,
        "https://www.github.com/pallets/flask/actions/runs/19042837465": API,
        "https://github.example.com/pallets/flask/actions/runs/7": f"{ENTERPRISE_API}/7",
    }
    near_misses = (
        "https://github.com/pallets/flask/actions",
        "https://github.com/pallets/flask/actions/runs",
        "https://github.com/pallets/flask/actions/runs/",
        "https://github.com/pallets/flask/actions/runs/x",
        "https://github.com/pallets/flask/actions/runs/-1",
        "https://github.com/pallets/flask/actions/runs/\u0661",
        "https://github.com/pallets/flask/actions/workflows/tests.yaml",
        "https://github.com/pallets/flask/runs/7",
        "https://github.com/pallets/../actions/runs/7",
        f"{PAGE}0000000000",
        f"{PAGE}/job",
        f"{PAGE}/job/",
        f"{PAGE}/job/x",
        f"{PAGE}/jobs/7",
        f"{PAGE}/attempts",
        f"{PAGE}/attempts/two",
        f"{PAGE}/attempts/2/attempts/3",
        f"{PAGE}/artifacts",
        f"{PAGE}/artifacts/x",
        f"{PAGE}//",
    )
    headers: ClassVar[Mapping[str, str]] = {
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    resource: ClassVar[Mapping[str, Any]] = {
        **SMALL,
        "html_url": PAGE,
        "name": "Tests",
        "path": ".github/workflows/tests.yaml",
        "display_title": "Begin",
        "run_attempt": 2,
        "status": "completed",
        "conclusion": "success",
        "head_branch": "main",
        "event": "push",
        "actor": {"login": "ada", "avatar_url": "https://avatars.example/1"},
        "updated_at": "2025-10-03T09:15:27Z",
    }


def test_each_token_goes_to_its_own_host_only() -> None:
    known = GitHubRun(settings_of(ENVIRONMENT))
    for url, sent in {
        API: {"Authorization": "Bearer the-token"},
        f"{ENTERPRISE_API}/7": {"Authorization": "Bearer the-enterprise-token"},
        PAGE: {},
        "https://api.github.com.evil.example/": {},
    }.items():
        assert sent_headers(known, url) == sent


@pytest.mark.parametrize(
    ("status", "conclusion", "text", "color"),
    [
        ("completed", "success", "Success", "green"),
        ("completed", "failure", "Failure", "red"),
        ("completed", "startup_failure", "Startup failure", "red"),
        ("completed", "timed_out", "Timed out", "red"),
        ("completed", "cancelled", "Cancelled", "cool-gray"),
        ("completed", "skipped", "Skipped", "cool-gray"),
        ("completed", "neutral", "Neutral", "cool-gray"),
        ("completed", "stale", "Stale", "cool-gray"),
        ("completed", "action_required", "Action required", "orange"),
        ("in_progress", None, "In progress", "yellow"),
        ("queued", None, "Queued", "yellow-orange"),
        ("requested", None, "Requested", "yellow-orange"),
        ("pending", None, "Pending", "yellow-orange"),
        ("waiting", None, "Waiting", "yellow-orange"),
        ("completed", "half_done", "Half done", "none"),
        ("completed", None, "Completed", "none"),
        (None, None, "Unknown", "none"),
        ("_", "\u200b", "Unknown", "none"),
    ],
)
def test_state_is_the_conclusion_or_before_there_is_one_the_status(
    status: str | None, conclusion: str | None, text: str, color: str
) -> None:
    shown = card_of(status=status, conclusion=conclusion)["fields"][0]
    assert (shown["name"], shown["text"], shown["color"]) == ("State", text, color)


@pytest.mark.parametrize(
    ("known", "title"),
    [
        ({"display_title": "Begin", "name": "Tests"}, "Begin"),
        ({"display_title": "\u200b", "name": "Tests"}, "Tests"),
        ({"name": "", "path": ".github/workflows/tests.yaml"}, ".github/workflows/tests.yaml"),
        ({}, "pallets/flask · run #562"),
    ],
)
def test_title_is_the_most_telling_one_that_there_is(known: Mapping[str, str], title: str) -> None:
    assert card_of(**known)["title"] == title


@pytest.mark.parametrize(
    ("known", "subtitle"),
    [
        ({"display_title": "Begin"}, "pallets/flask · run #562"),
        ({"display_title": "Begin", "run_attempt": 1}, "pallets/flask · run #562"),
        ({"display_title": "Begin", "run_attempt": 3}, "pallets/flask · run #562, attempt 3"),
        (
            {
                "display_title": "Begin",
                "html_url": "https://github.com/pallets/quart/actions/runs/7",
            },
            "pallets/quart · run #562",
        ),
        ({}, None),
    ],
)
def test_subtitle_names_the_run_unless_the_title_does(
    known: Mapping[str, Any], subtitle: str | None
) -> None:
    assert card_of(**known).get("subtitle") == subtitle


def test_event_is_told_in_words() -> None:
    assert card_of(event="workflow_dispatch")["fields"][-1] == {
        "type": "text_with_icon",
        "name": "Event",
        "text": "Workflow dispatch",
    }


def card_of(**known: Any) -> Any:
    """Make the card of a run of which this much is known."""
    connector, match = find(PAGE, [GitHubRun(settings_of({}))])
    resource = connector.schema().load(SMALL | known)
    return payload(connector.widget(resource, match))["metadata"]
