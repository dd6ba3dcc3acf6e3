"""The proxies as operators start them: the doctor finds a service behind each of them sound."""

import datetime as dt
import json
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import pytest
import requests

from app.devtools.doctor import Patient, examine, verdict_of
from templates_schemas import ENVELOPES
from templates_schemas.rules import faults_of
from tests.app.upstream.fetching import certificate
from tests.conftest import settings_with
from tests.deploy_page import DEPLOY
from tests.host import ISSUE, JWT_SECRET, ORIGIN, SIGNATURE_SECRET
from tests.mortal import mortal
from tests.ports import free_port
from tests.processes import Service, Start, stop
from tests.standin import standing_in
from tests.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.server
NAME: Final = "placard.example.com"
HERE: Final = "localhost"
# Of a folder for it, its own port and the service's address, the command of a proxy.
Configure = Callable[[Path, int, str], list[str]]


@contextmanager
def running(command: list[str], address: str, authorities: str) -> Iterator[None]:
    """Run a proxy until the block ends; it answers when that begins."""
    with subprocess.Popen(
        mortal(command, signal.SIGTERM), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            wait_until(lambda: is_there(process, address, authorities))
            yield
        finally:
            stop(process)


def is_there(process: "subprocess.Popen[str]", address: str, authorities: str) -> bool:
    """Tell whether a proxy answers, whatever it says."""
    assert process.poll() is None, process.stdout and process.stdout.read()
    try:
        return requests.get(address, verify=authorities, timeout=PATIENCE) is not None
    except requests.RequestException:
        return False


def nginx_site(folder: Path, port: int, upstream: str) -> str:
    """The file of nginx for ports and folders of this test, in what surrounds it."""
    site = (DEPLOY / "nginx.conf").read_text("utf-8")
    for given, ours in (
        ("server 127.0.0.1:8080;", f"server {upstream};"),
        ("    listen [::]:443 ssl;\n", ""),
        ("    listen [::]:443 ssl default_server;\n", ""),
        ("    listen [::]:80;\n", ""),
        ("    listen [::]:80 default_server;\n", ""),
        ("listen 443 ", f"listen 127.0.0.1:{port} "),
        ("listen 80", f"listen 127.0.0.1:{free_port()}"),
        (f"server_name {NAME};", f"server_name {HERE};"),
        (f"/etc/letsencrypt/live/{NAME}/fullchain.pem", str(folder / "ca.pem")),
        (f"/etc/letsencrypt/live/{NAME}/privkey.pem", str(folder / "key.pem")),
    ):
        assert given in site
        site = site.replace(given, ours)
    return f"""
        daemon off; master_process off; pid {folder}/pid; error_log stderr;
        events {{}}
        http {{
            access_log off;
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
            {site}
        }}"""


def caddy_site(folder: Path, port: int, upstream: str, version: str) -> str:
    """The file of Caddy for ports and a certificate of this test."""
    site = (DEPLOY / "Caddyfile").read_text("utf-8")
    tls = f"tls {folder}/ca.pem {folder}/key.pem"
    for given, ours in (
        ("\tservers {", "\tadmin off\n\tauto_https off\n\tservers {"),
        (f"{NAME} {{", f"https://{HERE}:{port} {{\n\t{tls}"),
        ("reverse_proxy 127.0.0.1:8080", f"reverse_proxy {upstream}"),
    ):
        assert given in site
        site = site.replace(given, ours)
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    if found and tuple(map(int, found.groups())) < (2, 6, 3):
        site = site.replace("request_buffers 1MiB", "buffer_requests")
    return site


@dataclass(frozen=True)
class Behind:
    """A service of two workers behind a proxy, and what the doctor finds there from outside."""

    process: Service
    patient: Patient

    def get(self, path: str, **headers: str) -> requests.Response:
        """Ask the proxy."""
        address, authorities = self.patient.base + path, self.patient.settings.ca_bundle
        return requests.get(address, headers=headers, verify=authorities, timeout=PATIENCE)

    def clients(self) -> set[str]:
        """The addresses that the service has logged."""
        told = map(json.loads, self.process.logged().splitlines())
        return {line["client"] for line in told if line.get("client")}


@contextmanager
def behind_a_proxy(start: Start, folder: Path, configured: Configure) -> Iterator[Behind]:
    """Run a service and a proxy before it; `configured` makes the proxy's command."""
    in_a_month = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)
    age = dt.timedelta(days=31)
    _, authorities = certificate(folder, HERE, now=in_a_month, age=age)
    port = free_port()
    public = f"https://{HERE}:{port}"
    own = {
        "PLACARD_VERIFY": "either",
        "PLACARD_JWT_SECRETS": JWT_SECRET,
        "PLACARD_SIGNATURE_SECRETS": SIGNATURE_SECRET,
        "PLACARD_TRUSTED_PROXIES": "1",
    }
    with (
        standing_in() as upstream,
        start("serve", "--workers", "2", settings=own | upstream.settings) as (process, base),
        running(configured(folder, port, base.removeprefix("http://")), public, authorities),
    ):
        settings = settings_with(verify="either", trusted_proxies="1")
        settings = replace(settings, ca_bundle=authorities)
        yield Behind(process, Patient(settings, public, ORIGIN, ISSUE, direct=base))


def nginx_command(nginx: str, folder: Path, port: int, upstream: str) -> list[str]:
    file = folder / "nginx.conf"
    file.write_text(nginx_site(folder, port, upstream))
    return [nginx, "-p", str(folder), "-c", str(file)]


def caddy_command(caddy: str, folder: Path, port: int, upstream: str) -> list[str]:
    version = subprocess.run([caddy, "version"], capture_output=True, text=True, check=True)
    file = folder / "Caddyfile"
    file.write_text(caddy_site(folder, port, upstream, version.stdout))
    return [caddy, "run", "--config", str(file), "--adapter", "caddyfile"]


COMMANDS: Final = {"nginx": nginx_command, "caddy": caddy_command}


# A fixture for each, and none with parameters: in any order of the tests, each starts once.
@pytest.fixture(scope="module")
def behind_nginx(
    nginx: str, start: Start, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Behind]:
    configured = partial(nginx_command, nginx)
    with behind_a_proxy(start, tmp_path_factory.mktemp("nginx"), configured) as made:
        yield made


@pytest.fixture(scope="module")
def behind_caddy(
    caddy: str, start: Start, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Behind]:
    configured = partial(caddy_command, caddy)
    with behind_a_proxy(start, tmp_path_factory.mktemp("caddy"), configured) as made:
        yield made


@pytest.fixture(params=["nginx", "caddy"])
def behind(request: pytest.FixtureRequest) -> Behind:
    """A service behind each proxy."""
    made: Behind = request.getfixturevalue(f"behind_{request.param}")
    return made


def test_service_behind_a_proxy_is_sound(behind: Behind) -> None:
    findings = list(examine(behind.patient))
    assert [finding for finding in findings if finding.result != "passed"] == []
    assert verdict_of(findings) == "sound"


@pytest.mark.parametrize(
    "path", ["/metrics", "/healthz", "/readyz", "/livez", "/%6detrics", "//metrics"]
)
def test_what_is_for_operators_is_kept_from_the_public(behind: Behind, path: str) -> None:
    answer = behind.get(path)
    assert answer.status_code == 404
    assert "placard_" not in answer.text


def test_address_that_a_client_makes_up_is_not_logged(behind: Behind) -> None:
    answer = behind.get("/widget", **{"X-Forwarded-For": "198.51.100.77"})
    assert answer.status_code == 401
    wait_until(lambda: answer.headers["X-Request-Id"] in behind.process.logged())
    assert behind.clients() == {"127.0.0.1"}


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
def test_host_can_read_what_a_proxy_says_of_a_service_that_is_down(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    _, authorities = certificate(tmp_path, HERE)
    port = free_port()
    nowhere = f"127.0.0.1:{free_port()}"
    command = COMMANDS[kind](request.getfixturevalue(kind), tmp_path, port, nowhere)
    public = f"https://{HERE}:{port}/widget?resource_url=x"
    with running(command, public, authorities):
        answer, stranger = (
            requests.get(public, headers={"Origin": origin}, verify=authorities, timeout=PATIENCE)
            for origin in (ORIGIN, "https://stranger.example")
        )
    assert (answer.status_code, stranger.status_code) == (502, 502)
    assert not faults_of(ENVELOPES["nested"](), answer.json())
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Origin" not in stranger.headers
