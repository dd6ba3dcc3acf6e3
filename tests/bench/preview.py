"""The preview: from the address box to the drawn card of a sample, in a real browser."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from playwright.sync_api import Page

from app.upstream.samples import bundled_samples
from tests.bench.machine import SERVER_CORE
from tests.bench.processes import BIN, running
from tests.bench.tables import Missing, Table
from tests.browser.chromium import NoBrowser, launched
from tests.host import JWT_SECRET, SIGNATURE_SECRET
from tests.ports import free_port

ROUNDS = 5
COLUMNS = ("from the address box to the drawn card", "cards", "median", "p95")
NOTES = f"""
{ROUNDS} rounds over all bundled samples, those that end in an error's card too. The clock is the
page's own: from the Enter in the address box until the frame in which the card stands is painted.
Asked anew means that the sample was fetched, mapped and checked; kept, that the cache had it.
"""
SETTINGS = {"PLACARD_JWT_SECRETS": JWT_SECRET, "PLACARD_SIGNATURE_SECRETS": SIGNATURE_SECRET}
# The frame after the one that a change asks for has been painted with it.
WATCH = """
url => new Promise(resolve => {
  const form = document.querySelector("form.address");
  const began = performance.now();
  new MutationObserver((_, watcher) => {
    if (!document.querySelector("#result .card")) return;
    watcher.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - began)));
  }).observe(document.getElementById("result"), {childList: true});
  form.elements.url.value = url;
  form.requestSubmit();
})
"""


def measure() -> Table:
    """Measure with one service that is fresh for each round."""
    anew: list[float] = []
    kept: list[float] = []
    urls = [sample.resource_url for sample in bundled_samples()]
    for _ in range(ROUNDS):
        with _page() as page:
            page.evaluate(WATCH, urls[-1])  # so that nothing is compiled while the clock runs
            anew += _times(page, urls[:-1])
            kept += _times(page, urls[:-1])
    return Table(COLUMNS, [_row("asked anew", anew), _row("kept", kept)], NOTES)


@contextmanager
def _page() -> Iterator[Page]:
    port = free_port()
    command = [str(BIN / "placard"), "--local", "serve", "--port", str(port)]
    with tempfile.TemporaryDirectory(prefix="placard-bench-") as folder:
        log = Path(folder) / "log"
        try:
            with (
                running(command, SETTINGS, port=port, cores=SERVER_CORE, log=log) as server,
                launched() as browser,
            ):
                page = browser.new_page()
                page.goto(f"{server.base}/preview/signature")
                page.goto(f"{server.base}/preview")
                yield page
        except NoBrowser as missing:
            raise Missing(str(missing)) from None


def _times(page: Page, urls: Sequence[str]) -> list[float]:
    return [float(page.evaluate(WATCH, url)) for url in urls]


def _row(how: str, times: Sequence[float]) -> list[str]:
    last = quantiles(times, n=20)[-1]
    return [how, str(len(times)), f"{median(times):.0f} ms", f"{last:.0f} ms"]
