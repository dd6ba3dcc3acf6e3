"""The editor: a payload is drawn, and its faults are told, as it is typed."""

import json
from collections.abc import Callable
from datetime import datetime

import pytest
from playwright.sync_api import Page, expect

from templates_schemas import faults
from templates_schemas.limits import PILL_COLORS
from tests.browser.conftest import Open
from tests.browser.pages import (
    FAULTY,
    card,
    limits,
    panel,
    payload_box,
    payload_text,
    settled,
    texts,
    value,
    with_metadata,
    write,
)

EDITOR = "/preview/editor"


def told(page: Page) -> list[str]:
    return texts(panel(page, "Faults").get_by_role("listitem"))


def underlined(page: Page) -> list[str]:
    """List what is underlined as wrong."""
    return page.locator(".cm-lintRange-error").all_inner_texts()


def cursor_to(page: Page, text: str, after: int = 0) -> None:
    """Put the cursor by the keyboard before a text, or so many characters after that."""
    before = payload_text(page).split(text)[0]
    payload_box(page).press("Control+Home")
    for _ in range(before.count("\n")):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Home")
    page.keyboard.press("Home")
    for _ in range(len(before.rpartition("\n")[2]) + after):
        page.keyboard.press("ArrowRight")


def drawn_after(page: Page, act: Callable[[], None]) -> None:
    """Do something that changes the payload, and wait until it is drawn."""
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        act()
    settled(page)


def options(page: Page) -> list[str]:
    """List what is offered to be completed."""
    return page.locator(".cm-completionLabel").all_inner_texts()


def accept(page: Page) -> None:
    """Take the completion that is offered first; what is accepted sooner is taken for a slip."""
    page.wait_for_timeout(100)
    page.keyboard.press("Enter")


def test_the_card_is_drawn_anew_as_one_types(open_page: Open) -> None:
    page = open_page(f"{EDITOR}?preset=minimal")
    cursor_to(page, 'told"', 4)
    page.keyboard.type(", and more")
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
        (
            f"Line 9 $.metadata.fields[0].color must be one of: {', '.join(PILL_COLORS)}; "
            'did you mean "purple"? one_of'
        ),
        (
            "Line 14 $.metadata.footer.last_updated_at must be a time in UTC with milliseconds and "
            "Z, such as 2012-02-22T02:06:58.147Z time"
        ),
    ]


def test_a_fault_is_underlined_marked_and_told_where_the_pointer_is(open_page: Open) -> None:
    page = open_page(EDITOR)
    assert underlined(page) == []
    write(page, FAULTY)
    assert underlined(page) == ['""', '"violet"', '"yesterday"']
    expect(page.locator(".cm-lint-marker-error")).to_have_count(3)
    page.locator(".cm-lintRange-error").nth(1).hover()
    expect(page.locator(".cm-tooltip-lint")).to_contain_text('did you mean "purple"?')


def test_a_click_on_a_fault_selects_what_is_wrong(open_page: Open) -> None:
    page = open_page(EDITOR)
    blank_lines = "\n" * 300
    text = with_metadata(num_comments=-1).replace('"num_comments"', f'{blank_lines}"num_comments"')
    write(page, text)
    panel(page, "Faults").get_by_role("link").click()
    expect(payload_box(page)).to_be_focused()
    expect(page.locator(".cm-lintRange-error")).to_be_in_viewport()
    assert page.evaluate("getSelection().toString()") == "-1"


def test_what_no_eye_sees_is_told(open_page: Open) -> None:
    page = open_page(EDITOR)
    write(
        page,
        r"""{"template": "summary_with_details_v0", "metadata": {
"title": "a\u202eb", "subtitle": "\ud800", "error": "\u0007", "error": "x",
"num_comments": 9007199254740993, "fields": [], "footer": {}}}""",
    )
    rules = [line.split()[-1] for line in told(page)]
    assert rules == ["repeated", "direction", "surrogate", "maximum"]


def test_keys_kinds_and_colours_are_completed_from_the_schema(open_page: Open) -> None:
    page = open_page(EDITOR)
    write(page, with_metadata(fields=[{"type": "pill", "name": "A", "text": "a", "color": ""}]))
    cursor_to(page, '"color": ""', len('"color": "'))
    page.keyboard.press("Control+Space")
    expect(page.locator(".cm-completionLabel")).to_have_text(list(PILL_COLORS))
    expect(page.locator(".cm-tooltip-autocomplete .swatch")).to_have_count(16)
    page.keyboard.type("hot")
    expect(page.locator(".cm-completionLabel")).to_have_text(["hot-pink"])
    accept(page)
    expect(value(page, "A").locator(".pill-hot-pink")).to_be_visible()
    assert '"color": "hot-pink"' in payload_text(page)
    cursor_to(page, '"metadata": {', len('"metadata": {'))
    page.keyboard.press("Control+Space")
    expect(page.locator(".cm-completionLabel").first).to_be_visible()
    assert set(options(page)) == {"subtitle", "subicon_url", "num_comments", "error"}
    page.keyboard.press("Escape")
    write(page, '{"metadata": {"fields": [{"": 1}]}}')
    cursor_to(page, '"": 1', 1)
    page.keyboard.press("Control+Space")
    expect(page.locator(".cm-completionLabel")).to_have_text(["type"])
    drawn_after(page, lambda: accept(page))
    assert '{"type": 1}' in payload_text(page)


def test_blocks_are_inserted_where_they_belong(open_page: Open) -> None:
    page = open_page(f"{EDITOR}?preset=minimal")
    blocks = page.get_by_role("group", name="Blocks to insert").get_by_role("button")
    assert texts(blocks) == [
        "Pill", "Text with icon", "Datetime with icon", "Created", "Updated", "Custom text",
    ]  # fmt: skip
    for block in blocks.all():
        drawn_after(page, block.click)
        assert told(page) == []
    metadata = json.loads(payload_text(page))["metadata"]
    assert [field["type"] for field in metadata["fields"]] == [
        "pill", "pill", "text_with_icon", "datetime_with_icon",
    ]  # fmt: skip
    assert metadata["footer"]["footer_type"] == "custom_text"
    assert payload_text(page) == json.dumps(json.loads(payload_text(page)), indent=2)


def test_a_colour_is_picked_for_the_pill_with_the_cursor(open_page: Open) -> None:
    page = open_page(f"{EDITOR}?preset=everything")
    purple = panel(page, "Pill colours").get_by_role("button", name="purple", exact=True)
    purple.click()
    expect(page.get_by_role("status")).to_have_text("Put the cursor into a pill first")
    cursor_to(page, '"Priority"')
    drawn_after(page, purple.click)
    colors = [field.get("color") for field in json.loads(payload_text(page))["metadata"]["fields"]]
    assert colors[:2] == ["yellow-orange", "purple"]


def test_undo_leads_back_through_presets_and_a_new_layout(open_page: Open) -> None:
    page = open_page(f"{EDITOR}?preset=minimal")
    first = payload_text(page)
    one_line = json.dumps(json.loads(first))
    write(page, one_line)
    drawn_after(page, page.get_by_role("button", name="Format").click)
    assert payload_text(page) == first
    preset = page.get_by_role("navigation", name="Presets").get_by_role("link", name="Everything")
    drawn_after(page, preset.click)
    expect(card(page).get_by_role("heading")).to_contain_text("Every part")
    for before in (first, one_line, first):
        drawn_after(page, lambda: payload_box(page).press("Control+z"))
        assert payload_text(page) == before


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
    assert faults(json.loads(payload_text(page))) == ()


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
    assert payload_text(other) == payload_text(page)


def test_the_payload_and_its_link_are_copied(open_page: Open) -> None:
    page = open_page(EDITOR, permissions=["clipboard-read", "clipboard-write"])
    write(page, FAULTY)
    for button, copied in (("Copy link", page.url), ("Copy", FAULTY)):
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.get_by_role("status")).to_have_text("Copied")
        page.wait_for_function(
            "text => navigator.clipboard.readText().then(is => is === text)", arg=copied
        )
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
        ('{\n  "metadata": {\n    "title": NaN\n', 1, "NaN is not JSON"),
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
    expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    expect(page.get_by_role("article", name="No card")).to_have_text("This is not JSON yet.")


def test_an_overfull_limit_is_drawn_and_told(open_page: Open) -> None:
    page = open_page(EDITOR)
    write(page, with_metadata(title="t" * 201))
    over = limits(page).locator("tr.over")
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
    assert payload_text(page) == FAULTY
    assert underlined(page) == ['""', '"violet"', '"yesterday"']
