"""Query strings are parsed as the standard library parses them."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given, strategies as st

from app.verification.request import read_query_string

PIECES = st.text(alphabet=st.sampled_from("ab=&+%23fFA;:é\x00 #?"), max_size=40) | st.text()


def by_standard_library(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="replace")


@given(PIECES)
def test_any_text_is_parsed_as_the_standard_library_does(text: str) -> None:
    assert read_query_string(text) == by_standard_library(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "&&",
        "a",
        "a=",
        "=b",
        "a=b=c",
        "a=%ff",
        "%61=1&a=2",
        "%3A%2F%%2F3A%2%46=%E4%2F%25",
        "a=" + "%20" * 999,
    ],
)
def test_odd_queries_are_parsed_as_the_standard_library_does(text: str) -> None:
    assert read_query_string(text) == by_standard_library(text)
