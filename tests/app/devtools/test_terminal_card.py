"""A card in the terminal."""

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from app.devtools.terminal_card import draw_card

NOW = datetime(2026, 1, 3, 12, tzinfo=UTC)


def drawn(footer: dict[str, Any], due: str) -> str:
    """Draw a card with a time among its fields."""
    field = {"type": "datetime_with_icon", "name": "Due", "datetime": due}
    card = {"metadata": {"title": "A card", "fields": [field], "footer": footer}}
    written = StringIO()
    draw_card(Console(file=written, width=80), card, None, NOW)
    return written.getvalue()


@pytest.mark.parametrize(
    ("due", "shown"),
    [
        ("2026-01-03T11:59:30.000Z", "just now, 2026-01-03T11:59:30.000Z"),
        ("2026-01-03T09:00:00.000Z", "3 hours ago, 2026-01-03T09:00:00.000Z"),
        ("2026-01-10T12:00:00.000Z", "in 1 week, 2026-01-10T12:00:00.000Z"),
    ],
)
def test_a_time_is_shown_by_how_long_ago_it_was(due: str, shown: str) -> None:
    assert shown in drawn({"footer_type": "custom_text", "text": "Of a kind"}, due)


@pytest.mark.parametrize(
    ("footer", "shown"),
    [
        (
            {"footer_type": "created", "created_at": "2012-02-22T02:06:58.147Z"},
            "Created 14 years ago, 2012-02-22T02:06:58.147Z",
        ),
        (
            {"footer_type": "updated", "last_updated_at": "2026-01-01T12:00:00.000Z"},
            "Updated 2 days ago, 2026-01-01T12:00:00.000Z",
        ),
        ({"footer_type": "custom_text", "text": "Of a kind"}, "Of a kind"),
    ],
)
def test_each_footer_is_shown(footer: dict[str, Any], shown: str) -> None:
    assert shown in drawn(footer, "2026-01-03T09:00:00.000Z")
