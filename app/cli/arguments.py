"""The kinds of value that the commands' arguments can have, and options that some share."""

import re
from datetime import timedelta
from ipaddress import ip_address
from typing import Any, BinaryIO, Final

import click

from app.connectors.base import read_address
from app.devtools.recorder import WrittenAnswer
from app.errors import MalformedRequest

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Duration(click.ParamType[timedelta]):
    """A span of time such as `90d`, `12h`, `30m` or `45s`."""

    name = "duration"

    def convert(self, value: str | timedelta, param: Any, ctx: Any) -> timedelta:
        """Return the span of time."""
        if isinstance(value, timedelta):
            return value
        match = re.fullmatch(r"(\d{1,6})([smhd])", value, re.ASCII)
        if not match:
            self.fail(f"{value!r} is not a span of time such as 90d, 12h, 30m or 45s", param, ctx)
        return timedelta(**{_UNITS[match[2]]: int(match[1])})


class IpAddress(click.ParamType[str]):
    """An address to listen on; `localhost` means 127.0.0.1."""

    name = "address"

    def convert(self, value: str, param: Any, ctx: Any) -> str:
        """Return the address, without the brackets of IPv6."""
        try:
            return str(ip_address("127.0.0.1" if value == "localhost" else value.strip("[]")))
        except ValueError:
            self.fail(f"{value!r} is not an IP address", param, ctx)


class BaseUrl(click.ParamType[str]):
    """The address of a service or of a resource: absolute, http or https."""

    name = "url"

    def convert(self, value: str, param: Any, ctx: Any) -> str:
        """Return the address unchanged, if it is a valid one."""
        try:
            read_address(value)
        except MalformedRequest as error:
            self.fail(error.detail.replace("resource_url", repr(value)), param, ctx)
        return value


def answer_options(command: Any) -> Any:
    """Give a command `--answer` and `--status`, of what stands in for the system's answer."""
    command = click.option(
        "--status", type=click.IntRange(200, 599), help="The status of this answer.",
        show_default="200",
    )(command)  # fmt: skip
    return click.option(
        "--answer", type=click.File("rb"), help="JSON that stands in for the system's answer."
    )(command)


def written_answer(
    answer: BinaryIO | None, status: int | None, page: str = ""
) -> WrittenAnswer | None:
    """Return what these options give; a status alone is that of an answer without a member."""
    if answer is None and status is None:
        return None
    return WrittenAnswer(page, answer.read() if answer else b"{}", status or 200)
