"""`placard console`: what the host's developer console wants, to copy; `placard connectors`."""

from typing import Any, Final
from urllib.parse import urlsplit

import click

from app.cli.output import indented, json_option, print_json
from app.connectors import Connector, all_connectors, service_settings
from app.connectors.javascript import javascript_pattern
from app.devtools.signed_calls import ATTACH, TYPEAHEAD, WIDGET
from app.errors import ConfigurationError
from app.settings import Settings

# By what the console calls it: the path below the service's own address.
ADDRESSES: Final = {
    "Widget metadata URL": WIDGET,
    "Resource attach URL": ATTACH,
    "Resource typeahead URL": TYPEAHEAD,
}
TEXTS: Final = {
    "Lookup: placeholder": "Paste a link, or type to search",
    "Lookup: resource name": "resource",
}
SIGN_IN: Final = "/auth"
REINSTALL: Final = "https://app.asana.com/-/install_platform_ui_app?app_id="
NO_CLIENT: Final = "<the app's client id>"


@click.command()
def console() -> None:
    """Print what the host's developer console wants, to copy."""
    settings = service_settings()
    base = settings.public_url
    if base is None:
        raise ConfigurationError(
            "PLACARD_PUBLIC_URL: is missing: the console wants this service's addresses as others "
            "reach them, such as https://cards.example.com"
        )
    paths = {**ADDRESSES, "Authentication URL": SIGN_IN} if settings.has_sign_in else ADDRESSES
    for name, path in paths.items():
        _print_entry(name, f"{base.rstrip('/')}{path}")
    _print_entry("Match URL pattern", served_pattern(settings))
    for name, text in TEXTS.items():
        _print_entry(name, text)
    _print_entry("To install the app again", f"{REINSTALL}{settings.host_client_id or NO_CLIENT}")
    if urlsplit(base).scheme != "https":
        click.echo("PLACARD_PUBLIC_URL: is not https, and the host asks nothing else", err=True)


@click.command()
@click.option(
    "--pattern",
    is_flag=True,
    help="Print one JavaScript expression that matches every address that is served.",
)
@json_option
def connectors(*, pattern: bool, as_json: bool) -> None:
    """List the connectors: hosts, an example, the credentials that each wants."""
    settings = service_settings()
    if pattern:
        click.echo(served_pattern(settings))
        return
    described = [_described(connector) for connector in all_connectors(settings)]
    if as_json:
        print_json(described)
        return
    for each in described:
        click.echo(f"{each['name']}: {each['label']}")
        click.echo(indented(f"example: {each['example']}"))
        click.echo(indented(f"hosts: {', '.join(each['hosts'])}"))
        click.echo(indented(f"settings: {', '.join(each['settings'])}"))


def _described(connector: Connector) -> dict[str, Any]:
    return {
        "name": connector.name,
        "label": connector.label,
        "example": connector.example,
        "hosts": sorted(connector.hosts),
        "settings": [each.name for each in connector.settings],
    }


def served_pattern(settings: Settings) -> str:
    """Write the addresses that these settings serve, as one expression of JavaScript."""
    served = all_connectors(settings)
    patterns = (pattern for connector in served for pattern in connector.page_patterns())
    return javascript_pattern(patterns, (server for each in served for server in each.servers))


def _print_entry(name: str, value: str) -> None:
    click.echo(f"{name}:\n    {value}")
