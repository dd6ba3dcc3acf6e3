"""What Azure DevOps' pages share: hosts, tokens, and the names within an address.

The token of the cloud goes to dev.azure.com, whichever organization is asked for, but of the
visualstudio.com hosts only to the one of `AZURE_DEVOPS_ORGANIZATION`; without that setting to none
of them. Azure DevOps Server, on the hosts in `PLACARD_AZURE_DEVOPS_HOSTS`, has a token of its own,
and a collection where the cloud has an organization.
"""

from typing import Final
from urllib.parse import quote, unquote

from app.connectors.base import Connector, Match, servers_of
from app.settings import ConnectorSetting, Settings
from app.upstream.credentials import basic

ICON: Final = "https://cdn.vsassets.io/content/icons/favicon.ico"
# Without the second one, who may not read something is sent to a page to sign in.
API_HEADERS: Final = {"Accept": "application/json", "X-TFS-FedAuthRedirect": "Suppress"}
# A part of a path. Escaped dots, slashes, controls and percent signs could mean another path.
NAME: Final = (
    r"(?!(?:\.|%20)+(?:[/?]|\Z))(?:[^/?%]|%(?!2[5EF]|5C|7F|[01][0-9A-F])[0-9A-F]{2}){1,256}"
)
_HOST: Final = "dev.azure.com"
SEARCH_HOST: Final = "almsearch.dev.azure.com"
# By the version of the cloud, the one that Azure DevOps Server 2019 has, the oldest with support.
_OF_SERVER: Final = {
    "7.1": "5.0",
    "7.1-preview.1": "5.0-preview.1",
    "7.1-preview.2": "5.0-preview.2",
}


class AzureDevOps(Connector):
    """A kind of page of Azure DevOps, in the cloud or on a server of one's own."""

    # To a token that is not good, it may answer 203 with its sign-in page.
    forbidden_statuses = Connector.forbidden_statuses | {203}
    label = "Azure DevOps"
    settings = (
        ConnectorSetting("AZURE_DEVOPS_PAT", "token", "token for dev.azure.com; unset: anonymous"),
        ConnectorSetting(
            "AZURE_DEVOPS_ORGANIZATION", "text", "searched; its visualstudio.com gets the token too"
        ),
        ConnectorSetting(
            "PLACARD_AZURE_DEVOPS_HOSTS", "hosts", "Azure DevOps Server: `tfs.example.com/tfs`"
        ),
        ConnectorSetting("AZURE_DEVOPS_SERVER_PAT", "token", "token for Azure DevOps Server"),
        ConnectorSetting(
            "AZURE_DEVOPS_COLLECTION", "text", "searched, of an Azure DevOps Server that can search"
        ),
    )

    def __init__(self, settings: Settings) -> None:
        values = settings.connector_settings
        self.servers = servers_of(values["PLACARD_AZURE_DEVOPS_HOSTS"])
        self._own = frozenset(server.host for server in self.servers)
        self.hosts = frozenset({_HOST, "*.visualstudio.com"}) | self._own
        organization = values["AZURE_DEVOPS_ORGANIZATION"] or ""
        # As a host, `*` would be every organization's.
        organization = organization.removesuffix(".visualstudio.com").replace("*", "")
        collection = values["AZURE_DEVOPS_COLLECTION"]
        self._searched = {_HOST: organization, **dict.fromkeys(self._own, collection)}
        trusted = [
            _HOST,
            SEARCH_HOST,
            *([f"{organization}.visualstudio.com"] if organization else []),
        ]
        given = dict.fromkeys(trusted, "AZURE_DEVOPS_PAT")
        given |= dict.fromkeys(self._own, "AZURE_DEVOPS_SERVER_PAT")
        self.credentials = tuple(
            basic(host, name, "", values[name]) for host, name in given.items() if values[name]
        )

    def version(self, host: str, version: str) -> str:
        """Return the parameter for a version of the API, or for that of a server."""
        return f"api-version={_OF_SERVER[version] if host in self._own else version}"


def has_organization(match: Match) -> bool:
    """Tell whether a path begins with the organization, which older hosts have in their name."""
    return not match.host.endswith(".visualstudio.com")


def encoded(name: str) -> str:
    """Write a name of a path as it is encoded once."""
    return quote(unquote(name), safe="")
