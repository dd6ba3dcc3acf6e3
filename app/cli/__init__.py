"""The command line: `placard …`.

serve.py, server.py, workers.py, connections.py  the service, its workers and its connections
library.py, library_tokens.py, library_transfer.py  the library's database, tokens, and widgets
arguments.py                                     the kinds of argument
"""

import json
import os
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final

import click
from rich.console import Console

from app.cli.arguments import BaseUrl, IpAddress
from app.cli.serve import serve_application
from app.connectors import all_connectors, connector_settings, switched_off
from app.connectors.definitions.files import lint_definitions, load_file
from app.devtools.doctor import ADVICE_FAILED, examine
from app.devtools.recorder import WrittenAnswer, record_case, sample_of
from app.devtools.signed_calls import Proving, curl_line, signed_call
from app.devtools.terminal_card import draw_card, draw_error
from app.errors import ConfigurationError, NoConnector, PlacardError, StoreUnavailable
from app.settings import MEMORY, Settings, settings_from_environment
from app.settings.local import provide_local_secrets, use_local_mode
from app.settings.report import setting_lines, settings_table, unknown_settings
from app.telemetry.metrics import Metrics
from app.telemetry.trace import Trace, recording
from app.wiring import build_fetcher, build_widgets
from templates_schemas import faults

__all__ = ["main"]

DEFAULT_BASE = "http://127.0.0.1:8080"


base_option = click.option(
    "--base",
    type=BaseUrl(),
    default=DEFAULT_BASE,
    show_default=True,
    help="The service's own address.",
)


# Loaded when they are called: their database is of no use to who serves without the library.
LIBRARY_COMMANDS: Final = {
    "library": "app.cli.library",
    "token": "app.cli.library_tokens",
}


class Commands(click.Group):
    """The commands; each exits with 2, and says why, where settings or database cannot be used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands, those of the library too."""
        return sorted([*super().list_commands(ctx), *LIBRARY_COMMANDS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, and load it first where it is one of the library's."""
        if cmd_name not in LIBRARY_COMMANDS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(LIBRARY_COMMANDS[cmd_name]), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            click.echo(error.detail, err=True)
            sys.exit(2)
        except StoreUnavailable as error:
            click.echo(f"PLACARD_DATABASE_URL: {error.detail}: {error.sentence}", err=True)
            sys.exit(2)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--local", is_flag=True, help="The local development mode: PLACARD_MODE=local.")
@click.version_option(package_name="placard", prog_name="placard")
def main(*, local: bool) -> None:
    """Placard: a signed request in, a checked card out."""
    if local:
        use_local_mode()


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option("--host", type=IpAddress(), default="127.0.0.1", show_default=True)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option(
    "--threads", type=click.IntRange(1), default=64, show_default=True, help="Threads in each."
)
@click.option(
    "--metrics-port", type=click.IntRange(1, 65535), help="A port of its own for `/metrics`."
)
def serve(*, port: int, host: str, workers: int, threads: int, metrics_port: int | None) -> None:
    """Start the service, under its production server."""
    provide_local_secrets()
    if metrics_port is not None:
        # The workers read it too.
        os.environ["PLACARD_METRICS_PORT"] = str(metrics_port)
    serve_application(_settings(), host=host, port=port, workers=workers, threads=threads)


@main.command()
@click.argument("url")
@click.option("--json", "as_json", is_flag=True, help="Print the payload instead of a drawing.")
@click.option(
    "--definition",
    type=click.Path(exists=True),
    help="A TOML file of connectors to try, beside those of the settings.",
)
def render(*, url: str, as_json: bool, definition: str | None) -> None:
    """Draw the card of URL, with its limits, what was cut and what was left out."""
    # The card as it is now: a shared cache may hold an older one.
    settings = replace(_settings(), cache_url=MEMORY)
    if definition is not None:
        settings = replace(settings, connectors_file=(definition, *settings.connectors_file))
    widgets = build_widgets(settings, build_fetcher(settings), Metrics())
    with recording() as trace:
        try:
            body = widgets.widget_for(url).body
        except PlacardError as error:
            _tell_failure(Console(stderr=True), error, url, settings, trace)
            sys.exit(1)
    if as_json:
        click.echo(json.dumps(json.loads(body), ensure_ascii=False, indent=2))
    else:
        draw_card(Console(), json.loads(body), trace)


@main.command()
@click.argument("url")
@base_option
@click.option("--by", type=click.Choice(["jwt", "signature"]), help="The kind of proof.")
@click.option("--task", help="The task's id.")
@click.option("--user", help="The user's id.")
@click.option("--workspace", help="The workspace's id.")
@click.option(
    "--expires-in", type=click.FloatRange(-86_400, 86_400), default=300, show_default=True
)
def sign(*, url: str, base: str, by: str | None, expires_in: float, **parameters: str) -> None:
    """Sign a request for URL as the host would, and print the curl line that sends it."""
    provide_local_secrets()
    settings = _settings()
    context = {name: value for name, value in parameters.items() if value}
    proving = Proving(by or ("jwt" if settings.takes_tokens else "signature"), expires_in)
    call = signed_call(settings, base, {"resource_url": url, **context}, proving)
    click.echo(call.proof)
    click.echo(curl_line(call))


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
def lint(*, file: str) -> None:
    """Check the payload in FILE (`-`: standard input): path, rule and what would be right.

    Exits with 0 where the host would take it, 1 where not, 2 where it is not JSON. A FILE.toml is
    checked as a file of connectors.
    """
    if file.endswith(".toml"):
        _lint_definitions(Path(file))
        return
    try:
        with click.open_file(file, "rb") as opened:
            payload = json.loads(opened.read(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        click.echo(f"{file}: is not JSON: {error}", err=True)
        sys.exit(2)
    broken = faults(payload)
    for fault in broken:
        click.echo(str(fault))
    if broken:
        sys.exit(1)
    click.echo(f"{file}: the host would take it")


@main.command()
def connectors() -> None:
    """List the connectors: hosts, an example, the credentials that each wants."""
    for connector in all_connectors(_settings()):
        click.echo(f"{connector.name}: {connector.label}")
        click.echo(_indented(f"example: {connector.example}"))
        click.echo(_indented(f"hosts: {', '.join(sorted(connector.hosts))}"))
        click.echo(_indented(f"settings: {', '.join(each.name for each in connector.settings)}"))


@main.command()
@click.argument("url")
@click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False), default=Path("tests/recorded"),
    show_default=True, help="The folder of the recorded cases.",
)  # fmt: skip
@click.option("--name", required=True, help="The case's name, such as `closed_issue`.")
@click.option(
    "--answer", type=click.File("rb"), help="JSON that stands in for the system's answer.",
)  # fmt: skip
@click.option("--status", type=int, default=200, help="The status of this answer.")
@click.option("--page", help="The page of the system's documentation that it is written from.")
@click.option(
    "--sample", type=click.Path(path_type=Path, file_okay=False),
    help="Make a sample of the preview of it, too: in this folder, such as app/samples.",
)  # fmt: skip
def record(
    *,
    url: str,
    to: Path,
    name: str,
    answer: BinaryIO | None,
    status: int,
    page: str | None,
    sample: Path | None,
) -> None:
    """Record the live answer for URL as a test case, with credentials scrubbed.

    It draws what the case makes, with what was left out, as `placard render` does. With --answer
    and --page it is made of one that is written by hand, without the network.
    """
    settings = _settings()
    if (answer is None) != (page is None):
        raise click.UsageError("--answer and --page go together")
    if settings.offline and answer is None:
        raise click.UsageError("a recording needs the network: PLACARD_OFFLINE must be off")
    given = WrittenAnswer(page, answer.read(), status) if answer and page else None
    console = Console(stderr=True)
    with recording() as trace:
        try:
            made = record_case(settings, url, to, name, given)
        except ConfigurationError:
            raise
        except PlacardError as error:
            _tell_failure(console, error, url, settings)
            sys.exit(1)
    click.echo(made.case)
    click.echo(made.widget)
    if sample:
        click.echo(sample_of(made.case, sample))
    if made.error:
        draw_error(console, made.error, trace)
    else:
        draw_card(console, json.loads(made.widget.read_text("utf-8"))["body"], trace)


@main.command()
@click.argument("base_url", type=BaseUrl())
@click.option("--resource-url", help="An address to ask for; by default a connector's example.")
@click.option("--origin", help="The host's origin; by default the first that is allowed.")
def doctor(*, base_url: str, resource_url: str | None, origin: str | None) -> None:
    """Probe the service at BASE_URL as the host's client would, and say what is wrong.

    It signs with this machine's settings, which must be those of the service.
    """
    provide_local_secrets()
    settings = _settings()
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


@main.command()
@click.option("--markdown", is_flag=True, help="Print the README's table instead.")
def settings(*, markdown: bool) -> None:
    """Print every setting with its source; secrets are masked."""
    if markdown:
        click.echo("\n".join(settings_table()))
        return
    for line in setting_lines(_settings()):
        click.echo(f"{line.name}={line.value}  ({line.source})")
        click.echo(_indented(line.meaning))
    for name, meant in unknown_settings(_settings()).items():
        hint = f"; did you mean {meant}?" if meant else ""
        click.echo(f"{name}: is not a setting{hint}", err=True)


def _tell_failure(
    console: Console, error: PlacardError, url: str, settings: Settings, trace: Trace | None = None
) -> None:
    """Draw an error, and name the setting that would have helped where a definition is off."""
    draw_error(console, error, trace)
    if isinstance(error, NoConnector) and (known := switched_off(url, settings)):
        wanted = " or ".join(each.name for each in known.settings)
        console.print(f"{known.name} is bundled, and is on once {wanted} is set", highlight=False)


def _lint_definitions(file: Path) -> None:
    broken = lint_definitions(file)
    for fault in broken:
        click.echo(fault)
    if broken:
        sys.exit(1)
    names = ", ".join(each["name"] for each in load_file(file))
    click.echo(f"{file}: {names}: can be used")


def _settings() -> Settings:
    return settings_from_environment(connector_settings())


def _indented(text: str) -> str:
    return click.wrap_text(text, initial_indent="    ", subsequent_indent="    ")


def _refuse_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
