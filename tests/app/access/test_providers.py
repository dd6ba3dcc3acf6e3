"""The systems that people can sign in to: by settings, by the credentials file, by a definition."""

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from app.access import Provider, Providers, providers_of
from app.connectors import all_connectors, coded_connectors, find
from app.connectors.oauth import SYSTEMS
from app.errors import ConfigurationError
from app.origins import read_url
from app.settings import Settings
from app.upstream.credentials import OAuthClientEntry
from app.upstream.token_requests import TokenRequests
from app.upstream.wiring import build_fetcher
from tests.conftest import settings_with

# Each system with the address of a page, where its API is asked for it, and who gets the token.
PAGES = {
    "github": ("https://github.com/acme/storefront/issues/1", "api.github.com"),
    "gitlab": ("https://gitlab.com/acme/web/-/issues/1", "gitlab.com"),
    "jira": ("https://acme.atlassian.net/browse/ACME-12", "api.atlassian.com"),
    "azure_devops": ("https://dev.azure.com/fabrikam/Fabrikam/_workitems/edit/1", "dev.azure.com"),
    "sentry": ("https://placard-samples.sentry.io/issues/4509000001/", "sentry.io"),
    "zendesk": ("https://acme.zendesk.com/agent/tickets/35436", "acme.zendesk.com"),
    "pagerduty": ("https://acme.pagerduty.com/incidents/Q1R2DLCB21K7NP", "api.pagerduty.com"),
    "datadog": (
        "https://api.datadoghq.eu/api/v2/widgets/ccm_reports/a1b2c3d4-e5f6-7890-abcd-ef1234567890",
        "api.datadoghq.eu",
    ),
}
DEFINITION = """
[[connector]]
name = "status-page"
label = "Status page"
hosts = ["status.example.com"]
path = "/incidents/{id}"
example = "https://status.example.com/incidents/p31zjtct2jer"

[connector.request]
url = "https://status.example.com/api/v2/incidents/{id}.json"

[connector.oauth]
host = "status.example.com"
authorize = "https://status.example.com/oauth/authorize"
token = "https://status.example.com/oauth/token"
scopes = "read"

[connector.card]
title = "incident.name"
fields = [{ type = "pill", name = "Status", text = "incident.status" }]
"""


def settings_of_all() -> Settings:
    clients = {
        f"{name}_client_{part}": f"{name}-{part}" for name in PAGES for part in ("id", "secret")
    }
    return settings_with(**clients, zendesk_subdomain="acme", dd_site="datadoghq.eu")


@pytest.mark.parametrize("name", PAGES)
def test_a_persons_token_goes_to_the_host_that_is_asked(name: str) -> None:
    settings = settings_of_all()
    page, host = PAGES[name]
    connector, match = find(page, coded_connectors(settings))
    request = connector.request_for_person(match)
    assert request.address.host == host
    provider = providers_of(settings).of_request(connector, request.address)
    assert provider is not None
    assert (provider.name, provider.origin) == (name, f"https://{host}")
    assert provider.client.client_secret == f"{name}-secret"


@pytest.mark.parametrize("name", PAGES)
def test_every_address_is_https_and_filled(name: str) -> None:
    settings = settings_of_all()
    for provider in providers_of(settings):
        client = provider.client
        for url in (client.authorize_url, client.token_url):
            assert url.startswith("https://")
            assert not set("{}*") & set(url)
        requests = TokenRequests(build_fetcher(settings))
        asked = requests.authorize_url(client, "https://placard.example/back", "state", "v" * 43)
        query = dict(parse_qsl(urlsplit(asked).query))
        assert (query["response_type"], query["state"]) == ("code", "state")
        assert (query["code_challenge_method"], len(query["code_challenge"])) == ("S256", 43)
        assert client.client_secret not in asked


def test_all_systems_of_the_table_are_tried_here() -> None:
    assert {system.name for system in SYSTEMS} == set(PAGES)


def test_half_a_client_stops_the_start() -> None:
    with pytest.raises(ConfigurationError, match="GITHUB_CLIENT_SECRET: is missing"):
        providers_of(settings_with(github_client_id="client"))


def entry(system: str, host: str) -> OAuthClientEntry:
    return OAuthClientEntry(system, host, "own-id", "own-secret")


@pytest.mark.parametrize(
    ("system", "host", "api"),
    [
        ("gitlab", "git.example.com", "git.example.com"),
        ("github", "ghe.example.com", "ghe.example.com"),
        ("gitlab", "gitlab.com", "gitlab.com"),
    ],
)
def test_a_host_of_ones_own_has_a_client_in_the_credentials_file(
    system: str, host: str, api: str
) -> None:
    settings = settings_with(github_client_id="id", github_client_secret="secret")
    providers = providers_of(settings, [entry(system, host)])
    found = providers.named(system, host)
    assert found is not None
    assert (found.client.client_id, found.system.api_host) == ("own-id", api)
    assert found.client.token_url.startswith(f"https://{host}/")


@pytest.mark.parametrize(("system", "host"), [("sentry", "sentry.example.com"), ("none", "a.b")])
def test_a_client_of_no_system_stops_the_start(system: str, host: str) -> None:
    with pytest.raises(ConfigurationError, match="not a system that people can sign in to"):
        providers_of(settings_with(), [entry(system, host)])


@pytest.fixture
def defined(tmp_path: Path) -> Path:
    file = tmp_path / "status.toml"
    file.write_text(DEFINITION)
    return file


def own_provider(settings: Settings) -> tuple[Providers, Provider]:
    known = all_connectors(settings)
    providers = providers_of(settings, [entry("status-page", "status.example.com")], known)
    found = providers.named("status-page")
    assert found is not None
    return providers, found


def test_a_definition_says_how_people_sign_in(defined: Path) -> None:
    settings = settings_with(connectors_file=str(defined))
    providers, provider = own_provider(settings)
    connector, match = find("https://status.example.com/incidents/1", all_connectors(settings))
    address = connector.request_for_person(match).address
    assert providers.of_request(connector, address) is provider
    assert provider.client.token_url == "https://status.example.com/oauth/token"


def test_a_definition_is_given_no_token_of_another_system(defined: Path) -> None:
    settings = settings_with(
        connectors_file=str(defined), github_client_id="1", github_client_secret="2"
    )
    providers, provider = own_provider(settings)
    by_name = {each.name: each for each in all_connectors(settings)}
    github = read_url("https://api.github.com/repos/acme/storefront/issues/1")
    assert providers.of_request(by_name["status-page"], github) is None
    assert providers.of_request(by_name["github"], github) is not None
    own = read_url("https://status.example.com/api/v2/incidents/1.json")
    assert providers.of_request(by_name["github"], own) is None
    assert not provider.serves(by_name["status-page"], read_url(own.url.replace("https", "http")))


@pytest.mark.parametrize("name", ["azure_devops", "host", "assets"])
def test_a_definition_cannot_take_a_name_that_an_address_has(defined: Path, name: str) -> None:
    defined.write_text(DEFINITION.replace('name = "status-page"', f'name = "{name}"'))
    settings = settings_with(connectors_file=str(defined))
    with pytest.raises(ConfigurationError, match="give the connector another name"):
        providers_of(settings, (), all_connectors(settings))
