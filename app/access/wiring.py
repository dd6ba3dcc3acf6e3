"""Makes the parts that keep something of people, from the settings."""

from collections.abc import Callable
from dataclasses import dataclass

from app.access.attachments import Attachments
from app.access.connection_store import ConnectionStore
from app.access.flow import SignInFlow
from app.access.forgetting import Forgetting
from app.access.people import KnownPeople
from app.access.providers import Providers
from app.access.refresh import Refresher
from app.access.sessions import Sessions
from app.access.sign_in import SignIn
from app.access.vault import Vault
from app.database.store import Store
from app.settings import Settings
from app.upstream.client import Fetcher
from app.upstream.oauth import OAuthClient
from app.upstream.token_requests import TokenRequests


@dataclass(frozen=True, slots=True)
class PeopleParts:
    """What is kept of people, and the pages' way to it; the store is there to be closed."""

    store: Store
    providers: Providers
    connections: ConnectionStore
    known: KnownPeople
    sign_in: SignIn

    def forget_with_others(self, *drops: Callable[[], None]) -> None:
        """Have this process forget what others delete; `drops` drop all that it holds."""
        Forgetting(self.store, *drops).keep_looking()


def build_people(
    settings: Settings,
    providers: Providers,
    fetcher: Fetcher,
    on_removed: Callable[[str], None],
) -> PeopleParts:
    """Make the parts; the database may be down, and is then prepared when it is back.

    `on_removed` is told the identity of each connection that is gone.
    """
    store = Store(settings.database_url)
    store.prepare_now_or_later()
    vault, requests = Vault(settings.connection_keys), TokenRequests(fetcher)
    connections = ConnectionStore(store, vault, on_removed)
    refresher = Refresher(connections, requests, fetcher.deadline, callback_of(settings))
    flow = SignInFlow(store, vault, requests)
    sign_in = SignIn(
        host_of(settings), providers, Sessions(vault, store), flow, connections, requests
    )
    known = KnownPeople(connections, Attachments(store), refresher)
    return PeopleParts(store, providers, connections, known, sign_in)


def callback_of(settings: Settings) -> Callable[[str], str]:
    """Return what gives the address that the sign-in of a system comes back to."""
    base = settings.public_url or ""
    return lambda system: f"{base}/auth/{system}/callback"


def host_of(settings: Settings) -> OAuthClient:
    """Make the client that this app is at the host."""
    return OAuthClient(
        settings.host_authorize_url,
        settings.host_token_url,
        settings.host_client_id or "",
        settings.host_client_secret or "",
    )
