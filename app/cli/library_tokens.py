"""`placard token`: the access tokens of the widget library."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, Final

import click

from app.cli.arguments import Duration
from app.cli.output import use_local_secrets
from app.connectors import service_settings
from app.database.store import Store
from app.errors import ConfigurationError, InvalidInput, NotAuthenticated
from app.library.azure_devops.reach import read_place
from app.library.core.tokens import Grant, TokenStore, utc_now
from app.library.datadog.schemas import EXPERIENCE_TYPES
from app.library.samples import save_samples
from app.library.spaceone.samples import LOCAL_DOMAIN
from app.library.wiring import DIALECTS, SCOPES
from app.settings import Settings
from app.settings.local import write_local_setting
from templates_schemas.text import host_time

LOCAL_TOKEN: Final = "PLACARD_LOCAL_TOKEN"  # noqa: S105 - the setting's name
LOCAL_GRANT: Final = Grant(
    subject="local@localhost",
    name="Local user",
    scopes=SCOPES,
    domains=(LOCAL_DOMAIN,),
    lifetime=timedelta(days=365),
)


class PlaceParameter(click.ParamType[str]):
    """A place of Azure DevOps: `COLLECTION`, `COLLECTION/PROJECT` or `COLLECTION/PROJECT/TEAM`."""

    name = "place"

    def convert(self, value: str, param: Any, ctx: Any) -> str:
        """Return the place unchanged, if it is one."""
        try:
            read_place(value)
        except InvalidInput as error:
            self.fail(error.sentence.partition(": ")[2], param, ctx)
        return value


@click.group()
def token() -> None:
    """Make, list and revoke the tokens of the widget library."""


@token.command()
@click.option("--sub", required=True, help="The subject, such as an e-mail address.")
@click.option("--name", help="The user's display name; unset: the stored one, or the subject.")
@click.option("--scope", multiple=True, help="What it allows; may be repeated, or hold commas.")
@click.option("--domain", multiple=True, help="A domain that it opens; as --scope.")
@click.option(
    "--place",
    "places",
    type=PlaceParameter(),
    multiple=True,
    help="Confine it to COLLECTION[/PROJECT[/TEAM]] of Azure DevOps; may be repeated.",
)
@click.option(
    "--experience",
    "experiences",
    type=click.Choice(EXPERIENCE_TYPES),
    multiple=True,
    help="Confine it to an experience type of Datadog; may be repeated.",
)
@click.option("--expires", type=Duration(), default="90d", show_default=True)
def create(
    *, sub: str, name: str | None, scope: tuple[str, ...], domain: tuple[str, ...],
    expires: timedelta, **confined: tuple[str, ...],
) -> None:  # fmt: skip
    """Make a token and print it: it is kept nowhere, so this is the only time.

    What it reaches is told beside it, on the standard error.
    """
    if not _words(scope):
        raise click.UsageError(f"--scope: name at least one of {', '.join(SCOPES)}")
    grant = Grant(sub, name, _words(scope), _words(domain), expires, **confined)
    with _opened(library_settings()) as (_, tokens):
        try:
            issued = tokens.create(grant)
        except InvalidInput as error:
            raise click.UsageError(f"--{error.sentence}") from None
    click.echo(issued.text)
    click.echo(_reach(grant), err=True)


@token.command(name="list")
def list_() -> None:
    """List all tokens: id, state, expiry, subject, scopes, domains, places, experience types."""
    with _opened(library_settings()) as (_, tokens):
        for each in tokens.listed():
            state, expiry = each.state(utc_now()), host_time(each.expires_at)
            reached = (each.scopes, each.domains, each.places, each.experiences)
            grant = [each.person.handle, *map(",".join, reached)]
            click.echo("  ".join(column or "-" for column in (each.jti, state, expiry, *grant)))


@token.command()
@click.argument("jti")
def revoke(*, jti: str) -> None:
    """Revoke the token with the id JTI; it is refused from now on."""
    with _opened(library_settings()) as (_, tokens):
        if not tokens.revoke(jti):
            click.echo(f"{jti}: there is no such token, or it is revoked already", err=True)
            sys.exit(1)
    click.echo(f"{jti}: revoked")


def local_token(settings: Settings) -> str:
    """Return the token of the local mode; make one, and write it to `.env`, if none is valid.

    With a new token, the samples are saved. The database must be up to date.
    """
    with _opened(settings) as (store, tokens):
        with suppress(NotAuthenticated):
            tokens.caller(settings.local_token or "")
            return str(settings.local_token)
        text = tokens.create(LOCAL_GRANT).text
        save_samples(store, LOCAL_GRANT.subject, str(LOCAL_GRANT.name))
    write_local_setting(LOCAL_TOKEN, text)
    return text


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[Store, TokenStore]]:
    if not settings.token_secrets:
        raise ConfigurationError("PLACARD_TOKEN_SECRETS: is missing, so no token can be signed")
    with prepared_store(settings) as store:
        yield store, TokenStore(store, settings.token_secrets, SCOPES)


@contextmanager
def prepared_store(settings: Settings) -> Iterator[Store]:
    """Open the store, with its tables up to date; raises what `Store.prepare` does."""
    store = Store(settings.database_url)
    try:
        store.prepare()
        yield store
    finally:
        store.close()


def database_settings() -> Settings:
    """Load the settings of a service that keeps something in its database."""
    use_local_secrets()
    settings = service_settings()
    if not settings.needs_database:
        raise ConfigurationError(
            "PLACARD_LIBRARY: the library is off, and nobody can sign in: nothing is in a database"
        )
    return settings


def library_settings() -> Settings:
    """Load the settings of a service whose library is on."""
    use_local_secrets()
    settings = service_settings()
    if not settings.library:
        raise ConfigurationError(
            "PLACARD_LIBRARY: the library is off; set PLACARD_DATABASE_URL to keep saved widgets"
        )
    return settings


def _reach(grant: Grant) -> str:
    """Say what the scopes of a token are good for."""
    lines = ["Within its scopes it reaches"]
    for dialect in sorted(DIALECTS, key=lambda dialect: dialect.name):
        scopes = {scope for operation in dialect.operations for scope in operation.scopes}
        reached = dialect.reach(grant) if scopes & {*grant.scopes} else "nothing, by no scope"
        lines.append(f"  {dialect.name}: {reached}")
    return "\n".join(lines)


def _words(texts: tuple[str, ...]) -> tuple[str, ...]:
    """List the words of an option that may be repeated, or hold commas."""
    return tuple(word.strip() for text in texts for word in text.split(",") if word.strip())
