"""The hosts of a definition: those of its pages, those of its API, and the token of each."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from app.connectors.addresses import servers_of
from app.connectors.definitions.addresses import AddressForm, literal_host
from app.origins import Server, host_of
from app.settings import Settings
from app.upstream.credentials import HostCredential, basic, header_pairs

_SETTING_IN_HOST: Final = re.compile(r"\{([A-Z][A-Z0-9_]+)\}(\..+)")


class DefinedHosts:
    """The hosts that a definition names, and those that the settings add.

    `self_hosted` are the hosts that its setting names; `pages` have the pages, `api` the API, and
    `names` are all of these. `servers` are what settings name, with the path before their pages.
    """

    def __init__(
        self,
        definition: Mapping[str, Any],
        forms: Iterable[AddressForm],
        settings: Settings | None,
    ) -> None:
        self._definition = definition
        self._forms = tuple(forms)
        self._values = settings.connector_settings if settings else {}
        named = servers_of(self.value(definition, "hosts_setting"))
        if settings and settings.offline:
            # Samples answer there, whatever hosts are one's own.
            named = (*named, Server(host_of(urlsplit(definition["example"]))))
        self.self_hosted = tuple(server.host for server in named)
        credential = definition.get("credential", {})
        self.servers = (*named, *servers_of(self.value(credential, "hosts_setting")))
        served = {server.host for server in self.servers}
        self._api_hosts = api_hosts_of(definition)
        self.pages = frozenset({*self._api_hosts, *served})
        api = {*map(self.api_host, served), *self._api_hosts.values()}
        self.api = frozenset(host for host in api if "*" not in host[1:])
        of_forms = (host for form in self._forms for host in form.hosts or ())
        self.names = self.pages.union(self.api, of_forms)
        tokens = ("setting", "own_setting")
        self.has_token = any(self.value(credential, name) for name in tokens)

    def value(self, table: Mapping[str, Any], key: str) -> Any:
        """Return the value of the setting that a table of the definition names; else None."""
        return self._values.get(table.get(key, ""))

    def api_url(self, server: Server) -> str:
        """Return the address of the root of a server's API."""
        host = self.api_host(server.host)
        is_self_hosted = server.host in self.self_hosted and host == server.host
        base = self._definition.get("hosts_base", "") if is_self_hosted else ""
        return replace(server, host=host, base=server.base + base).url

    def api_host(self, host: str) -> str:
        """Return the host of the API for a host of pages."""
        child, _, parent = host.partition(".")
        api = self._api_hosts.get(host) or self._api_hosts.get(f"*.{parent}") or host
        return api.replace("*", child, 1)

    def page_server(self, server: Server) -> Server:
        """Return where the pages of a server are, of which only the API may be known."""
        pages = [page for page, api in self._api_hosts.items() if api == server.host]
        is_api_only = server.host not in self._api_hosts and len(pages) == 1 and "*" not in pages[0]
        return replace(server, host=pages[0]) if is_api_only else server

    def credentials(self) -> Iterator[HostCredential]:
        """Yield the credential of each host; `*.example.com` has none: anybody can have a child."""
        given = self._definition.get("credential")
        if given is None:
            return
        for host, setting in sorted(self._token_hosts(given).items()):
            if token := self._values.get(setting):
                user = self.value(given, "user_setting") or ""
                yield _credential(given, host, setting, {"token": token, "user": user})

    def _token_hosts(self, given: Mapping[str, Any]) -> dict[str, str]:
        """Map each host that is given a token to the setting that has it."""
        if only := self.value(given, "hosts_setting"):
            return {server.host: given["setting"] for server in servers_of(only)}
        named = {
            _named_host(host, self._values) for host in given.get("hosts", self._literal_hosts())
        }
        tokens = dict.fromkeys(filter(None, named), given["setting"])
        if given["own_hosts"]:
            setting = given.get("own_setting", given["setting"])
            tokens |= dict.fromkeys(map(self.api_host, self.self_hosted), setting)
        return tokens

    def _literal_hosts(self) -> set[str]:
        """List the hosts that the definition's requests go to, each by its full name."""
        urls = [self._definition["request"]["url"], *(form.url or "" for form in self._forms)]
        hosts = {literal_host(url) for url in urls if url.startswith("https:")}
        if any(url.startswith("/") for url in urls):
            hosts |= set(self._api_hosts.values())
        return {host for host in hosts if "*" not in host}


def api_hosts_of(definition: Mapping[str, Any]) -> dict[str, str]:
    """Map each host of pages to the host of its API: the same, or as `hosts` says."""
    hosts = definition.get("hosts", [])
    pairs = hosts.items() if isinstance(hosts, Mapping) else zip(hosts, hosts, strict=True)
    api_hosts = {served.lower(): api_host.lower() for served, api_host in pairs}
    for form in definition.get("addresses", []):
        api_hosts |= {
            host.lower(): host.lower() for host in form.get("hosts", []) if host not in api_hosts
        }
    return api_hosts


def _credential(
    given: Mapping[str, Any], host: str, setting: str, values: Mapping[str, str]
) -> HostCredential:
    """Write a token as a definition sends it: a pair for Basic, or a header."""
    if "basic" in given and (values["user"] or "{user}" not in given["basic"]):
        user, _, password = given["basic"].partition(":")
        return basic(host, setting, user.format(**values), password.format(**values))
    return header_pairs(host, setting, {given["header"]: given["value"].format(**values)})


def _named_host(host: str, values: Mapping[str, Any]) -> str | None:
    """Fill a setting into `{SETTING}.example.com`; None where that is not the name of one host."""
    found = _SETTING_IN_HOST.fullmatch(host)
    if found is None:
        return host
    child = (values.get(found[1]) or "").removesuffix(found[2])
    # As a host, `*` would be everybody's.
    return f"{child}{found[2]}".lower() if re.fullmatch(r"[A-Za-z0-9-]+", child) else None
