"""SpaceONE custom widgets: https://{host}/dashboard/v1/custom-widget/{id}?domain_id={domain} .

Reads `CustomWidget.get` of SpaceONE's dashboard API, version 1. Wants `PLACARD_SPACEONE_HOSTS`,
since SpaceONE is everybody's own, and `SPACEONE_TOKEN` for those hosts. Oddity: reading is a POST,
which names the widget in its body; the address is ours, made of the same path and names.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from marshmallow import fields

from app.connectors.base import (
    Connector,
    Found,
    Match,
    Resource,
    Search,
    SearchQuery,
    Timestamp,
    servers_of,
)
from app.connectors.card_parts import ask, fields_or, footer, names
from app.connectors.searches import MOST_FOUND
from app.origins import Server, host_of
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
    created_at = Timestamp()
    updated_at = Timestamp()


class FoundWidget(Resource):
    """A custom widget that was found."""

    widget = fields.String(data_key="custom_widget_id", required=True)
    domain = fields.String(data_key="domain_id", required=True)
    title = fields.String()
    widget_name = fields.String()


class SpaceONE(Connector):
    """Custom widgets of the SpaceONE hosts that a setting names."""

    name = "spaceone"
    label = "SpaceONE"
    example = (
        "https://spaceone.example.com/dashboard/v1/custom-widget/custom-widget-0123456789ab"
        "?domain_id=domain-0123456789ab"
    )
    settings = (
        ConnectorSetting("PLACARD_SPACEONE_HOSTS", "hosts", "SpaceONE API hosts; unset: none"),
        ConnectorSetting("SPACEONE_TOKEN", "token", "token for the SpaceONE hosts"),
        ConnectorSetting("SPACEONE_DOMAIN", "text", "the domain whose widgets can be searched"),
    )
    path = re.compile(
        r"/dashboard/v1/custom-widget/(?P<widget>custom-widget-[0-9a-f]{12})/?"
        r"\?domain_id=(?P<domain>[A-Za-z0-9._-]{1,255})"
    )
    query_parameters = ("domain_id",)
    schema = CustomWidgetInfo
    search_schema = FoundWidget.listed("results")

    def __init__(self, settings: Settings) -> None:
        values = settings.connector_settings
        named = servers_of(values["PLACARD_SPACEONE_HOSTS"])
        hosts = frozenset(server.host for server in named)
        # Offline a sample answers there, whatever hosts are one's own.
        samples = (Server(host_of(urlsplit(self.example))),) if settings.offline else ()
        self.servers = (*named, *samples)
        self.hosts = settings.public_hosts.union(server.host for server in self.servers)
        self._searched = values["SPACEONE_DOMAIN"] or ""
        token = values["SPACEONE_TOKEN"]
        if token:
            self.credentials = tuple(
                bearer(host, "SPACEONE_TOKEN", token) for host in sorted(hosts)
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

    def search_for(self, query: SearchQuery, server: Server) -> Iterator[Search]:
        """Search the domain by a keyword: by `CustomWidget.list` of the API."""
        if self._searched:
            page = {"start": 1, "limit": MOST_FOUND}
            wanted = {
                "domain_id": self._searched,
                "query": {
                    "keyword": query.text,
                    "page": page,
                    "only": ["custom_widget_id", "domain_id", "title", "widget_name"],
                },
            }
            request = ask(
                server,
                "dashboard/v1/custom-widget/list",
                method="POST",
                body=json.dumps(wanted).encode(),
            )
            yield Search(request, server)

    def results(self, answer: Mapping[str, Any], search: Search) -> Iterator[Found]:
        """Name the widget that it is made of below the title."""
        for found in answer.get("results") or ():
            address = f"{search.server.url}/dashboard/v1/custom-widget/{found['widget']}"
            name = first_text(found.get("widget_name"))
            title = first_text(found.get("title"), name, found["widget"])
            yield Found(title, f"{address}?domain_id={found['domain']}", name)

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
