"""The proxies as operators start them: the doctor finds a service behind each of them sound."""

import datetime as dt
import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
import requests

from app.devtools.doctor import Patient, examine, verdict_of
from tests.app.upstream.fetching import certificate
from tests.conftest import settings_with
from tests.deploy_page import DEPLOY
from tests.host import ISSUE, JWT_SECRET, ORIGIN, SIGNATURE_SECRET
from tests.mortal import mortal
from tests.ports import free_port
from tests.processes import Start, stop
from tests.standin import standing_in

NAME: Final = "placard.example.com"


@contextmanager
def running(command: list[str], address: str, authorities: str) -> Iterator[None]:
    """Run a proxy until the block ends; it answers when that begins."""
    with subprocess.Popen(
        mortal(command, signal.SIGTERM), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            for _ in range(200):
                assert process.poll() is None, process.stdout and process.stdout.read()
                try:
                    requests.get(address, verify=authorities, timeout=5)
                    break
                except requests.RequestException:
                    time.sleep(0.05)
            yield
        finally:
            stop(process)


def nginx_site(folder: Path, port: int, upstream: str) -> str:
    """The file of nginx for ports and folders of this test, in what surrounds it."""
    site = (DEPLOY / "nginx.conf").read_text("utf-8")
    for given, ours in (
        ("server 127.0.0.1:8080;", f"server {upstream};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("    listen [::]:443 ssl;\n", ""),
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("    listen [::]:80;\n", ""),
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
        (f"{NAME} {{", f"https://127.0.0.1:{port} {{\n\t{tls}"),
        ("reverse_proxy 127.0.0.1:8080", f"reverse_proxy {upstream}"),
    ):
        assert given in site
        site = site.replace(given, ours)
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    if found and tuple(map(int, found.groups())) < (2, 6, 3):
        site = site.replace("request_buffers 1MiB", "buffer_requests")
    return site


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def behind(
    request: pytest.FixtureRequest, start: Start, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Patient]:
    """A service of two workers behind each proxy, as from outside."""
    program: str = request.getfixturevalue(request.param)
    tmp_path = tmp_path_factory.mktemp(request.param)
    in_a_month = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)
    age = dt.timedelta(days=31)
    _, authorities = certificate(tmp_path, "127.0.0.1", now=in_a_month, age=age)
    port = free_port()
    own = {
        "PLACARD_VERIFY": "either",
        "PLACARD_JWT_SECRETS": JWT_SECRET,
        "PLACARD_SIGNATURE_SECRETS": SIGNATURE_SECRET,
        "PLACARD_TRUSTED_PROXIES": "1",
    }
    with (
        standing_in() as upstream,
        start("serve", "--workers", "2", settings=own | upstream.settings) as (process, base),
    ):
        address = base.removeprefix("http://")
        if request.param == "nginx":
            file = tmp_path / "nginx.conf"
            file.write_text(nginx_site(tmp_path, port, address))
            command = [program, "-p", str(tmp_path), "-c", str(file)]
        else:
            version = subprocess.run(
                [program, "version"], capture_output=True, text=True, check=True
            )
            file = tmp_path / "Caddyfile"
            file.write_text(caddy_site(tmp_path, port, address, version.stdout))
            command = [program, "run", "--config", str(file), "--adapter", "caddyfile"]
        public = f"https://127.0.0.1:{port}"
        with running(command, public, authorities):
            settings = settings_with(verify="either", trusted_proxies="1")
            yield Patient(replace(settings, ca_bundle=authorities), public, ORIGIN, ISSUE)
            logged = process.logged()
        clients = {json.loads(line).get("client") for line in logged.splitlines()}
        assert clients - {None} == {"127.0.0.1"}


def test_service_behind_a_proxy_is_sound(behind: Patient) -> None:
    findings = list(examine(behind))
    assert [finding for finding in findings if finding.result != "passed"] == []
    assert verdict_of(findings) == "sound"


@pytest.mark.parametrize(
    "path", ["/metrics", "/healthz", "/readyz", "/livez", "/%6detrics", "//metrics"]
)
def test_what_is_for_operators_is_kept_from_the_public(behind: Patient, path: str) -> None:
    answer = requests.get(behind.base + path, verify=behind.settings.ca_bundle, timeout=5)
    assert answer.status_code == 404
    assert "placard_" not in answer.text


def test_address_that_a_client_makes_up_is_not_logged(behind: Patient) -> None:
    made_up = {"X-Forwarded-For": "198.51.100.77"}
    answer = requests.get(
        f"{behind.base}/widget", headers=made_up, verify=behind.settings.ca_bundle, timeout=5
    )
    assert answer.status_code == 401
