"""Saved widgets by the hundred thousand: what is kept of each, and how it comes into a database."""

import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final
from uuid import UUID

from sqlalchemy import text

from app.database.store import Store
from app.library.core.callers import Caller, Person
from app.library.core.models import CustomWidgetRow, SavedWidgetRow, UserRow
from app.library.wiring import SCOPES

EXPERIENCE: Final = "ccm_reports"
DOMAIN: Final = "domain-1"
PEOPLE: Final = 50
TEAMS: Final = 1000
NAMES: Final = ("costReport", "budgetTable", "pie", "trend", "heatmap")
_WORDS: Final = ("Cost", "Usage", "Budget", "Trend", "Forecast", "Storage", "Network", "Über")
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_AT_ONCE: Final = 5000


def person(number: int) -> Person:
    """Return one of the people who made the widgets."""
    handle = f"user-{number % PEOPLE}@example.com"
    return Person(uuid.uuid5(uuid.NAMESPACE_DNS, handle), handle, f"User {number % PEOPLE}")


def caller(number: int = 0) -> Caller:
    """Return one of them with all scopes, for the one domain."""
    return Caller(person(number), frozenset(SCOPES), frozenset((DOMAIN,)), "bench")


def title(number: int) -> str:
    """Return the title of a widget: its number is in no other's."""
    # The same each time, and in another order than the rows, as they would be.
    words = random.Random(number).sample(_WORDS, 3)
    return f"{' '.join(words)} #{number:06d}"


def team(number: int) -> str:
    """Return the team of a widget, which has a thousandth of them."""
    return f"team-{number % TEAMS:04d}"


def saved_id(number: int) -> UUID:
    """Return the id of a widget of the Datadog dialect."""
    return uuid.uuid5(uuid.NAMESPACE_OID, str(number))


def custom_id(number: int) -> str:
    """Return the id of a widget of the SpaceONE dialect."""
    return f"custom-widget-{saved_id(number).hex[:12]}"


def definition(number: int) -> dict[str, object]:
    """Return a definition of half a kilobyte, as a chart has it."""
    queries = [
        {"data_source": "cloud_cost", "name": f"query{n}", "query": f"sum:aws.cost{{n:{number}}}"}
        for n in range(4)
    ]
    formulas = [{"formula": "query1", "alias": title(number)}]
    requests = [{"response_format": "timeseries", "queries": queries, "formulas": formulas}]
    return {"type": "timeseries", "title": title(number), "requests": requests}


def document(number: int) -> dict[str, object]:
    """Return the documents of a custom widget."""
    group = ("provider", "region", "product", "account")[number % 4]
    return {
        "options": {"group_by": group, "limit": number % 20, "filters": {"project": team(number)}},
        "settings": {"date_range": {"enabled": True}},
        "inherit_options": {"filters.project": {"enabled": True}},
        "labels": ["Cost", team(number)],
        "tags": {"team": team(number), "env": "prod"},
    }


def load(stores: Sequence[Store], count: int) -> None:
    """Fill the tables of both dialects, by the models, so that what they derive is there."""
    people = [person(number) for number in range(PEOPLE)]
    users = (UserRow(id=p.id, handle=p.handle, name=p.name, created_at=_START) for p in people)
    for rows in (users, _saved(count), _custom(count)):
        # Made once for all databases: that takes longer than to write them.
        while some := list(islice(rows, _AT_ONCE)):
            for store in stores:
                with store.writing() as session:
                    session.bulk_save_objects(some)
    for store in stores:
        if store.dialect == "postgresql":
            _vacuum(store)


def _vacuum(store: Store) -> None:
    """Do at once what the server does by itself, a minute after so much is written."""
    with store.writing() as session:
        engine = session.get_bind().engine
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _saved(count: int) -> Iterator[SavedWidgetRow]:
    for number in range(count):
        yield SavedWidgetRow(
            id=saved_id(number),
            experience_type=EXPERIENCE,
            title=title(number),
            widget_type="timeseries",
            definition=definition(number),
            tags=[f"team:{team(number)}", "env:prod"],
            created_at=_START + timedelta(seconds=number),
            created_by_id=person(number).id,
            modified_at=_START + timedelta(seconds=number),
            modified_by_id=person(number).id,
        )


def _custom(count: int) -> Iterator[CustomWidgetRow]:
    for number in range(count):
        yield CustomWidgetRow(
            id=custom_id(number),
            domain_id=DOMAIN,
            widget_name=NAMES[number % len(NAMES)],
            title=title(number),
            version="v1",
            document=document(number),
            user_id=person(number).handle,
            created_at=_START + timedelta(seconds=number),
            updated_at=_START + timedelta(seconds=number),
        )
