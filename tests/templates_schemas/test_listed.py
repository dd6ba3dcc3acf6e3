"""Names joined within a limit: whole ones, and the rest counted."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from templates_schemas import TextWithIcon
from templates_schemas.text import listed, utf16_length


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], ""),
        (["bug"], "bug"),
        (["bug", "docs"], "bug, docs"),
        (["bug", " \u200b", "docs"], "bug, docs"),
        (["x" * 40], "x" * 40),
        (["x" * 41], "x" * 39 + "…"),
        (["x" * 41, "y"], "x" * 36 + "… +1"),
        (["x" * 20, "y" * 18], "x" * 20 + ", " + "y" * 18),
        (["x" * 20, "y" * 19], "x" * 20 + " +1"),
        (["a"] * 100, ", ".join(["a"] * 12) + " +88"),
        (["👩‍👩‍👧‍👦" * 4, "b"], "👩‍👩‍👧‍👦" * 3 + "… +1"),
    ],
)
def test_names_are_listed(names: list[str], expected: str) -> None:
    assert listed(names, 40) == expected


@given(st.lists(st.text(max_size=60), max_size=30), st.integers(10, 60))
def test_a_list_never_exceeds_its_limit(names: list[str], limit: int) -> None:
    assert utf16_length(listed(names, limit)) <= limit


def test_names_past_the_limit_are_counted_and_not_looked_at() -> None:
    class Watched(list[str]):
        def __getitem__(self, place: Any) -> Any:
            assert place == slice(None, 40)
            return super().__getitem__(place)

    assert listed(Watched(["label"] * 200_000), 40) == "label, label, label, label +199996"


@pytest.mark.parametrize(
    ("names", "hidden"),
    [
        (["bug", "docs"], ""),
        (["x" * 20, "y" * 19], "1 of 2 are only counted"),
        (["x" * 41], "the first is cut"),
        (["x" * 41, "y"], "the first is cut, and 1 more only counted"),
    ],
)
def test_what_a_list_hides_is_told_and_noted_by_a_card(names: list[str], hidden: str) -> None:
    shown = listed(names, 40)
    assert shown.hidden == hidden
    assert [change.what for change in TextWithIcon("Labels", shown).changes] == [hidden] * bool(
        hidden
    )
