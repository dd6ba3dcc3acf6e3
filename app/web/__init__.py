"""The host's addresses, over the parts that the factory wired.

widget.py           `GET /widget`: verify, resolve, answer
attach.py           `POST /attach`: the resource that a typed text means
typeahead.py        `GET /typeahead`: what a typed text may mean
admission.py        the proof, the time and the workspace of each of these
signed_body.py      the body of a signed POST
fast_path.py        the same before Flask's dispatch, where the request is a plain one
errors.py           every error in the host's envelope
pages.py            a page instead, for a person whose browser finds nothing
paths.py            an address has one spelling
cors.py             which pages may read the answers
access_log.py       an id, a count and a log line for each request
health.py           health, readiness, metrics
local_access.py     whether a request comes from this machine
host_operations.py  what these addresses take and answer, as data
examples.py         an example of each of them, for the description
sign_in.py          `/auth` and `/connections`: people connect their accounts
docs.py             `/openapi.json`, and `/docs` to read and try it on
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from flask import current_app

from app.lookup.lookup import Lookup
from app.settings import Settings
from app.telemetry.metrics import Metrics
from app.verification import Verifier
from app.widgets import Widgets

if TYPE_CHECKING:
    # Only where people can sign in is the database loaded.
    from app.access.wiring import PeopleParts

EXTENSION: Final = "placard"
CACHE_STATUS: Final = "Cache-Status"


# Names in a word what a part waits for; None where it works.
Check = Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Health:
    """How the parts are. Cards wait for the keys only; what is switched off has no check."""

    keys: tuple[Check, ...]
    cache: Check
    library: Check | None = None
    sign_in: Check | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """One application's parts, kept in `app.extensions`.

    `description` makes the OpenAPI document, where there is one.
    """

    settings: Settings
    verifier: Verifier
    widgets: Widgets
    lookup: Lookup
    metrics: Metrics
    health: Health
    description: Callable[[], Mapping[str, Any]] | None = None
    people: "PeopleParts | None" = None


def service() -> Service:
    """Return the parts of the application that answers this request."""
    return cast(Service, current_app.extensions[EXTENSION])
