"""The lookup box: what is offered for a typed text, what attach answers, and the card."""

import json
import re
from html import unescape

import pytest
import responses

from tests.app.devtools.preview.conftest import MERGED, PART, Preview, preview_with, words_of
from tests.host import ISSUE

TITLE = "Remember the sort order of each list"
SEARCH = "https://api.github.com/search/issues"


def picked(preview: Preview, value: str, **more: str) -> str:
    answer = preview.client.post("/preview/lookup", data={"value": value, **more})
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def values(html: str) -> list[str]:
    return [unescape(each) for each in re.findall(r'name="value" value="([^"]*)"', html)]


def test_an_address_is_one_item_by_its_card(preview: Preview) -> None:
    html = preview.get("/lookup", query=f"{MERGED}/files?w=1")
    assert values(html)[0] == MERGED
    assert f"GitHub {TITLE} placard-samples/reading-list #27" in words_of(html)


def test_what_is_picked_is_attached_and_its_card_is_warm(preview: Preview) -> None:
    html = picked(preview, f"{MERGED}/files", query="sort")
    shown = words_of(html)
    json_text = re.search(r'<pre class="code"[^>]*>(.*?)</pre>', html, re.DOTALL)
    assert json_text
    assert json.loads(unescape(re.sub(r"<[^>]*>", "", json_text[1]))) == {
        "resource_name": TITLE,
        "resource_url": MERGED,
    }
    assert "What attach answered 200" in shown
    assert f"{TITLE} G" in shown or f"{TITLE} placard-samples" in shown
    assert 'value="sort"' in html
    assert "Looked up fresh" in preview.words(url=MERGED)


def test_what_was_attached_is_offered_where_nothing_is_typed(preview: Preview) -> None:
    assert "Nothing was attached lately." in preview.words("/lookup")
    picked(preview, MERGED)
    assert values(preview.get("/lookup")) == [MERGED]
    assert values(preview.get("/lookup", workspace="other")) == []


def test_what_cannot_be_shown_is_not_attached(preview: Preview) -> None:
    shown = words_of(picked(preview, "https://github.com/placard-samples/reading-list/issues/404"))
    assert "What attach answered 404" in shown
    assert "resource_missing" in shown
    assert "Open in Placard" not in shown


@pytest.mark.parametrize("verify", ["jwt", "signature", "off"])
def test_the_box_proves_itself_in_every_mode(verify: str) -> None:
    preview = preview_with(verify=verify)
    assert values(preview.get("/lookup", query=MERGED)) == [MERGED]
    assert "What attach answered 200" in words_of(picked(preview, MERGED))


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the searches of a busy machine."""
    monkeypatch.setattr("app.lookup.lookup.TYPEAHEAD_SECONDS", 30.0)


@pytest.mark.usefixtures("_patient")
def test_offline_the_samples_are_searched(preview: Preview) -> None:
    html = preview.get("/lookup", query="SORT remember")
    assert values(html) == [MERGED]
    assert re.search(r"Who was searched .*samples answered \d+ ms", words_of(html))
    assert values(preview.get("/lookup", query="no such words")) == []


def test_live_it_is_told_who_was_searched_and_how_long_it_took(
    upstream: responses.RequestsMock,
) -> None:
    item = {"title": "Sort lists", "html_url": ISSUE, "state": "open"}
    upstream.get(SEARCH, json={"items": [item]})
    preview = preview_with(offline="off", github_token="a" * 20)
    html = preview.get("/lookup", query="sort lists")
    assert "Sort lists" in html
    assert re.search(r"Who was searched .*GitHub answered \d+ ms", words_of(html))


def test_a_search_that_fails_is_told(upstream: responses.RequestsMock) -> None:
    upstream.get(SEARCH, status=500)
    upstream.post("https://api.github.com/graphql", status=500)
    preview = preview_with(offline="off", github_token="a" * 20)
    assert "GitHub upstream_failed" in preview.words("/lookup", query="sort lists")


def test_without_a_secret_the_box_says_which_is_missing() -> None:
    preview = preview_with(
        jwt_secrets=" ", signature_secrets=" ", jwt_jwks_url="https://k.example/"
    )
    assert "PLACARD_JWT_SECRETS: is missing" in preview.words("/lookup", query="abc")
    assert "PLACARD_JWT_SECRETS: is missing" in words_of(picked(preview, MERGED))


def test_what_is_typed_is_drawn_by_the_same_template(preview: Preview) -> None:
    part = preview.get("/lookup", PART, query="reading-list")
    assert "<html" not in part
    assert values(part) == values(preview.get("/lookup", query="reading-list")) != []
