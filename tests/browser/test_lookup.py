"""The lookup box as the host has it: typed into, picked from by the keyboard, and the card."""

from playwright.sync_api import expect

from tests.browser.conftest import Open, Serve
from tests.browser.pages import MERGED, card, panel, texts


def test_what_is_typed_is_looked_up_and_what_is_picked_is_attached(
    open_page: Open, serve: Serve
) -> None:
    page = open_page("/preview/lookup", base=serve())
    page.keyboard.press("/")
    page.keyboard.type("sort order")
    items = panel(page, "Items").get_by_role("button")
    expect(items).to_have_count(1)
    expect(page.get_by_role("status")).to_have_text("1 item")
    page.keyboard.press("ArrowDown")
    expect(items).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Attached")
    expect(panel(page, "What attach answered")).to_contain_text(f'"resource_url": "{MERGED}"')
    expect(card(page)).to_contain_text("Remember the sort order of each list")
    assert page.url.endswith("&workspace=12345&task=23456&user=34567")
    page.get_by_role("textbox", name="What a person types").fill("")
    expect(panel(page, "Items")).to_contain_text("Recently attached")
    assert texts(panel(page, "Items").get_by_role("button")) == [
        "Remember the sort order of each list placard-samples/reading-list #27"
    ]


def test_the_box_works_without_a_script(open_page: Open) -> None:
    page = open_page("/preview/lookup", java_script_enabled=False)
    page.get_by_role("textbox", name="What a person types").fill("sort order")
    page.get_by_role("button", name="Look up").click()
    panel(page, "Items").get_by_role("button").click()
    expect(panel(page, "What attach answered")).to_contain_text(f'"resource_url": "{MERGED}"')
    expect(card(page)).to_be_visible()
