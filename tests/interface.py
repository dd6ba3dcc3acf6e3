"""What the host's own interface description says of the answers of its components.

Written as JSON Schema from `defs/app_components_oas.yaml` of https://github.com/Asana/openapi
(Apache 2.0), and compared with its commit 0b647066 on 2026-11-27: `AttachedResourceResponse`,
`TypeaheadListResponse`, `TypeaheadItem`, the five responses of errors, and the statuses of
`attachResource` and `getTypeaheadResults`. `null` is of no type there.

We are stricter where it says less than the host's client needs: an error has its text, a success
has no `error` beside it, and a list has at most the 50 items that it grants to rules. What it draws
of the requests, a GET with a body and a POST of the object itself, is not what is sent: see "What
all requests share" of the page of the host's other components.
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
