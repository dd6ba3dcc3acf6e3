"""A real browser, and the service that it looks at. Nothing else can be reached from it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app import create_app
from tests.browser.chromium import NoBrowser, launched
from tests.browser.kept import CHANGED_LATER, USUAL, KeptPage
from tests.browser.service import serving
from tests.conftest import settings_with
from tests.waiting import PATIENCE

# What is expected of a page comes in a moment, unless the machine is busy.
expect.set_options(timeout=1000 * PATIENCE)
FROZEN = datetime(2025, 11, 20, 12, tzinfo=UTC)

Open = Callable[..., Page]
Serve = Callable[..., str]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser: the system's, or else the one that Playwright brings along."""
    with ExitStack() as stack:
        try:
            browser = stack.enter_context(launched())
        except NoBrowser as missing:
            pytest.skip(str(missing))
        yield browser


@pytest.fixture(scope="session")
def service() -> Iterator[str]:
    """The address of a service in the local mode, offline, which all tests share."""
    with serving(create_app(settings_with(mode="local"))) as base:
        yield base


@pytest.fixture(autouse=True)
def _time_to_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let searches take as long as they do on a loaded machine: a page does not ask again."""
    monkeypatch.setattr("app.lookup.lookup.TYPEAHEAD_SECONDS", PATIENCE)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a service of its own in the local mode, with changed settings."""
    with ExitStack() as running:
        yield lambda **changes: running.enter_context(
            serving(create_app(settings_with(mode="local", **changes)))
        )


@pytest.fixture(scope="session")
def kept_page(chromium: Browser, service: str) -> KeptPage:
    """The page of `service` that tests use in turn."""
    return KeptPage(chromium, service)


@pytest.fixture
def open_page(
    chromium: Browser,
    service: str,
    kept_page: KeptPage,
    serve: Serve,
    request: pytest.FixtureRequest,
) -> Iterator[Open]:
    """Open pages, as if each were in a browser of its own; the test fails if one complains.

    They are closed before the services are: hence `serve`. Their clock is `frozen` where the
    service's is. The first is the one that tests use in turn, unless it is to be otherwise from the
    beginning, or `cold`: nothing that it asks for has been asked for before.

    A complaint is an error of a script, a line of error in the console (what the content security
    policy forbids is one) or a request to any other host but those `elsewhere`.
    """
    complaints: list[str] = []
    with ExitStack() as opened:

        def open_page(
            path: str = "/preview",
            base: str = service,
            elsewhere: tuple[str, ...] = (),
            cold: bool = False,
            **own: Any,
        ) -> Page:
            frozen = "frozen" in request.fixturenames
            if (
                kept_page.is_free
                and base == service
                and not (cold or frozen or elsewhere or own.keys() - CHANGED_LATER)
            ):
                page = opened.enter_context(kept_page.used(**own))
            else:
                context = chromium.new_context(base_url=base, **{**USUAL, **own})
                page = opened.enter_context(context).new_page()
                if frozen:
                    context.clock.set_fixed_time(FROZEN)
            page.context.set_default_timeout(1000 * PATIENCE)
            watch(page.context, complaints, {base, *elsewhere})
            # A script waits for the style, and has run by then; what is left is the icon.
            scripted = own.get("java_script_enabled", True)
            page.goto(path, wait_until="domcontentloaded" if scripted else "load")
            return page

        yield open_page
    assert complaints == []


def watch(context: BrowserContext, complaints: list[str], known: set[str]) -> None:
    """Write down whatever the pages of a context complain of."""
    context.on("weberror", lambda found: complaints.append(f"error: {found.error}"))
    context.on(
        "console",
        lambda line: complaints.append(f"console: {line.text}") if line.type == "error" else None,
    )
    context.on(
        "request",
        lambda asked: None if origin(asked.url) in known else complaints.append(asked.url),
    )


def origin(url: str) -> str:
    """Cut an address down to its origin."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Stop the clock that relative times are told from."""
    monkeypatch.setattr("app.devtools.preview.now", lambda: FROZEN)
    return FROZEN


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--approve", action="store_true", help="write the approved pictures, and look at them"
    )
