"""What GitHub's pages share: hosts, tokens, the API's address, and the measure of a change."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from marshmallow import fields

from app.connectors.base import Connector, Match, Resource
from app.connectors.card_parts import ask, counted
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
PLACE: Final = OWNER + r"/(?P<repo>(?!\.\.?/)[A-Za-z0-9._-]{1,100})"
_REPOSITORY: Final = re.compile(r"https?://[^/\s]+/([^/\s]+/[^/\s]+)/.*")


class Account(Resource):
    """A user or a bot."""

    login = fields.String(required=True)
    avatar_url = fields.String(allow_none=True)


class GitHubPage(Connector):
    """A kind of page of github.com, and of GitHub Enterprise hosts."""

    label: ClassVar[str] = "GitHub"
    settings: ClassVar[tuple[ConnectorSetting, ...]] = (
        ConnectorSetting("GITHUB_TOKEN", "token", "token for github.com; unset: anonymous"),
        ConnectorSetting("PLACARD_GITHUB_HOSTS", "hosts", "GitHub Enterprise hosts to serve too"),
        ConnectorSetting("GH_ENTERPRISE_TOKEN", "token", "token for the GitHub Enterprise hosts"),
    )

    def __init__(self, settings: Settings) -> None:
        self._enterprise = settings.connector_settings["PLACARD_GITHUB_HOSTS"] or ()
        self.hosts = frozenset({"github.com", "www.github.com", *self._enterprise})
        tokens = {"api.github.com": "GITHUB_TOKEN"} | dict.fromkeys(
            self._enterprise, "GH_ENTERPRISE_TOKEN"
        )
        self.credentials = tuple(
            bearer(host, name, settings.connector_settings[name])
            for host, name in tokens.items()
            if settings.connector_settings[name]
        )

    def ask(self, match: Match, path: str = "") -> UpstreamRequest:
        """Ask the API of the address's host for something of its repository."""
        enterprise = match.host in self._enterprise
        api_host = match.host if enterprise else "api.github.com"
        base = "api/v3/repos" if enterprise else "repos"
        return ask(api_host, f"{base}/{match['owner']}/{match['repo']}{path}", headers=API_HEADERS)


def repository(resource: Mapping[str, Any], match: Match) -> str:
    """Name the repository: that of the resource's own address, since it may have moved."""
    found = _REPOSITORY.fullmatch(resource.get("html_url") or "")
    return found[1] if found else f"{match['owner']}/{match['repo']}"


def changes(
    files: int | None, plus: int | None, minus: int | None, *, more: bool = False
) -> TextWithIcon | None:
    """Measure a change; `more` where there may be further files."""
    if files is None or plus is None or minus is None:
        return None
    shown = f"{files:,}+ files" if more else counted(files, "file")
    return TextWithIcon("Changes", f"{shown}, +{plus} -{minus}")
