"""The host's match pattern, as Node reads it: every address that is served, and of others none."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from app.cli.console import served_pattern
from app.connectors import Connector, ConnectorRegistry, all_connectors, connector_settings
from app.connectors.definitions.bundled import catalogue
from app.errors import MalformedRequest, NoConnector
from app.settings import load_settings
from app.testing.contract import near_misses_of
from tests.app.connectors.suites import suites
from tests.app.connectors.test_pasted_addresses import ADDRESSES
from tests.host import JWT_SECRET

MATCH: Final = """
const read = JSON.parse(require("fs").readFileSync(0, "utf8"));
const pattern = new RegExp(read.pattern);
console.log(JSON.stringify(read.addresses.map((address) => pattern.test(address))));
"""


def matched(pattern: str, addresses: Sequence[str]) -> list[str]:
    """Ask Node which addresses a pattern matches."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node: apt-get install nodejs")
    ended = subprocess.run(
        [node, "-e", MATCH],
        input=json.dumps({"pattern": pattern, "addresses": addresses}),
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    told = json.loads(ended.stdout)
    return [address for address, is_match in zip(addresses, told, strict=True) if is_match]


def environment() -> dict[str, str]:
    """Turn on every connector, with the hosts of all tables."""
    merged = own_hosts()
    for suite in suites():
        for name, value in suite.environment.items():
            merged.setdefault(name, set()).update(value.split(","))
    hosts = {each.name for each in connector_settings() if each.kind == "hosts"}
    given = {
        name: ",".join(sorted(values)) if name in hosts else min(values)
        for name, values in merged.items()
    }
    return {"PLACARD_JWT_SECRETS": JWT_SECRET, "PLACARD_MODE": "local", **given}


def own_hosts() -> dict[str, set[str]]:
    """Name the hosts of the definitions' own examples, by their settings."""
    named: dict[str, set[str]] = {}
    for known in catalogue():
        setting = known.definition.get("hosts_setting")
        if setting:
            for address in served_by(known.definition):
                named.setdefault(setting, set()).add(urlsplit(address).netloc)
    return named


def served_by(definition: Mapping[str, Any]) -> Iterator[str]:
    yield definition["example"]
    for each in definition["examples"]:
        yield each if isinstance(each, str) else each["address"]


@pytest.fixture(scope="module")
def pattern() -> str:
    return served_pattern(load_settings(environment(), connector_settings()))


def test_it_matches_every_address_of_the_tables(pattern: str) -> None:
    coded = [address for suite in suites() for address in suite.matches]
    defined = [address for known in catalogue() for address in served_by(known.definition)]
    addresses = [*coded, *ADDRESSES, *defined]
    assert len(addresses) > 400

    found = matched(pattern, addresses)

    assert [address for address in addresses if address not in found] == []


def test_it_matches_no_address_of_another_host(pattern: str) -> None:
    settings = load_settings(environment(), connector_settings())
    misses = [miss for known in all_connectors(settings) for miss in near_misses_of(known.example)]

    assert matched(pattern, misses) == []


def test_of_other_pages_it_matches_only_our_forms_with_odd_values(pattern: str) -> None:
    """No other app wants these: they are our pages' forms, with a value that we look into."""
    settings = load_settings(environment(), connector_settings())
    is_served = served_by_any(all_connectors(settings))
    coded = [address for suite in suites() for address in suite.near_misses]
    refused = [address for each in catalogue() for address in each.definition["refused"]]

    odd = {each for each in matched(pattern, [*coded, *refused]) if not is_served(each)}

    assert len(coded) + len(refused) > 500
    assert {address for address in odd if "?" not in address and "%" not in address} == {
        "https://dev.azure.com/_apis/wit/workItems/1",
        "https://dev.azure.com/_workitems/edit/1",
        "https://tfs.example.com/tfs/_workitems/edit/1",
        "https://github.com:80/pallets/flask/issues/1",
        "http://github.com:443/pallets/flask/issues/1",
        "https://gitlab.com/storefront/-/pipelines/1",
        "https://sentry.io/api/0/issues/7/",
    }
    assert len(odd) < 50


def served_by_any(known: Sequence[Connector]) -> Callable[[str], bool]:
    """Tell of one connector's near-miss that it is another one's page."""
    registry = ConnectorRegistry(known)

    def is_served(address: str) -> bool:
        try:
            registry.find(address)
        except (NoConnector, MalformedRequest):
            return False
        return True

    return is_served
