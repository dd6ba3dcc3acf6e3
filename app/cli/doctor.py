"""`placard doctor`: a running service, probed as the host's client would."""

import sys

import click
from rich.console import Console

from app.cli.arguments import BaseUrl
from app.connectors import all_connectors, connector_settings
from app.devtools.doctor import ADVICE_FAILED, examine
from app.settings import settings_from_environment
from app.settings.local import provide_local_secrets


@click.command()
@click.argument("base_url", type=BaseUrl())
@click.option("--resource-url", help="An address to ask for; by default a connector's example.")
@click.option("--origin", help="The host's origin; by default the first that is allowed.")
def doctor(*, base_url: str, resource_url: str | None, origin: str | None) -> None:
    """Probe the service at BASE_URL as the host's client would, and say what is wrong.

    It signs with this machine's settings, which must be those of the service.
    """
    provide_local_secrets()
    settings = settings_from_environment(connector_settings())
    resource = resource_url or all_connectors(settings)[0].example
    console, all_sound = Console(), True
    for finding in examine(settings, base_url, resource, origin or settings.allowed_origins[0]):
        mark = "[green]✓[/]" if finding.sound else "[red]✗[/]"
        console.print(f"{mark} {finding.what}", highlight=False)
        if not finding.sound:
            console.print(f"  {finding.advice}", style="yellow", highlight=False)
        all_sound = all_sound and finding.sound
    if not all_sound:
        console.print(ADVICE_FAILED)
        sys.exit(1)
