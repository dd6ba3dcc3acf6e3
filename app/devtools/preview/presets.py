"""Payloads to begin with in the editor: the least, the usual, and all that the host can show.

And the parts of which there is a choice, to be put into any: each kind of field and of footer.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from templates_schemas import (
    Created,
    CustomText,
    DatetimeWithIcon,
    Field,
    Footer,
    Pill,
    SummaryWithDetails,
    TextWithIcon,
    Updated,
    payload,
)

NAMES: Final = ("minimal", "usual", "everything")
_ICON: Final = "https://github.githubassets.com/favicons/favicon.png"


def preset(name: str, now: datetime) -> dict[str, Any]:
    """Make a preset's payload, with times before `now`; raises KeyError for an unknown name."""
    makers = {"minimal": _minimal, "usual": _usual, "everything": _everything}
    rounded = now.astimezone(UTC).replace(microsecond=0)
    return payload(makers[name](rounded))


def blocks(now: datetime) -> dict[str, dict[str, Any]]:
    """Make the blocks by name: the `block`, and `into` which key of the metadata it goes."""
    rounded = now.astimezone(UTC).replace(microsecond=0)
    contents: dict[str, tuple[Field, Footer]] = {
        "pill": (Pill("Status", "In review", "blue"), Created(rounded)),
        "text": (TextWithIcon("Assignee", "monalisa", _ICON), Updated(rounded)),
        "time": (DatetimeWithIcon("Due", rounded + timedelta(days=3)), CustomText("From Placard")),
    }
    made: dict[str, dict[str, Any]] = {}
    for name, (field, footer) in contents.items():
        card = SummaryWithDetails(title=name, fields=[field], footer=footer)
        metadata = payload(card)["metadata"]
        made[field.type] = {"into": "fields", "block": metadata["fields"][0]}
        made[footer.footer_type] = {"into": "footer", "block": metadata["footer"]}
    return dict(sorted(made.items(), key=lambda one: one[1]["into"]))


def _minimal(now: datetime) -> SummaryWithDetails:
    return SummaryWithDetails(
        title="A title is all that must be told",
        fields=[Pill("State", "Open", "green")],
        footer=Updated(now - timedelta(hours=3)),
    )


def _usual(now: datetime) -> SummaryWithDetails:
    return SummaryWithDetails(
        title="Remember the sort order of each list",
        subtitle="placard-samples/reading-list #27",
        subicon_url=_ICON,
        fields=[
            Pill("State", "Merged", "purple"),
            TextWithIcon("Assignee", "monalisa"),
            DatetimeWithIcon("Merged", now - timedelta(days=2)),
        ],
        footer=Updated(now - timedelta(hours=5)),
        num_comments=7,
    )


def _everything(now: datetime) -> SummaryWithDetails:
    return SummaryWithDetails(
        title="Every part that the host can show, each filled",
        subtitle="summary_with_details_v0",
        subicon_url=_ICON,
        fields=[
            Pill("Status", "In review", "yellow-orange"),
            Pill("Priority", "High", "red"),
            TextWithIcon("Assignee", "monalisa", _ICON),
            TextWithIcon("Component", "reading-list/export"),
            DatetimeWithIcon("Due", now + timedelta(days=3), _ICON),
        ],
        footer=CustomText("Synced from GitHub", _ICON),
        num_comments=128,
        error="The linked pull request is in a private repository",
    )
