"""The client that `openapi-python-client` makes of the description does every operation of it.

What it sends are the description's own examples, with the ids that it was answered.
"""

import inspect
import json
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final, get_args, get_type_hints

import pytest
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType

from app.library.wiring import DIALECTS
from app.openapi.operation import Example
from app.web.examples import HEALTH_EXAMPLES, HOST_EXAMPLES
from tests.app.library.conftest import Processes
from tests.host import token as host_token

PACKAGE: Final = "generated_client"
DOMAIN: Final = {"domain_id": "domain-1"}
EXAMPLES: Final[Mapping[str, Example]] = {
    **{name: each for dialect in DIALECTS for name, each in dialect.examples.items()},
    **HOST_EXAMPLES,
    **HEALTH_EXAMPLES,
}


@pytest.fixture(scope="module")
def operations(
    description_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, ModuleType]]:
    """The modules of a client that is generated once, by the ids of their operations."""
    folder = tmp_path_factory.mktemp("generated")
    settings = ConfigFile(package_name_override=PACKAGE, post_hooks=[])
    config = Config.from_sources(
        settings,
        MetaType.NONE,
        description_file,
        "utf-8",
        overwrite=False,
        output_path=folder / PACKAGE,
    )
    assert generate(config=config) == []  # no warning: nothing was left out
    sys.path.insert(0, str(folder))
    try:
        package = import_module(f"{PACKAGE}.api")
        found = pkgutil.walk_packages(package.__path__, f"{PACKAGE}.api.")
        names = [each.name for each in found if not each.ispkg]
        yield {name.rpartition(".")[2]: import_module(name) for name in names}
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
            del sys.modules[name]


@dataclass
class Caller:
    """Calls operations by their ids, and remembers which."""

    operations: Mapping[str, ModuleType]
    base: str
    token: str
    called: set[str] = field(default_factory=set)

    def __call__(self, name: str, change: Any = None, *, status: int = 0, **changes: Any) -> Any:
        """Call an operation as its example does, with changes; return the answer as JSON."""
        self.called.add(name)
        example, call = EXAMPLES[name], self.operations[name].sync_detailed
        known = {plain(each): value for each, value in {**example.parameters, **changes}.items()}
        names = inspect.signature(call).parameters
        given = {each: known[plain(each)] for each in names if plain(each) in known}
        if example.request is not None:
            kind = get_type_hints(call)["body"]
            given["body"] = body(kind, changed(example.request, change))
        with self._client(name) as client:
            answer = call(client=client, **given)
        assert answer.status_code in ((status,) if status else (200, 204)), (name, answer.content)
        parsed = answer.parsed
        return parsed.to_dict() if hasattr(parsed, "to_dict") else parsed

    def _client(self, name: str) -> Any:
        made = import_module(f"{PACKAGE}.client").AuthenticatedClient
        # This generator has one proof for a client, whatever the description says of each.
        if "widget" in name and not name.startswith(("custom_", "azure_", "show_")):
            return made(self.base, self.token, prefix="", auth_header_name="DD-APPLICATION-KEY")
        return made(self.base, host_token() if name in HOST_EXAMPLES else self.token)


def plain(name: str) -> str:
    """Write a name without what a generator changes of it."""
    return "".join(filter(str.isalnum, name)).lower()


def changed(request: Any, change: Any) -> Any:
    """Change an object, or the first of a list of them."""
    if isinstance(request, list):
        return [request[0] | (change or {})]
    return request | (change or {})


def body(hint: Any, request: Any) -> Any:
    """Make the body of the client's own classes."""
    if isinstance(request, list):
        (kind,) = get_args(hint)
        return [kind.from_dict(each) for each in request]
    return hint.from_dict(request)


def do_datadog(call: Caller) -> None:
    made = call("create_widget")["data"]
    assert call("get_widget", uuid=made["id"])["data"] == made
    assert call("update_widget", uuid=made["id"])["data"]["id"] == made["id"]
    call("mark_favorite_widget", uuid=made["id"])
    (found,) = call("search_widgets")["data"]
    assert (found["id"], found["attributes"]["is_favorited"]) == (made["id"], True)
    call("unmark_favorite_widget", uuid=made["id"])
    call("delete_widget", uuid=made["id"])
    assert call("search_widgets")["data"] == []


def do_spaceone(call: Caller) -> None:
    made = call("custom_widget_create", DOMAIN)
    this = DOMAIN | {"custom_widget_id": made["custom_widget_id"]}
    assert call("custom_widget_get", this) == made
    assert call("custom_widget_update", this)["title"] == "Cost by service"
    assert call("custom_widget_list", DOMAIN)["total_count"] == 1
    statistics = call("custom_widget_stat", DOMAIN)
    assert statistics == EXAMPLES["custom_widget_stat"].answer
    assert call("custom_widget_delete", this) == {}


def do_azure_devops(call: Caller) -> None:
    for name in ("azure_list_locations", "azure_list_locations_of_area", "azure_list_areas"):
        assert call(name)["count"] > 0
    assert call("azure_show_area")["name"] == "Dashboard"
    board = call("azure_create_dashboard")
    this: dict[str, Any] = {"dashboardId": board["id"]}
    assert call("azure_show_project", project="Fabrikam")["name"] == "Fabrikam"
    assert call("azure_list_dashboards")["count"] == 1
    group = call("azure_replace_dashboards", {"dashboardEntries": [{"id": board["id"]}]})
    assert [each["id"] for each in group["dashboardEntries"]] == [board["id"]]
    version = call("azure_show_dashboard", **this)["eTag"]
    replaced = call("azure_replace_dashboard", {"eTag": version}, **this)
    assert replaced["description"] == board["description"]
    do_azure_widgets(call, this)
    call("azure_delete_dashboard", **this)


def do_azure_widgets(call: Caller, board: dict[str, Any]) -> None:
    made = call("azure_create_widget", **board)
    this = {**board, "widgetId": made["id"]}
    kind = call("azure_show_widget_type")["widgetMetadata"]
    assert call("azure_list_widget_types")["widgetTypes"] == [kind]
    assert call("azure_show_widget", **this) == made
    replaced = call("azure_replace_widget", {"eTag": made["eTag"]}, **this)
    updated = call("azure_update_widget", {"eTag": replaced["eTag"]}, **this)
    assert updated["name"] == "Notes of the team"
    (found,) = call("azure_find_widgets")["value"]
    assert found["name"] == updated["name"]
    change = {"id": made["id"], "eTag": updated["eTag"]}
    version: dict[str, Any] = {"ETag": updated["dashboard"]["eTag"]}
    assert call("azure_update_widgets", change, **board, **version)["count"] == 1
    version = {"ETag": call("azure_show_dashboard", **board)["eTag"]}
    (kept,) = call("azure_replace_widgets", **board, **version)["value"]
    assert kept["id"] != made["id"]
    assert call("azure_list_widgets", **board)["count"] == 1
    call("azure_delete_widget", **board, widgetId=kept["id"])


def do_the_rest(call: Caller) -> None:
    for name in ("alive", "live"):
        assert call(name) == {"status": "ok"}
    assert call("ready")["status"] == "ready"
    call("metrics")
    # The example's address is another system's, and there is no network.
    refused = call("show_widget", status=404, resource_url="https://unknown.example/1")
    assert refused["data"]["error"]
    given = {"data": json.dumps({"query": "https://unknown.example/1"})}
    assert call("attach_resource", given, status=404)["data"]["error"]
    assert call("suggest_resources", query="https://unknown.example/1")["items"] == []


def test_the_generated_client_does_every_operation(
    operations: dict[str, ModuleType], processes: Processes
) -> None:
    call = Caller(operations, processes.base, processes.token)
    steps: tuple[Callable[[Caller], None], ...] = (
        do_datadog,
        do_spaceone,
        do_azure_devops,
        do_the_rest,
    )
    for step in steps:
        step(call)
    assert call.called == set(operations) == set(EXAMPLES)
