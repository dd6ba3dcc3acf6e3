"""What was asked for is seen: an answer that is out of the window's view is brought into it."""

from typing import Final, Literal

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.browser.conftest import Open
from tests.browser.pages import NARROW, SIGNED, WIDE, ask_for, card, paste_signed, sample, settled
from tests.host import ISSUE

LAPTOP: Final[ViewportSize] = {"width": 1280, "height": 800}
LYING_PHONE: Final[ViewportSize] = {"width": 740, "height": 480}
BOTTOM = "scrollTo(0, document.documentElement.scrollHeight)"
NOTE_SCROLLS = "() => { window.seen = []; onscroll = () => seen.push(scrollY); }"
# Once it has come to rest: two frames at the same place.
RESTING = """() => new Promise(done => {
  let before = -1;
  const look = () => {
    if (scrollY === before) return done(scrollY);
    before = scrollY;
    setTimeout(() => requestAnimationFrame(look), 100);
  };
  look();
})"""
each_size = pytest.mark.parametrize("size", [LAPTOP, NARROW], ids=["laptop", "phone"])
each_motion = pytest.mark.parametrize("motion", ["reduce", "no-preference"])


def samples(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Samples").get_by_role("link")


def rest(page: Page) -> float:
    """Wait until the page has come to rest, and say how far down that is."""
    return float(page.evaluate(RESTING))


@each_size
@each_motion
@pytest.mark.parametrize(
    ("system", "title"), [("Zendesk", "Ticket"), ("GitHub", "Issue, long texts")]
)
def test_the_card_of_a_sample_is_in_view_after_a_click(
    open_page: Open, size: ViewportSize, motion: str, system: str, title: str
) -> None:
    page = open_page(viewport=size, reduced_motion=motion)
    sample(page, system, title).click()
    expect(page.get_by_role("status")).to_contain_text("Card drawn: ")
    rest(page)
    expect(card(page)).to_be_in_viewport(ratio=1)


@each_size
def test_the_chosen_sample_is_in_view_from_the_first(open_page: Open, size: ViewportSize) -> None:
    last = "https://placard-samples.zendesk.com/agent/tickets/35436"
    page = open_page(f"/preview?url={last}", viewport=size)
    expect(sample(page, "Zendesk", "Ticket")).to_be_in_viewport(ratio=1)
    assert page.evaluate("scrollY") == 0


@each_size
def test_the_card_comes_into_view_from_the_end_of_the_page(
    open_page: Open, size: ViewportSize
) -> None:
    page = open_page(viewport=size)
    page.evaluate(BOTTOM)
    samples(page).last.click()
    expect(page.get_by_role("status")).to_contain_text("Card drawn: ")
    rest(page)
    expect(card(page)).to_be_in_viewport(ratio=1)


def test_the_samples_stay_beside_the_card_with_the_focus_in_view(open_page: Open) -> None:
    page = open_page(viewport=LAPTOP)
    chosen = samples(page).last
    chosen.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Card drawn: ")
    rest(page)
    expect(card(page)).to_be_in_viewport(ratio=1)
    expect(chosen).to_be_focused()
    expect(chosen).to_be_in_viewport(ratio=1)
    page.keyboard.press("Shift+Tab")
    expect(samples(page).nth(-2)).to_be_in_viewport(ratio=1)
    expect(card(page)).to_be_in_viewport(ratio=1)


def test_the_card_of_an_address_is_in_view_on_a_phone_that_lies(open_page: Open) -> None:
    page = open_page(viewport=LYING_PHONE)
    ask_for(page, ISSUE)
    rest(page)
    expect(card(page)).to_be_in_viewport(ratio=1)


@each_size
def test_the_verdict_on_a_signature_is_in_view(open_page: Open, size: ViewportSize) -> None:
    page = open_page("/preview/signature", viewport=size)
    paste_signed(page, SIGNED, SIGNED)
    rest(page)
    expect(page.locator("#result .panel")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Check")).to_be_focused()


def test_a_page_whose_card_is_in_view_does_not_move(open_page: Open) -> None:
    page = open_page(viewport=WIDE)
    for title in ("Issue, open", "Issue, missing", "Pull request, merged"):
        sample(page, "GitHub", title).click()
        settled(page)
        assert rest(page) == 0


@pytest.mark.parametrize(("motion", "at_once"), [("reduce", True), ("no-preference", False)])
def test_the_way_to_the_card_is_a_jump_for_whom_motion_makes_ill(
    open_page: Open, motion: Literal["reduce", "no-preference"], at_once: bool
) -> None:
    page = open_page(viewport=LAPTOP, reduced_motion=motion)
    page.evaluate(BOTTOM)
    rest(page)
    page.evaluate(NOTE_SCROLLS)
    samples(page).last.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Card drawn: ")
    rest(page)
    assert (len(page.evaluate("window.seen")) == 1) is at_once
