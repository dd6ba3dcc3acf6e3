"""A page that tests use in turn: another test's document in it costs half of what a page does.

What a test leaves behind is cleared away: cookies and storage, what it has listened to and routed,
and where the pointer was. The document stays until the next one takes its place.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from unittest import mock

from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.pages import WIDE

# How every page is, unless a test asks for another; the first three may be changed later.
USUAL: Final[Mapping[str, Any]] = {
    "viewport": WIDE,
    "color_scheme": "light",
    "reduced_motion": "reduce",
    "locale": "en-GB",
    "timezone_id": "Etc/UTC",
}
CHANGED_LATER: Final = {"viewport", "color_scheme", "reduced_motion"}
CLEAR: Final = "() => { localStorage.clear(); sessionStorage.clear(); }"


class KeptPage:
    """One page of one service; a test has it for itself."""

    def __init__(self, chromium: Browser, base: str) -> None:
        self.is_free = True
        self._chromium = chromium
        self._base = base
        self._page: Page | None = None

    @contextmanager
    def used(self, **own: Any) -> Iterator[Page]:
        """Give the page for a while; `own` is what of `CHANGED_LATER` is not as usual."""
        page = self._page or self._chromium.new_context(base_url=self._base, **USUAL).new_page()
        # Who leaves it in no state to be cleared leaves none behind.
        self._page, self.is_free = None, False
        how = {**USUAL, **own}
        page.set_viewport_size(how["viewport"])
        page.emulate_media(color_scheme=how["color_scheme"], reduced_motion=how["reduced_motion"])
        try:
            with _taking_back(page.context), _taking_back(page):
                yield page
                page.evaluate(CLEAR)
                page.mouse.move(0, 0)
            for opened in page.context.pages[1:]:
                opened.close()
            page.unroute_all()
            page.context.clear_cookies()
            self._page = page
        finally:
            self.is_free = True
            if self._page is None:
                page.context.close()


@contextmanager
def _taking_back(source: BrowserContext | Page) -> Iterator[None]:
    """Take back, in the end, what is listened to meanwhile."""
    heard: list[tuple[Any, Any]] = []
    listen = source.on

    def noting(event: Any, handler: Callable[..., Any]) -> None:
        heard.append((event, handler))
        listen(event, handler)

    with mock.patch.object(source, "on", noting):
        yield
    for event, handler in heard:
        source.remove_listener(event, handler)
