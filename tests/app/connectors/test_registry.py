"""The directory asks the connectors of a host only, and finds what asking all would find."""

import pytest
from hypothesis import given, strategies as st

from app.connectors import ConnectorRegistry, all_connectors, find
from app.connectors.base import Connector, Match, read_address
from app.connectors.sentry import Sentry
from app.errors import NoConnector
from tests.conftest import settings_with

# Hosts of one's own, so that a host is named by itself and by its parent, and by several systems.
KNOWN = all_connectors(
    settings_with(
        placard_sentry_hosts="github.com,own.sentry.io,sentry.example.com",
        placard_gitlab_hosts="github.com,git.example.com",
    )
)
EXAMPLES = [connector.example for connector in KNOWN]
HOSTS = sorted({name for connector in KNOWN for name in connector.hosts})
PATHS = [example.partition("://")[2].partition("/")[2] for example in EXAMPLES]


def by_asking_all(address: str) -> tuple[Connector, Match] | None:
    parts = read_address(address)
    matches = ((connector, connector.match(parts)) for connector in KNOWN)
    return next(((connector, match) for connector, match in matches if match), None)


def by_directory(address: str) -> tuple[Connector, Match] | None:
    try:
        return ConnectorRegistry(KNOWN).find(address)
    except NoConnector:
        return None


@given(
    st.sampled_from(HOSTS),
    st.sampled_from(["own", "a.b", "A", "*", "-", "x_y"]),
    st.sampled_from(["", ":443", ":8080"]),
    st.sampled_from(PATHS) | st.text("abc/-%?", max_size=20),
)
def test_the_first_connector_of_all_is_found(host: str, child: str, port: str, path: str) -> None:
    address = f"https://{host.replace('*', child)}{port}/{path}"
    assert by_directory(address) == by_asking_all(address)


@pytest.mark.parametrize("address", EXAMPLES)
def test_every_example_is_found_as_by_asking_all(address: str) -> None:
    assert by_directory(address) == by_asking_all(address)


def test_a_name_and_its_parent_are_asked_in_the_order_of_the_list() -> None:
    by_parent, by_name = Sentry(settings_with()), Sentry(settings_with())
    by_name.hosts = frozenset({"own.sentry.io"})
    address = "https://own.sentry.io/issues/4509000001/"
    for connectors in ([by_parent, by_name], [by_name, by_parent]):
        assert find(address, connectors)[0] is connectors[0]
