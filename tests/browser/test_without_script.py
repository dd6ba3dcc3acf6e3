"""The preview where JavaScript is off: every page is whole, and every form works."""

import json
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from templates_schemas.limits import PILL_COLORS
from tests.browser.conftest import Open
from tests.browser.pages import (
    FAULTY,
    MERGED,
    MISSING,
    SIGNED,
    address_box,
    card,
    limits,
    panel,
    payload_box,
    sample,
    texts,
    with_metadata,
)
from tests.host import ISSUE, signature


@pytest.fixture
def open_plain(open_page: Open) -> Open:
    """Open pages with JavaScript off."""
    return lambda path, **own: open_page(path, java_script_enabled=False, **own)


def test_the_page_of_a_shared_address_is_complete(open_plain: Open) -> None:
    page = open_plain(f"/preview?url={MERGED}")
    expect(card(page).get_by_role("heading")).to_have_text("Remember the sort order of each list")
    payload = json.loads(page.locator("#json").inner_text())
    assert payload["template"] == "summary_with_details_v0"
    steps = [step.split()[0] for step in texts(panel(page, "Trace").get_by_role("listitem"))]
    assert (steps[:2], steps[-1]) == (["Verified", "Matched"], "Answered")
    limits(page).locator("summary").click()
    expect(limits(page).get_by_role("row", name="Title")).to_contain_text("36/200")
    expect(page.locator("#sign")).to_contain_text("--local sign")


def test_the_address_of_an_error_is_complete(open_plain: Open) -> None:
    page = open_plain(f"/preview?url={MISSING}")
    expect(panel(page, "Why, and what to do")).to_contain_text("resource_missing")


def test_the_address_box_asks(open_plain: Open) -> None:
    page = open_plain("/preview")
    address_box(page).fill(ISSUE)
    page.get_by_role("button", name="Show card").click()
    page.wait_for_url("**/preview?url=*")
    expect(address_box(page)).to_have_value(ISSUE)
    expect(card(page)).to_be_visible()


def test_a_sample_is_shown_by_one_click(open_plain: Open) -> None:
    page = open_plain("/preview")
    chosen = sample(page, "GitHub", "Issue, missing")
    chosen.click()
    expect(page.get_by_role("article", name="The error, as the host shows it")).to_be_visible()
    expect(chosen).to_have_attribute("aria-current", "true")


def test_a_shared_state_of_the_editor_is_complete(open_plain: Open) -> None:
    page = open_plain(f"/preview/editor?payload={quote(FAULTY)}")
    assert payload_box(page).input_value() == FAULTY
    assert page.locator("#gutter .faulty").all_inner_texts() == ["4", "9", "14"]
    faults = texts(panel(page, "Faults").get_by_role("listitem"))
    assert [fault.split(" $")[0] for fault in faults] == ["Line 4", "Line 9", "Line 14"]


def test_the_editor_draws_when_asked(open_plain: Open) -> None:
    page = open_plain("/preview/editor")
    payload_box(page).fill(with_metadata(title="Written by hand"))
    page.get_by_role("button", name="Draw").click()
    expect(card(page).get_by_role("heading")).to_have_text("Written by hand")


@pytest.mark.parametrize(
    ("signed", "verdict"), [(SIGNED, "It verifies"), ("another", "It does not verify")]
)
def test_the_signature_is_checked(open_plain: Open, signed: str, verdict: str) -> None:
    page = open_plain("/preview/signature")
    page.get_by_label("Request line").fill(f"GET /widget?{SIGNED} HTTP/1.1")
    page.get_by_label("Header").fill(signature(signed))
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("heading", name=verdict)).to_be_visible()
    assert SIGNED in page.get_by_label("Request line").input_value()


@pytest.mark.parametrize("path", ["/preview", "/preview/editor", "/preview/signature"])
def test_nothing_is_shown_that_needs_the_script(open_plain: Open, path: str) -> None:
    page = open_plain(path)
    usable = {"Show card", "Draw", "Format", "Check", *PILL_COLORS}
    assert [name for name in buttons(page) if name not in usable] == []
    expect(page.get_by_role("radio", include_hidden=False)).to_have_count(0)


def buttons(page: Page) -> list[str]:
    return [" ".join(name.split()) for name in page.get_by_role("button").all_inner_texts()]
