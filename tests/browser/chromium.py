"""A real browser, for tests and benches; nothing but this machine can be reached from it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

# The first is a browser without a window, which does the same at a third of the cost.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
    # The network is off. Foreign names lead here, as one under somebody's control may.
    "--host-resolver-rules=MAP *.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


class NoBrowser(Exception):
    """There is no Chromium; the text says how to get it."""


@contextmanager
def launched() -> Iterator[Browser]:
    """Run the system's Chromium, or else the one that Playwright brings along; or NoBrowser."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        if found is None and not Path(playwright.chromium.executable_path).exists():
            raise NoBrowser("there is no Chromium here: apt-get install chromium")
        # Chromium's own sandbox does not start as root.
        as_root = os.geteuid() == 0
        browser = playwright.chromium.launch(
            executable_path=found, args=FLAGS, chromium_sandbox=not as_root
        )
        yield browser
        browser.close()
