"""How many examples hypothesis tries: few in each run of the suite, many in `make fuzz`.

`quick` tries the same examples each time, and `first`, for `make check`, the first of them;
`--hypothesis-profile=fuzz` tries others in each run, `PLACARD_EXAMPLES` of them. None looks at the
clock. What is here is called where a test is
defined, so that it follows the profile of the run.
"""

import os
from collections.abc import Callable
from typing import Any, Final, TypeVar

from hypothesis import HealthCheck, settings

Test = TypeVar("Test", bound=Callable[..., Any])
_TIMELESS: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def register_profiles() -> None:
    """Make the profiles known, and use the quick one unless the command line names another."""
    settings.register_profile("quick", _TIMELESS, max_examples=20, derandomize=True)
    settings.register_profile("first", _TIMELESS, max_examples=5, derandomize=True)
    many = int(os.environ.get("PLACARD_EXAMPLES", "200"))
    settings.register_profile("fuzz", _TIMELESS, max_examples=many, print_blob=True)
    settings.load_profile("quick")


def on_one_fixture(test: Test) -> Test:
    """Let all examples meet the same fixtures: nothing of one is kept that another would meet."""
    suppressed = [*settings().suppress_health_check, HealthCheck.function_scoped_fixture]
    return settings(suppress_health_check=suppressed)(test)


def share(parts: int) -> int:
    """Return a part of the profile's examples, for a property of which each one costs much."""
    return max(1, settings().max_examples // parts)
