"""The Azure DevOps dialect, asked by the official client: nothing is changed but its address."""

from collections.abc import Callable, Iterator

import pytest
from azure.devops.exceptions import AzureDevOpsServiceError
from azure.devops.v7_1.dashboard.dashboard_client import DashboardClient
from azure.devops.v7_1.dashboard.models import (
    Dashboard,
    DashboardGroup,
    SemanticVersion,
    TeamContext,
    Widget,
    WidgetPosition,
    WidgetSize,
)

from tests.app.library.azure_devops.asking import (
    CONTRIBUTION,
    TEAM,
    WIDGET,
    clients_that_leave_nothing,
    connected,
    direct,
)
from tests.app.library.conftest import MakeToken, Processes

BASES = ("/DefaultCollection", "/tfs/DefaultCollection", "")


@pytest.fixture(autouse=True)
def caches() -> Iterator[None]:
    with clients_that_leave_nothing():
        yield


@pytest.fixture(params=[direct, connected], ids=["direct", "connection"])
def client(request: pytest.FixtureRequest, processes: Processes) -> DashboardClient:
    """The official client, made by either of the two ways, of a service of two processes."""
    make: Callable[[str, str], DashboardClient] = request.param
    return make(f"{processes.base}/DefaultCollection", processes.token)


def a_widget(**changes: object) -> Widget:
    values = {
        "name": "Notes",
        "position": WidgetPosition(row=1, column=2),
        "size": WidgetSize(row_span=2, column_span=3),
        "settings": WIDGET["settings"],
        "settings_version": SemanticVersion(1, 0, 0),
        "contribution_id": CONTRIBUTION,
    }
    return Widget(**(values | changes))


def test_dashboards_are_created_read_replaced_and_deleted(client: DashboardClient) -> None:
    made = client.create_dashboard(Dashboard(name="Overview", description="All"), TEAM)
    got = client.get_dashboard(TEAM, made.id)
    assert (got.name, got.description, got.eTag, got.widgets) == ("Overview", "All", made.eTag, [])
    renamed = client.replace_dashboard(Dashboard(name="Status", eTag=got.eTag), TEAM, made.id)
    assert (renamed.name, renamed.description) == ("Status", None)
    other = client.create_dashboard(Dashboard(name="Other", widgets=[a_widget()]), TEAM)
    assert [one.name for one in other.widgets] == ["Notes"]
    listed = client.get_dashboards_by_project(TEAM)
    assert [(one.id, one.position) for one in listed] == [(made.id, 1), (other.id, 2)]
    client.delete_dashboard(TEAM, other.id)
    assert [one.id for one in client.get_dashboards_by_project(TEAM)] == [made.id]


def test_dashboards_of_a_team_are_replaced_as_one(client: DashboardClient) -> None:
    first, second, third = (
        client.create_dashboard(Dashboard(name=name), TEAM) for name in ("A", "B", "C")
    )
    entries = [Dashboard(id=third.id, position=1), Dashboard(id=first.id, position=2, name="Z")]
    group = client.replace_dashboards(DashboardGroup(dashboard_entries=entries), TEAM)
    assert [(one.id, one.name) for one in group.dashboard_entries] == [
        (third.id, "C"),
        (first.id, "Z"),
    ]
    assert second.id not in {one.id for one in client.get_dashboards_by_project(TEAM)}


def test_a_widget_is_created_read_updated_replaced_and_deleted(client: DashboardClient) -> None:
    board = client.create_dashboard(Dashboard(name="Overview"), TEAM).id
    made = client.create_widget(a_widget(is_enabled=True, type_id="t"), TEAM, board)
    got = client.get_widget(TEAM, board, made.id)
    assert (got.name, got.settings, got.type_id, got.is_enabled) == (
        "Notes", WIDGET["settings"], "t", True,
    )  # fmt: skip
    assert (got.position.as_dict(), got.size.as_dict(), got.settings_version.as_dict()) == (
        {"row": 1, "column": 2},
        {"row_span": 2, "column_span": 3},
        {"major": 1, "minor": 0, "patch": 0},
    )
    parent = Dashboard(eTag=made.dashboard.eTag)
    updated = client.update_widget(
        Widget(name="Renamed", eTag=got.eTag, dashboard=parent), TEAM, board, made.id
    )
    assert (updated.name, updated.settings, updated.type_id) == ("Renamed", got.settings, "t")
    replaced = client.replace_widget(
        Widget(name="Bare", contribution_id=CONTRIBUTION, eTag=updated.eTag), TEAM, board, made.id
    )
    assert (replaced.settings, replaced.position, replaced.type_id) == (None, None, None)
    assert len({made.eTag, updated.eTag, replaced.eTag}) == 3
    client.delete_widget(TEAM, board, made.id)
    with pytest.raises(AzureDevOpsServiceError) as caught:
        client.get_widget(TEAM, board, made.id)
    assert caught.value.type_key == "WidgetDoesNotExistException"


def test_lists_of_widgets_are_read_replaced_and_updated(client: DashboardClient) -> None:
    board = client.create_dashboard(Dashboard(name="Overview"), TEAM).id
    kept = client.create_widget(a_widget(), TEAM, board)
    gone = client.create_widget(a_widget(name="Gone"), TEAM, board)
    listed = client.get_widgets(TEAM, board)
    assert [one.id for one in listed.widgets] == [kept.id, gone.id]
    replaced = client.replace_widgets(
        [a_widget(name="New"), a_widget(id=kept.id)], TEAM, board, eTag=listed.eTag
    )
    assert [one.name for one in replaced.widgets] == ["New", "Notes"]
    new, old = replaced.widgets
    assert (old.id, new.id == gone.id) == (kept.id, False)
    updated = client.update_widgets([Widget(id=new.id, name="Newer")], TEAM, board, replaced.eTag)
    assert [one.name for one in updated.widgets] == ["Newer", "Notes"]
    assert client.get_widgets(TEAM, board, updated.eTag).eTag == updated.eTag
    with pytest.raises(AzureDevOpsServiceError) as caught:
        client.update_widgets([Widget(id=new.id, name="x")], TEAM, board, replaced.eTag)
    assert caught.value.type_key == "WidgetETagConflictException"
    assert client.get_widgets(TEAM, board).widgets[0].name == "Newer"


def test_types_of_widgets_are_those_of_the_widgets(client: DashboardClient) -> None:
    assert client.get_widget_types("project_Team", TEAM.project).widget_types == []
    board = client.create_dashboard(Dashboard(name="Overview"), TEAM).id
    for contribution in (CONTRIBUTION, "acme.charts.burn-down", CONTRIBUTION):
        client.create_widget(a_widget(contribution_id=contribution), TEAM, board)
    for project in (TEAM.project, None):
        found = client.get_widget_types("project_Team", project).widget_types
        assert [one.name for one in found] == ["Burn down", "Markdown"]
        one = client.get_widget_metadata(CONTRIBUTION.upper(), project).widget_metadata
        assert one == found[1]
        assert (one.contribution_id, one.type_id) == (CONTRIBUTION, "MarkdownWidget")
    assert client.get_widget_types("collection_User", "Other").widget_types == []
    with pytest.raises(AzureDevOpsServiceError, match=r"no widget of the type acme\.none here"):
        client.get_widget_metadata("acme.none", TEAM.project)
    with pytest.raises(AzureDevOpsServiceError, match="must be one of collection_User"):
        client.get_widget_types("galaxy", TEAM.project)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("make", [direct, connected])
@pytest.mark.parametrize(
    "team",
    [
        TeamContext(project="Fabrikam Fiber", team="Équipe Straße / 1".replace("/", "&")),
        TeamContext(project="计划 100%", team="プロジェクト+#?"),
        TeamContext(project_id="8f1b", team_id="77aa"),
        TeamContext(project="No team"),
    ],
    ids=["blanks", "unicode", "ids", "no team"],
)
def test_every_base_address_project_and_team_are_served(
    served: str,
    token: str,
    base: str,
    make: Callable[[str, str], DashboardClient],
    team: TeamContext,
) -> None:
    client = make(f"{served}{base}", token)
    board = client.create_dashboard(Dashboard(name="Overview"), team)
    made = client.create_widget(a_widget(), team, board.id)
    assert [one.id for one in client.get_widgets(team, board.id).widgets] == [made.id]
    assert client.get_dashboards_by_project(team)[0].id == board.id
    assert client.get_dashboards_by_project(TeamContext(project="Other", team="T")) == []


def test_the_client_reads_what_is_wrong(client: DashboardClient) -> None:
    board = client.create_dashboard(Dashboard(name="Overview"), TEAM).id
    with pytest.raises(AzureDevOpsServiceError) as caught:
        client.create_widget(a_widget(name=None), TEAM, board)
    assert str(caught.value) == "$.name: is missing"
    assert caught.value.type_key == "ArgumentNullException"


def test_a_token_that_may_not_write_is_refused(served: str, make_token: MakeToken) -> None:
    reader = make_token(scopes=("dashboard_widget:read",))
    with pytest.raises(AzureDevOpsServiceError, match="dashboard_widget:write"):
        direct(f"{served}/C", reader).create_dashboard(Dashboard(name="Overview"), TEAM)


def test_the_service_in_production_is_asked_in_the_same_way(processes: Processes) -> None:
    team = TeamContext(project="计划 100%", team="Équipe Straße")
    for make in (direct, connected):
        client = make(f"{processes.base}/tfs/DefaultCollection/", processes.token)
        board = client.create_dashboard(Dashboard(name="Overview"), team).id
        made = client.create_widget(a_widget(), team, board)
        parent = Dashboard(eTag=made.dashboard.eTag)
        change = Widget(name="Renamed", eTag=made.eTag, dashboard=parent)
        assert client.update_widget(change, team, board, made.id).name == "Renamed"
        listed = client.get_widgets(team, board)
        assert listed.widgets[0].settings == WIDGET["settings"]
        assert client.replace_widgets([], team, board, listed.eTag).widgets == []
        client.delete_dashboard(team, board)
    assert client.get_dashboards_by_project(team) == []
