"""`placard connections`: the accounts that people have connected; no token is ever printed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from app.access.connection import Connection
from app.access.connection_store import ConnectionStore, Resealed
from app.access.forgetting import forget_user, forget_workspace
from app.access.wiring import PeopleParts
from app.cache.wiring import build_backend
from app.cli.output import use_local_secrets
from app.connectors import service_settings
from app.errors import ConfigurationError
from app.lookup.kept import KeptLists
from app.telemetry.metrics import Metrics
from app.upstream.wiring import build_fetcher
from app.wiring import build_people
from templates_schemas.text import host_time


@click.group()
def connections() -> None:
    """Look after the accounts that people have connected."""


@connections.command(name="list")
@click.option("--user", help="Only this person's, by the host's id.")
def list_(*, user: str | None) -> None:
    """List connections: id, person, system, login there, state, when made and last refreshed."""
    with _people() as (people, _):
        for each in people.connections.listed(user):
            state = "ended" if each.has_ended else "connected"
            times = host_time(each.created_at), host_time(each.refreshed_at)
            columns = (each.id.hex, each.user, each.origin, each.login or "-", state, *times)
            click.echo("  ".join(columns))


@connections.command()
@click.argument("id_", metavar="ID")
def revoke(*, id_: str) -> None:
    """Revoke the connection with this ID: here in any case, and at the system where it can be."""
    with _people() as (people, _):
        found = _named(people.connections, id_)
        if found is None:
            click.echo(f"{id_}: there is no such connection", err=True)
            sys.exit(1)
        revoked = people.sign_in.remove(found)
    click.echo(f"{id_}: removed" + (", and revoked at the system" if revoked else " here only"))


@connections.command()
def rekey() -> None:
    """Encrypt all tokens with the first of PLACARD_CONNECTION_KEYS; then the others can go."""
    with _people() as (people, _):
        became = people.connections.seal_again()
    click.echo(f"{became['done']} connections are encrypted with the first key")
    left: dict[Resealed, str] = {
        "broken": "none of the keys opens them",
        "changed": "changed meanwhile, and left as they are; run it again",
    }
    for each, why in left.items():
        if became[each]:
            click.echo(f"{became[each]} connections: {why}", err=True)
    if became.keys() - {"done"}:
        sys.exit(1)


@connections.command()
@click.option("--user", help="Delete all that is kept of this person.")
@click.option("--workspace", help="Delete all that is kept of this workspace.")
def forget(*, user: str | None, workspace: str | None) -> None:
    """Delete all data of a person, or of a workspace; tokens are revoked first, where possible.

    Running services drop what they hold in their memory within 10 seconds.
    """
    if (user is None) == (workspace is None):
        raise click.UsageError("needs --user or --workspace, and not both")
    with _people() as (people, kept):
        if fault := kept.fault():
            raise ConfigurationError(f"{fault} does not answer: nothing is deleted; try again")
        connections = people.connections.listed(user)
        if workspace is not None:
            kept.forget_workspace(workspace, [each.identity for each in connections])
            count = forget_workspace(people.store, workspace)
        else:
            for each in connections:
                people.sign_in.remove(each)
            count = len(connections) + forget_user(people.store, str(user))
        fault = kept.fault()
    click.echo(f"{count} rows are deleted")
    if fault:
        click.echo(f"{fault} failed meanwhile: what was attached lately may stay there", err=True)
        sys.exit(1)


@contextmanager
def _people() -> Iterator[tuple[PeopleParts, KeptLists]]:
    use_local_secrets()
    settings = service_settings()
    backend = build_backend(settings, Metrics())
    people = build_people(settings, build_fetcher(settings), backend)
    if people is None:
        raise ConfigurationError("PLACARD_CONNECTION_KEYS: is missing, so nobody can connect")
    try:
        people.store.prepare()
        yield people, KeptLists(backend)
    finally:
        people.store.close()


def _named(store: ConnectionStore, id_: str) -> Connection | None:
    return next((each for each in store.listed() if each.id.hex == id_), None)
