"""How the preview looks: compared with pictures that a person has approved by looking at them.

`make screenshot` writes them anew. A picture that differs is left beside the approved one, as
`….new.png`.
"""

import shutil
import subprocess
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from pixelmatch.contrib.PIL import pixelmatch
from playwright.sync_api import Page

from tests.browser.conftest import FROZEN, Open, Serve
from tests.browser.pages import FAULTY, MERGED, MISSING, NARROW, SIGNED, paste_signed, write
from tests.host import token

APPROVED = Path(__file__).parent / "approved"
# Of all pixels; what is smoothed otherwise at the edge of a letter is not counted at all.
TOLERATED = 0.001
# What differs from run to run, as it might have been.
PLAUSIBLE = """token => {
  const each = (found, text) => document.querySelectorAll(found).forEach((one, place) => {
    const words = [...one.childNodes].filter(child => child.nodeType === 3).at(-1);
    words.textContent = text(place);
  });
  const times = ['0.31', '0.06', '4.12', '1.37', '1.94', '0.52'];
  const last = document.querySelectorAll('.timeline li').length - 1;
  each('.timeline .time', place => `${place === last ? '5.48' : times[place]} ms`);
  each('.fact:has(.status)', () => ' in 5.5 ms');
  const bars = [[0, 6], [6, 1], [8, 75], [10, 25], [37, 35], [74, 9]];
  document.querySelectorAll('.bar-part').forEach((bar, place) => {
    const [x, width] = place === last ? [0, 100] : bars[place];
    bar.setAttribute('x', x);
    bar.setAttribute('width', width);
  });
  document.querySelectorAll('.timeline code').forEach(code => {
    code.textContent = code.textContent
      .replace(/[0-9a-f]{32}/, '5f0c2e9ab7d14c6f8e31a24d90b7c655')
      .replace(/as of [^,]+/, 'as of 2025-11-20T12:00:00.004Z');
  });
  const curl = document.getElementById('curl');
  if (curl) curl.textContent = curl.textContent
    .replace(/Bearer [^']+/, `Bearer ${token}`)
    .replace(/127\\.0\\.0\\.1:\\d+/, '127.0.0.1:8080')
    .replace(/expires_at=.*'/, "expires_at=2025-11-20T12%3A05%3A00.000Z'");
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
    issued = int(FROZEN.timestamp())
    page.evaluate(PLAUSIBLE, token(iat=issued, exp=issued + 300, qsh="58ceaf07" * 8))
    page.evaluate("async () => { await document.fonts.ready; document.activeElement.blur(); }")
    page.mouse.move(0, 0)
    taken = page.screenshot(animations="disabled", caret="hide")
    approved, new = APPROVED / f"{name}.png", APPROVED / f"{name}.new.png"
    if approve:
        approved.write_bytes(taken)
        return
    assert approved.exists(), f"there is no {approved}: make screenshot, and look at it"
    share = difference(Image.open(approved), Image.open(BytesIO(taken)))
    if share > TOLERATED:
        new.write_bytes(taken)
        pytest.fail(f"{share:.2%} of the picture differ: compare {new} with {approved.name}")
    new.unlink(missing_ok=True)


def difference(first: Image.Image, second: Image.Image) -> float:
    """Measure the share of pixels that an eye would call different."""
    if first.size != second.size:
        return 1.0
    one, other = first.convert("RGB"), second.convert("RGB")
    area = ImageChops.difference(one, other).getbbox()
    if area is None:
        return 0.0
    return pixelmatch(one.crop(area), other.crop(area)) / (one.width * one.height)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_look_of_the_preview(
    open_page: Open, serve: Serve, frozen: datetime, approve: bool, scheme: str
) -> None:
    page = open_page(f"/preview?url={MERGED}", base=serve(), color_scheme=scheme)
    compare(page, f"preview-{scheme}", approve=approve)


def test_the_look_of_an_error(
    open_page: Open, serve: Serve, frozen: datetime, approve: bool
) -> None:
    page = open_page(f"/preview?url={MISSING}", base=serve())
    compare(page, "error", approve=approve)


def test_the_look_of_the_preview_on_a_phone(
    open_page: Open, serve: Serve, frozen: datetime, approve: bool
) -> None:
    page = open_page(f"/preview?url={MERGED}", base=serve(), viewport=NARROW)
    compare(page, "preview-narrow", approve=approve)


def test_the_look_of_the_editor_with_faults(open_page: Open, approve: bool) -> None:
    page = open_page("/preview/editor")
    write(page, FAULTY)
    compare(page, "editor-faults", approve=approve)


def test_the_look_of_the_verdict_on_a_signature(open_page: Open, approve: bool) -> None:
    page = open_page("/preview/signature")
    paste_signed(page, "&".join(sorted(SIGNED.split("&"))), SIGNED)
    compare(page, "signature-verdict", approve=approve)


def test_a_picture_of_something_else_is_different() -> None:
    white, spot = Image.new("RGB", (50, 50), "white"), Image.new("RGB", (50, 50), "white")
    spot.paste("black", (10, 10, 20, 20))
    assert difference(white, white) == 0
    assert difference(white, spot) > TOLERATED
    assert difference(white, Image.new("RGB", (50, 51), "white")) == 1
