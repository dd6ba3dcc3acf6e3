"""A bounded run of the property tests ends in time, and hides no failure."""

from collections.abc import Callable
from itertools import count

import pytest

from tests.fuzz import Bound

pytest_plugins = ["pytester"]

PROPERTIES = """
import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st

bounded = settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
seen = []

@pytest.mark.hypothesis
def test_within():
    bounded(given(st.integers())(lambda number: None))()

@bounded
@given(st.integers())
def test_first(number):
    assume(number != 1)
    seen.append(number)
    assert {condition}

@bounded
@given(st.data())
def test_second(data):
    for _ in range(4):  # values that are drawn within a test are what hypothesis compares
        data.draw(st.integers(0, 2))
"""
QUIET = ("-p", "no:randomly", "-p", "no:schemathesis")
Fuzz = Callable[..., pytest.RunResult]


@pytest.fixture
def fuzz(pytester: pytest.Pytester) -> Fuzz:
    """Run three property tests; each look at the clock takes a second."""

    def run(condition: str, seconds: float) -> pytest.RunResult:
        pytester.makepyfile(PROPERTIES.format(condition=condition))
        bound = Bound(seconds, clock=count().__next__)
        return pytester.runpytest_inprocess("-rs", *QUIET, plugins=[bound])

    return run


def test_with_time_enough_all_examples_are_tried(fuzz: Fuzz) -> None:
    ended = fuzz("True", seconds=10_000)
    ended.assert_outcomes(passed=3)
    assert ended.ret == 0


def test_a_search_that_has_found_nothing_ends_with_the_time(fuzz: Fuzz) -> None:
    ended = fuzz("True", seconds=21)
    ended.assert_outcomes(passed=1, skipped=2)
    ended.stdout.fnmatch_lines(["*no failure in 19 examples*", "*not reached within 21 s*"])


def test_a_test_that_has_begun_late_is_cut_too(fuzz: Fuzz) -> None:
    ended = fuzz("True", seconds=151)
    ended.assert_outcomes(passed=2, skipped=1)
    assert ended.ret == 0


def test_a_failure_is_reduced_and_told_after_the_time(fuzz: Fuzz) -> None:
    ended = fuzz("len(seen) < 10", seconds=12)  # it fails in the last second
    ended.assert_outcomes(passed=1, failed=1, skipped=1)
    ended.stdout.fnmatch_lines(["*Failing test case: test_first(*", "*number=-1,*"])
    assert ended.ret == 1


def test_a_run_in_which_no_test_came_to_its_end_fails(fuzz: Fuzz) -> None:
    assert fuzz("True", seconds=0).ret == pytest.ExitCode.NO_TESTS_COLLECTED
