"""What GitHub's connectors share: hosts, tokens, the API's address, and the size of a change."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final

from marshmallow import fields

from app.connectors.base import Connector, Match, Resource, ResourceUrl, servers_of
from app.connectors.card_parts import ask, counted
from app.connectors.javascript import PagePattern
from app.origins import Server
from app.settings import ConnectorSetting, Settings
from app.upstream.credentials import bearer
from app.upstream.messages import UpstreamRequest
from templates_schemas import TextWithIcon

ICON: Final = "https://github.githubassets.com/favicons/favicon.png"
API_HEADERS: Final = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
}
OWNER: Final = r"/(?P<owner>[A-Za-z0-9][A-Za-z0-9_-]{0,99})"
REPOSITORY: Final = OWNER + r"/(?P<repo>(?!\.\.?/)[A-Za-z0-9._-]{1,100})"
# What the API's own addresses have before the owner; an Enterprise host has it on the same host.
API: Final = r"(?:/api/v3)?/repos"
_API_HOST: Final = "api.github.com"
_PAGE_HOSTS: Final = ("github.com", "www.github.com", "redirect.github.com")
_NAME_OF: Final = re.compile(r"https?://[^/\s]+/([^/\s]+/[^/\s]+)/.*")


class Account(Resource):
    login = fields.String()
    avatar_url = fields.String()


class GitHubPage(Connector):
    """A kind of page of github.com, of NAME.ghe.com, and of GitHub Enterprise Server hosts."""

    label = "GitHub"
    settings: ClassVar[tuple[ConnectorSetting, ...]] = (
        ConnectorSetting("GITHUB_TOKEN", "token", "token for github.com; unset: anonymous"),
        ConnectorSetting("PLACARD_GITHUB_HOSTS", "hosts", "GitHub Enterprise hosts to serve too"),
        ConnectorSetting("GH_ENTERPRISE_TOKEN", "token", "token for the GitHub Enterprise hosts"),
    )

    def __init__(self, settings: Settings) -> None:
        values = settings.connector_settings
        self.servers = servers_of(values["PLACARD_GITHUB_HOSTS"])
        api_hosts = [_api_of(server).host for server in self.servers]
        pages = [server.host for server in self.servers]
        self.hosts = frozenset({*_PAGE_HOSTS, _API_HOST, "*.ghe.com", *pages, *api_hosts})
        tokens = {_API_HOST: "GITHUB_TOKEN"} | dict.fromkeys(api_hosts, "GH_ENTERPRISE_TOKEN")
        self.credentials = tuple(
            bearer(host, name, values[name]) for host, name in tokens.items() if values[name]
        )

    def match(self, address: ResourceUrl) -> Match | None:
        """Match as all do; on a host of the API, only what is below `/repos`."""
        if _is_api(address.host) and address.below("/repos") is None:
            return None
        match = super().match(address)
        return match and replace(match, server=_pages_of(match.server))

    def page_patterns(self) -> Iterator[PagePattern]:
        """Write the addresses; on a host of the API, only what is below `/repos`."""
        for pattern in super().page_patterns():
            pages = frozenset(host for host in pattern.hosts if not _is_api(host))
            yield PagePattern(pages, pattern.path, frozenset({"api"}))
            yield PagePattern(pattern.hosts - pages, f"(?=/repos/){pattern.path}")

    def ask(self, match: Match, path: str = "") -> UpstreamRequest:
        """Ask the API of the address's host for something of its repository."""
        endpoint = f"repos/{match['owner']}/{match['repo']}{path}"
        return self.ask_api(self.api_of(match.server), endpoint)

    def ask_api(self, api: Server, path: str) -> UpstreamRequest:
        """Ask an API for something."""
        return ask(api, path, headers=API_HEADERS)

    def pages_of(self, server: Server) -> Server:
        """Return where the pages are that a host shows, or that its API speaks of."""
        return _pages_of(server)

    def api_of(self, server: Server) -> Server:
        """Return where the API is of the pages that a host shows, or of which it is the API."""
        return _api_of(_pages_of(server))


def _is_api(host: str) -> bool:
    return host == _API_HOST or (host.startswith("api.") and host.endswith(".ghe.com"))


def _pages_of(server: Server) -> Server:
    """Return where the pages are that a host shows, or that its API speaks of."""
    if server.host in _PAGE_HOSTS:
        return Server("github.com")
    return (
        replace(server, host=server.host.removeprefix("api.")) if _is_api(server.host) else server
    )


def _api_of(server: Server) -> Server:
    """Return where the API of some pages is: on a host of its own, or below `/api/v3`."""
    if server.host == "github.com" or server.host.endswith(".ghe.com"):
        return replace(server, host=f"api.{server.host}")
    return replace(server, base=f"{server.base}/api/v3")


def repository(resource: Mapping[str, Any], match: Match) -> str:
    """Name the repository: that of the resource's own address, since it may have moved."""
    found = _NAME_OF.fullmatch(resource.get("html_url") or "")
    return found[1] if found else f"{match['owner']}/{match['repo']}"


def changes(
    files: int | None, plus: int | None, minus: int | None, *, more: bool = False
) -> TextWithIcon | None:
    """Write the size of a change; `more` where there may be further files."""
    if files is None or plus is None or minus is None:
        return None
    shown = f"{files:,}+ files" if more else counted(files, "file")
    return TextWithIcon("Changes", f"{shown}, +{plus} -{minus}")
