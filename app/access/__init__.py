"""Who may see: whose credential fetches a card, and what is kept of people for it.

modes.py             the access mode of each connector, and the pages that may be shared
access.py            what to ask for an address, and with whose credential
budget.py            how much one person may have fetched or found in a minute
providers.py         the systems that people can sign in to
connection.py        a person's account at a system
vault.py             encryption of what is kept, or handed out
tables.py            the tables of what is kept, in the service's database
connection_store.py  connections; attachments.py: who attached a page
refresh.py           access tokens, refreshed by one process at a time
refusals.py          whether a system refuses an account, or only for a page
people.py            what access.py asks of these
sessions.py          the session of a browser in which a person signs in
flow.py              a sign-in under way; sign_in.py: what the pages for it call
wiring.py            makes what keeps something of people
forgetting.py        deletes what is kept of a person or a workspace, in all processes

Only what is named in `__all__` is loaded with this room: the rest needs the database.
"""

from app.access.access import Access, credential_of
from app.access.budget import ColdFetchBudget
from app.access.connection import Connection
from app.access.modes import AccessModes
from app.access.providers import Provider, Providers, providers_of, why_nobody
from app.settings import AccessMode

__all__ = [
    "Access",
    "AccessMode",
    "AccessModes",
    "ColdFetchBudget",
    "Connection",
    "Provider",
    "Providers",
    "credential_of",
    "providers_of",
    "why_nobody",
]
