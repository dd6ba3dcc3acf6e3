"""What the host's own interface description says of the answers of its components.

Written from `defs/app_components_oas.yaml` of https://github.com/Asana/openapi (2025-10), as JSON
Schema: which statuses a component may give, and what a body must have. `null` is of no type there.
"""

from typing import Any, Final

import jsonschema_rs
from werkzeug.test import TestResponse

TEXT: Final = {"type": "string"}
ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["data"],
    "properties": {
        "data": {"type": "object", "required": ["error"], "properties": {"error": TEXT}}
    },
}
ITEM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["title", "value"],
    "properties": {"title": TEXT, "subtitle": TEXT, "value": TEXT, "icon_url": TEXT},
}
# By the component: what a 200 holds.
ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "attach": {
        "type": "object",
        "required": ["resource_name", "resource_url"],
        "properties": {"resource_name": TEXT, "resource_url": TEXT, "error": TEXT},
    },
    "typeahead": {
        "type": "object",
        "required": ["items"],
        "properties": {"header": TEXT, "items": {"type": "array", "items": ITEM}},
    },
}
STATUSES: Final = frozenset({200, 400, 401, 403, 404, 500})
MOST_ITEMS: Final = 50


def judge(component: str, answer: TestResponse) -> int:
    """Hold an answer of `attach` or `typeahead` to the description; return its status."""
    assert answer.status_code in STATUSES
    assert answer.mimetype == "application/json"
    schema = ANSWERS[component] if answer.status_code == 200 else ERROR
    jsonschema_rs.validate(schema, answer.get_json())
    if answer.status_code == 200:
        # A failure is a status of its own, never an `error` within a success.
        assert "error" not in answer.get_json()
        assert len(answer.get_json().get("items", ())) <= MOST_ITEMS
    return answer.status_code
