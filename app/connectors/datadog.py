"""Datadog saved widgets, such as https://api.datadoghq.com/api/v2/widgets/logs_reports/{uuid} .

Reads "Get a widget" of the Widgets API, version 2, which is the page's own address: a saved widget
has no other. Wants `DD_API_KEY` and `DD_APPLICATION_KEY`; they belong to one site, which `DD_SITE`
names, and go to no other. Oddity: a widget's people are ids, and their names stand in `included`.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from marshmallow import fields

from app.connectors.base import Connector, Match, Moment, Resource
from app.connectors.card_parts import ask, pill
from app.settings import ConnectorSetting, Settings
from app.upstream.credentials import header_pairs
from app.upstream.messages import UpstreamRequest
from templates_schemas import DatetimeWithIcon, SummaryWithDetails, TextWithIcon, Updated
from templates_schemas.limits import FIELD_TEXT_MAX, PillColor
from templates_schemas.text import first_text, listed


class Definition(Resource):
    """What the widget draws."""

    title = fields.String(allow_none=True)
    type = fields.String(required=True)


class Attributes(Resource):
    """The widget itself."""

    definition = fields.Nested(Definition, required=True)
    tags = fields.List(fields.String(), allow_none=True)
    created_at = Moment(required=True)
    modified_at = Moment(required=True)


class UserId(Resource):
    """A user, by the id alone."""

    id = fields.String(required=True)


class Relationship(Resource):
    """What a user is to the widget."""

    data = fields.Nested(UserId, allow_none=True)


class Relationships(Resource):
    """Who made it, and who changed it last."""

    created_by = fields.Nested(Relationship, allow_none=True)
    modified_by = fields.Nested(Relationship, allow_none=True)


class Widget(Resource):
    """The widget and its people."""

    attributes = fields.Nested(Attributes, required=True)
    relationships = fields.Nested(Relationships, allow_none=True)


class Names(Resource):
    """What a user is called."""

    name = fields.String(allow_none=True)
    handle = fields.String(allow_none=True)


class User(UserId):
    """A user whom the widget's relationships mean."""

    attributes = fields.Nested(Names, allow_none=True)


class SavedWidget(Resource):
    """The whole answer."""

    data = fields.Nested(Widget, required=True)
    included = fields.List(fields.Nested(User), allow_none=True)


SITES: Final = (
    "datadoghq.com",
    "us3.datadoghq.com",
    "us5.datadoghq.com",
    "datadoghq.eu",
    "ap1.datadoghq.com",
    "ap2.datadoghq.com",
    "ddog-gov.com",
    "us2.ddog-gov.com",
)
EXPERIENCES: Final = {
    "ccm_reports": "Cloud Cost reports",
    "logs_reports": "Log reports",
    "csv_reports": "CSV reports",
    "product_analytics": "Product Analytics",
}
# A colour for each way to look at data: over time, one number, ranks and shares, rows, journeys.
TYPES: Final[dict[str, tuple[str, PillColor]]] = {
    "timeseries": ("Timeseries", "blue"),
    "change": ("Change", "blue"),
    "query_value": ("Query value", "green"),
    "cloud_cost_summary": ("Cloud cost summary", "green"),
    "bar_chart": ("Bar chart", "purple"),
    "toplist": ("Top list", "purple"),
    "treemap": ("Treemap", "purple"),
    "sunburst": ("Sunburst", "purple"),
    "geomap": ("Geomap", "purple"),
    "query_table": ("Query table", "aqua"),
    "list_stream": ("List stream", "aqua"),
    "funnel": ("Funnel", "orange"),
    "sankey": ("Sankey", "orange"),
    "cohort": ("Cohort", "orange"),
    "retention_curve": ("Retention curve", "orange"),
}
ICON: Final = "https://www.datadoghq.com/favicon.ico"


class Datadog(Connector):
    """Saved widgets, on each of Datadog's sites."""

    name: ClassVar[str] = "datadog"
    label: ClassVar[str] = "Datadog"
    example: ClassVar[str] = (
        "https://api.datadoghq.com/api/v2/widgets/ccm_reports/a1b2c3d4-e5f6-7890-abcd-ef1234567890"
    )
    settings: ClassVar[tuple[ConnectorSetting, ...]] = (
        ConnectorSetting("DD_SITE", "text", "Datadog site of the keys; unset: datadoghq.com"),
        ConnectorSetting("DD_API_KEY", "token", "API key for that site"),
        ConnectorSetting("DD_APPLICATION_KEY", "token", "application key for that site"),
    )
    path: ClassVar[re.Pattern[str]] = re.compile(
        rf"/api/v2/widgets/(?P<experience>{'|'.join(EXPERIENCES)})"
        r"/(?P<uuid>[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})/?"
    )
    schema: ClassVar[type[Resource]] = SavedWidget

    def __init__(self, settings: Settings) -> None:
        self.hosts = frozenset(f"api.{site}" for site in SITES) | settings.public_hosts
        values = settings.connector_settings
        site = values["DD_SITE"] or "datadoghq.com"
        key, application_key = values["DD_API_KEY"], values["DD_APPLICATION_KEY"]
        if key and application_key:
            pair = {"DD-API-KEY": key, "DD-APPLICATION-KEY": application_key}
            self.credentials = (header_pairs(f"api.{site}", "DD_APPLICATION_KEY", pair),)

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask for the address itself."""
        return ask(match.host, f"api/v2/widgets/{match['experience']}/{match['uuid']}")

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show what kind it is, who made it and who changed it, its tags and its times."""
        attributes = resource["data"]["attributes"]
        kind = pill("Type", attributes["definition"]["type"], TYPES, otherwise="Widget")
        owner, editor = _person(resource, "created_by"), _person(resource, "modified_by")
        return SummaryWithDetails(
            title=first_text(
                attributes["definition"].get("title"), f"Untitled {first_text(kind.text).lower()}"
            ),
            subtitle=EXPERIENCES[match["experience"]],
            subicon_url=ICON,
            fields=[
                kind,
                TextWithIcon("Owner", owner),
                TextWithIcon("Modified by", editor if editor != owner else None),
                TextWithIcon("Tags", listed(attributes.get("tags") or (), FIELD_TEXT_MAX)),
                DatetimeWithIcon("Created", attributes["created_at"]),
            ],
            footer=Updated(attributes["modified_at"]),
        )


def _person(resource: Mapping[str, Any], role: str) -> str | None:
    """Name the user in a role, where the answer tells the name."""
    relationship = (resource["data"].get("relationships") or {}).get(role) or {}
    wanted = (relationship.get("data") or {}).get("id")
    for user in resource.get("included") or ():
        if user["id"] == wanted:
            names = user.get("attributes") or {}
            return first_text(names.get("name"), names.get("handle"))
    return None
