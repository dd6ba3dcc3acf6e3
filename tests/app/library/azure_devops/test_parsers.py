"""Whatever an address or a header holds, it is read or refused."""

from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from hypothesis import example, given, strategies as st

from app.errors import InvalidInput
from app.library.azure_devops.addresses import ApiPath, check_context, read_address
from app.library.azure_devops.formats import SERVED, is_served
from app.library.azure_devops.records import TeamContext
from app.library.azure_devops.versions import NEVER, read_etag
from app.library.http.parameters import read_uuid
from app.library.wiring import AZURE_DEVOPS
from tests.app.library.azure_devops.asking import Ask, on_sqlite
from tests.profiles import on_one_fixture

HEADERS = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc", "Cs"]), max_size=20)
NAMES = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/\ufffd"),
    min_size=1,
    max_size=20,
).filter(lambda name: name.strip(" .") != "" and name.lower() != "_apis")


@given(st.text(max_size=20) | HEADERS)
@example("*")
@example("")
def test_any_etag_is_a_version_or_malformed(text: str) -> None:
    try:
        version = read_etag(text, where="ETag")
    except InvalidInput as refused:
        assert refused.sentence.startswith("ETag: ")
    else:
        assert version == NEVER or str(version) in text


@given(st.integers(1, 999_999_999), st.sampled_from(["{}", '"{}"', 'W/"{}"', " {}\t"]))
def test_an_etag_of_ours_is_read_with_and_without_quotes(version: int, written: str) -> None:
    assert read_etag(written.format(version), where="ETag") == version


@given(st.text(max_size=20))
def test_no_other_text_is_a_version_of_the_api(text: str) -> None:
    assert not is_served(text) or text[:3] in SERVED


@given(st.text(max_size=40))
def test_no_other_text_is_an_id(text: str) -> None:
    found = read_uuid(text)
    assert found is None or str(found) == text.lower()


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_a_place_is_read_as_it_is_written(names: list[str]) -> None:
    address = read_address("/".join(names) + "/_apis/dashboard/dashboards")
    assert address == ApiPath(tuple(names), ("dashboard", "dashboards"))
    place = address.context
    written = "/".join(name for name in (place.collection, place.project, place.team) if name)
    assert written == "/".join(names)
    if AZURE_DEVOPS.paths.match(f"/{written}/_apis"):
        check_context(place, AZURE_DEVOPS.paths)


@given(st.lists(NAMES, min_size=1, max_size=4), st.lists(NAMES, min_size=1, max_size=4))
def test_different_paths_are_different_places(first: list[str], second: list[str]) -> None:
    places: list[TeamContext] = [ApiPath(tuple(names), ()).context for names in (first, second)]
    assert (places[0] == places[1]) == (first == second)


@on_sqlite
@given(path=st.text(max_size=30) | st.lists(NAMES, max_size=5).map("/".join), tail=st.text())
@on_one_fixture
def test_no_path_is_a_500(ask: Ask, path: str, tail: str) -> None:
    written = quote(f"/{path}/_apis/dashboard/dashboards{tail}", errors="replace")
    answer = ask("GET", "/" + written.lstrip("/"))
    assert answer.status_code in {200, 400, 401, 403, 404, 405}


@on_sqlite
@given(
    header=st.sampled_from(["Accept", "ETag", "If-Match", "Authorization"]),
    value=HEADERS,
    query=st.dictionaries(st.sampled_from(["api-version", "x"]), st.text(max_size=9)),
)
@on_one_fixture
def test_no_header_and_no_query_is_a_500(
    ask: Ask, library_app: Flask, header: str, value: str, query: dict[str, Any]
) -> None:
    path = "/c/p/t/_apis/dashboard/dashboards"
    answer = ask("PUT", path, headers={header: value}, query_string=query, data=b"[]")
    assert answer.status_code in {400, 401}


@pytest.mark.parametrize("names", [("", "p", "t"), ("c", "", "t"), ("_apis", "p", "t")])
def test_a_place_without_an_address_is_malformed(names: tuple[str, str, str]) -> None:
    with pytest.raises(InvalidInput):
        check_context(TeamContext(*names), AZURE_DEVOPS.paths)
