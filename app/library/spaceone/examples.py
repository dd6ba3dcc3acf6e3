"""An example of each operation of the SpaceONE dialect, as the service's description shows it.

The domain is that of the token which the local mode makes.
"""

from typing import Any, Final

from app.openapi.operation import Example

_DOMAIN: Final = {"domain_id": "domain-local"}
_WIDGET: Final = {**_DOMAIN, "custom_widget_id": "custom-widget-0a1b2c3d4e5f"}
_GIVEN: Final[dict[str, Any]] = {
    "widget_name": "costByProduct",
    "title": "Cost by product",
    "options": {"chart_type": "donut", "limit": 10},
    "settings": {"date_range": {"start": "2024-01", "end": "2024-03"}},
    "inherit_options": {},
    "labels": ["Cost"],
    "tags": {"team": "platform"},
}
_INFO: Final[dict[str, Any]] = {
    **_WIDGET,
    **_GIVEN,
    "version": "v1",
    "user_id": "local@localhost",
    "created_at": "2024-01-15T00:00:00.000Z",
    "updated_at": "2024-01-15T00:00:00.000Z",
}
_QUERY: Final = {
    "filter": [{"k": "labels", "v": "Cost", "o": "eq"}],
    "sort": {"key": "title"},
    "page": {"start": 1, "limit": 20},
}
_STATISTICS: Final = {
    "aggregate": [
        {
            "group": {
                "keys": [{"key": "widget_name", "name": "widget_name"}],
                "fields": [{"name": "count", "operator": "count"}],
            }
        }
    ]
}

EXAMPLES: Final = {
    "custom_widget_create": Example(request=_DOMAIN | _GIVEN, answer=_INFO),
    "custom_widget_update": Example(
        request=_WIDGET | {"title": "Cost by service"}, answer=_INFO | {"title": "Cost by service"}
    ),
    "custom_widget_delete": Example(request=_WIDGET, answer={}),
    "custom_widget_get": Example(request=_WIDGET, answer=_INFO),
    "custom_widget_list": Example(
        request=_DOMAIN | {"query": _QUERY}, answer={"results": [_INFO], "total_count": 1}
    ),
    "custom_widget_stat": Example(
        request=_DOMAIN | {"query": _STATISTICS},
        answer={"results": [{"widget_name": "costByProduct", "count": 1}]},
    ),
}
