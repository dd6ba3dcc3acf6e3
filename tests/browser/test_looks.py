"""How the preview looks: compared with pictures that a person has approved by looking at them.

`make screenshot` writes them anew. A picture that differs is left beside the approved one, as
`….new.png`.
"""

import shutil
import subprocess
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlencode

import pytest
from PIL import Image, ImageChops
from pixelmatch.contrib.PIL import pixelmatch
from playwright.sync_api import Page, ViewportSize

from tests.browser.conftest import Open, Serve
from tests.browser.pages import (
    FAULTY,
    MERGED,
    MISSING,
    NARROW,
    SIGNED,
    WIDE,
    limits,
    panel,
    paste_signed,
    payload_box,
    write,
)

APPROVED = Path(__file__).parent / "approved"
# Of all pixels; what is smoothed otherwise at the edge of a letter is not counted at all.
TOLERATED = 0.001
# Of 255: a pixel that differs by no more in any of its colours is none that pixelmatch counts.
UNSEEN = 25
# A phone; a laptop's window at 200 % of its size, a small one; and the whole of it.
SIZES: Final[tuple[ViewportSize, ...]] = (
    NARROW,
    {"width": 720, "height": 900},
    {"width": 1100, "height": 800},
    WIDE,
)
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
# What differs from run to run, as it might have been.
PLAUSIBLE = """() => {
  const each = (found, text) => document.querySelectorAll(found).forEach((one, place) => {
    const words = [...one.childNodes].filter(child => child.nodeType === 3).at(-1);
    words.textContent = text(place);
  });
  const times = ['0.31', '0.06', '4.12', '1.37', '1.94', '0.52'];
  const last = document.querySelectorAll('.timeline li').length - 1;
  each('.timeline .time', place => `${place === last ? '5.48' : times[place]} ms`);
  each('.searched .time', () => '7 ms');
  each('.panel .fact:has(.status), .stage-panel .fact', () => ' in 5.5 ms');
  const bars = [[0, 6], [6, 1], [8, 75], [10, 25], [37, 35], [74, 9]];
  document.querySelectorAll('.bar-part').forEach((bar, place) => {
    const [x, width] = place === last ? [0, 100] : bars[place];
    bar.setAttribute('x', x);
    bar.setAttribute('width', width);
  });
  document.querySelectorAll('.timeline small').forEach(told => {
    told.textContent = told.textContent
      .replace(/[0-9a-f]{32}/, '5f0c2e9ab7d14c6f8e31a24d90b7c655')
      .replace(/as of [^,]+/, 'as of 2025-11-20T12:00:00.004Z');
  });
  const sign = document.getElementById('sign');
  if (sign) sign.textContent = sign.textContent
    .replace(/^\\S+/, 'placard')
    .replace(/127[^ ]+/, '127.0.0.1:9000');
}"""


@pytest.fixture(autouse=True)
def inter() -> None:
    """The font that the pictures are drawn with; another draws other pictures."""
    listing = shutil.which("fc-list")
    found = (
        listing
        and subprocess.run(
            [listing, ":family=Inter"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    )
    if not found:
        pytest.skip("the font Inter is missing: apt-get install fonts-inter fontconfig")


@pytest.fixture
def approve(request: pytest.FixtureRequest) -> bool:
    """Whether the pictures are to be written, for a person to look at."""
    return bool(request.config.getoption("--approve", default=False))


def compare(page: Page, name: str, *, approve: bool) -> None:
    """Take a picture of the window, and compare it with the approved one of that name."""
    still(page)
    told = differing(page, name, approve=approve)
    assert told is None, told


def still(page: Page) -> None:
    """Put what differs from run to run into one form, and take the pointer and the focus away."""
    page.evaluate(PLAUSIBLE)
    page.evaluate("async () => { await document.fonts.ready; document.activeElement.blur(); }")
    page.mouse.move(0, 0)


def differing(page: Page, name: str, *, approve: bool) -> str | None:
    """Say how the window differs from the approved picture, or None."""
    taken = page.screenshot(animations="disabled", caret="hide")
    approved, new = APPROVED / f"{name}.png", APPROVED / f"{name}.new.png"
    if approve:
        approved.write_bytes(taken)
        return None
    if not approved.exists():
        return f"there is no {approved}: make screenshot, and look at it"
    share = difference(Image.open(approved), Image.open(BytesIO(taken)))
    if share > TOLERATED:
        new.write_bytes(taken)
        return f"{share:.2%} of the picture differ: compare {new} with {approved.name}"
    new.unlink(missing_ok=True)
    return None


def difference(first: Image.Image, second: Image.Image) -> float:
    """Measure the share of pixels that an eye would call different, and never less.

    Pixelmatch takes a second for a picture, so that it looks only where more may differ than is
    tolerated.
    """
    if first.size != second.size:
        return 1.0
    one, other = first.convert("RGB"), second.convert("RGB")
    red, green, blue = ImageChops.difference(one, other).split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    seen = most.point([255 * (value > UNSEEN) for value in range(256)])
    count, area = seen.histogram()[255], seen.getbbox()
    if area is not None and count > TOLERATED * one.width * one.height:
        count = pixelmatch(one.crop(area), other.crop(area))
    return count / (one.width * one.height)


def looks(page: Page, name: str, *, approve: bool) -> None:
    """Compare a page at each width, in light and dark."""
    still(page)
    told = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for size in SIZES:
            page.set_viewport_size(size)
            page.evaluate("scrollTo(0, 0)")
            told.append(differing(page, f"{name}-{size['width']}-{scheme}", approve=approve))
    assert [each for each in told if each] == []


def test_the_look_of_the_preview(
    open_page: Open, serve: Serve, frozen: datetime, approve: bool
) -> None:
    looks(open_page(f"/preview?url={MERGED}", base=serve()), "preview", approve=approve)


def test_the_look_of_the_editor_with_faults(open_page: Open, approve: bool) -> None:
    page = open_page("/preview/editor")
    write(page, FAULTY)
    looks(page, "editor", approve=approve)


def test_the_look_of_the_lookup_box(
    open_page: Open, serve: Serve, frozen: datetime, approve: bool
) -> None:
    page = open_page("/preview/lookup?query=reading-list", base=serve())
    page.get_by_role("button", name="Remember the sort order").click()
    panel(page, "What attach answered").wait_for()
    compare(page, "lookup", approve=approve)


def test_the_look_of_an_error(
    open_page: Open, serve: Serve, frozen: datetime, approve: bool
) -> None:
    page = open_page(f"/preview?url={MISSING}", base=serve())
    compare(page, "error", approve=approve)


def test_the_look_of_an_address_without_a_sample(
    open_page: Open, serve: Serve, frozen: datetime, approve: bool
) -> None:
    page = open_page("/preview?url=https://github.com/acme/shop/issues/1", base=serve())
    compare(page, "no-sample", approve=approve)


def test_the_look_of_the_verdict_on_a_signature(open_page: Open, approve: bool) -> None:
    page = open_page("/preview/signature")
    paste_signed(page, "&".join(sorted(SIGNED.split("&"))), SIGNED)
    compare(page, "signature-verdict", approve=approve)


def test_the_look_in_forced_colors(
    open_page: Open, serve: Serve, frozen: datetime, approve: bool
) -> None:
    """What is chosen, near a limit or wrong is told without a colour of ours."""
    page = open_page(f"/preview?url={MERGED}", base=serve(), forced_colors="active")
    limits(page).locator("summary").click()
    compare(page, "forced-colors-preview", approve=approve)
    page.goto(f"/preview/editor?{urlencode({'payload': FAULTY})}")
    payload_box(page).wait_for()
    compare(page, "forced-colors-editor", approve=approve)


def test_a_picture_of_something_else_is_different() -> None:
    white, spot = Image.new("RGB", (50, 50), "white"), Image.new("RGB", (50, 50), "white")
    spot.paste("black", (10, 10, 20, 20))
    assert difference(white, white) == 0
    assert difference(white, Image.new("RGB", white.size, (255 - UNSEEN,) * 3)) == 0
    assert difference(white, spot) > TOLERATED
    assert difference(white, Image.new("RGB", (50, 51), "white")) == 1
