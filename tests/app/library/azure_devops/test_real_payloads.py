"""Real widgets: each comes back as it went in, or is refused."""

import json
from typing import Any

import pytest

from tests.app.library.azure_devops.asking import Ask, a_dashboard
from tests.corpora import real_payloads

# What the service gives, and a client sends back without effect.
OURS = ("id", "eTag", "url", "_links", "dashboard")


def given(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in OURS}


@pytest.mark.corpora
def test_real_widgets_come_back_as_they_went_in(ask: Ask) -> None:
    board, files = a_dashboard(ask), real_payloads("azure/widgets")
    refused: dict[str, str] = {}
    for file in files:
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
    assert ask("GET", f"{board}/widgets").get_json()["count"] == len(files) - 1
