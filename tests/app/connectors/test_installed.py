"""Connectors of other packages, by the entry-point group `placard.connectors`."""

from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints

import pytest

import app.connectors as room
from app.connectors import all_connectors, connector_settings, installed
from app.connectors.github import GitHub
from app.errors import ConfigurationError
from app.settings import ConnectorSetting
from tests.conftest import settings_with


class Foreign(GitHub):
    """What another package would bring."""

    name = "foreign"
    settings = (ConnectorSetting("FOREIGN_TOKEN", "token", "a token"), *GitHub.settings)


@pytest.fixture
def entry(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    found = EntryPoints([EntryPoint("foreign", request.param, room.GROUP)])
    monkeypatch.setattr(room, "entry_points", lambda group: found.select(group=group))
    installed.cache_clear()
    yield
    installed.cache_clear()


@pytest.mark.usefixtures("entry")
@pytest.mark.parametrize("entry", [f"{__name__}:Foreign"], indirect=True)
def test_a_connector_of_another_package_is_asked_too() -> None:
    assert "FOREIGN_TOKEN" in [setting.name for setting in connector_settings()]
    assert "foreign" in [connector.name for connector in all_connectors(settings_with())]


@pytest.mark.usefixtures("entry")
@pytest.mark.parametrize(
    "entry",
    ["no.such.module:Thing", f"{__name__}:Nothing", f"{__name__}:room"],
    indirect=True,
    ids=["no module", "no such thing", "no connector"],
)
def test_what_is_no_connector_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"^placard\.connectors: foreign: "):
        connector_settings()
