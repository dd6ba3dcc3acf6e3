"""The command line: `placard …`.

serve.py, server.py, workers.py, connections.py  the service, its workers and its connections
preload.py                                       what each worker has from its birth
stalled.py                                       ends connections on which nothing goes on
activation.py                                    listening sockets that systemd holds
lint.py, record.py, doctor.py                    payloads, recorded cases, a running service
rendering.py                                     what `render` asks for a card
console.py                                       what the host's developer console wants
library.py, library_tokens.py, library_transfer.py  the library's database, tokens, and widgets
people.py                                        the accounts that people have connected
arguments.py, output.py                          the kinds of argument; lines for people, JSON
"""

import errno
import json
import os
import signal
import sys
from dataclasses import asdict, replace
from importlib import import_module
from typing import Any, BinaryIO, Final

import click
from rich.console import Console

from app.cli.arguments import BaseUrl, IpAddress, answer_options, written_answer
from app.cli.output import indented, json_option, print_json, use_local_secrets
from app.cli.rendering import widgets_for
from app.cli.serve import check_start, serve_application
from app.connectors import service_settings
from app.devtools.signed_calls import (
    ATTACH,
    CONTEXT,
    DEFAULT_BASE,
    TYPEAHEAD,
    Proving,
    curl_line,
    signed_call,
    signed_post,
)
from app.devtools.terminal_card import draw_card, draw_failure
from app.errors import ConfigurationError, PlacardError, StoreUnavailable
from app.settings.local import provide_local_secrets, use_local_mode
from app.settings.private_urls import database_location
from app.settings.report import setting_lines, settings_table, unknown_settings
from app.telemetry.trace import recording

__all__ = ["main"]

THREADS: Final = 64


base_option = click.option(
    "--base",
    type=BaseUrl(),
    default=DEFAULT_BASE,
    show_default=True,
    help="The service's own address.",
)


# Loaded when they are called: what they stand on is of no use to who serves.
LOADED_WHEN_CALLED: Final = {
    "connectors": "app.cli.console",
    "console": "app.cli.console",
    "connections": "app.cli.people",
    "doctor": "app.cli.doctor",
    "library": "app.cli.library",
    "lint": "app.cli.lint",
    "record": "app.cli.record",
    "token": "app.cli.library_tokens",
}


# What an error means that names no file.
UNNAMED_LOCATIONS: Final = {
    errno.ENOENT: "the current folder",
    errno.ENOSPC: "what is written to",
}


class Commands(click.Group):
    """The commands; each exits with 2, and says why, where it cannot do its work.

    That is: a setting, a database or a file that cannot be used. Ctrl-C ends one with 130.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands, those that are loaded when they are called too."""
        return sorted([*super().list_commands(ctx), *LOADED_WHEN_CALLED])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, and load it first where it is not yet."""
        if cmd_name not in LOADED_WHEN_CALLED:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(LOADED_WHEN_CALLED[cmd_name]), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            click.echo(error.detail, err=True)
            sys.exit(2)
        except StoreUnavailable as error:
            location = database_location(service_settings().database_url)
            message = f"{location}: {error.detail}: {error.sentence}"
            click.echo(f"PLACARD_DATABASE_URL: {message}", err=True)
            sys.exit(2)
        except OSError as error:
            resource = error.filename or UNNAMED_LOCATIONS.get(error.errno or 0)
            if resource is None:
                raise
            click.echo(f"{resource}: {error.strerror}", err=True)
            sys.exit(2)
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGINT)  # as a shell tells of it; click would make it 1


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--local", is_flag=True, help="The local development mode: PLACARD_MODE=local.")
@click.version_option(package_name="placard", prog_name="placard")
@click.pass_context
def main(ctx: click.Context, *, local: bool) -> None:
    """Placard: a signed request in, a checked card out."""
    # A command may have something to undo. `serve` has not, until its server minds Ctrl-C; where a
    # finalizer runs, and many do at the start, Python's handler would be heard by nobody.
    if ctx.invoked_subcommand != "serve" and signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if local:
        use_local_mode()


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option("--host", type=IpAddress(), default="127.0.0.1", show_default=True)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option(
    "--threads",
    type=click.IntRange(1),
    help="Threads in each.",
    show_default=f"PLACARD_THREADS, or {THREADS}",
)
@click.option(
    "--metrics-port", type=click.IntRange(1, 65535), help="A separate port for `/metrics`."
)
@click.option(
    "--recordings",
    type=click.Path(exists=True, file_okay=False, resolve_path=True),
    help="Recorded cases that answer offline, beside the samples (--local).",
)
def serve(
    *,
    port: int,
    host: str,
    workers: int,
    threads: int | None,
    metrics_port: int | None,
    recordings: str | None,
) -> None:
    """Start the service, under its production server."""
    provide_local_secrets()
    if recordings is not None:
        os.environ["PLACARD_RECORDINGS"] = recordings
    if metrics_port is not None:
        # The workers read it too.
        os.environ["PLACARD_METRICS_PORT"] = str(metrics_port)
    settings = service_settings()
    serve_application(
        settings,
        host=host,
        port=port,
        workers=workers,
        threads=threads or settings.threads or THREADS,
    )


@main.command()
@click.argument("url")
@click.option("--json", "as_json", is_flag=True, help="Print the payload instead of a drawing.")
@click.option(
    "--definition",
    type=click.Path(exists=True),
    help="A TOML file of connectors to try, in place of those of the same names.",
)
@answer_options
def render(
    *, url: str, as_json: bool, definition: str | None, answer: BinaryIO | None, status: int | None
) -> None:
    """Draw the card of URL, with its limits, what was cut and what was left out."""
    settings = service_settings()
    if definition is not None:
        settings = replace(settings, tried_definitions=(definition,))
    given = written_answer(answer, status)
    with recording() as trace:
        try:
            with widgets_for(url, settings, given) as widgets:
                body = widgets.widget_for(url).body
        except ConfigurationError:
            raise
        except PlacardError as error:
            draw_failure(Console(stderr=True), error, url, settings, trace)
            sys.exit(1)
    if as_json:
        print_json(json.loads(body))
    else:
        draw_card(Console(), json.loads(body), trace)


def context_options(command: Any) -> Any:
    """Give a command an option for all that the host may send beside the address."""
    for name in reversed(CONTEXT):
        command = click.option(f"--{name}", help=f"What the host sends as `{name}`.")(command)
    return command


@main.command()
@click.argument("url")
@base_option
@click.option(
    "--for",
    "component",
    type=click.Choice(["widget", "attach", "typeahead"]),
    default="widget",
    show_default=True,
    help="What the request is for; of attach and typeahead, URL may be any text.",
)
@click.option("--by", type=click.Choice(["jwt", "signature"]), help="The kind of proof.")
@context_options
@click.option(
    "--expires-in", type=click.FloatRange(-86_400, 86_400), default=300, show_default=True
)
def sign(
    *, url: str, base: str, component: str, by: str | None, expires_in: float, **parameters: str
) -> None:
    """Sign a request for URL as the host would, and print the curl line that sends it.

    `placard sign URL | sh` sends it at once.
    """
    settings = service_settings()
    context = {name: value for name, value in parameters.items() if value}
    proving = Proving(by or ("jwt" if settings.takes_tokens else "signature"), expires_in)
    if component == "attach":
        call = signed_post(settings, base, {"query": url, **context}, proving, ATTACH)
    elif component == "typeahead":
        call = signed_call(settings, base, {"query": url, **context}, proving, TYPEAHEAD)
    else:
        address = BaseUrl().convert(url, None, None)
        call = signed_call(settings, base, {"resource_url": address, **context}, proving)
    click.echo(curl_line(call))


@main.command()
@click.option("--markdown", is_flag=True, help="Print the table of app/settings/README.md instead.")
@click.option(
    "--check", is_flag=True, help="Try a start short of listening, and print nothing else."
)
@json_option
def settings(*, markdown: bool, check: bool, as_json: bool) -> None:
    """Print every setting with its source; secrets are masked.

    With --check it ends with 0 where `placard serve` would start, and with 1, and its sentence,
    where that would refuse to.
    """
    if check:
        _check()
        return
    if markdown:
        click.echo("\n".join(settings_table()))
        return
    loaded = service_settings()
    lines = setting_lines(loaded)
    if as_json:
        print_json([asdict(line) for line in lines])
    else:
        for line in lines:
            click.echo(f"{line.name}={line.value}  ({line.source})")
            click.echo(indented(line.meaning))
    for name, meant in unknown_settings(loaded).items():
        hint = f"; did you mean {meant}?" if meant else ""
        click.echo(f"{name}: is not a setting{hint}", err=True)


def _check() -> None:
    use_local_secrets()
    try:
        check_start(service_settings())
    except ConfigurationError as error:
        click.echo(error.detail, err=True)
        sys.exit(1)
    click.echo("the service can start")
