"""The limit of a token over several worker processes, with and without Redis."""

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from limits.errors import StorageError

from app.library.core.tokens import TokenStore
from app.library.http import shared_storage
from app.library.http.rate_limit import Limiter
from app.library.http.shared_storage import FILE, SharedStorage
from app.library.wiring import SCOPES
from tests.app.library.conftest import GRANT
from tests.databases import migrated
from tests.host import TOKEN_SECRET
from tests.processes import SOUND, Start
from tests.redis_server import RunRedis
from tests.waiting import PATIENCE


def granted(limiter: Limiter, count: int, token: str = "one") -> int:
    return sum(limiter.take(token).granted for _ in range(count))


def test_two_workers_grant_together_what_one_would(start: Start, sqlite_url: str) -> None:
    store = migrated(sqlite_url)
    text = TokenStore(store, [TOKEN_SECRET], SCOPES).create(GRANT).text
    store.close()
    settings = {
        **SOUND,
        "PLACARD_TOKEN_SECRETS": TOKEN_SECRET,
        "PLACARD_DATABASE_URL": sqlite_url,
        "PLACARD_LIBRARY_REQUESTS_PER_MINUTE": "10",
    }
    with start("serve", "--workers", "2", settings=settings) as (_, base):

        def ask(_: int) -> int:
            headers = {"DD-APPLICATION-KEY": text}
            address = f"{base}/api/v2/widgets/ccm_reports"
            return requests.get(address, headers=headers, timeout=PATIENCE).status_code

        with ThreadPoolExecutor(8) as pool:
            statuses = sorted(pool.map(ask, range(60)))
    assert statuses == [200] * 10 + [429] * 50


def test_processes_count_together_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What waits for longer is counted by its process alone, as it may be on a busy machine.
    monkeypatch.setattr(shared_storage, "PATIENCE", PATIENCE)
    limiters = [Limiter(50, "memory://", str(tmp_path)) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda number: granted(limiters[number % 4], 20), range(8)))
    assert sum(counts) == 50
    assert limiters[0].take("another").remaining == 49


def test_a_window_ends_and_the_next_is_counted_anew(tmp_path: Path) -> None:
    now = [1000.0]
    storage = SharedStorage(str(tmp_path), clock=lambda: now[0])
    assert [storage.incr("one", 60) for _ in range(3)] == [1, 2, 3]
    now[0] = 1059.9
    assert (storage.incr("one", 60), storage.get_expiry("one")) == (4, 1060.0)
    now[0] = 1060.0
    assert (storage.get("one"), storage.get_expiry("one")) == (0, 1060.0)
    assert (storage.incr("one", 60), storage.get_expiry("one")) == (1, 1120.0)
    storage.clear("one")
    assert storage.get("one") == 0
    storage.incr("two", 60)
    storage.reset()
    assert (storage.get("two"), storage.check()) == (0, True)


def test_the_file_is_for_its_owner_only_and_is_never_synced(tmp_path: Path) -> None:
    storage = SharedStorage(str(tmp_path))
    storage.incr("one", 60)
    assert {oct(part.stat().st_mode)[-3:] for part in tmp_path.iterdir()} == {"600"}
    connection = storage._connections[os.getpid()]
    assert connection.execute("PRAGMA synchronous").fetchone() == (0,)


def test_a_process_that_is_killed_in_the_middle_leaves_no_lock_behind(tmp_path: Path) -> None:
    limiter = Limiter(5, "memory://", str(tmp_path))
    assert granted(limiter, 2) == 2
    program = (
        "import sqlite3, sys, time\n"
        "held = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "held.execute('BEGIN IMMEDIATE')\n"
        "held.execute('UPDATE counts SET count = 5')\n"
        "print('held', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / FILE)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        storage = SharedStorage(str(tmp_path))
        with pytest.raises(StorageError):
            storage.incr("one", 60)
        # Who counts meanwhile counts for itself.
        assert granted(limiter, 1) == 1
        holder.send_signal(signal.SIGKILL)
    assert granted(limiter, 5) == 3


def test_a_folder_that_is_gone_or_full_of_something_else_costs_no_request(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all, but long enough" * 100)
    for folder in (tmp_path, tmp_path / "gone"):
        assert granted(Limiter(2, "memory://", str(folder)), 3) == 2
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(tmp_path / FILE).execute("SELECT * FROM counts")


def test_without_redis_the_workers_of_a_machine_still_count_together(
    tmp_path: Path, run_redis: RunRedis
) -> None:
    with run_redis(tmp_path) as server:
        folder = tmp_path / "shared"
        folder.mkdir()
        first, second = (Limiter(3, server.url, str(folder)) for _ in range(2))
        assert granted(first, 1) + granted(second, 1) == 2
        server.kill()
        assert granted(first, 2) + granted(second, 2) == 3
