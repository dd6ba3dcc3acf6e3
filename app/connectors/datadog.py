"""Datadog saved widgets, such as https://api.datadoghq.com/api/v2/widgets/logs_reports/{uuid} .

Reads "Get a widget" of the Widgets API, version 2, which is the page's own address: a saved widget
has no other. Wants `DD_API_KEY` and `DD_APPLICATION_KEY`; they belong to one site, which `DD_SITE`
names, and go to no other. Oddity: a widget's people are ids, and their names stand in `included`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from marshmallow import fields

from app.connectors.base import Connector, Found, Match, Resource, Search, SearchQuery, Timestamp
from app.connectors.card_parts import PillTable, ask, footer, inner, names, pill
from app.connectors.searches import MOST_FOUND
from app.origins import Server
from app.settings import ConnectorSetting, Settings
from app.upstream.credentials import header_pairs
from app.upstream.messages import UpstreamRequest
from templates_schemas import DatetimeWithIcon, SummaryWithDetails, TextWithIcon
from templates_schemas.text import first_text


class Attributes(Resource):
    needs_any = ("definition", "modified_at", "created_at")
    definition = Resource.nested(title=fields.String(), type=fields.String())
    tags = fields.List(fields.String())
    created_at = Timestamp()
    modified_at = Timestamp()


class UserId(Resource):
    """A user, by the id alone."""

    id = fields.String(required=True)


class Widget(Resource):
    attributes = fields.Nested(Attributes, required=True)
    relationships = Resource.nested(
        created_by=Resource.nested(data=fields.Nested(UserId)),
        modified_by=Resource.nested(data=fields.Nested(UserId)),
    )


class User(UserId):
    """A user that the relationships of the widget refer to."""

    attributes = Resource.nested(name=fields.String(), handle=fields.String())


class SavedWidget(Resource):
    """The whole answer."""

    data = fields.Nested(Widget, required=True)
    included = fields.List(fields.Nested(User))


class FoundWidget(Resource):
    id = fields.String(required=True)
    attributes = fields.Nested(Attributes)


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
TYPES: Final[PillTable] = {
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

    name = "datadog"
    label = "Datadog"
    example = (
        "https://api.datadoghq.com/api/v2/widgets/ccm_reports/a1b2c3d4-e5f6-7890-abcd-ef1234567890"
    )
    settings = (
        ConnectorSetting("DD_SITE", "text", "Datadog site of the keys; unset: datadoghq.com"),
        ConnectorSetting("DD_API_KEY", "token", "API key for that site"),
        ConnectorSetting("DD_APPLICATION_KEY", "token", "application key for that site"),
    )
    path = re.compile(
        rf"/api/v2/widgets/(?P<experience>{'|'.join(EXPERIENCES)})"
        r"/(?P<uuid>[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})/?"
    )
    schema = SavedWidget
    search_schema = FoundWidget.listed("data")

    def __init__(self, settings: Settings) -> None:
        values = settings.connector_settings
        self.hosts = frozenset(f"api.{site}" for site in SITES) | settings.public_hosts
        self._own = settings.public_hosts
        site = values["DD_SITE"] or "datadoghq.com"
        key, application_key = values["DD_API_KEY"], values["DD_APPLICATION_KEY"]
        if key and application_key:
            pair = {"DD-API-KEY": key, "DD-APPLICATION-KEY": application_key}
            self.credentials = (header_pairs(f"api.{site}", "DD_APPLICATION_KEY", pair),)

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask for the address itself."""
        return ask(match, f"api/v2/widgets/{match['experience']}/{match['uuid']}")

    def search_for(self, query: SearchQuery, server: Server) -> Iterator[Search]:
        """Search the titles in this service's own library, in each experience type.

        At Datadog itself that would be a call for each of them at each letter that is typed.
        """
        wanted = f"filter%5Btitle%5D={quote(query.text, safe='')}&page%5Bsize%5D={MOST_FOUND}"
        for experience in EXPERIENCES if server.host in self._own else ():
            path = f"api/v2/widgets/{experience}?{wanted}"
            yield Search(ask(server, path), server)

    def results(self, answer: Mapping[str, Any], search: Search) -> Iterator[Found]:
        """Name the experience type below the title."""
        endpoint = search.request.url.partition("?")[0]
        kind = EXPERIENCES[endpoint.rpartition("/")[2]]
        for found in answer.get("data") or ():
            title = inner(found, "attributes", "definition", "title")
            yield Found(title or f"Untitled {kind}", f"{endpoint}/{found['id']}", kind, ICON)

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show what kind it is, who made it and who changed it, its tags and its times."""
        attributes = resource["data"]["attributes"]
        kind = pill("Type", inner(attributes, "definition", "type"), TYPES, otherwise="Widget")
        owner, editor = _person(resource, "created_by"), _person(resource, "modified_by")
        return SummaryWithDetails(
            title=first_text(
                inner(attributes, "definition", "title"),
                f"Untitled {first_text(kind.text).lower()}",
            ),
            subtitle=EXPERIENCES[match["experience"]],
            subicon_url=ICON,
            fields=[
                kind,
                TextWithIcon("Owner", owner),
                TextWithIcon("Modified by", editor if editor != owner else None),
                names("Tags", attributes.get("tags")),
                DatetimeWithIcon("Created", attributes.get("created_at")),
            ],
            footer=footer(attributes.get("modified_at"), attributes.get("created_at"), self.label),
        )


def _person(resource: Mapping[str, Any], role: str) -> str | None:
    """Name the user in a role, where the answer tells the name."""
    wanted = inner(resource, "data", "relationships", role, "data", "id")
    for user in resource.get("included") or ():
        if user["id"] == wanted:
            return first_text(*(inner(user, "attributes", key) for key in ("name", "handle")))
    return None
