"""`placard doctor`: a running service, examined as the host's client would meet it."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Final

import click

from app.cli.arguments import BaseUrl
from app.connectors import all_connectors, service_settings
from app.devtools.doctor import Finding, Patient, Verdict, examine, verdict_of
from app.devtools.doctor.calls import USER
from app.errors import PlacardError
from app.settings import Settings
from app.telemetry.metrics import Metrics
from app.upstream.messages import ANONYMOUS
from app.upstream.wiring import build_fetcher
from app.verification import Viewer
from app.wiring import build_widgets

MARKS: Final = {"passed": ("✓", "green"), "failed": ("✗", "red"), "not_tried": ("?", "yellow")}
# 2 is also what a wrong argument or setting ends with: nothing can be said of the service.
STATUSES: Final[dict[Verdict, int]] = {"sound": 0, "unsound": 1, "incomplete": 2}
# Everybody may see it, so it is there without a credential.
PUBLIC: Final = "github"


@click.command()
@click.argument("base_url", type=BaseUrl())
@click.option("--resource-url", help="An address that this service should show.")
@click.option("--workspace", help="The workspace to ask for; by default the first that is served.")
@click.option("--user", default=USER, help="The person to ask for; by default one made up.")
@click.option(
    "--direct",
    type=BaseUrl(),
    help="The service's own address on its machine, such as http://127.0.0.1:8080: tells how its "
    "database and its cache are, which its proxy keeps from the public.",
)
@click.option("--origin", help="The host's origin; by default the first that is allowed.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as one JSON object.")
def doctor(
    *,
    base_url: str,
    resource_url: str | None,
    workspace: str | None,
    user: str,
    direct: str | None,
    origin: str | None,
    as_json: bool,
) -> None:
    """Examine the service at BASE_URL as the host's client would meet it.

    It signs with this machine's settings, which must be those of the service. Without
    --resource-url it asks for the example of a connector that has a credential; name one of your
    own. It ends with 0 where all is sound, with 1 where a check failed, and with 2 where not all
    could be tried.
    """
    settings = service_settings()
    workspace = workspace or next(iter(settings.allowed_workspaces), None)
    resource_url = resource_url or example_for(settings, workspace)
    origin = origin or settings.allowed_origins[0]
    patient = Patient(settings, base_url, origin, resource_url, workspace, user, direct)
    findings = examine(patient)
    found = list(findings if as_json else _telling(findings))
    verdict = verdict_of(found)
    click.echo(_as_json(patient, found, verdict) if as_json else _summary(found, verdict))
    sys.exit(STATUSES[verdict])


def example_for(settings: Settings, workspace: str | None) -> str:
    """Return the example of the first connector that has a credential for a workspace.

    Without any it is one that everybody may see.
    """
    metrics = Metrics()
    widgets = build_widgets(settings, build_fetcher(settings, metrics=metrics), metrics)
    connectors = all_connectors(settings)
    for connector in connectors:
        try:
            resolved = widgets.resolver.resolve(connector.example, Viewer(workspace))
        except PlacardError:  # a host that a setting would name
            continue
        if resolved.request.credential is not ANONYMOUS:
            return connector.example
    return next(connector.example for connector in connectors if connector.name == PUBLIC)


def _telling(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Print each finding as it comes."""
    for finding in findings:
        _tell(finding)
        yield finding


def _tell(finding: Finding) -> None:
    mark, color = MARKS[finding.result]
    click.echo(f"{click.style(mark, fg=color)} {finding.check}: {finding.about}")
    if finding.result == "passed":
        click.echo(f"    {finding.sent} → {finding.came}")
        return
    if finding.result == "failed":
        click.echo(f"    sent      {finding.sent}")
        click.echo(f"    came      {finding.came}")
        click.echo(f"    expected  {finding.expected}")
    else:
        click.echo(f"    not tried: {finding.came}")
    if finding.advice:
        click.secho(f"    do        {finding.advice}", fg="yellow")


def _summary(found: Sequence[Finding], verdict: Verdict) -> str:
    counts = Counter(finding.result for finding in found)
    checks = "check" if counts["passed"] == 1 else "checks"
    counted = f"{counts['passed']} {checks} passed, {counts['failed']} failed"
    return f"\n{verdict}: {counted}, {counts['not_tried']} not tried"


def _as_json(patient: Patient, found: Sequence[Finding], verdict: Verdict) -> str:
    document = {
        "base_url": patient.base,
        "origin": patient.origin,
        "resource_url": patient.resource_url,
        "workspace": patient.workspace,
        "user": patient.user,
        "verdict": verdict,
        "checks": [asdict(finding) for finding in found],
    }
    return json.dumps(document, ensure_ascii=False, indent=2)
