"""SpaceONE custom widgets: https://{host}/dashboard/v1/custom-widget/{id}?domain_id={domain} .

Reads `CustomWidget.get` of SpaceONE's dashboard API, version 1. Wants `PLACARD_SPACEONE_HOSTS`,
since SpaceONE is everybody's own, and `SPACEONE_TOKEN` for those hosts. Oddity: reading is a POST,
which names the widget in its body; the address is ours, made of the same path and names.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import fields

from app.connectors.base import Connector, Match, Moment, Resource, servers_of
from app.connectors.card_parts import ask, fields_or, footer, names
from app.settings import ConnectorSetting, Settings
from app.upstream.credentials import bearer
from app.upstream.messages import UpstreamRequest
from templates_schemas import DatetimeWithIcon, Field, Pill, SummaryWithDetails, TextWithIcon
from templates_schemas.text import first_text


class Words(fields.Field[str]):
    """A value of protobuf's `Struct` or `ListValue`, which is any JSON; a nested one says ''."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if isinstance(value, str):
            return value
        return "" if isinstance(value, dict | list) else json.dumps(value)


class CustomWidgetInfo(Resource):
    """A custom widget; texts that are empty may be left out."""

    needs_any = ("title", "widget_name", "created_at")
    title = fields.String()
    widget_name = fields.String()
    version = fields.String()
    user_id = fields.String()
    labels = fields.List(Words(allow_none=True))
    tags = fields.Dict(keys=fields.String(), values=Words(allow_none=True))
    created_at = Moment()
    updated_at = Moment()


class SpaceONE(Connector):
    """Custom widgets of the SpaceONE hosts that a setting names."""

    name: ClassVar[str] = "spaceone"
    label: ClassVar[str] = "SpaceONE"
    example: ClassVar[str] = (
        "https://spaceone.example.com/dashboard/v1/custom-widget/custom-widget-0123456789ab"
        "?domain_id=domain-0123456789ab"
    )
    settings: ClassVar[tuple[ConnectorSetting, ...]] = (
        ConnectorSetting("PLACARD_SPACEONE_HOSTS", "hosts", "SpaceONE API hosts; unset: none"),
        ConnectorSetting("SPACEONE_TOKEN", "token", "token for the SpaceONE hosts"),
    )
    path: ClassVar[re.Pattern[str]] = re.compile(
        r"/dashboard/v1/custom-widget/(?P<widget>custom-widget-[0-9a-f]{12})/?"
        r"\?domain_id=(?P<domain>[A-Za-z0-9._-]{1,255})"
    )
    query_parameters: ClassVar[tuple[str, ...]] = ("domain_id",)
    schema: ClassVar[type[Resource]] = CustomWidgetInfo

    def __init__(self, settings: Settings) -> None:
        values = settings.connector_settings
        self.servers = servers_of(values["PLACARD_SPACEONE_HOSTS"])
        given = frozenset(server.host for server in self.servers)
        self.hosts = given | settings.public_hosts
        token = values["SPACEONE_TOKEN"]
        if token:
            self.credentials = tuple(
                bearer(host, "SPACEONE_TOKEN", token) for host in sorted(given)
            )

    def canonical(self, match: Match) -> str:
        """Return the address with the one parameter that it needs."""
        return f"{super().canonical(match)}?domain_id={match['domain']}"

    def request_for(self, match: Match) -> UpstreamRequest:
        """Name the widget in a body, as the API has it."""
        named = {"custom_widget_id": match["widget"], "domain_id": match["domain"]}
        return ask(
            match,
            "dashboard/v1/custom-widget/get",
            method="POST",
            body=json.dumps(named).encode(),
        )

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show which widget it is made of, whose it is, its labels and tags, and its times."""
        name, version = (first_text(resource.get(key)) for key in ("widget_name", "version"))
        made_of = f"{name} {version}" if name and version else name or version
        shown: list[Field] = [
            Pill("Widget", made_of, "indigo"),
            TextWithIcon("Owner", resource.get("user_id")),
            names("Labels", resource.get("labels")),
            names("Tags", _tags(resource.get("tags") or {})),
            DatetimeWithIcon("Created", resource.get("created_at")),
        ]
        return SummaryWithDetails(
            title=first_text(resource.get("title"), name, match["widget"]),
            subtitle=f"Custom widget in {match['domain']}",
            fields=fields_or(shown, TextWithIcon("Widget", match["widget"])),
            footer=footer(resource.get("updated_at"), resource.get("created_at"), self.label),
        )


def _tags(tags: Mapping[str, str | None]) -> list[str]:
    """Write tags as `key: value`, and one without a value as its key."""
    seen = ((key, first_text(value)) for key, value in tags.items() if first_text(key))
    return [f"{key}: {value}" if value else key for key, value in seen]
