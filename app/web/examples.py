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
}

HOST_EXAMPLES: Final = {"show_widget": Example({"resource_url": _ISSUE}, answer=_CARD)}
HEALTH_EXAMPLES: Final = {
    "alive": _ALIVE,
    "live": _ALIVE,
    "ready": Example(answer=_READY),
    "metrics": Example(),
}
