"""`placard connections`: the accounts that people have connected; no token is ever printed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from app.access.connection import Connection
from app.access.connection_store import ConnectionStore
from app.access.forgetting import forget_user, forget_workspace
from app.access.wiring import PeopleParts
from app.connectors import connector_settings
from app.errors import ConfigurationError
from app.settings import settings_from_environment
from app.settings.local import provide_local_secrets
from app.wiring import build_fetcher, build_people
from templates_schemas.text import host_time


@click.group()
def connections() -> None:
    """Look after the accounts that people have connected."""


@connections.command(name="list")
@click.option("--user", help="Only this person's, by the host's id.")
def list_(*, user: str | None) -> None:
    """List connections: id, person, system, login there, state, when made and last refreshed."""
    with _people() as people:
        for each in people.connections.listed(user):
            state = "ended" if each.has_ended else "connected"
            times = host_time(each.created_at), host_time(each.refreshed_at)
            columns = (each.id.hex, each.user, each.origin, each.login or "-", state, *times)
            click.echo("  ".join(columns))


@connections.command()
@click.argument("id_", metavar="ID")
def revoke(*, id_: str) -> None:
    """Revoke the connection with this ID: here in any case, and at the system where it can be."""
    with _people() as people:
        found = _named(people.connections, id_)
        if found is None:
            click.echo(f"{id_}: there is no such connection", err=True)
            sys.exit(1)
        people.connections.remove(found.user, found.origin)
        provider = people.providers.at(found.origin)
        revoked = provider is not None and people.sign_in.revoke(found, provider)
    click.echo(f"{id_}: removed" + (", and revoked at the system" if revoked else " here only"))


@connections.command()
def rekey() -> None:
    """Encrypt all tokens with the first of PLACARD_CONNECTION_KEYS; then the others can go."""
    with _people() as people:
        done, broken = people.connections.seal_again()
    click.echo(f"{done} connections are encrypted with the first key")
    if broken:
        click.echo(f"{broken} connections: none of the keys opens them", err=True)
        sys.exit(1)


@connections.command()
@click.option("--user", help="Delete all that is kept of this person.")
@click.option("--workspace", help="Delete all that is kept of this workspace.")
def forget(*, user: str | None, workspace: str | None) -> None:
    """Delete all data of a person, or of a workspace; tokens are revoked first, where possible."""
    if (user is None) == (workspace is None):
        raise click.UsageError("needs --user or --workspace, and not both")
    with _people() as people:
        if workspace is not None:
            count = forget_workspace(people.store, workspace)
        else:
            for each in people.connections.listed(user):
                provider = people.providers.at(each.origin)
                if provider is not None:
                    people.sign_in.revoke(each, provider)
            count = forget_user(people.store, str(user))
    click.echo(f"{count} rows are deleted")


@contextmanager
def _people() -> Iterator[PeopleParts]:
    provide_local_secrets()
    settings = settings_from_environment(connector_settings())
    people = build_people(settings, build_fetcher(settings))
    if people is None:
        raise ConfigurationError("PLACARD_CONNECTION_KEYS: is missing, so nobody can connect")
    try:
        people.store.prepare()
        yield people
    finally:
        people.store.close()


def _named(store: ConnectionStore, id_: str) -> Connection | None:
    return next((each for each in store.listed() if each.id.hex == id_), None)
