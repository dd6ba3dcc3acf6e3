"""Ways around the preview, as a person takes them, and the texts that are pasted into it."""

import json
from typing import Any, Final

from playwright.sync_api import FloatRect, Locator, Page, ViewportSize, expect

from tests.host import EXPIRES_AT, ISSUE, query_of, signature

WIDE: Final[ViewportSize] = {"width": 1440, "height": 900}
NARROW: Final[ViewportSize] = {"width": 360, "height": 740}

REPOSITORY = "https://github.com/placard-samples/reading-list"
MERGED = f"{REPOSITORY}/pull/27"
LONG_TEXTS = f"{REPOSITORY}/issues/40"
MISSING = f"{REPOSITORY}/issues/404"
FORBIDDEN = "https://github.com/placard-samples/private-notes/issues/1"

# As the host writes it, and in its order; the locale has a blank.
SIGNED = query_of(
    resource_url=ISSUE, workspace="12345", task="23456", locale="en GB", expires_at=EXPIRES_AT
)

# Faults on the lines 4, 9 and 14, each of another rule.
FAULTY = """{
  "template": "summary_with_details_v0",
  "metadata": {
    "title": "",
    "fields": [
      {
        "type": "pill",
        "name": "State",
        "color": "violet",
        "text": "Open"
      }
    ],
    "footer": {
      "last_updated_at": "yesterday",
      "footer_type": "updated"
    }
  }
}"""

PASTE = """(box, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData('text/plain', text);
  const options = { clipboardData, bubbles: true, cancelable: true };
  box.dispatchEvent(new ClipboardEvent('paste', options));
}"""


def panel(page: Page, name: str) -> Locator:
    """Find a panel by its heading."""
    return page.get_by_role("region", name=name, exact=True)


def limits(page: Page) -> Locator:
    """Find the limits: one line, which opens into a meter for each."""
    return page.locator("details.limits")


def sample(page: Page, system: str, title: str) -> Locator:
    """Find a sample by the system that it stands under, and its title."""
    group = page.get_by_role("region", name=system, exact=True)
    return group.get_by_role("link", name=title, exact=True)


def card(page: Page) -> Locator:
    """Find the card, as the host draws it."""
    return page.get_by_role("article", name="The card, as the host draws it")


def value(page: Page, name: str) -> Locator:
    """Find the value of a field of the card."""
    row = card(page).locator("dl > div").filter(has=page.get_by_text(name, exact=True))
    return row.get_by_role("definition")


def address_box(page: Page) -> Locator:
    """Find the box that an address is written into."""
    return page.get_by_role("combobox", name="Address of a resource")


def ask_for(page: Page, url: str) -> None:
    """Write an address, ask, and wait for the answer."""
    address_box(page).fill(url)
    with page.expect_response(lambda answer: "/preview?url=" in answer.url):
        page.get_by_role("button", name="Show card").click()
    settled(page)


def settled(page: Page) -> None:
    """Wait until what was asked for is in place."""
    expect(page.locator("#result")).not_to_have_attribute("aria-busy", "true")


def payload_box(page: Page) -> Locator:
    """Find the text of the editor: CodeMirror's, or without a script the plain box."""
    return page.get_by_role("textbox", name="Payload, as JSON")


def payload_text(page: Page) -> str:
    """Read the whole text of the editor, the part that is not in view too."""
    return page.locator("textarea#payload").input_value()


def write(page: Page, text: str) -> None:
    """Paste a text over the editor's; wait until it is drawn, and in the address if it fits."""
    payload_box(page).press("Control+a")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        if text:
            payload_box(page).evaluate(PASTE, text)
        else:
            payload_box(page).press("Delete")
    settled(page)
    page.wait_for_function(
        "text => new URL(location).searchParams.get('payload') === text"
        " || document.getElementById('status').textContent.includes('too long')",
        arg=text,
    )


def with_metadata(**changes: Any) -> str:
    """Write a payload that the host would take, but for the changes."""
    metadata = {
        "title": "A title",
        "fields": [{"type": "pill", "name": "State", "text": "Open", "color": "green"}],
        "footer": {"footer_type": "custom_text", "text": "From somewhere"},
    }
    whole = {"template": "summary_with_details_v0", "metadata": metadata | changes}
    return json.dumps(whole, indent=2)


def paste(page: Page, line: str, header: str, secret: str = "") -> None:
    """Paste a request line and a header, and ask whether they hold."""
    page.get_by_label("Request line").fill(line)
    page.get_by_label("Header").fill(header)
    page.get_by_label("Client secret").fill(secret)
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.get_by_role("button", name="Check").click()
    settled(page)


def paste_signed(page: Page, query: str, signed: str) -> None:
    """Paste a request for a query with the signature of another one, or of itself."""
    paste(page, request_line(query), f"x-asana-request-signature: {signature(signed)}")


def request_line(query: str) -> str:
    """Write the request for a query as a log has it."""
    return f"GET /widget?{query} HTTP/1.1"


def texts(locator: Locator) -> list[str]:
    """Read the texts of all that is found, with single blanks."""
    return [" ".join(text.split()) for text in locator.all_inner_texts()]


def style(locator: Locator, name: str) -> str:
    """Read a computed style."""
    return str(locator.evaluate("(one, name) => getComputedStyle(one)[name]", name))


def box(locator: Locator) -> FloatRect:
    """Measure what is seen of an element."""
    found = locator.bounding_box()
    assert found is not None
    return found
