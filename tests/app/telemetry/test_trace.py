import pytest

from app.telemetry.trace import recording, step


def test_steps_are_recorded_in_the_order_in_which_they_began() -> None:
    with recording() as trace, step("outer", given=1) as facts:
        facts["found"] = 2
        with step("inner"):
            pass
    assert [(taken.name, taken.facts) for taken in trace.steps] == [
        ("outer", {"given": 1, "found": 2}),
        ("inner", {}),
    ]
    outer, inner = trace.steps
    assert outer.began <= inner.began
    assert outer.milliseconds >= inner.milliseconds > 0


def test_a_failed_step_is_timed() -> None:
    with recording() as trace, pytest.raises(ValueError, match="no"), step("fails"):
        raise ValueError("no")
    assert trace.steps[0].milliseconds > 0


def test_nothing_is_recorded_outside_a_recording() -> None:
    with step("unseen", given=1) as facts:
        facts["found"] = 2
        facts.update(more=3)
    assert facts == {}


def test_a_recording_ends_with_its_block() -> None:
    with recording() as trace:
        pass
    with step("after"):
        pass
    assert trace.steps == []
