"""Datadog's own client, unchanged but for its address, against the production server."""

from typing import Any
from uuid import UUID, uuid4

import pytest
import requests
from datadog_api_client.exceptions import ApiException, ForbiddenException, NotFoundException
from datadog_api_client.v2.api.widgets_api import WidgetsApi
from datadog_api_client.v2.model.create_or_update_widget_request import CreateOrUpdateWidgetRequest
from datadog_api_client.v2.model.create_or_update_widget_request_attributes import (
    CreateOrUpdateWidgetRequestAttributes,
)
from datadog_api_client.v2.model.create_or_update_widget_request_data import (
    CreateOrUpdateWidgetRequestData,
)
from datadog_api_client.v2.model.widget_definition import WidgetDefinition
from datadog_api_client.v2.model.widget_experience_type import WidgetExperienceType
from datadog_api_client.v2.model.widget_type import WidgetType

from app.library.datadog.schemas import EXPERIENCE_TYPES, WIDGET_TYPES
from tests.app.library.conftest import ALICE, Processes
from tests.app.library.datadog.test_api import client_of
from tests.waiting import PATIENCE

CCM = WidgetExperienceType("ccm_reports")


def draft(
    kind: str, title: str, tags: list[str] | None = None, **more: Any
) -> CreateOrUpdateWidgetRequest:
    whole = {"requests": [], "graph_options": [], "style": {}, "view": {}} | more
    definition = WidgetDefinition(title=title, type=WidgetType(kind), **whole)
    attributes = CreateOrUpdateWidgetRequestAttributes(
        definition=definition, **({} if tags is None else {"tags": tags})
    )
    data = CreateOrUpdateWidgetRequestData(type="widgets", attributes=attributes)
    return CreateOrUpdateWidgetRequest(data=data)


def test_the_official_client_does_every_operation(processes: Processes) -> None:
    base, token = processes.base, processes.token
    with client_of(base, token) as client:
        api = WidgetsApi(client)
        made = [
            api.create_widget(CCM, draft(kind, f"Widget {number:02}", [f"n:{number}", "all"]))
            for number, kind in enumerate(WIDGET_TYPES)
        ]
        one = made[3].data
        key = UUID(one.id)
        marked = requests.put(
            f"{base}/api/v2/favorites/widgets/{key}",
            headers={"DD-APPLICATION-KEY": token},
            timeout=PATIENCE,
        )
        assert marked.status_code == 204

        page = api.search_widgets(CCM, sort="-title", page_number=1, page_size=4)
        assert [each.attributes.definition.title for each in page.data] == [
            f"Widget {number:02}" for number in (10, 9, 8, 7)
        ]
        assert page.meta.to_dict() == {
            "filtered_total": 15,
            "created_by_you_total": 15,
            "favorited_by_you_total": 1,
            "created_by_anyone_total": 15,
        }
        (user,) = page.included
        assert (user.attributes.handle, user.attributes.name) == (ALICE, "Alice")

        searches: list[dict[str, Any]] = [
            {"filter_widget_type": WidgetType(WIDGET_TYPES[3])},
            {"filter_title": "wIDGET 03"},
            {"filter_tags": "[all,n:3]"},
            {"filter_is_favorited": True},
            {"filter_creator_handle": ALICE, "sort": "is_favorited", "page_size": 1},
        ]
        for search in searches:
            found = api.search_widgets(CCM, **search)
            assert [each.id for each in found.data] == [one.id]
            assert found.data[0].attributes.is_favorited is True
        assert api.search_widgets(CCM, filter_is_favorited=False).meta.filtered_total == 14

        changed = api.update_widget(CCM, key, draft("sankey", "Changed", time={"live": "1h"}))
        attributes = changed.data.attributes
        assert attributes.definition.to_dict() == {
            "title": "Changed",
            "type": "sankey",
            "requests": [],
            "graph_options": [],
            "style": {},
            "view": {},
            "time": {"live": "1h"},
        }
        assert (attributes.tags, attributes.is_favorited) == ([], True)
        assert attributes.created_at == one.attributes.created_at
        assert api.get_widget(CCM, key).to_dict() == changed.to_dict()

        for other in EXPERIENCE_TYPES[1:]:
            assert api.search_widgets(WidgetExperienceType(other)).data == []
            with pytest.raises(NotFoundException):
                api.get_widget(WidgetExperienceType(other), key)
        api.delete_widget(CCM, key)
        for gone in (api.get_widget, api.delete_widget):
            with pytest.raises(NotFoundException):
                gone(CCM, key)
        assert api.search_widgets(CCM).meta.created_by_anyone_total == 14


def test_the_official_client_reads_every_refusal(processes: Processes) -> None:
    base, token = processes.base, processes.token
    with client_of(base, token) as client:
        api = WidgetsApi(client)
        with pytest.raises(NotFoundException) as missing:
            api.update_widget(CCM, uuid4(), draft("change", "T"))
        with pytest.raises(ApiException) as wrong:
            api.create_widget(CCM, draft("geomap", "T", style=1))
        with pytest.raises(ApiException) as unsorted:
            api.search_widgets(CCM, sort="color")
    with client_of(base, token + "x") as stranger, pytest.raises(ForbiddenException) as refused:
        WidgetsApi(stranger).search_widgets(CCM)
    told = [each.value.body["errors"][0] for each in (missing, wrong, unsorted, refused)]
    assert told[0].startswith("There is no widget ")
    assert told[1].startswith("$.data.attributes.definition.style: ")
    assert told[2].startswith("sort: Must be one of")
    assert told[3] == "Forbidden"
    assert [each.value.status for each in (wrong, unsorted)] == [400, 400]
