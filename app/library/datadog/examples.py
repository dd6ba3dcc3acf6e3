"""An example of each operation of the Datadog dialect, as the service's description shows it."""

from typing import Any, Final

from app.openapi.operation import Example

_USER: Final = "7b1c9d1e-3f52-5c0b-9a60-0d1f2e3c4b5a"
_PATH: Final = {
    "experience_type": "ccm_reports",
    "uuid": "a1b2c3d4-e5f6-4890-abcd-ef1234567890",
}
_PATH_OF_ALL: Final = {"experience_type": _PATH["experience_type"]}
_GIVEN: Final[dict[str, Any]] = {
    "definition": {
        "title": "Cloud costs by service",
        "type": "cloud_cost_summary",
        "requests": [{"query": {"data_source": "cloud_cost", "query": "sum:aws.cost{*}"}}],
        "graph_options": [{"type": "line"}],
    },
    "tags": ["team:platform"],
}
_RESOURCE: Final[dict[str, Any]] = {
    "id": _PATH["uuid"],
    "type": "widgets",
    "attributes": {
        **_GIVEN,
        "is_favorited": False,
        "created_at": "2024-01-15T00:00:00.000Z",
        "modified_at": "2024-01-15T00:00:00.000Z",
    },
    "relationships": {
        "created_by": {"data": {"id": _USER, "type": "users"}},
        "modified_by": {"data": {"id": _USER, "type": "users"}},
    },
}
_INCLUDED: Final = [
    {
        "id": _USER,
        "type": "users",
        "attributes": {"handle": "alice@example.com", "name": "Alice"},
    }
]
_TOTALS: Final = {
    "filtered_total": 1,
    "created_by_you_total": 1,
    "favorited_by_you_total": 0,
    "created_by_anyone_total": 1,
}
_REQUEST: Final = {"data": {"type": "widgets", "attributes": _GIVEN}}
_ANSWER: Final = {"data": _RESOURCE, "included": _INCLUDED}
_FAVORITE: Final = Example({"uuid": _PATH["uuid"]})

EXAMPLES: Final = {
    "search_widgets": Example(
        _PATH_OF_ALL, answer={"data": [_RESOURCE], "included": _INCLUDED, "meta": _TOTALS}
    ),
    "create_widget": Example(_PATH_OF_ALL, _REQUEST, _ANSWER),
    "get_widget": Example(_PATH, answer=_ANSWER),
    "update_widget": Example(_PATH, _REQUEST, _ANSWER),
    "delete_widget": Example(_PATH),
    "mark_favorite_widget": _FAVORITE,
    "unmark_favorite_widget": _FAVORITE,
}
