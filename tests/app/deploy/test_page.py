"""The page: its lines are run as they stand there, on a machine that is a folder.

What only root of a real machine may do is done by stand-ins (`useradd`, `runuser`, `systemctl`, …),
which note what they were asked; pip's two lines are those that the README has, and
`python -m tests.fresh_install` proves. PostgreSQL, Redis and the service are real.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
import redis
import requests

from tests.databases import BINARIES, Server
from tests.deploy_page import blocks
from tests.host import SIGNATURE_SECRET, query_of, token
from tests.mortal import mortal
from tests.ports import free_port
from tests.processes import BIN, ROOT, environment, stop
from tests.standin import standing_in

pytestmark = pytest.mark.server
STAND_INS: Final = {
    "useradd": 'echo "useradd $*" >>"$ASKED"',
    "chgrp": 'echo "chgrp $*" >>"$ASKED"',
    "systemctl": 'echo "systemctl $*" >>"$ASKED"',
    "nginx": 'echo "nginx $*" >>"$ASKED"',
    "apt-get": 'echo "apt-get $*" >>"$ASKED"',
    "runuser": 'shift 3; exec "$@"',
    "python3": 'mkdir -p "$3/bin"; ln -s "$PLACARD" "$3/bin/placard"; cp "$0-pip" "$3/bin/pip"',
    "python3-pip": 'echo "pip $*" >>"$ASKED"',
}
CCM: Final = "/api/v2/widgets/ccm_reports"
BODY: Final = {
    "data": {
        "type": "widgets",
        "attributes": {"definition": {"title": "T", "type": "change", "requests": []}},
    }
}


class Machine:
    """A folder in the place of `/`, and what the lines of the page find there."""

    def __init__(self, root: Path, server: Server) -> None:
        self.root, self.server = root, server
        self.ports = {"redis": str(free_port()), "service": str(free_port())}
        self.asked = root / "asked"
        for folder in ("stand-ins", "etc/redis", "etc/systemd/system", "etc/nginx/conf.d",
                       "usr/local/sbin", "var/lib", "var/backups"):  # fmt: skip
            (root / folder).mkdir(parents=True)
        (root / "etc/redis/redis.conf").write_text(f"port {self.ports['redis']}\nbind 127.0.0.1\n")
        for name, script in STAND_INS.items():
            self._write(root / "stand-ins" / name, script)
        # Root would set owners.
        owners = "s/ -[og] [a-z]+//g"
        self._write(
            root / "stand-ins/install", f'eval "/usr/bin/install $(echo " $*" | sed -E "{owners}")"'
        )
        sbin = root / "usr/local/sbin"
        path = [root / "stand-ins", sbin, BINARIES[-1].parent, os.environ["PATH"]]
        self.environment = environment(
            PATH=os.pathsep.join(map(str, path)), PGHOST=str(server.folder), PGUSER="placard",
            PGDATABASE="postgres", ASKED=str(self.asked), PLACARD=str(BIN / "placard"),
            CLIENT_SECRET=SIGNATURE_SECRET,
        )  # fmt: skip

    @staticmethod
    def _write(file: Path, script: str) -> None:
        file.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        file.chmod(0o755)

    def here(self, text: str) -> str:
        """Write lines for this machine: its root, its ports, its server's socket and superuser."""
        text = re.sub(r"(?<![\w.])/(?=(?:opt|etc|var|usr/local)/)", f"{self.root}/", text)
        for given, ours in (
            ("--directory=/", f"--directory={self.root}"),
            ("127.0.0.1:6379", f"127.0.0.1:{self.ports['redis']}"),
            ("@127.0.0.1/placard", f"@/placard?host={self.server.folder}"),
            ("//placard:", "//keeper:"),
            ("ROLE placard", "ROLE keeper"),
            ("=placard placard", "=keeper placard"),
            ("--role=placard", "--role=keeper"),
        ):
            text = text.replace(given, ours)
        return text

    def run(self, script: str) -> str:
        """Run lines, as a shell of root in the checkout does."""
        ended = subprocess.run(
            ["bash", "-euc", self.here(script)], cwd=ROOT, env=self.environment,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout + ended.stderr
        for file in ("etc/placard/placard.env", "usr/local/sbin/placard"):
            installed = self.root / file
            if installed.exists() and str(self.root) not in installed.read_text("utf-8"):
                installed.write_text(self.here(installed.read_text("utf-8")), "utf-8")
        return ended.stdout

    def follow(self, title: str) -> None:
        """Run all lines of a section."""
        for block in blocks(title):
            self.run(block)

    def set(self, name: str, value: str) -> None:
        """Add a setting to those of the service."""
        with (self.root / "etc/placard/placard.env").open("a", encoding="utf-8") as file:
            file.write(f"{name}={value}\n")

    def secret(self, name: str) -> str:
        return (self.root / "etc/placard/secrets" / name).read_text("utf-8").split()[0]

    @contextmanager
    def service(self) -> Iterator[str]:
        """Start what the unit starts, by the command with the service's settings."""
        port = self.ports["service"]
        command = [str(self.root / "usr/local/sbin/placard"), "serve", "--port", port]
        with subprocess.Popen(
            mortal(command, signal.SIGTERM), env=self.environment, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                _wait_for(f"http://127.0.0.1:{port}/livez", process)
                yield f"http://127.0.0.1:{port}"
            finally:
                stop(process)

    @contextmanager
    def cache(self) -> Iterator[None]:
        """Start Redis with the file that the page has written."""
        command = ["redis-server", str(self.root / "etc/redis/redis.conf"), "--save", ""]
        with subprocess.Popen(
            mortal(command, signal.SIGTERM), cwd=self.root, stdout=subprocess.DEVNULL
        ) as process:
            try:
                yield
            finally:
                stop(process)


def _wait_for(address: str, process: "subprocess.Popen[str]") -> None:
    for _ in range(400):
        assert process.poll() is None, process.stderr and process.stderr.read()
        try:
            if requests.get(address, timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.05)
    pytest.fail("the service did not come up")


@pytest.fixture
def machine(postgresql_server: Server, tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path, postgresql_server)
    try:
        for block in blocks("Install")[:-1]:
            made.run(block)
        yield made
    finally:
        postgresql_server.execute("DROP DATABASE IF EXISTS placard WITH (FORCE)")
        postgresql_server.execute("DROP ROLE IF EXISTS keeper")


def ask(base: str, secret: str) -> int:
    """Ask for what no connector serves, with a token of the host: 404 where its proof holds."""
    headers = {"Authorization": f"Bearer {token(secret)}"}
    query = query_of(resource_url="https://nowhere.example/")
    return requests.get(f"{base}/widget?{query}", headers=headers, timeout=10).status_code


def library_token(machine: Machine) -> str:
    scopes = "--scope cloud_cost_management_read --scope cloud_cost_management_write"
    return machine.run(f"placard token create --sub alice@example.com {scopes}").split()[-1]


def post(base: str, of_library: str) -> int:
    headers = {"DD-APPLICATION-KEY": of_library}
    return requests.post(f"{base}{CCM}", json=BODY, headers=headers, timeout=10).status_code


def count(base: str, of_library: str) -> int:
    headers = {"DD-APPLICATION-KEY": of_library}
    return len(requests.get(f"{base}{CCM}", headers=headers, timeout=10).json()["data"])


def test_installed_service_answers_and_its_secrets_are_its_own(machine: Machine) -> None:
    with machine.cache(), machine.service() as base:
        ready = requests.get(f"{base}/readyz", timeout=5).json()
        assert (ready["status"], ready["cache"], ready["library"]) == ("ready", "ok", "ok")
        assert ask(base, machine.secret("jwt")) == 404
    with standing_in() as upstream, machine.cache():
        for name, value in upstream.settings.items():
            machine.set(name, value)
        with machine.service() as base:
            # Through no proxy: that is another test's.
            examined = machine.run(
                blocks("Install")[-1].replace("https://placard.example.com", base)
            )
    assert examined.splitlines()[-1].startswith("sound: ")
    asked = machine.asked.read_text("utf-8")
    assert "systemctl enable --now placard" in asked
    for file in (machine.root / "etc/placard/secrets").iterdir():
        assert file.stat().st_mode & 0o777 == 0o640


def test_backup_is_restored_and_upgrade_keeps_all(machine: Machine) -> None:
    of_library = library_token(machine)
    with machine.service() as base:
        assert post(base, of_library) == 200
        machine.follow("Back up")
        assert post(base, of_library) == 200
        assert count(base, of_library) == 2
    (machine.root / "etc/placard/secrets/token").write_text("x" * 64, "utf-8")
    machine.follow("Restore")
    with machine.service() as base:
        assert count(base, of_library) == 1
    machine.follow("Upgrade")
    with machine.service() as base:
        assert count(base, of_library) == 1


def test_secrets_are_rotated_without_a_request_that_fails_too_early(machine: Machine) -> None:
    add_jwt, remove_jwt, add_token, remove_token, database, cache = blocks("Rotate each secret")
    old_jwt, old_token = machine.secret("jwt"), library_token(machine)
    machine.run(add_jwt)
    machine.run(add_token)
    new_token = library_token(machine)
    with machine.service() as base:
        new_jwt = (machine.root / "etc/placard/secrets/jwt").read_text("utf-8").split()[1]
        assert (ask(base, old_jwt), ask(base, new_jwt)) == (404, 404)
        assert (count(base, old_token), count(base, new_token)) == (0, 0)
    machine.run(remove_jwt)
    machine.run(remove_token)
    machine.run(database)
    machine.run(cache)
    with machine.cache(), machine.service() as base:
        assert (ask(base, old_jwt), ask(base, new_jwt)) == (401, 404)
        assert post(base, old_token) in (401, 403)
        assert count(base, new_token) == 0
        assert requests.get(f"{base}/readyz", timeout=5).json()["cache"] == "ok"
    address = machine.secret("cache_url")
    assert "hunter2" not in address
    with pytest.raises(redis.RedisError):
        redis.Redis.from_url(re.sub(":[^:@]+@", ":another@", address)).ping()
