"""Two who write the same row at the same time."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from app.access.tables import AttachmentRow, ConnectionRow
from app.upstream.oauth import Tokens
from app.verification import Viewer
from tests.app.access.world import ALICE, BOB, PAGE, World
from tests.waiting import PATIENCE

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def test_two_who_attach_a_page_at_once_both_succeed(everybody: World) -> None:
    known, viewers = everybody.people.known, [Viewer("1", each.id, "7") for each in (ALICE, BOB)]
    known.attach(viewers[0], PAGE)
    with everybody.people.store.writing() as session:
        (first,) = session.query(AttachmentRow).all()
        session.delete(first)
    with ThreadPoolExecutor(1) as pool:
        with everybody.people.store.writing() as session:
            session.merge(first)
            session.flush()
            second = pool.submit(known.attach, viewers[1], PAGE)
            time.sleep(0.3)  # the second is at its own insert
        second.result(PATIENCE)
    assert known.attached_by(viewers[0], PAGE) == BOB.id


def test_a_person_who_connects_twice_at_once_has_one_connection(everybody: World) -> None:
    connections, provider = everybody.people.connections, next(iter(everybody.people.providers))
    tokens = Tokens("gho_2", "ghr_2", None)
    with ThreadPoolExecutor(1) as pool:
        with everybody.people.store.writing() as session:
            session.add(
                ConnectionRow(
                    id=uuid.uuid4(),
                    user=ALICE.id,
                    origin=provider.origin,
                    system="github",
                    login="first",
                    scopes="",
                    sealed="",
                    version=7,
                    has_ended=True,
                    created_at=NOW,
                    refreshed_at=NOW,
                    lease="1",
                    leased_until=NOW,
                )
            )
            session.flush()
            second = pool.submit(connections.add, ALICE.id, provider, tokens, "second", NOW)
            time.sleep(0.3)  # the second is at its own insert
        replaced = second.result(PATIENCE)
    (kept,) = connections.listed()
    assert (kept.login, kept.version, kept.has_ended) == ("second", 1, False)
    # It knows what it took the place of, and has another name than that.
    assert replaced is not None
    assert (replaced.login, replaced.id == kept.id) == ("first", False)
    assert connections.tokens(kept)["access"] == "gho_2"
    assert connections.lease(kept, 1, NOW) is not None
