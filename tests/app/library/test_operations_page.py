"""The page of operations: each of its lines is run as it stands there, on both databases."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from app.cli import main
from tests.app.library.conftest import GRANT, application, library_of
from tests.app.library.test_cards import PUBLIC, TITLES, card, saved
from tests.databases import BINARIES, Server, migrated
from tests.host import TOKEN_SECRET, Host
from tests.loaded import Loaded
from tests.processes import ROOT, SOUND, environment

pytestmark = pytest.mark.server
PAGE: Final = (ROOT / "app/library/OPERATIONS.md").read_text("utf-8")
CCM: Final = "/api/v2/widgets/ccm_reports"
BODY: Final = {
    "data": {
        "type": "widgets",
        "attributes": {"definition": {"title": "T", "type": "change", "requests": []}},
    }
}


def lines_of(title: str, kind: str) -> list[str]:
    """Return the blocks of a section that are for a kind of database, or for both."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    blocks = re.findall(rf"^(?:{kind}|Both)\b[^\n]*(?:\n[^\n ][^\n]*)*\n\n((?:    .*\n)+)",
                        section, re.MULTILINE)  # fmt: skip
    assert blocks, f"{title} has no lines for {kind}"
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in blocks]


class Machine:
    """A folder and an environment in which the lines of the page are run."""

    def __init__(
        self, kind: str, url: str, folder: Path, placard: Path, settings: Mapping[str, str]
    ) -> None:
        self.kind, self.url, self.folder = kind, url, folder
        binaries = [placard.parent, *(binary.parent for binary in BINARIES[-1:])]
        path = os.pathsep.join([*map(str, binaries), os.environ["PATH"]])
        self.environment = environment(
            **SOUND, PLACARD_TOKEN_SECRETS=TOKEN_SECRET, PLACARD_DATABASE_URL=url, **settings
        ) | {"PATH": path}

    def run(self, script: str) -> str:
        """Run lines as a shell does, keep what they export, and return what they print."""
        ended = subprocess.run(
            ["bash", "-euc", f"{script}\ndeclare -p PLACARD_TOKEN_SECRETS >secrets"],
            cwd=self.folder, env=self.environment, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        exported = (self.folder / "secrets").read_text("utf-8")
        self.environment["PLACARD_TOKEN_SECRETS"] = exported.split('"')[1]
        return ended.stdout

    def follow(self, title: str) -> str:
        """Run all lines of a section."""
        return "".join(map(self.run, lines_of(title, self.kind)))

    def service(self) -> AbstractContextManager[Flask]:
        """Make the service with the secrets of now."""
        secrets = self.environment["PLACARD_TOKEN_SECRETS"]
        return application(database_url=self.url, token_secrets=secrets)


@pytest.fixture
def machine(
    request: pytest.FixtureRequest,
    database_kind: str,
    loaded_placard: Loaded,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Machine]:
    placard = loaded_placard.command
    if database_kind == "sqlite":
        monkeypatch.chdir(tmp_path)
        url = "sqlite:///placard.db"
        migrated(url).close()
        yield Machine("SQLite", url, tmp_path, placard, {})
        return
    server: Server = request.getfixturevalue("postgresql_server")
    server.execute("CREATE DATABASE placard TEMPLATE placard_template")
    try:
        settings = {"PGHOST": str(server.folder), "PGUSER": "placard"}
        yield Machine("PostgreSQL", server.url("placard"), tmp_path, placard, settings)
    finally:
        server.execute("DROP DATABASE placard WITH (FORCE)")


def a_token(app: Flask) -> str:
    return library_of(app).tokens.create(GRANT).text


def count(client: FlaskClient, token: str) -> int:
    answer = client.get(CCM, headers={"DD-APPLICATION-KEY": token})
    assert answer.status_code == 200, answer.text
    return len(answer.get_json()["data"])


def post(client: FlaskClient, token: str) -> None:
    made = client.post(CCM, json=BODY, headers={"DD-APPLICATION-KEY": token})
    assert made.status_code == 200


@pytest.mark.parametrize("title", ["Backup", "Upgrade"])
def test_a_backup_of_a_running_service_is_restored(machine: Machine, title: str) -> None:
    with machine.service() as app:
        client, token = app.test_client(), a_token(app)
        post(client, token)
        machine.follow(title)
        later = a_token(app)
        post(client, later)
        assert count(client, later) == 2
    if title == "Upgrade":
        machine.run("for file in before-upgrade.*; do mv $file backup.${file##*.}; done")
    machine.follow("Restore")
    with machine.service() as app:
        client = app.test_client()
        # The token and the first widget are of the backup, and what comes now is kept.
        assert count(client, token) == 1
        assert client.get(CCM, headers={"DD-APPLICATION-KEY": later}).status_code == 403
        post(client, token)
    with machine.service() as app:
        assert count(app.test_client(), token) == 2


def test_secrets_are_rotated_without_a_token_that_fails_too_early(machine: Machine) -> None:
    first, second = lines_of("Rotate secrets", "Both")
    with machine.service() as app:
        old = a_token(app)
    machine.run(first)
    with machine.service() as app:
        assert count(app.test_client(), old) == 0
    *_, new = machine.run(second).split()
    with machine.service() as app:
        client = app.test_client()
        assert client.get(CCM, headers={"DD-APPLICATION-KEY": old}).status_code == 403
        headers = {"Authorization": f"Bearer {new}"}
        listed = client.post(
            "/dashboard/v1/custom-widget/list", json={"domain_id": "domain-1"}, headers=headers
        )
        assert listed.status_code == 200


def test_the_line_for_postgresql_is_printed_and_works(
    postgresql_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgresql_server.database() as url:
        monkeypatch.setattr(os, "environ", environment(
            **SOUND, PLACARD_TOKEN_SECRETS=TOKEN_SECRET,
            PLACARD_DATABASE_URL=url.replace("placard@", "placard:hunter2@"),
        ))  # fmt: skip
        ended = CliRunner().invoke(main, ["library", "backup", str(tmp_path / "a file.dump")])
        assert (ended.exit_code, "hunter2" in ended.output) == (2, False)
        line = ended.stderr.partition("run: ")[2].strip()
        path = os.pathsep.join([str(BINARIES[-1].parent), os.environ["PATH"]])
        subprocess.run(["bash", "-c", line], env={"PATH": path}, check=True, timeout=60)
    assert (tmp_path / "a file.dump").read_bytes().startswith(b"PGDMP")


def test_the_credential_that_is_shown_shows_cards(machine: Machine) -> None:
    (script,) = lines_of("Show cards", "Both")
    told = machine.run(f"{script}printenv PLACARD_PUBLIC_URL PLACARD_CREDENTIALS_FILE")
    public, file = told.splitlines()
    assert public == PUBLIC
    with application(
        database_url=machine.url,
        public_url=public,
        credentials_file=str(machine.folder / file),
        verify="signature",
    ) as app:
        host, token = Host(app.test_client()), a_token(app)
        for dialect, title in TITLES.items():
            url = saved(host, dialect, token)
            assert card(host, url, "1200000000000001").get_json()["metadata"]["title"] == title
            assert card(host, url, "1200000000000002").status_code == 403
