"""How many connections a worker may hold, and the descriptors that they need.

Each connection is a file descriptor, also one that never sends a request. The soft limit of most
systems (1024) leaves fewer of them than a careless proxy opens.
"""

import resource
from contextlib import suppress
from typing import Final

from app.errors import ConfigurationError

# For one worker: what comes after that waits in the queue of its listener.
MOST_CONNECTIONS: Final = 8192
FEWEST_CONNECTIONS: Final = 1024
# Descriptors for all else: files, the interpreter's own; and for each thread, which may hold
# connections to an upstream, to its name server, to the cache and to the database.
_RESERVED: Final = 128
_FOR_EACH_THREAD: Final = 4


def provide_connections(threads: int) -> int:
    """Raise this process's limit of descriptors; return how many connections each worker may hold.

    Raises ConfigurationError where the system allows too few.
    """
    reserved = _RESERVED + _FOR_EACH_THREAD * threads
    allowed = _raise_limit(MOST_CONNECTIONS + reserved)
    if allowed < FEWEST_CONNECTIONS + reserved:
        raise ConfigurationError(
            f"--threads: {threads} threads need {FEWEST_CONNECTIONS + reserved} file descriptors, "
            f"and the system allows {allowed}: raise `ulimit -Hn` (systemd: LimitNOFILE)"
        )
    return min(MOST_CONNECTIONS, allowed - reserved)


def _raise_limit(wanted: int) -> int:
    """Raise the soft limit as far as wanted and possible; return what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    possible = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    # Some systems allow less than their hard limit says.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
