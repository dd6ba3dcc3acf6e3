"""Kill -9 under writes: nothing that was acknowledged is lost. The bench has more rounds of it."""

import pytest

from tests.bench.kills import a_token, kill_rounds, missing_of, supervised, writing
from tests.databases import Server
from tests.loaded import Loaded

pytestmark = pytest.mark.server


@pytest.fixture
def durable_url(request: pytest.FixtureRequest, database_kind: str, database_url: str) -> str:
    """The address of a database that keeps what it acknowledges when its processes are killed."""
    if database_kind == "postgresql":
        server: Server = request.getfixturevalue("postgresql_server")
        name = database_url.partition("?")[0].rpartition("/")[2]
        server.execute(f"ALTER DATABASE {name} SET synchronous_commit = on")
    return database_url


def test_no_acknowledged_write_is_lost_whichever_process_is_killed(
    durable_url: str, loaded_placard: Loaded
) -> None:
    token = a_token(durable_url)
    with (
        supervised(durable_url, loaded_placard.launch) as service,
        writing(service.base, token) as writers,
    ):
        kill_rounds(service, writers, {"first": service.first, "worker": service.worker}, rounds=2)
    acknowledged, missing = missing_of(durable_url, writers)
    assert acknowledged > 50
    assert missing == 0
