"""A plugin of pytest that bounds a run of property tests in time: `-p tests.fuzz --seconds 120`.

When the time is over, the tests that are still running stop looking for failures, and those that
have not begun are skipped. A failure that was found by then is still reduced and reported.
"""

import time
from collections.abc import Callable, Generator
from functools import wraps
from typing import Any

import pytest
from hypothesis.errors import StopTest, UnsatisfiedAssumption


class TimeIsOver(KeyboardInterrupt):
    """Ends a test at once: of all exceptions, hypothesis takes only this kind for no result."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seconds", type=float, default=120, help="how long to look for failures")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Bound(config.getoption("--seconds")))


class Bound:
    """Ends the search for failures after some seconds, in each process."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self.clock = clock
        self.end = clock() + seconds

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        if self._is_over():
            pytest.skip(f"not reached within {self.seconds:g} s")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Function) -> Generator[None]:
        handle = getattr(item.obj, "hypothesis", None)
        if handle is None:  # it makes its property within: once begun, it comes to its end
            return (yield)
        unbounded = handle.inner_test
        handle.inner_test = self._bounded(unbounded)
        try:
            return (yield)
        except TimeIsOver as over:
            pytest.skip(str(over))
        finally:
            handle.inner_test = unbounded

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail where the time was too short for even one test."""
        reporter = session.config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None and not reporter.stats.get("passed") and not session.exitstatus:
            session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED

    def _is_over(self) -> bool:
        return self.clock() > self.end

    def _bounded(self, test: Callable[..., None]) -> Callable[..., None]:
        count, failed = 0, False

        @wraps(test)
        def bounded(*args: Any, **kwargs: Any) -> None:
            nonlocal count, failed
            if self._is_over() and not failed:
                raise TimeIsOver(f"no failure in {count} examples, {self.seconds:g} s are over")
            count += 1
            try:
                test(*args, **kwargs)
            except (StopTest, UnsatisfiedAssumption):
                raise
            except BaseException:
                failed = True
                raise

        return bounded
