"""`placard connections`: what operators do with the accounts of people."""

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet
from sqlalchemy import select, update

from app.access.tables import AttachmentRow, ConnectionRow
from app.access.vault import Vault
from app.cli import main
from app.verification import Viewer
from tests.app.access.world import ALICE, BOB, KEY, PAGE, World, settings_of, world
from tests.host import SIGNATURE_SECRET

Run = Callable[..., Result]


@pytest.fixture
def made(sqlite_url: str) -> Iterator[World]:
    with world(sqlite_url) as found:
        for person in (ALICE, BOB):
            found.browser().connect(person)
        yield found


@pytest.fixture
def run(made: World, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    return command(made, monkeypatch, database_url=sqlite_url)


def command(made: World, monkeypatch: pytest.MonkeyPatch, **given: str) -> Run:
    """Run `placard connections …` with the settings of a world, in its own process."""
    base = next(iter(made.app.extensions["placard"].settings.upstreams.values()))
    settings = settings_of(base, signature_secrets=SIGNATURE_SECRET, **given)

    def run_command(*arguments: str, **changes: str) -> Result:
        for name, value in (settings | changes).items():
            own = name in ("github_client_id", "github_client_secret")
            monkeypatch.setenv(name.upper() if own else f"PLACARD_{name.upper()}", value)
        return CliRunner().invoke(main, ["connections", *arguments])

    return run_command


def sealed(made: World) -> list[str]:
    with made.people.store.reading() as session:
        return list(session.scalars(select(ConnectionRow.sealed)))


def tokens(made: World) -> set[str]:
    return {*made.provider.access, *made.provider.refresh}


def test_a_list_names_people_and_systems_and_no_token(made: World, run: Run) -> None:
    told = run("list").output
    assert [line.split("  ")[1:5] for line in told.splitlines()] == [
        [each.id, "https://api.github.com", each.login, "connected"] for each in (ALICE, BOB)
    ]
    assert not [token for token in (*tokens(made), *sealed(made)) if token in told]
    assert ALICE.id not in run("list", "--user", BOB.id).output


def test_a_revoked_connection_is_gone_here_and_there(made: World, run: Run) -> None:
    first = run("list").output.split("  ")[0]
    assert run("revoke", first).output == f"{first}: removed, and revoked at the system\n"
    assert [each.user for each in made.people.connections.listed()] == [BOB.id]
    assert ALICE not in made.provider.access.values()
    again = run("revoke", first)
    assert (again.exit_code, "no such connection" in again.output) == (1, True)


def test_what_the_system_does_not_know_is_not_called_revoked(made: World, run: Run) -> None:
    made.provider.access.clear()
    made.provider.refresh.clear()
    first = run("list").output.split("  ")[0]
    assert f"{first}: removed here only" in run("revoke", first).output.splitlines()


def test_a_connection_whose_access_token_has_run_out_is_revoked_all_the_same(
    made: World, run: Run
) -> None:
    made.provider.access.clear()
    first = run("list").output.split("  ")[0]
    assert run("revoke", first).output == f"{first}: removed, and revoked at the system\n"
    assert set(made.provider.refresh.values()) == {BOB}


def test_what_changes_during_a_rekey_is_counted_and_said(
    made: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal_again = Vault.seal_again

    def refreshed_meanwhile(vault: Vault, sealed: str) -> str:
        with made.people.store.writing() as session:
            session.execute(
                update(ConnectionRow).where(ConnectionRow.user == BOB.id).values(sealed="newer")
            )
        return seal_again(vault, sealed)

    new = Fernet.generate_key().decode()
    monkeypatch.setattr(Vault, "seal_again", refreshed_meanwhile)
    done = run("rekey", connection_keys=f"{new}, {KEY}")
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        "1 connections are encrypted with the first key",
        "1 connections: changed meanwhile, and left as they are; run it again",
    ]


def test_after_a_rekey_the_old_key_can_go(made: World, run: Run) -> None:
    new, before = Fernet.generate_key().decode(), sealed(made)
    done = run("rekey", connection_keys=f"{new}, {KEY}")
    assert (done.exit_code, done.output) == (0, "2 connections are encrypted with the first key\n")
    assert not set(before) & set(sealed(made))
    assert run("rekey", connection_keys=new).exit_code == 0
    assert run("rekey", connection_keys=KEY).exit_code == 1


def test_all_of_a_person_is_deleted_and_nothing_of_another(made: World, run: Run) -> None:
    for user in (ALICE.id, BOB.id):
        made.people.known.attach(Viewer("1", user, f"task of {user}"), PAGE)
    # Her connection, what she attached, and the session of her browser.
    assert run("forget", "--user", ALICE.id).output == "3 rows are deleted\n"
    assert rows(made) == [BOB.id, BOB.id]
    assert ALICE not in made.provider.access.values()


def test_all_of_a_workspace_is_deleted(made: World, run: Run) -> None:
    for workspace in ("1", "2"):
        made.people.known.attach(Viewer(workspace, ALICE.id, "7"), PAGE)
    assert run("forget", "--workspace", "1").output == "1 rows are deleted\n"
    assert rows(made) == [ALICE.id, ALICE.id, BOB.id]


@pytest.mark.parametrize("arguments", [(), ("--user", "1", "--workspace", "1")])
def test_it_must_be_said_whose_data_is_deleted(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("forget", *arguments).exit_code == 2


def test_without_keys_there_are_no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACARD_SIGNATURE_SECRETS", SIGNATURE_SECRET)
    done = CliRunner().invoke(main, ["connections", "list"])
    assert (done.exit_code, "PLACARD_CONNECTION_KEYS" in done.output) == (2, True)


def rows(made: World) -> list[str]:
    """List whose rows there are, attachments and connections."""
    with made.people.store.reading() as session:
        found = [
            *session.scalars(select(AttachmentRow.user)),
            *session.scalars(select(ConnectionRow.user)),
        ]
    return sorted(found)
