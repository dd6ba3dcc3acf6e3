"""What the tests of the Azure DevOps dialect share: a caller, a place, and the official client."""

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import azure.devops.client
import azure.devops.connection
import pytest
import requests
from azure.devops._file_cache import FileCache
from azure.devops.connection import Connection
from azure.devops.v7_1.dashboard.dashboard_client import DashboardClient
from azure.devops.v7_1.dashboard.models import TeamContext
from flask import Flask
from msrest.authentication import BasicAuthentication
from werkzeug.test import TestResponse

PLACE = "/DefaultCollection/Fabrikam/Fabrikam Team"
DASHBOARDS = f"{PLACE}/_apis/dashboard/dashboards"
TEAM = TeamContext(project="Fabrikam", team="Fabrikam Team")
CONTRIBUTION = "ms.vss-dashboards-web.Microsoft.VisualStudioOnline.Dashboards.MarkdownWidget"
WIDGET: dict[str, Any] = {
    "name": "Notes",
    "position": {"row": 1, "column": 2},
    "size": {"rowSpan": 2, "columnSpan": 3},
    "settings": '{"text": "é\\r\\n\\ttwo  blanks "}\n',
    "settingsVersion": {"major": 1, "minor": 0, "patch": 0},
    "contributionId": CONTRIBUTION,
}

ENVELOPE = {"$id", "innerException", "message", "typeName", "typeKey", "errorCode", "eventId"}
BARE = {"name": "Bare", "contributionId": CONTRIBUTION}

Ask = Callable[..., TestResponse]
# For what does not come as far as the tables: one kind of database is enough.
on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


def basic(token: str) -> dict[str, str]:
    """Carry a token as the official client does: as a password, without a user."""
    return {"Authorization": "Basic " + base64.b64encode(f":{token}".encode()).decode()}


def asking(app: Flask, token: str) -> Ask:
    """Ask an application with a token: `ask("PUT", path, json=…, headers=…)`."""

    def ask(method: str, path: str, **options: Any) -> TestResponse:
        headers = basic(token) | options.pop("headers", {})
        return app.test_client().open(path, method=method, headers=headers, **options)

    return ask


def a_dashboard(ask: Ask, path: str = DASHBOARDS, **given: Any) -> str:
    """Make a dashboard, and return its address."""
    made = ask("POST", path, json={"name": "Overview"} | given)
    assert made.status_code == 200, made.text
    return f"{path}/{made.get_json()['id']}"


def a_widget(ask: Ask, dashboard: str, **given: Any) -> dict[str, Any]:
    """Make a widget, and return it."""
    made = ask("POST", f"{dashboard}/widgets", json=WIDGET | given)
    assert made.status_code == 200, made.text
    document: dict[str, Any] = made.get_json()
    return document


def state(ask: Ask, board: str) -> tuple[str, Any]:
    """All that can be seen of a dashboard's widgets: the version and the list."""
    listed = ask("GET", f"{board}/widgets")
    assert listed.status_code == 200
    return listed.headers["ETag"], listed.get_json()


def version(ask: Ask, board: str) -> dict[str, str]:
    """The header that names the current version of a dashboard's list."""
    return {"ETag": state(ask, board)[0]}


def told(answer: Any, status: int, key: str) -> str:
    """Hold an answer to the envelope, and return its message."""
    assert (answer.status_code, answer.get_json()["typeKey"]) == (status, key), answer.text
    assert set(answer.get_json()) == ENVELOPE
    message: str = answer.get_json()["message"]
    return message


@contextmanager
def clients_that_leave_nothing() -> Iterator[None]:
    """Keep the clients from caches in the user's files; close the answers that they do not read."""
    answers: list[requests.Response] = []
    send = requests.Session.send

    def kept(*arguments: Any, **named: Any) -> requests.Response:
        answers.append(send(*arguments, **named))
        return answers[-1]

    with (
        mock.patch.object(azure.devops.client.Client, "_locations_cache", {}),
        mock.patch.object(azure.devops.client, "OPTIONS_FILE_CACHE", _Nothing("")),
        mock.patch.object(azure.devops.connection, "RESOURCE_FILE_CACHE", _Nothing("")),
        mock.patch.object(requests.Session, "send", kept),
    ):
        yield
    for answer in answers:
        answer.close()


def direct(base: str, token: str) -> DashboardClient:
    """Make the official client with the address of a collection."""
    return DashboardClient(base, BasicAuthentication("", token))


def connected(base: str, token: str) -> DashboardClient:
    """Make the official client as its documentation does: a connection finds the address."""
    connection = Connection(base_url=base, creds=BasicAuthentication("", token))
    client: DashboardClient = connection.clients_v7_1.get_dashboard_client()
    return client


class _Nothing(FileCache):  # type: ignore[misc] # the client is not typed
    def __getitem__(self, key: str) -> Any:
        return None

    def __setitem__(self, key: str, value: Any) -> None:
        pass
