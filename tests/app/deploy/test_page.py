"""The page: its lines are run as they stand there, on a machine that is a folder.

What only root of a real machine may do is done by stand-ins (`useradd`, `systemctl`, …), which note
what they were asked; pip's two lines of the installation are those that the README has, and
`python -m tests.fresh_install` proves. PostgreSQL, Redis and the service are real. Where root runs
the tests, what the page lets `postgres` do another user does, who may not write `/var/backups`.
"""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copy, copytree, rmtree
from tempfile import mkdtemp
from typing import Final

import pytest
import redis
import requests

from tests.databases import BINARIES, Server, owner_of_servers
from tests.deploy_page import PAGE, blocks
from tests.host import SIGNATURE_SECRET, query_of, token
from tests.loaded import Loaded
from tests.mortal import mortal
from tests.ports import free_port
from tests.processes import ROOT, environment, stop
from tests.standin import standing_in
from tests.waiting import PATIENCE, wait_for_answer

pytestmark = pytest.mark.server
STAND_INS: Final = {
    "useradd": 'echo "useradd $*" >>"$ASKED"',
    "chgrp": 'echo "chgrp $*" >>"$ASKED"',
    "systemctl": 'echo "systemctl $*" >>"$ASKED"',
    "certbot": 'echo "certbot $*" >>"$ASKED"',
    "nginx": 'echo "nginx $*" >>"$ASKED"',
    "journalctl": '[ "$*" = "--unit placard --output cat" ] && cat "$JOURNAL"',
    "apt-get": 'echo "apt-get $*" >>"$ASKED"',
    "runuser": "[ $2 = postgres ] && [ $POSTGRES ] && exec /usr/sbin/runuser --user $POSTGRES -- "
    '"${@:4}"; shift 3; exec "$@"',
    "python3": 'mkdir -p "$3/bin"; ln -s "$PLACARD" "$3/bin/placard"; cp "$0-pip" "$3/bin/pip"',
    "python3-pip": 'echo "pip $*" >>"$ASKED"',
}
# What stands only in the lines for the other database.
OTHER: Final = {"postgresql": "placard.db", "sqlite": "runuser"}
DEFINITION: Final = ROOT / "tests/app/connectors/definitions/status_page.toml"
CCM: Final = "/api/v2/widgets/ccm_reports"
BODY: Final = {
    "data": {
        "type": "widgets",
        "attributes": {"definition": {"title": "T", "type": "change", "requests": []}},
    }
}


class Machine:
    """A folder in the place of `/`, and what the lines of the page find there."""

    def __init__(self, root: Path, server: Server, placard: Path) -> None:
        self.root, self.server = root, server
        self.ports = {"redis": str(free_port()), "service": str(free_port())}
        self.asked, self.journal = root / "asked", root / "journal"
        for folder in ("stand-ins", "etc/redis", "etc/systemd/system", "etc/nginx/conf.d",
                       "usr/local/sbin", "var/lib"):  # fmt: skip
            (root / folder).mkdir(parents=True)
        (root / "etc/redis/redis.conf").write_text(f"port {self.ports['redis']}\nbind 127.0.0.1\n")
        # As on a machine: all may enter it, and only root may write. Nobody else enters `root`.
        self.backups = Path(mkdtemp(prefix="backups-", dir=server.folder))
        self.backups.chmod(0o755)
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
            PGDATABASE="postgres", ASKED=str(self.asked), PLACARD=str(placard),
            JOURNAL=str(self.journal), SECRETS=str(root / "etc/placard/secrets"),
            POSTGRES=owner_of_servers() or "",
        )  # fmt: skip

    @staticmethod
    def _write(file: Path, script: str) -> None:
        file.write_text(f"#!/bin/bash\n{script}\n", "utf-8")
        file.chmod(0o755)

    def here(self, text: str) -> str:
        """Write lines for this machine: its root, its ports, its server's socket and superuser."""
        text = text.replace("/var/backups", str(self.backups))
        text = re.sub(r"(?<![\w.])/(?=(?:opt|etc|var|usr/local)/)", f"{self.root}/", text)
        for given, ours in (
            ("--directory=/", f"--directory={self.root}"),
            ("127.0.0.1:6379", f"127.0.0.1:{self.ports['redis']}"),
            ("@127.0.0.1/placard", f"@/placard?host={self.server.folder}"),
            ("//placard:", "//keeper:"),
            ("ROLE placard", "ROLE keeper"),
            ("=placard placard", "=keeper placard"),
            ("--role=placard", "--role=keeper"),
            (".venv/bin/placard", self.environment["PLACARD"]),
        ):
            text = text.replace(given, ours)
        return text

    def run(self, script: str, cwd: Path = ROOT) -> str:
        """Run lines as a shell of root in the checkout does; it asks for the client secret only."""
        ended = subprocess.run(
            ["bash", "-euc", self.here(script)], cwd=cwd, env=self.environment,
            input=f"{SIGNATURE_SECRET}\n", capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout + ended.stderr
        for file in ("etc/placard/placard.env", "usr/local/sbin/placard"):
            installed = self.root / file
            if installed.exists() and str(self.root) not in installed.read_text("utf-8"):
                installed.write_text(self.here(installed.read_text("utf-8")), "utf-8")
        return ended.stdout

    def follow(self, title: str, database: str) -> None:
        """Run the lines of a section, but those for the other database."""
        for block in blocks(title):
            if OTHER[database] not in block:
                self.run(block)

    def keep_in_sqlite(self) -> None:
        """Name the database as the page says for SQLite."""
        (line,) = re.findall(r"`(PLACARD_DATABASE_URL=sqlite:\S+)`", PAGE)
        file = self.root / "etc/placard/placard.env"
        given = r"^PLACARD_DATABASE_URL_FILE=.*$"
        text, count = re.subn(given, self.here(line), file.read_text("utf-8"), flags=re.MULTILINE)
        assert count == 1
        file.write_text(text, "utf-8")

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
        with (
            self.journal.open("a", encoding="utf-8") as log,
            subprocess.Popen(
                mortal(command, signal.SIGTERM), env=self.environment, stderr=log, text=True
            ) as process,
        ):
            try:
                wait_for_answer(f"http://127.0.0.1:{port}/livez", process, self.journal.read_text)
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


@pytest.fixture(scope="module")
def installed(
    postgresql_server: Server, loaded_placard: Loaded, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Machine, Path]]:
    """A machine, and a copy of its folder, after the installation; its database is a template."""
    folder = tmp_path_factory.mktemp("machine")
    made = Machine(folder / "root", postgresql_server, loaded_placard.command)
    try:
        for block in blocks("Install"):
            made.run(block)
        copytree(made.root, folder / "copy", symlinks=True)
        postgresql_server.execute("ALTER DATABASE placard RENAME TO installed")
        yield made, folder / "copy"
    finally:
        for name in ("placard", "installed"):
            postgresql_server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        postgresql_server.execute("DROP ROLE IF EXISTS keeper")


@pytest.fixture
def machine(installed: tuple[Machine, Path]) -> Iterator[Machine]:
    """The machine as it is after the installation, whatever another test has done to it."""
    made, kept = installed
    rmtree(made.root)
    copytree(kept, made.root, symlinks=True)
    for file in made.backups.iterdir():
        file.unlink()
    made.server.execute("CREATE DATABASE placard OWNER keeper TEMPLATE installed")
    try:
        yield made
    finally:
        made.server.execute("DROP DATABASE IF EXISTS placard WITH (FORCE)")


def asked(base: str, secret: str) -> requests.Response:
    """Ask for what no connector serves, with a token of the host: 404 where its proof holds."""
    headers = {"Authorization": f"Bearer {token(secret)}"}
    query = query_of(resource_url="https://nowhere.example/")
    return requests.get(f"{base}/widget?{query}", headers=headers, timeout=PATIENCE)


def ask(base: str, secret: str) -> int:
    return asked(base, secret).status_code


def library_token(machine: Machine) -> str:
    scopes = "--scope cloud_cost_management_read --scope cloud_cost_management_write"
    return machine.run(f"placard token create --sub alice@example.com {scopes}").split()[-1]


def post(base: str, of_library: str) -> int:
    headers = {"DD-APPLICATION-KEY": of_library}
    return requests.post(f"{base}{CCM}", json=BODY, headers=headers, timeout=PATIENCE).status_code


def count(base: str, of_library: str) -> int:
    headers = {"DD-APPLICATION-KEY": of_library}
    return len(requests.get(f"{base}{CCM}", headers=headers, timeout=PATIENCE).json()["data"])


@pytest.mark.usefixtures("jq")
def test_installed_service_answers_and_its_secrets_are_its_own(machine: Machine) -> None:
    of_a_request, by_outcome = blocks("Read the logs")[0].splitlines()
    machine.journal.write_text("Started placard.service - Placard.\n", "utf-8")
    with machine.cache(), machine.service() as base:
        ready = requests.get(f"{base}/readyz", timeout=PATIENCE).json()
        assert (ready["status"], ready["cache"], ready["library"]) == ("ready", "ok", "ok")
        answer = asked(base, machine.secret("jwt"))
        assert [answer.status_code, ask(base, machine.secret("jwt"))] == [404, 404]
        assert ask(base, "another secret of thirty-two bytes") == 401
    request_id = answer.headers["X-Request-Id"]
    (line,) = machine.run(f"REQUEST_ID={request_id}; {of_a_request}").splitlines()
    assert json.loads(line)["outcome"] == "no_connector"
    counts = [each.split() for each in machine.run(by_outcome).splitlines()]
    assert counts == [["1", "bad_signature"], ["2", "no_connector"]]
    noted = machine.asked.read_text("utf-8")
    assert "systemctl enable --now placard" in noted
    assert machine.secret("signature") == SIGNATURE_SECRET
    for file in (machine.root / "etc/placard/secrets").iterdir():
        assert file.stat().st_mode & 0o777 == 0o640


def test_service_with_connectors_of_one_s_own_is_examined_from_here_and_elsewhere(
    machine: Machine, tmp_path: Path
) -> None:
    definition, package = blocks("Connectors of your own")
    copy(DEFINITION, tmp_path / "harbour.toml")
    assert "status-page" in machine.run(definition, cwd=tmp_path)
    machine.run(package)
    assert "pip install --no-deps placard_acme_desk" in machine.asked.read_text("utf-8")
    with standing_in() as upstream, machine.cache():
        for name, value in upstream.settings.items():
            machine.set(name, value)
        with machine.service() as base:
            for block in blocks("Examine"):
                # Through no proxy: that is another test's.
                addresses = r"https://placard.example.com|http://127.0.0.1:8080"
                examined = examined_in_time(machine, re.sub(addresses, base, block))
                assert examined.splitlines()[-1].startswith("sound: ")


def examined_in_time(machine: Machine, lines: str) -> str:
    """Examine again where Redis was late for the service, as it may be on a busy machine."""
    for _ in range(5):
        try:
            return machine.run(lines)
        except AssertionError as failed:
            if "200 cache: redis" not in str(failed):
                raise
    return machine.run(lines)


def test_people_can_sign_in(machine: Machine) -> None:
    for block in blocks("Let people sign in"):
        told = machine.run(block)
    assert told.endswith("the service can start\n")
    lines = machine.run("placard settings").splitlines()
    assert any(re.match(r"PLACARD_CONNECTION_KEYS=\S+  \(file ", line) for line in lines)


def test_backup_is_restored_and_upgrade_keeps_all(machine: Machine) -> None:
    of_library = library_token(machine)
    with machine.service() as base:
        assert post(base, of_library) == 200
        machine.follow("Back up", "postgresql")
        assert post(base, of_library) == 200
        assert count(base, of_library) == 2
    for file in machine.backups.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
    (machine.root / "etc/placard/secrets/token").write_text("x" * 64, "utf-8")
    machine.follow("Restore", "postgresql")
    machine.follow("Upgrade", "postgresql")  # and back
    machine.run("placard library migrate")
    with machine.service() as base:
        assert count(base, of_library) == 1


def test_backup_of_sqlite_is_restored(machine: Machine) -> None:
    machine.keep_in_sqlite()
    library_token(machine)
    kept = machine.run("placard token list")
    machine.follow("Back up", "sqlite")
    library_token(machine)
    assert machine.run("placard token list") != kept
    machine.follow("Restore", "sqlite")
    assert machine.run("placard token list") == kept
    for file in (machine.backups / "placard.db", machine.root / "var/lib/placard/placard.db"):
        assert file.stat().st_mode & 0o777 == 0o600


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
        assert requests.get(f"{base}/readyz", timeout=PATIENCE).json()["cache"] == "ok"
    address = machine.secret("cache_url")
    assert "hunter2" not in address
    with pytest.raises(redis.RedisError):
        redis.Redis.from_url(re.sub(":[^:@]+@", ":another@", address)).ping()
