"""How people sign in to each system: a table with a row for each. Facts of 2026-11.

Trello is not in it: its tokens come back in the fragment of an address, which no server sees.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from app.errors import ConfigurationError
from app.settings import ConnectorSetting, Settings

# Which request revokes a token: RFC 7009, or GitHub's own; or none that is known.
Revocation = Literal["", "rfc7009", "github"]


@dataclass(frozen=True, slots=True)
class OAuthSystem:
    """How one system signs people in; `{host}` and `{api}` stand for its hosts in addresses.

    `name` is the one in our own addresses, `host` where its pages are, `api` the host that is given
    the access token. `account` tells who one is: `login` is the path of the name in its JSON, or
    with `login_in_token` in the token's answer. A row whose `host` is `*` is for the hosts of one's
    own. `connector` is the only one that may use it; unset, all that ask `api` and are trusted.
    """

    name: str
    label: str
    authorize: str
    token: str
    host: str = "*"
    api: str = "{host}"
    scopes: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    account: str = ""
    login: str = ""
    login_in_token: str = ""
    revoke: str = ""
    revocation: Revocation = ""
    connector: str | None = None

    def at(self, host: str) -> "OAuthSystem":
        """Return the row of a host of one's own."""
        return replace(self, host=host)

    @property
    def api_host(self) -> str:
        """The host that is given the access token."""
        return self.api.format(host=self.host)

    def url(self, template: str) -> str:
        """Fill the hosts into an address."""
        return template.format(host=self.host, api=self.api_host)


_GITHUB: Final = OAuthSystem(
    "github",
    "GitHub",
    "https://{host}/login/oauth/authorize",
    "https://{host}/login/oauth/access_token",
    host="github.com",
    api="api.{host}",
    account="https://{api}/user",
    login="login",
    revoke="https://{api}/applications/{{client_id}}/{{part}}",
    revocation="github",
)
_GITLAB: Final = OAuthSystem(
    "gitlab",
    "GitLab",
    "https://{host}/oauth/authorize",
    "https://{host}/oauth/token",
    host="gitlab.com",
    scopes="read_api",
    account="https://{api}/api/v4/user",
    login="username",
    revoke="https://{host}/oauth/revoke",
    revocation="rfc7009",
)
_PAGERDUTY: Final = OAuthSystem(
    "pagerduty",
    "PagerDuty",
    "https://identity.pagerduty.com/oauth/authorize",
    "https://identity.pagerduty.com/oauth/token",
    host="pagerduty.com",
    api="api.{host}",
    scopes="incidents.read",
    revoke="https://identity.pagerduty.com/oauth/revoke",
    revocation="rfc7009",
)
SYSTEMS: Final = (
    _GITHUB,
    # GitHub Enterprise Server has its API below its pages.
    replace(
        _GITHUB,
        host="*",
        api="{host}",
        account="https://{api}/api/v3/user",
        revoke="https://{api}/api/v3/applications/{{client_id}}/{{part}}",
    ),
    _GITLAB,
    _GITLAB.at("*"),
    OAuthSystem(
        "jira",
        "Jira",
        "https://auth.atlassian.com/authorize",
        "https://auth.atlassian.com/oauth/token",
        host="atlassian.net",
        api="api.atlassian.com",
        scopes="read:jira-work offline_access",
        parameters={"audience": "api.atlassian.com", "prompt": "consent"},
        # The scope does not tell who one is, but which sites one has.
        account="https://{api}/oauth/token/accessible-resources",
        login="0.name",
    ),
    OAuthSystem(
        "azure_devops",
        "Azure DevOps",
        "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
        "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
        host="dev.azure.com",
        scopes="499b84ac-1321-427f-aa17-267ca6975798/vso.work offline_access",
    ),
    OAuthSystem(
        "sentry",
        "Sentry",
        "https://{host}/oauth/authorize/",
        "https://{host}/oauth/token/",
        host="sentry.io",
        scopes="org:read project:read event:read",
        login_in_token="user.name",  # noqa: S106 - a path in JSON
    ),
    OAuthSystem(
        "zendesk",
        "Zendesk",
        "https://{host}/oauth/authorizations/new",
        "https://{host}/oauth/tokens",
        host="{subdomain}.zendesk.com",
        scopes="read",
        account="https://{api}/api/v2/users/me.json",
        login="user.name",
    ),
    _PAGERDUTY,
    # The same sign-in is for both regions; a token is good for the API of its account's region.
    replace(_PAGERDUTY, label="PagerDuty (EU)", host="eu.pagerduty.com"),
    OAuthSystem(
        "datadog",
        "Datadog",
        "https://app.{host}/oauth2/v1/authorize",
        "https://api.{host}/oauth2/v1/token",
        host="{site}",
        api="api.{host}",
        revoke="https://api.{host}/oauth2/v1/revoke",
        revocation="rfc7009",
    ),
)
CLIENT_SETTINGS: Final = tuple(
    setting
    for name, label in {system.name: system.label for system in reversed(SYSTEMS)}.items()
    for setting in (
        ConnectorSetting(f"{name.upper()}_CLIENT_ID", "text", f"our OAuth client at {label}"),
        ConnectorSetting(f"{name.upper()}_CLIENT_SECRET", "token", "its secret"),
    )
)
TENANT: Final = ConnectorSetting(
    "AZURE_DEVOPS_TENANT", "text", "tenant of Entra that people sign in to; unset: organizations"
)


def systems_of(settings: Settings) -> Iterator[OAuthSystem]:
    """Yield the rows of the table, with the names that settings give."""
    values = settings.connector_settings
    subdomain = (values.get("ZENDESK_SUBDOMAIN") or "").removesuffix(".zendesk.com")
    named = {"site": values.get("DD_SITE") or "datadoghq.com", "subdomain": subdomain.lower()}
    tenant = values.get(TENANT.name) or "organizations"
    for system in SYSTEMS:
        host = system.host.format(**named)
        if host.startswith("."):
            continue
        yield replace(
            system,
            host=host,
            authorize=system.authorize.replace("{tenant}", tenant),
            token=system.token.replace("{tenant}", tenant),
        )


def client_of(system: OAuthSystem, settings: Settings) -> tuple[str, str] | None:
    """Return our client's id and secret at a system, or None; raises where one is missing."""
    values, prefix = settings.connector_settings, system.name.upper()
    client_id, secret = (values.get(f"{prefix}_CLIENT_{part}") for part in ("ID", "SECRET"))
    if not client_id and not secret:
        return None
    if not client_id or not secret:
        missing, given = ("SECRET", "ID") if client_id else ("ID", "SECRET")
        raise ConfigurationError(
            f"{prefix}_CLIENT_{missing}: is missing, and {prefix}_CLIENT_{given} is set"
        )
    return client_id, secret
