"""What commands print: lines for people, JSON for programs."""

import json
import sys
from shutil import get_terminal_size
from typing import Any

import click

from app.settings.local import provide_local_secrets

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def use_local_secrets() -> None:
    """Provide the local mode's secrets; say where, if they are new: a service may have others."""
    if (made := provide_local_secrets()) is not None:
        warning = "holds new secrets; a service that was started in another folder has others"
        click.echo(f"{made}: {warning}", err=True)


def indented(text: str) -> str:
    """Indent a text, and wrap it in a terminal only: what is piped is for other programs."""
    if not sys.stdout.isatty():
        return f"    {text}"
    width = get_terminal_size().columns
    return click.wrap_text(text, width, initial_indent="    ", subsequent_indent="    ")
