"""Real widgets, where they are at hand: each comes back as it went in, or is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.app.library.azure_devops.asking import Ask, a_dashboard

FOLDER = Path(__file__).parents[5] / "shared" / "corpora" / "azure" / "widgets"
FILES = sorted(FOLDER.glob("*.json"))
# What the service gives, and a client sends back without effect.
OURS = ("id", "eTag", "url", "_links", "dashboard")
pytestmark = pytest.mark.skipif(not FILES, reason=f"there are no real widgets in {FOLDER}")


def given(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in OURS}


def test_real_widgets_come_back_as_they_went_in(ask: Ask) -> None:
    board = a_dashboard(ask)
    refused: dict[str, str] = {}
    for file in FILES:
        widget = given(json.loads(file.read_text("utf-8")))
        made = ask("POST", f"{board}/widgets", json=widget)
        if made.status_code == 400:
            refused[file.name] = made.get_json()["message"]
            continue
        document = made.get_json()
        one = f"{board}/widgets/{document['id']}"
        assert given(document) == given(ask("GET", one).get_json()) == widget
        put = ask("PUT", one, json=document)
        assert put.status_code == 200
        assert given(put.get_json()) == widget
    # Of a template: its row is a blank for somebody to fill in.
    assert refused == {
        "0159--name-.json": "$.position.row: Not a valid integer "
        "$.position.column: Not a valid integer"
    }
    assert ask("GET", f"{board}/widgets").get_json()["count"] == len(FILES) - 1
