"""An example of each of the host's operations and of those of health, as the description shows it.

The address is that of a bundled sample: in the local mode, offline, it is answered with a card.
"""

from typing import Any, Final

from app.openapi.operation import Example
from templates_schemas.summary_with_details import TEMPLATE

_ISSUE: Final = "https://github.com/pallets/flask/issues/1"
_CARD: Final[dict[str, Any]] = {
    "template": TEMPLATE,
    "metadata": {
        "title": "Show how to stream a template from a generator",
        "subtitle": "pallets/flask #1",
        "fields": [
            {"type": "pill", "name": "State", "text": "Open", "color": "green"},
            {"type": "text_with_icon", "name": "Author", "text": "octo-reader"},
        ],
        "footer": {"footer_type": "updated", "last_updated_at": "2024-01-15T00:00:00.000Z"},
    },
}
_ALIVE: Final = Example(answer={"status": "ok"})
_READY: Final = {
    "status": "ready",
    "waiting_for": [],
    "keys": "ok",
    "cache": "ok",
    "library": "ok",
    "sign_in": "off",
}

_DATA: Final = (
    f'{{"query": "{_ISSUE}", "workspace": "12345", "user": "34567", "task": "23456", '
    '"expires_at": "2036-10-05T14:48:00.000Z"}'
)
_TITLE: Final = _CARD["metadata"]["title"]
_ITEM: Final = {"title": _TITLE, "value": _ISSUE, "subtitle": _CARD["metadata"]["subtitle"]}

HOST_EXAMPLES: Final = {
    "show_widget": Example({"resource_url": _ISSUE}, answer=_CARD),
    "attach_resource": Example(
        request={"data": _DATA}, answer={"resource_name": _TITLE, "resource_url": _ISSUE}
    ),
    "suggest_resources": Example({"query": _ISSUE}, answer={"items": [_ITEM], "header": "GitHub"}),
}
HEALTH_EXAMPLES: Final = {
    "alive": _ALIVE,
    "live": _ALIVE,
    "ready": Example(answer=_READY),
    "metrics": Example(),
}
