"""The editor: a payload is drawn, and its faults are told, as it is typed."""

import json
from datetime import datetime

import pytest
from playwright.sync_api import Page, expect

from templates_schemas import faults
from templates_schemas.limits import PILL_COLORS
from tests.browser.conftest import Open
from tests.browser.pages import FAULTY, card, panel, payload_box, texts, with_metadata, write

EDITOR = "/preview/editor"


def told(page: Page) -> list[str]:
    return texts(panel(page, "Faults").get_by_role("listitem"))


def marks(page: Page) -> list[str]:
    """List the numbers of the lines that are marked in the gutter."""
    return page.locator("#gutter .faulty").all_inner_texts()


def selection(page: Page) -> str:
    return str(
        page.evaluate(
            "() => { const box = document.activeElement;"
            " return box.value.slice(box.selectionStart, box.selectionEnd); }"
        )
    )


def test_the_card_is_drawn_anew_as_one_types(open_page: Open) -> None:
    page = open_page(f"{EDITOR}?preset=minimal")
    payload_box(page).press("Control+Home")
    for _ in range(3):
        payload_box(page).press("ArrowDown")
    payload_box(page).press("End")
    for _ in range(2):
        payload_box(page).press("ArrowLeft")
    payload_box(page).press_sequentially(", and more")
    expect(card(page).get_by_role("heading")).to_have_text(
        "A title is all that must be told, and more"
    )
    expect(page.get_by_role("status")).to_have_text("The host would take it")


def test_the_faults_appear_as_one_types(open_page: Open) -> None:
    page = open_page(EDITOR)
    assert told(page) == []
    expect(panel(page, "Card")).to_contain_text("The host would take it")
    write(page, FAULTY)
    expect(panel(page, "Card")).to_contain_text("The host would refuse it")
    expect(page.get_by_role("status")).to_have_text("3 faults")
    write(page, with_metadata())
    assert told(page) == []


def test_each_fault_has_its_line_its_rule_and_what_would_be_right(open_page: Open) -> None:
    page = open_page(EDITOR)
    write(page, FAULTY)
    assert told(page) == [
        "Line 4 $.metadata.title must have at least 1 visible character min_length",
        f"Line 9 $.metadata.fields[0].color must be one of: {', '.join(PILL_COLORS)} one_of",
        (
            "Line 14 $.metadata.footer.last_updated_at must be a time in UTC with milliseconds and "
            "Z, such as 2012-02-22T02:06:58.147Z time"
        ),
    ]


def test_a_click_on_a_fault_goes_to_its_line(open_page: Open) -> None:
    page = open_page(EDITOR)
    write(page, FAULTY)
    for line in (9, 4, 14):
        panel(page, "Faults").get_by_role("link", name=f"Line {line}", exact=True).click()
        expect(payload_box(page)).to_be_focused()
        assert selection(page) == FAULTY.split("\n")[line - 1]


def test_a_click_on_a_fault_far_down_brings_its_line_into_view(open_page: Open) -> None:
    page = open_page(EDITOR)
    blank_lines = "\n" * 300
    text = with_metadata(num_comments=-1).replace('"num_comments"', f'{blank_lines}"num_comments"')
    write(page, text)
    panel(page, "Faults").get_by_role("link").click()
    expect(page.locator("#gutter .faulty")).to_be_in_viewport()
    assert '"num_comments": -1' in selection(page)


def test_the_gutter_marks_the_faulty_lines_and_numbers_all(open_page: Open) -> None:
    page = open_page(EDITOR)
    assert marks(page) == []
    write(page, FAULTY)
    assert marks(page) == ["4", "9", "14"]
    numbers = page.locator("#gutter li").all_inner_texts()
    assert numbers == [str(line) for line in range(1, FAULTY.count("\n") + 2)]
    expect(page.locator("#gutter .faulty").first).to_have_attribute(
        "title", "$.metadata.title: must have at least 1 visible character (min_length)"
    )


@pytest.mark.parametrize(
    ("preset", "title", "fields"),
    [
        ("Minimal", "A title is all that must be told", 1),
        ("Usual", "Remember the sort order of each list", 3),
        ("Everything", "Every part that the host can show, each filled", 5),
    ],
)
def test_a_preset_is_a_payload_that_the_host_would_take(
    open_page: Open, preset: str, title: str, fields: int
) -> None:
    page = open_page(EDITOR)
    page.get_by_role("navigation", name="Presets").get_by_role("link", name=preset).click()
    expect(card(page).get_by_role("heading")).to_have_text(title)
    expect(card(page).get_by_role("definition")).to_have_count(fields)
    assert faults(json.loads(payload_box(page).input_value())) == ()


def test_everything_is_all_that_the_host_can_show(open_page: Open, frozen: datetime) -> None:
    page = open_page(f"{EDITOR}?preset=everything")
    expect(card(page).locator("time")).to_have_text("in 3 days")
    for words in ("summary_with_details_v0", "is in a private repository", "Synced from GitHub"):
        expect(card(page)).to_contain_text(words)
    expect(card(page)).to_contain_text("128 comments")


def test_the_address_shares_what_is_in_the_editor(open_page: Open) -> None:
    page = open_page(EDITOR)
    write(page, with_metadata(title="Shared & “quoted” + more #1 %20"))
    other = open_page(page.url)
    expect(card(other).get_by_role("heading")).to_have_text("Shared & “quoted” + more #1 %20")
    assert payload_box(other).input_value() == payload_box(page).input_value()


def test_the_link_is_copied(open_page: Open) -> None:
    page = open_page(EDITOR, permissions=["clipboard-read", "clipboard-write"])
    write(page, FAULTY)
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    assert "payload=" in page.url


def test_no_link_is_copied_that_leads_to_another_payload(open_page: Open) -> None:
    page = open_page(EDITOR, permissions=["clipboard-read", "clipboard-write"])
    write(page, with_metadata())
    page.evaluate("navigator.clipboard.writeText('before')")
    write(page, with_metadata(title="t" * 100_000))
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("status")).to_have_text(
        "This payload is too long to be shared by its address"
    )
    assert page.evaluate("navigator.clipboard.readText()") == "before"


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ('{\n  "template": x\n}', 2, "is not JSON: Expecting value, at column 15"),
        ('{\n  "metadata": {\n    "title": NaN\n', 1, "NaN is no JSON"),
        ("", 1, "is not JSON: Expecting value, at column 1"),
        ('{\n  "template"\n  "x"\n}', 3, "is not JSON: Expecting ':' delimiter, at column 3"),
    ],
    ids=["no quotes", "NaN", "nothing", "colon missing"],
)
def test_broken_json_is_told_with_its_line(open_page: Open, text: str, line: int, why: str) -> None:
    page = open_page(EDITOR)
    write(page, text)
    (fault,) = told(page)
    assert fault.startswith(f"Line {line} $ ")
    assert why in fault
    assert marks(page) == [str(line)]
    expect(page.get_by_role("article", name="No card")).to_have_text("This is not JSON yet.")


def test_an_overfull_limit_is_drawn_and_told(open_page: Open) -> None:
    page = open_page(EDITOR)
    write(page, with_metadata(title="t" * 201))
    over = panel(page, "Limits").locator("tr.over")
    assert texts(over) == ["Title 201/200"]
    assert told(page)[0].startswith(
        "Line 4 $.metadata.title has 201 UTF-16 code units; at most 200"
    )


def test_a_payload_too_long_for_an_address_says_so_and_is_drawn(open_page: Open) -> None:
    page = open_page(EDITOR)
    write(page, with_metadata(title="t" * 100_000))
    expect(page.get_by_role("status")).to_have_text(
        "This payload is too long to be shared by its address"
    )
    expect(card(page).get_by_role("heading")).to_contain_text("tttt")
    assert len(page.url) < 100


def test_no_state_of_the_editor_is_lost_on_a_reload(open_page: Open) -> None:
    page = open_page(EDITOR)
    write(page, FAULTY)
    page.reload()
    assert payload_box(page).input_value() == FAULTY
    assert marks(page) == ["4", "9", "14"]
