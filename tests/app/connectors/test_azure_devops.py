"""Azure DevOps' addresses and cards: widgets of dashboards, and work items."""

import base64
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import pytest

from app.connectors import find
from app.connectors.azure_devops import AzureDevOps, AzureDevOpsWidget, AzureDevOpsWorkItem
from app.testing.contract import ConnectorContract, sent_headers, settings_of
from templates_schemas import SummaryWithDetails
from templates_schemas.cards import Pill, TextWithIcon

ENVIRONMENT: Final = {
    "AZURE_DEVOPS_PAT": "the-token",
    "AZURE_DEVOPS_ORGANIZATION": "Fabrikam",
    "PLACARD_AZURE_DEVOPS_HOSTS": "tfs.example.com/tfs,http://tfs:8080/tfs",
}
PROOF: Final = {"Authorization": f"Basic {base64.b64encode(b':the-token').decode()}"}
HEADERS: Final = {"Accept": "application/json", "X-TFS-FedAuthRedirect": "Suppress"}
KINDS: Final = (AzureDevOpsWidget, AzureDevOpsWorkItem)

IDS: Final = (
    "/_apis/dashboard/dashboards/6e8c5aef-4f5a-4ab1-9b4c-0a4d6a1f2b3c"
    "/widgets/7d1b2c3d-0e4f-4a5b-8c6d-9e0f1a2b3c4d"
)
CLOUD: Final = "https://dev.azure.com/fabrikam"
OLDER: Final = "https://fabrikam.visualstudio.com"
TEAM: Final = f"{CLOUD}/Fabrikam/Fabrikam%20Team"
WIDGET_VERSION: Final = "?api-version=7.1-preview.2"
ITEM_QUERY: Final = (
    "?api-version=7.1&fields=System.Title,System.State,System.WorkItemType,System.TeamProject,"
    "System.AssignedTo,System.IterationPath,System.AreaPath,System.Tags,"
    "Microsoft.VSTS.Common.Priority,System.CommentCount,System.CreatedDate,System.ChangedDate"
)
ITEM: Final = f"{CLOUD}/_apis/wit/workitems/1{ITEM_QUERY}"
OLD_QUERY: Final = ITEM_QUERY.replace("7.1", "5.0")
OWN: Final = "https://tfs.example.com/tfs/DefaultCollection"
OWN_ITEM: Final = f"{OWN}/_apis/wit/workitems/1{OLD_QUERY}"
OLDER_ITEM: Final = f"{OLDER}/_apis/wit/workitems/1{ITEM_QUERY}"


class TestAzureDevOpsWidget(ConnectorContract):
    connector = AzureDevOpsWidget
    environment = ENVIRONMENT
    headers = HEADERS
    matches: ClassVar[Mapping[str, str]] = {
        f"{TEAM}{IDS}": f"{TEAM}{IDS}{WIDGET_VERSION}",
        f"{TEAM}{IDS}/": f"{TEAM}{IDS}{WIDGET_VERSION}",
        f"{TEAM}{IDS}?api-version=3.0-preview.2": f"{TEAM}{IDS}{WIDGET_VERSION}",
        f"{TEAM}{IDS}#top": f"{TEAM}{IDS}{WIDGET_VERSION}",
        f"HTTPS://DEV.Azure.com:443/fabrikam/Fabrikam/Fabrikam%20Team{IDS}": (
            f"{TEAM}{IDS}{WIDGET_VERSION}"
        ),
        f"{TEAM}{IDS.replace('dashboards', 'Dashboards').replace('widgets', 'WIDGETS')}": (
            f"{TEAM}{IDS}{WIDGET_VERSION}"
        ),
        f"{CLOUD}/Fabrikam{IDS}": f"{CLOUD}/Fabrikam{IDS}{WIDGET_VERSION}",
        f"{CLOUD}/P%26L/%F0%9F%93%9A{IDS}": f"{CLOUD}/P%26L/%F0%9F%93%9A{IDS}{WIDGET_VERSION}",
        f"{CLOUD}/L%c3%a4se;x/A+B{IDS}": f"{CLOUD}/L%C3%A4se%3Bx/A%2BB{IDS}{WIDGET_VERSION}",
        f"{CLOUD}/Läse/.net{IDS}": f"{CLOUD}/L%C3%A4se/.net{IDS}{WIDGET_VERSION}",
        f"{CLOUD}/%3Fx%3D1%23/T{IDS}": f"{CLOUD}/%3Fx%3D1%23/T{IDS}{WIDGET_VERSION}",
        f"{OLDER}/Fabrikam/T{IDS}": f"{OLDER}/Fabrikam/T{IDS}{WIDGET_VERSION}",
        f"{OLDER}/DefaultCollection/Fabrikam/T{IDS}": (
            f"{OLDER}/DefaultCollection/Fabrikam/T{IDS}{WIDGET_VERSION}"
        ),
        f"{OWN}/Fabrikam/T{IDS}": f"{OWN}/Fabrikam/T{IDS}?api-version=5.0-preview.2",
        f"https://Other.VisualStudio.com/Fabrikam/T{IDS}": (
            f"https://other.visualstudio.com/Fabrikam/T{IDS}{WIDGET_VERSION}"
        ),
    }
    near_misses = (
        f"https://visualstudio.com/Fabrikam/T{IDS}",
        f"https://a.fabrikam.visualstudio.com/Fabrikam/T{IDS}",
        f"https://fabrikam.visualstudio.com.evil.example/Fabrikam/T{IDS}",
        f"https://fabrikamvisualstudio.com/Fabrikam/T{IDS}",
        f"https://fabrikam.dev.azure.com/Fabrikam/T{IDS}",
        f"https://azure.com/fabrikam/Fabrikam/T{IDS}",
        # Names that could be read as another path.
        f"{CLOUD}/../T{IDS}",
        f"{CLOUD}/.../T{IDS}",
        f"{CLOUD}/%2e%2E/T{IDS}",
        f"{CLOUD}/.%2e/T{IDS}",
        f"{CLOUD}/..%20/T{IDS}",
        f"{CLOUD}/Fabrikam%2FT{IDS}",
        f"{CLOUD}/a%2fb/T{IDS}",
        f"{CLOUD}/a%5cb/T{IDS}",
        f"{CLOUD}/a%252Fb/T{IDS}",
        f"{CLOUD}/a%00b/T{IDS}",
        f"{CLOUD}/a%0d%0ab/T{IDS}",
        f"{CLOUD}/a%7Fb/T{IDS}",
        f"{CLOUD}/a%2/T{IDS}",
        f"{CLOUD}/a%zz/T{IDS}",
        f"{CLOUD}//T{IDS}",
        f"{CLOUD}/{'p' * 257}/T{IDS}",
        # Other pages.
        f"{CLOUD}{IDS}",
        f"{CLOUD}/Fabrikam/T/more{IDS}",
        f"{TEAM}{IDS}//",
        f"{TEAM}{IDS}/more",
        f"{TEAM}{IDS.rpartition('/')[0]}",
        f"{TEAM}{IDS.rpartition('-')[0]}",
        f"{TEAM}{IDS}0",
        f"{TEAM}{IDS.replace('_apis', '_api')}",
        TEAM + IDS.replace("_apis", "_api\u017f"),
        f"{CLOUD}/Fabrikam/_workitems/edit/1",
    )
    resource: ClassVar[Mapping[str, Any]] = {
        "name": "Open bugs",
        "contributionId": "ms.vss-dashboards-web.Some.Dashboards.QueryScalarWidget",
        "position": {"row": 2, "column": 5},
        "size": {"rowSpan": 1, "columnSpan": 2},
        "isEnabled": True,
    }
    corpora: ClassVar[Mapping[str, str]] = {"azure/widgets": f"{TEAM}{IDS}"}

    def test_its_place_is_told_without_organization_and_collection(self) -> None:
        for page, place in {
            f"{TEAM}{IDS}": "Fabrikam / Fabrikam Team",
            f"{CLOUD}/Fabrikam{IDS}": "Fabrikam",
            f"{OLDER}/Fabrikam/T{IDS}": "Fabrikam / T",
            f"{OLDER}/defaultcollection/Fabrikam/T{IDS}": "Fabrikam / T",
            f"{OLDER}/DefaultCollection/Fabrikam{IDS}": "Fabrikam",
        }.items():
            assert card_of(AzureDevOpsWidget, page, self.resource).subtitle == place

    @pytest.mark.parametrize(
        ("contribution", "text", "color"),
        [
            ("ms.vss-dashboards-web.Some.Dashboards.MarkdownWidget", "Markdown", "aqua"),
            ("ms.vss-dashboards-web.Some.Dashboards.VSLinksWidget", "VS Links", "aqua"),
            ("ms.vss-mywork-web.Some.MyWork.WitViewWidget", "Wit View", "green"),
            (
                "ms.vss-releaseManagement-web.rm-deployment-status-widget",
                "Rm deployment status",
                "blue",
            ),
            ("ms.vss-test-web.Some.TestResultsTrendWidget", "Test Results Trend", "purple"),
            ("someone.weather.Widget", "Widget", "none"),
            ("Widget", "Widget", "none"),
            ("ends.with.a.dot.", "Unknown", "none"),
            ("", "Unknown", "none"),
        ],
    )
    def test_its_contribution_is_a_pill(self, contribution: str, text: str, color: str) -> None:
        card = card_of(
            AzureDevOpsWidget, f"{TEAM}{IDS}", {**self.resource, "contributionId": contribution}
        )
        kind = card.fields[0]
        assert isinstance(kind, Pill)
        assert (kind.text, kind.color) == (text, color)

    def test_a_widget_without_a_name_is_titled_by_its_kind(self) -> None:
        card = card_of(AzureDevOpsWidget, f"{TEAM}{IDS}", {**self.resource, "name": " "})
        assert card.title == "Query Scalar"

    def test_its_settings_are_not_shown(self) -> None:
        told = {**self.resource, "settings": '{"secret": "made up"}'}
        assert "made up" not in repr(card_of(AzureDevOpsWidget, f"{TEAM}{IDS}", told))


class TestAzureDevOpsWorkItem(ConnectorContract):
    connector = AzureDevOpsWorkItem
    environment = ENVIRONMENT
    headers = HEADERS
    matches: ClassVar[Mapping[str, str]] = {
        f"{CLOUD}/Fabrikam/_workitems/edit/1": ITEM,
        f"{CLOUD}/Fabrikam/_workitems/edit/1/": ITEM,
        f"{CLOUD}/Fabrikam/_workitems/edit/1?x=1": ITEM,
        f"{CLOUD}/Fabrikam/_workitems/edit/1/?workitem=2": ITEM,
        f"{CLOUD}/Fabrikam/_workitems/edit/1?workitem=%0A": ITEM,
        f"{CLOUD}/Fabrikam/_workitems/edit/1#4711": ITEM,
        f"{CLOUD}/Fabrikam/_WorkItems/Edit/1": ITEM,
        f"{CLOUD}/A%20Project/_workitems/edit/1": ITEM,
        f"{CLOUD}/A%20Project/A%20Team/_workitems/edit/1": ITEM,
        f"{CLOUD}/_workitems/edit/1": ITEM,
        "HTTPS://Dev.Azure.COM:443/fabrikam/Fabrikam/_workitems/edit/1": ITEM,
        "http://dev.azure.com/fabrikam/Fabrikam/_workitems/edit/1": ITEM,
        f"{CLOUD}/Fabrikam/_boards/board/t/A%20Team/Stories?workitem=1": ITEM,
        f"{CLOUD}/Fabrikam/_boards/board/t/A%20Team/Stories/?x=2&workitem=1&workitem=3": ITEM,
        f"{CLOUD}/Fabrikam/_backlogs/backlog/Team/Features/?workitem=1": ITEM,
        f"{CLOUD}/Fabrikam/_sprints/taskboard/Team/Fabrikam/Release%201/Sprint%202?workitem=1": (
            ITEM
        ),
        f"{CLOUD}/Fabrikam/_queries?workitem=1": ITEM,
        f"{CLOUD}/Fabrikam/_workitems/recentlyupdated/?workitem=1": ITEM,
        "https://dev.azure.com/a%3Fb/Fabrikam/_workitems/edit/1": ITEM.replace("fabrikam", "a%3Fb"),
        f"{CLOUD}/A Project/_workitems/edit/1": ITEM,
        f"{CLOUD}/_queries/edit/1/?triage=true": ITEM,
        f"{CLOUD}/Fabrikam/_queries/edit/1?_a=edit": ITEM,
        f"{CLOUD}/Fabrikam/_workitems?id=1&_a=edit": ITEM,
        f"{CLOUD}/_workitems/?_a=edit&id=1&fullScreen=true": ITEM,
        f"{CLOUD}/Fabrikam/_apis/wit/workItems/1": ITEM,
        f"{CLOUD}/_apis/wit/workItems/1?$expand=all": ITEM,
        f"{CLOUD}/Fabrikam/_workitems?id=1#top": ITEM,
        f"{CLOUD}/Fabrikam/_queries?workitem=1#top": ITEM,
        f"{CLOUD}/Fabrikam/_workitems#_a=edit&id=1&fullScreen=true": ITEM,
        f"{OWN}/Fabrikam/_workitems#id=1": OWN_ITEM,
        f"{OWN}/Fabrikam/_workitems/edit/1": OWN_ITEM,
        f"{OWN}/_workitems?id=1&_a=edit": OWN_ITEM,
        f"{OWN}/Fabrikam/A%20Team/_backlogs/backlog?workitem=1": OWN_ITEM,
        f"{OWN}/_apis/wit/workItems/1": OWN_ITEM,
        "http://tfs:8080/tfs/DefaultCollection/_workitems/edit/1": (
            f"http://tfs:8080/tfs/DefaultCollection/_apis/wit/workitems/1{OLD_QUERY}"
        ),
        f"{OLDER}/_workitems/edit/1": OLDER_ITEM,
        f"{OLDER}/_workitems?id=1": OLDER_ITEM,
        f"{OLDER}/_apis/wit/workItems/1": OLDER_ITEM,
        f"{OLDER}/Fabrikam/_workitems/edit/1": OLDER_ITEM,
        f"{OLDER}/DefaultCollection/Fabrikam/_workitems/edit/1": OLDER_ITEM,
        f"{OLDER}/Fabrikam/_boards/board/t/A%20Team/Stories/?workitem=1": OLDER_ITEM,
        "https://OTHER.visualstudio.com/Fabrikam/_workitems/edit/1": (
            f"https://other.visualstudio.com/_apis/wit/workitems/1{ITEM_QUERY}"
        ),
    }
    near_misses = (
        "https://visualstudio.com/Fabrikam/_workitems/edit/1",
        "https://a.fabrikam.visualstudio.com/Fabrikam/_workitems/edit/1",
        "https://dev.azure.com.visualstudio.com/fabrikam/Fabrikam/_workitems/edit/1",
        "https://dev.azure.com/%2e%2e/Fabrikam/_workitems/edit/1",
        "https://dev.azure.com/a%2Fb/Fabrikam/_workitems/edit/1",
        "https://dev.azure.com/a%5Cb/Fabrikam/_workitems/edit/1",
        "https://dev.azure.com/../Fabrikam/_workitems/edit/1",
        f"{CLOUD}/../_workitems/edit/1",
        f"{CLOUD}/Fabrikam/_workitems/edit/1/..",
        f"{CLOUD}/Fabrikam/_workitems/edit/1//",
        f"{CLOUD}/Fabrikam/_workitems/edit/1/history",
        f"{CLOUD}/Fabrikam/_workitems/edit/",
        f"{CLOUD}/Fabrikam/_workitems/edit/-1",
        f"{CLOUD}/Fabrikam/_workitems/edit/12345678901",
        f"{CLOUD}/Fabrikam/_workitems/edit/\u0661",
        f"{CLOUD}/Fabrikam/_wor\u212aitems/edit/1",
        f"{CLOUD}/Fabrikam/_workitems",
        f"{CLOUD}/Fabrikam/_workitems?id=",
        f"{CLOUD}/Fabrikam/_boards?id=1",
        f"{CLOUD}/Fabrikam/_workitems#_a=edit&grid=1",
        f"{CLOUD}/Fabrikam/_boards#id=1",
        "https://tfs.example.com/DefaultCollection/Fabrikam/_workitems/edit/1",
        "https://tfs.example.com/tfs/_workitems/edit/1",
        "https://other.example.com/tfs/DefaultCollection/_workitems/edit/1",
        "https://dev.azure.com/_workitems/edit/1",
        "https://dev.azure.com/_apis/wit/workItems/1",
        f"{CLOUD}/_apis/wit/workItems/1/updates",
        f"{CLOUD}/Fabrikam/_boards/board/t/Team/Stories",
        f"{CLOUD}/Fabrikam/_boards/board/t/Team/Stories?workitem=",
        f"{CLOUD}/Fabrikam/_boards/board/t/Team/Stories?workitem=1x",
        f"{CLOUD}/Fabrikam/_boards/board/t/Team/Stories?workitem=1%0A",
        f"{CLOUD}/Fabrikam/_boards/board/t/../Stories?workitem=1",
        f"{CLOUD}/Fabrikam/_boards/{'x/' * 10}?workitem=1",
        f"{CLOUD}/Fabrikam/_boards/board?workitem=../1",
        f"{CLOUD}/Fabrikam/_git/repository?workitem=1",
        f"{CLOUD}/Fabrikam?workitem=1",
        f"{TEAM}{IDS}",
    )
    resource: ClassVar[Mapping[str, Any]] = {
        "fields": {
            "System.Title": "A work item",
            "System.State": "Active",
            "System.WorkItemType": "Bug",
            "System.TeamProject": "Fabrikam",
            "System.AssignedTo": {"displayName": "Alice", "imageUrl": "https://avatars.example/1"},
            "System.IterationPath": "Fabrikam\\Release 1\\Sprint 3",
            "System.AreaPath": "Fabrikam\\Website",
            "System.Tags": "one; two",
            "Microsoft.VSTS.Common.Priority": 2,
            "System.CommentCount": 3,
            "System.CreatedDate": "2025-10-02T09:15:27.31Z",
            "System.ChangedDate": "2025-10-03T09:15:27.067Z",
        }
    }
    corpora: ClassVar[Mapping[str, str]] = {
        "azure/work_items": f"{CLOUD}/Fabrikam/_workitems/edit/1"
    }

    @pytest.mark.parametrize(
        ("state", "color"),
        [
            ("New", "cool-gray"),
            ("To Do", "cool-gray"),
            ("Approved", "aqua"),
            ("Active", "blue"),
            ("Doing", "blue"),
            ("Committed", "blue"),
            ("Resolved", "orange"),
            ("Closed", "green"),
            ("Done", "green"),
            ("Removed", "cool-gray"),
            ("CLOSED", "green"),
            ("Waiting for legal", "none"),
        ],
    )
    def test_its_state_is_a_pill_of_its_own_words(self, state: str, color: str) -> None:
        shown = self._fields({"System.State": state})["State"]
        assert isinstance(shown, Pill)
        assert (shown.text, shown.color) == (state, color)

    def test_a_blank_state_is_told_as_unknown(self) -> None:
        assert _text(self._fields({"System.State": " "})["State"]) == "Unknown"

    @pytest.mark.parametrize(
        ("iteration", "area", "name", "text"),
        [
            ("Fabrikam\\Release 1\\Sprint 3", "Fabrikam\\Website", "Iteration", "Sprint 3"),
            ("Fabrikam", "Fabrikam\\Website", "Area", "Website"),
            (None, "Fabrikam\\Website", "Area", "Website"),
            ("Fabrikam\\", "Fabrikam\\Website", "Area", "Website"),
        ],
    )
    def test_its_iteration_is_named_or_where_there_is_none_its_area(
        self, iteration: str | None, area: str, name: str, text: str
    ) -> None:
        shown = self._fields({"System.IterationPath": iteration, "System.AreaPath": area})
        assert _text(shown[name]) == text

    def test_an_item_planned_for_no_iteration_in_no_area_tells_neither(self) -> None:
        shown = self._fields({"System.IterationPath": "Fabrikam", "System.AreaPath": "Fabrikam"})
        assert {"Iteration", "Area"}.isdisjoint(shown)

    def test_its_tags_are_listed_without_blanks_between(self) -> None:
        changes = {"System.Tags": "one;two ;; ; three four", "Microsoft.VSTS.Common.Priority": None}
        shown = self._fields(changes)
        assert _text(shown["Tags"]) == "one, two, three four"

    @pytest.mark.parametrize(("priority", "color"), [(1, "red"), (4, "cool-gray"), (0, "none")])
    def test_its_priority_is_a_pill(self, priority: int, color: str) -> None:
        changes = {"Microsoft.VSTS.Common.Priority": priority}
        assert self._fields(changes)["Priority"] == Pill("Priority", str(priority), color)  # type: ignore[arg-type]

    def test_its_priority_comes_before_its_tags(self) -> None:
        assert "Priority" in self._fields({})
        assert "Tags" not in self._fields({})

    @pytest.mark.parametrize(
        "text", ["Some One <someone@example.com>", "Some One", " Some One <x>", "Some One <"]
    )
    def test_its_assignee_may_be_a_text(self, text: str) -> None:
        assert _text(self._fields({"System.AssignedTo": text})["Assignee"]).strip() == "Some One"

    def test_its_priority_may_be_a_text(self) -> None:
        shown = self._fields({"Microsoft.VSTS.Common.Priority": "2"})["Priority"]
        assert shown == Pill("Priority", "2", "orange")

    def test_it_is_placed_by_project_and_number(self) -> None:
        assert self._card({}).subtitle == "Fabrikam #1"
        assert self._card({"System.Title": "\u200b"}).title == "Fabrikam #1"
        assert self._card({"System.TeamProject": None}).subtitle == "#1"

    def _fields(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        return {field.name: field for field in self._card(changes).fields if field}

    def _card(self, changes: Mapping[str, Any]) -> SummaryWithDetails:
        answer = {"fields": {**self.resource["fields"], **changes}}
        return card_of(AzureDevOpsWorkItem, AzureDevOpsWorkItem.example, answer)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("environment", "proven"),
    [
        (ENVIRONMENT, {"dev.azure.com", "fabrikam.visualstudio.com"}),
        ({"AZURE_DEVOPS_PAT": "the-token"}, {"dev.azure.com"}),
        ({"AZURE_DEVOPS_ORGANIZATION": "fabrikam"}, set()),
        ({}, set()),
    ],
)
def test_the_token_goes_to_its_own_hosts_only(
    kind: type[AzureDevOps], environment: Mapping[str, str], proven: set[str]
) -> None:
    known = kind(settings_of(environment))
    hosts = (
        "dev.azure.com",
        "fabrikam.visualstudio.com",
        "other.visualstudio.com",
        "a.fabrikam.visualstudio.com",
        "visualstudio.com",
        "dev.azure.com.evil.example",
        "fabrikam.visualstudio.com.evil.example",
    )
    for host in hosts:
        sent = PROOF if host in proven else {}
        assert sent_headers(known, f"https://{host}/_apis") == sent


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_of_ones_own_has_a_token_of_its_own(kind: type[AzureDevOps]) -> None:
    known = kind(settings_of({**ENVIRONMENT, "AZURE_DEVOPS_SERVER_PAT": "of_own"}))
    proof = {"Authorization": f"Basic {base64.b64encode(b':of_own').decode()}"}
    assert sent_headers(known, f"{OWN}/_apis") == proof
    assert sent_headers(known, f"{CLOUD}/_apis") == PROOF


def test_a_work_item_is_asked_of_the_host_of_its_address_alone() -> None:
    known = AzureDevOpsWorkItem(settings_of({}))
    for page in (f"{OLDER}/Fabrikam/_workitems/edit/1", f"{CLOUD}/Fabrikam/_workitems/edit/1"):
        _, match = find(page, [known])
        assert known.request_for(match).hosts == {match.host}


def card_of(kind: type[AzureDevOps], page: str, answer: Mapping[str, Any]) -> SummaryWithDetails:
    connector, match = find(page, [kind(settings_of({}))])
    return connector.widget(connector.load(answer), match)


def _text(field: Pill | TextWithIcon) -> str:
    return field.text or ""


def test_a_star_for_the_organization_is_nobody_s() -> None:
    known = AzureDevOpsWidget(
        settings_of({"AZURE_DEVOPS_PAT": "the-token", "AZURE_DEVOPS_ORGANIZATION": "*"})
    )
    assert sent_headers(known, "https://evil.visualstudio.com/") == {}
    assert sent_headers(known, "https://dev.azure.com/") != {}
