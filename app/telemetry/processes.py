"""The metrics of this process, and the files of processes that have ended."""

import os
import platform
import resource
import threading
import time
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from app.telemetry.metrics import Metrics

_PROCESS: Final = Path("/proc/self")
_release: Final = cache(version)


def tell_of_this_process(metrics: Metrics) -> None:
    """Publish the version and the resources of this process, by the names of Prometheus' clients.

    A worker calls this as it begins: what it stands on, another process has loaded before.
    """
    started = time.time()
    metrics.gauge(
        "placard_build_info",
        "1; the labels say which release of Placard runs, on which Python.",
        lambda: 1,
        "livemax",
        version=_release("placard"),
        python=platform.python_version(),
    )
    for name, meaning, read in (
        ("process_start_time_seconds", "When the process began, since 1970.", lambda: started),
        ("process_cpu_seconds", "Time of a processor that it has taken.", time.process_time),
        ("process_resident_memory_bytes", "Memory that it takes.", _resident_bytes),
        ("process_threads", "Threads that it has.", threading.active_count),
        ("process_open_fds", "Files and connections that it has open.", _open_files),
        ("process_max_fds", "How many it may have open.", _most_open_files),
    ):
        metrics.gauge(name, meaning, read, "liveall")


def forget_ended(folder: str) -> None:
    """Remove from a folder of metrics what processes that have ended had at the moment.

    What they have counted stays.
    """
    for file in Path(folder).glob("gauge_live*_*.db"):
        if not _lives(file.stem.rpartition("_")[2]):
            file.unlink(missing_ok=True)


def _lives(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _resident_bytes() -> float:
    with suppress(OSError):
        pages = int((_PROCESS / "statm").read_text("ascii").split()[1])
        return pages * resource.getpagesize()
    # Elsewhere than on Linux: the most that it has taken, in KiB.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _open_files() -> float:
    with suppress(OSError):
        return sum(1 for _ in (_PROCESS / "fd").iterdir())
    return 0


def _most_open_files() -> float:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
