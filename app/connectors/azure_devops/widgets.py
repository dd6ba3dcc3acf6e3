"""Widgets of Azure DevOps' dashboards, by the address that the API gives them.

Reads "Widgets - Get Widget" 7.1-preview.2 of the REST API
(https://learn.microsoft.com/en-us/rest/api/azure/devops/dashboard/widgets/get-widget), with the
credentials of all of its pages.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode

from marshmallow import fields

from app.connectors.azure_devops.api import (
    API_HEADERS,
    ICON,
    NAME,
    AzureDevOps,
    encoded,
    has_organization,
)
from app.connectors.base import Count, Found, Match, Resource, Search, SearchQuery, one_of
from app.connectors.card_parts import ask, counted
from app.connectors.searches import MOST_FOUND
from app.origins import Server
from app.settings import Settings
from app.upstream.messages import UpstreamRequest
from templates_schemas import CustomText, Pill, SummaryWithDetails, TextWithIcon
from templates_schemas.limits import PillColor
from templates_schemas.text import first_text


class Widget(Resource):
    """A widget of a dashboard; its settings, a text of any form, are not shown."""

    needs_any = ("name", "contribution")
    name = fields.String()
    contribution = fields.String(data_key="contributionId")
    position = Resource.nested(row=Count(), column=Count())
    size = Resource.nested(rows=Count(data_key="rowSpan"), columns=Count(data_key="columnSpan"))
    enabled = fields.Boolean(data_key="isEnabled")


class FoundWidget(Resource):
    """A widget of this service's own library that was found."""

    name = fields.String()
    url = fields.String(required=True)
    dashboard = fields.String()


# By the extension that brings the widget: the hub that it belongs to.
HUBS: Final[dict[str, PillColor]] = {
    "vss-dashboards-web": "aqua",
    "vss-mywork-web": "green",
    "vss-work-web": "green",
    "vss-code-web": "orange",
    "vss-build-web": "blue",
    "vss-releasemanagement-web": "blue",
    "vss-test-web": "purple",
}
_GUID: Final = r"[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}"
_WORDS_MEET: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_-]+")


class AzureDevOpsWidget(AzureDevOps):
    """Widgets of dashboards, by the address that the API gives them."""

    name = "azure_devops_widget"
    example = (
        "https://dev.azure.com/fabrikam/Fabrikam/Fabrikam%20Team/_apis/dashboard/dashboards"
        "/6e8c5aef-4f5a-4ab1-9b4c-0a4d6a1f2b3c/widgets/7d1b2c3d-0e4f-4a5b-8c6d-9e0f1a2b3c4d"
    )
    path = one_of(
        rf"/(?P<place>(?:tfs/)?{NAME}/{NAME}(?:/{NAME})?)/_apis/dashboard/dashboards"
        rf"/(?P<dashboard>{_GUID})/widgets/(?P<widget>{_GUID})/?",
        any_case=True,
    )
    schema = Widget
    search_schema = FoundWidget.listed("value")

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._home = settings.public_hosts
        self.hosts |= self._home

    def canonical(self, match: Match) -> str:
        """Return the widget's own address."""
        return f"{match.server.url}/{_widget(match)}"

    def request_for(self, match: Match) -> UpstreamRequest:
        """Ask for the address itself, in a version of the API."""
        return ask(
            match,
            f"{_widget(match)}?{self.version(match.host, '7.1-preview.2')}",
            headers=API_HEADERS,
        )

    def search_for(self, query: SearchQuery, server: Server) -> Iterator[Search]:
        """Search the names in this service's own library: Azure DevOps itself cannot do that."""
        if server.host in self._home:
            wanted = urlencode({"name": query.text, "$top": MOST_FOUND}, quote_via=quote)
            yield Search(ask(server, f"_apis/dashboard/widgets?{wanted}"), server)

    def results(self, answer: Mapping[str, Any], search: Search) -> Iterator[Found]:  # noqa: ARG002
        """Name the dashboard below the name."""
        for found in answer.get("value") or ():
            yield Found(
                first_text(found.get("name")), found["url"], found.get("dashboard") or "", ICON
            )

    def widget(self, resource: Mapping[str, Any], match: Match) -> SummaryWithDetails:
        """Show the type of the widget, its size and its position; the API has no times for it."""
        contribution = resource.get("contribution") or ""
        kind = kind_of(contribution)
        extension = contribution.lower().split(".")[1:2]
        disabled = resource.get("enabled") is False
        return SummaryWithDetails(
            title=first_text(resource.get("name"), kind),
            subtitle=" / ".join(_project_and_team(match)),
            subicon_url=ICON,
            fields=[
                Pill("Widget", kind, HUBS.get("".join(extension), "none")),
                Pill("State", "Disabled" if disabled else None, "cool-gray"),
                _size(resource.get("size") or {}),
                _position(resource.get("position") or {}),
            ],
            footer=CustomText(self.label),
        )


def _widget(match: Match) -> str:
    place = "/".join(map(encoded, match["place"].split("/")))
    return f"{place}/_apis/dashboard/dashboards/{match['dashboard']}/widgets/{match['widget']}"


def _names(match: Match) -> list[str]:
    return [unquote(name) for name in match["place"].split("/")]


def _project_and_team(match: Match) -> list[str]:
    """Leave out the organization or the collection; a project's own dashboards have no team."""
    names = _names(match)
    if names[0].lower() == "tfs" and len(names) > 2:
        return names[2:]
    has_more = has_organization(match) or names[0].lower() == "defaultcollection"
    return names[1:] if has_more else names


def kind_of(contribution: str) -> str:
    """Return the words of a type of widget: `ms.….QueryScalarWidget` is `Query Scalar`."""
    last = contribution.rpartition(".")[2]
    words = _WORDS_MEET.sub(" ", last.removesuffix("Widget").removesuffix("-widget")).strip()
    return first_text(words[:1].upper() + words[1:], last, "Unknown")


def _size(size: Mapping[str, Any]) -> TextWithIcon | None:
    rows, columns = size.get("rows"), size.get("columns")
    if rows is None or columns is None:
        return None
    return TextWithIcon("Size", f"{counted(rows, 'row')} by {counted(columns, 'column')}")


def _position(position: Mapping[str, Any]) -> TextWithIcon | None:
    row, column = position.get("row"), position.get("column")
    if row is None or column is None:
        return None
    return TextWithIcon("Position", f"Row {row}, column {column}")
