"""Every page of the preview in each of its states, for what must hold in all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from playwright.sync_api import Page

from tests.browser.pages import FAULTY, FORBIDDEN, LONG_TEXTS, MERGED, SIGNED, paste, paste_signed


@dataclass(frozen=True)
class State:
    """A page's name and address, and what is done there to reach the state."""

    name: str
    path: str
    reach: Callable[[Page], None] = lambda page: None

    def __str__(self) -> str:
        return self.name


def _paste_the_sound(page: Page) -> None:
    paste_signed(page, SIGNED, SIGNED)


def _paste_the_reordered(page: Page) -> None:
    paste_signed(page, SIGNED, "&".join(sorted(SIGNED.split("&"))))


def _paste_the_unreadable(page: Page) -> None:
    paste(page, "nonsense", "x-other: 1")


def _pick(page: Page) -> None:
    page.locator(".choices button").first.click()
    page.get_by_role("region", name="What attach answered").wait_for()


def _open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")


def _editor(payload: str) -> str:
    return f"/preview/editor?{urlencode({'payload': payload})}"


STATES = (
    State("card", f"/preview?url={MERGED}"),
    State("long texts", f"/preview?url={LONG_TEXTS}"),
    State("error", f"/preview?url={FORBIDDEN}"),
    State("no sample", "/preview?url=https://github.com/my-company/my-product/issues/1"),
    State("all opened", f"/preview?url={MERGED}&workspace=12345", _open_all),
    State("nothing asked", "/preview?url="),
    State("lookup", "/preview/lookup?query=reading-list"),
    State("attached", "/preview/lookup?query=reading-list", _pick),
    State("editor", "/preview/editor?preset=everything"),
    State("editor with faults", _editor(FAULTY)),
    State("editor with no JSON", _editor("{")),
    State("signature check", "/preview/signature"),
    State("verdict that it holds", "/preview/signature", _paste_the_sound),
    State("verdict that it fails", "/preview/signature", _paste_the_reordered),
    State("nothing that can be read", "/preview/signature", _paste_the_unreadable),
)
