"""The preview without a pointer, and as a screen reader tells it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.pages import (
    FAULTY,
    MERGED,
    MISSING,
    address_box,
    card,
    limits,
    panel,
    payload_box,
    payload_text,
    sample,
    settled,
    style,
    write,
)

PAGES = ("/preview", "/preview/lookup", "/preview/editor", "/preview/signature")
# What has the focus, in a word or two, and whether it looks otherwise than without it.
FOCUSED = """() => {
  const one = document.activeElement;
  const around = [one, one.closest('label, form'), one.closest('.cm-editor')].filter(Boolean);
  const looks = () => around.map(of => {
    const style = getComputedStyle(of);
    const ring = style.outlineStyle === 'none' ? '0px' : style.outlineWidth;
    return [ring, style.boxShadow, style.borderColor].join();
  }).join(';');
  const focused = looks();
  one.blur();
  const plain = looks();
  one.focus();
  const name = one.getAttribute('aria-label') || one.labels?.[0]?.textContent || one.textContent;
  return [name.trim().replace(/\\s+/g, ' '), focused !== plain];
}"""


def stops(page: Page, at_most: int = 150) -> Iterator[tuple[str, bool]]:
    """Yield the name of each stop of the Tab key, and whether its focus can be seen."""
    for _ in range(at_most):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            return
        name, seen = page.evaluate(FOCUSED)
        yield name, seen


@pytest.mark.parametrize("path", PAGES)
def test_the_first_stop_leads_past_the_top(open_page: Open, path: str) -> None:
    page = open_page(path)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_the_skip_link_asks_for_nothing_and_keeps_what_was_written(open_page: Open) -> None:
    page = open_page()
    address_box(page).fill("https://example.com/half-writ")
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "/assets/" not in one.url else None)
    page.get_by_role("link", name="Skip to the content").press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.evaluate("new Promise(requestAnimationFrame)")
    assert asked == []
    expect(address_box(page)).to_have_value("https://example.com/half-writ")


def test_the_tab_key_walks_the_page_from_the_top_down(open_page: Open) -> None:
    page = open_page()
    names = [name for name, _ in stops(page)]
    assert names[:9] == [
        "Skip to the content",
        "Placard",
        "Preview",
        "Lookup",
        "Editor",
        "Signature check",
        "API",
        "System",
        "Address of a resource",
    ]
    assert names[9:11] == ["Show card", "What else the host sends"]
    samples = page.get_by_role("navigation", name="Samples").get_by_role("link").count()
    after = names[11 + samples :]
    json_text = next(place for place, name in enumerate(after) if '"template"' in name)
    assert after[json_text - 2 : json_text] == ["Edit", "Copy"]
    assert after[json_text + 1] == "Pattern"
    assert after[-3:] == [
        "Copy",
        page.locator("#sign").inner_text(),
        "As curl alone, with a proof that holds for five minutes",
    ]


@pytest.mark.parametrize("path", PAGES)
def test_the_focus_is_seen_at_every_stop(open_page: Open, path: str) -> None:
    page = open_page(path)
    found = list(stops(page))
    assert len(found) > 8
    assert [name for name, seen in found if not seen] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_ring_around_the_focus_is_of_a_colour_that_means_nothing_else(
    open_page: Open, scheme: str
) -> None:
    page = open_page(f"/preview?url={MISSING}", color_scheme=scheme)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    ring = page.get_by_role("link", name="Placard")
    expect(ring).to_be_focused()
    assert style(ring, "outlineWidth") == "2px"
    others = {style(page.locator(one).first, "color") for one in (".status", ".failed .step", "h2")}
    brand = style(page.locator(".brand-board"), "fill")
    assert style(ring, "outlineColor") not in others | {brand}


def test_a_slash_leads_to_the_address_box(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("/")
    expect(address_box(page)).to_be_focused()
    page.keyboard.type("https://example.com/a")
    expect(address_box(page)).to_have_value("https://example.com/a")


def test_a_slash_leads_to_the_payload(open_page: Open) -> None:
    page = open_page("/preview/editor")
    page.keyboard.press("/")
    expect(payload_box(page)).to_be_focused()


def test_enter_asks(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("/")
    page.keyboard.type("https://github.com/pallets/flask")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Card drawn: ")
    expect(address_box(page)).to_be_focused()


def test_a_sample_is_reached_and_shown(open_page: Open) -> None:
    page = open_page()
    address_box(page).focus()
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(sample(page, "Asana", "Task")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Card drawn: ")
    expect(sample(page, "Asana", "Task")).to_be_focused()


def test_asking_again_keeps_the_focus(open_page: Open) -> None:
    page = open_page()
    again = page.get_by_role("link", name="Ask again")
    for _ in range(2):
        again.focus()
        page.locator(".stage").evaluate("drawn => drawn.classList.add('before')")
        page.keyboard.press("Enter")
        expect(page.locator(".before")).to_have_count(0)
        settled(page)
        expect(again).to_be_focused()


def test_the_theme_is_chosen_with_the_arrows(open_page: Open) -> None:
    page = open_page()
    page.get_by_role("radio", name="System").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.keyboard.press("ArrowRight")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_fault_is_reached_and_followed(open_page: Open) -> None:
    page = open_page("/preview/editor")
    write(page, FAULTY)
    payload_box(page).focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Line 4", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(payload_box(page)).to_be_focused()


def test_the_tab_key_leaves_the_editor(open_page: Open) -> None:
    page = open_page("/preview/editor")
    before = payload_text(page)
    payload_box(page).press("Tab")
    expect(payload_box(page)).not_to_be_focused()
    assert payload_text(page) == before


def test_the_signature_is_checked_with_the_keyboard(open_page: Open) -> None:
    page = open_page("/preview/signature")
    page.get_by_label("Request line").focus()
    page.keyboard.type("nonsense")
    page.keyboard.press("Tab")
    page.keyboard.type("a" * 64)
    page.keyboard.press("Tab")
    expect(page.get_by_label("Body")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    settled(page)
    expect(page.get_by_role("heading", name="This cannot be read")).to_be_visible()


@pytest.mark.parametrize("path", PAGES)
def test_a_screen_reader_finds_the_landmarks(open_page: Open, path: str) -> None:
    page = open_page(path)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    here = page.get_by_role("navigation", name="Pages").locator("[aria-current]")
    expect(page).to_have_title(f"{here.inner_text()} · Placard")
    for landmark in ("banner", "main"):
        expect(page.get_by_role(landmark)).to_have_count(1)
    expect(page.get_by_role("navigation", name="Pages")).to_have_count(1)
    expect(page.get_by_role("status")).to_have_count(1)
    expect(page.get_by_role("group", name="Theme").get_by_role("radio")).to_have_count(3)


def test_a_screen_reader_is_told_the_whole_card(open_page: Open) -> None:
    page = open_page(f"/preview?url={MERGED}")
    expect(card(page)).to_match_aria_snapshot("""
        - article "The card, as the host draws it":
          - heading "Remember the sort order of each list" [level=3]
          - paragraph: "placard-samples/reading-list #27 Open in Placard"
          - term: State
          - definition: Merged
          - term: Assignees
          - definition: monalisa, hubot-samples
          - term: Labels
          - definition: enhancement
          - term: Milestone
          - definition: "2.1"
          - term: Merged
          - definition:
            - time: /ago/
          - paragraph: /Updated/
          - paragraph: 7 comments
    """)


def test_a_screen_reader_is_told_the_panels_by_name(open_page: Open) -> None:
    page = open_page(f"/preview?url={MERGED}")
    for name in ("Card", "Cut or dropped", "JSON", "Trace", "The same request, from a shell"):
        expect(panel(page, name)).to_have_count(1)
    expect(limits(page).get_by_role("heading", name="Limits")).to_have_count(1)
    limits(page).locator("summary").press("Enter")
    expect(limits(page).get_by_role("table")).to_have_accessible_name(
        "How much of each limit of the host is used, in UTF-16 code units"
    )
    expect(limits(page).get_by_role("meter", name="Title")).to_have_count(1)


def test_a_screen_reader_is_told_what_was_drawn_and_nothing_before(open_page: Open) -> None:
    page = open_page()
    expect(page.get_by_role("status")).to_be_empty()
    sample(page, "GitHub", "Issue, missing").click()
    expect(page.get_by_role("status")).to_contain_text("Error 404: Not found.")
    sample(page, "GitHub", "Pull request, merged").click()
    expect(page.get_by_role("status")).to_have_text(
        "Card drawn: Remember the sort order of each list"
    )
