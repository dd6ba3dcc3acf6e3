"""`placard record`: recorded cases for the tests of a connector."""

import json
import sys
from pathlib import Path
from typing import BinaryIO

import click
from rich.console import Console

from app.cli.arguments import answer_options, written_answer
from app.connectors import service_settings
from app.devtools.recorder import RecordedCase, record_case, sample_of
from app.devtools.terminal_card import draw_card, draw_error, draw_failure
from app.errors import ConfigurationError, PlacardError
from app.telemetry.trace import Trace, recording


@click.command()
@click.argument("url")
@click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False), default=Path("tests/recorded"),
    show_default=True, help="The folder of the recorded cases.",
)  # fmt: skip
@click.option("--name", required=True, help="The case's name, such as `closed_issue`.")
@answer_options
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
    status: int | None,
    page: str | None,
    sample: Path | None,
) -> None:
    """Record the live answer for URL as a test case, with credentials scrubbed.

    It draws what the case makes, with what was left out, as `placard render` does. With --answer
    and --page it is made of one that is written by hand, without the network.
    """
    settings = service_settings()
    given = written_answer(answer, status, page or "")
    if (given is None) != (page is None):
        raise click.UsageError("--page goes together with --answer, or --status")
    if settings.offline and given is None:
        raise click.UsageError("a recording needs the network: PLACARD_OFFLINE must be off")
    with recording() as trace:
        try:
            made = record_case(settings, url, to, name, given)
        except ConfigurationError:
            raise
        except PlacardError as error:
            draw_failure(Console(stderr=True), error, url, settings)
            sys.exit(1)
    click.echo(made.case)
    click.echo(made.widget)
    if sample:
        click.echo(sample_of(made.case, sample))
    _draw(made, trace)


def _draw(made: RecordedCase, trace: Trace) -> None:
    console = Console(stderr=True)
    if made.error:
        draw_error(console, made.error, trace)
    else:
        draw_card(console, json.loads(made.widget.read_text("utf-8"))["body"], trace)
