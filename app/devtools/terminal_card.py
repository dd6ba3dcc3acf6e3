"""A card in the terminal: as the host would show it, with its limits."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from app.connectors import switched_off
from app.devtools.relative_times import relative
from app.errors import NoConnector, PlacardError, UpstreamTimeout, UpstreamUnreachable
from app.settings import Settings
from app.telemetry.trace import Trace, blank, left_out
from templates_schemas.limits import (
    FIELD_NAME_MAX,
    FIELD_TEXT_MAX,
    FIELDS_MAX,
    TITLE_MAX,
    PillColor,
)
from templates_schemas.text import utf16_length

WIDTH: Final = 76
WITHOUT_SYSTEM: Final = (
    "Without the system: `placard render --answer FILE.json URL` draws a given answer's card,\n"
    "`placard record URL --name open --answer FILE.json --page URL-OF-ITS-DOCS` records it"
)
_STYLES: Final[Mapping[PillColor, str]] = {
    "none": "black on grey85",
    "red": "white on red3",
    "orange": "black on dark_orange",
    "yellow-orange": "black on orange1",
    "yellow": "black on yellow3",
    "yellow-green": "black on green_yellow",
    "green": "black on green3",
    "blue-green": "black on cyan3",
    "aqua": "black on aquamarine1",
    "blue": "white on dodger_blue2",
    "indigo": "white on slate_blue3",
    "purple": "white on purple3",
    "magenta": "white on magenta3",
    "hot-pink": "black on hot_pink",
    "pink": "black on pink1",
    "cool-gray": "white on grey50",
}


def draw_card(
    console: Console,
    payload: Mapping[str, Any],
    trace: Trace | None,
    now: datetime | None = None,
) -> None:
    """Draw a checked card, the use it makes of the host's limits, what was cut and left out.

    Times are shown as the host does, by how long ago they were at `now`, beside the exact ones.
    """
    metadata = payload["metadata"]
    now = now or datetime.now(UTC)
    rows: list[RenderableType] = [Text(metadata["title"], style="bold")]
    if "subtitle" in metadata:
        rows.append(Text(metadata["subtitle"], style="dim"))
    if "error" in metadata:
        rows.append(Text(metadata["error"], style="red"))
    rows += ["", _fields(metadata["fields"], now), "", _footer(metadata, now)]
    console.print(Panel(Group(*rows), width=WIDTH, padding=(0, 2)))
    console.print(Text(_limits(metadata), style="dim"))
    for change in _changes(trace):
        console.print(Text(change, style="yellow"))
    for value in left_out(trace.steps if trace else ()):
        console.print(Text(f"left out: {value}", style="yellow"))
    if without := blank(trace.steps if trace else ()):
        console.print(Text(f"no value in this answer: {', '.join(without)}", style="dim"))


def draw_error(console: Console, error: PlacardError, trace: Trace | None) -> None:
    """Draw what the host would show its user, and why."""
    console.print(Panel(Text(error.sentence), title=str(error.status), width=WIDTH, style="red"))
    taken = [step for step in trace.steps if step.name == "fetch"] if trace else []
    for step in taken:
        came, facts = step.facts.get("status", "No answer"), step.facts
        console.print(Text(f"{came} from {facts['host']}{facts['path']}"), soft_wrap=True)
    console.print(Text(f"{error.code}: {error.detail}" if error.detail else error.code))


def draw_failure(
    console: Console, error: PlacardError, url: str, settings: Settings, trace: Trace | None = None
) -> None:
    """Draw an error, and what would have helped: a setting, or an answer that is given."""
    draw_error(console, error, trace)
    if isinstance(error, UpstreamUnreachable | UpstreamTimeout):
        console.print(Text(WITHOUT_SYSTEM), soft_wrap=True)
    if isinstance(error, NoConnector) and (known := switched_off(url, settings)):
        wanted = " or ".join(each.name for each in known.settings)
        console.print(f"{known.name} is bundled, and is on once {wanted} is set", highlight=False)


def _fields(fields: list[Mapping[str, Any]], now: datetime) -> Table:
    table = Table.grid(padding=(0, 3))
    for field in fields:
        table.add_row(Text(field["name"], style="dim"), _value(field, now))
    return table


def _value(field: Mapping[str, Any], now: datetime) -> Text:
    if field["type"] == "pill":
        return Text(f" {field['text']} ", style=_STYLES[field["color"]])
    icon = "◦ " if "icon_url" in field else ""
    return Text(icon + (_time(field["datetime"], now) if "datetime" in field else field["text"]))


def _time(text: str, now: datetime) -> str:
    """Write a time in the host's form by how long ago it was, and as it is."""
    return f"{relative(datetime.fromisoformat(text) - now)}, {text}"


def _footer(metadata: Mapping[str, Any], now: datetime) -> Text:
    footer = metadata["footer"]
    said = footer.get("text", "")
    if footer["footer_type"] == "created":
        said = f"Created {_time(footer['created_at'], now)}"
    elif footer["footer_type"] == "updated":
        said = f"Updated {_time(footer['last_updated_at'], now)}"
    count = metadata.get("num_comments")
    comments = "" if count is None else f"{count} comment{'' if count == 1 else 's'}"
    return Text(" · ".join(filter(None, (said, comments))), style="dim")


def _limits(metadata: Mapping[str, Any]) -> str:
    fields = metadata["fields"]
    names = max((utf16_length(field["name"]) for field in fields), default=0)
    texts = max((utf16_length(field.get("text", "")) for field in fields), default=0)
    return (
        f"title {utf16_length(metadata['title'])}/{TITLE_MAX} · fields {len(fields)}/{FIELDS_MAX}"
        f" · longest name {names}/{FIELD_NAME_MAX} · longest text {texts}/{FIELD_TEXT_MAX}"
    )


def _changes(trace: Trace | None) -> list[str]:
    steps = trace.steps if trace else []
    return [change for step in steps for change in step.facts.get("changes", ())]
