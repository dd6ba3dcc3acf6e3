"""What holds on every page and in every state: rules of accessibility, and room at any width."""

from collections.abc import Mapping
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]  # it has none
from playwright.sync_api import Browser, Page, ViewportSize

from tests.browser.conftest import Open
from tests.browser.pages import NARROW, WIDE
from tests.browser.states import STATES, State

# All rules in light colours; in dark ones, the rules that colours are of any matter to.
SCHEMES: Final[Mapping[Literal["light", "dark"], Mapping[str, Any]]] = {
    "light": {},
    "dark": {"runOnly": ["color-contrast", "link-in-text-block"]},
}
# In a workspace of nobody, of which no other test has attached anything.
PATHS = (
    "/preview",
    "/preview/lookup?workspace=1",
    "/preview/editor",
    "/preview/signature",
)
# What a page needs beside the style and the script that all have.
FURTHER: Final = {
    "/preview": ("marks.svg",),
    "/preview/editor": ("codemirror.js", "editor.css", "editor.js", "grammar.js", "marks.svg"),
}
# What reaches over the right edge of the window and is not kept in by a box that scrolls.
TOO_WIDE = """() => [...document.querySelectorAll('body *')].filter(one => {
  const right = one.getBoundingClientRect().right;
  if (right <= innerWidth + 0.5) return false;
  for (let box = one.parentElement; box; box = box.parentElement)
    if (getComputedStyle(box).overflowX !== 'visible') return false;
  return true;
}).map(one => one.outerHTML.slice(0, 90))"""
# Words of the page's own, not of a card or a payload, that go over two lines.
BROKEN = """() => {
  const broken = [];
  for (const label of document.querySelectorAll('header, nav, button, label, th, dt, h1, h2')) {
    const texts = document.createTreeWalker(label, NodeFilter.SHOW_TEXT);
    for (let text; text = texts.nextNode();)
      for (const { 0: word, index } of text.data.matchAll(/\\S+/g)) {
        const range = document.createRange();
        range.setStart(text, index);
        range.setEnd(text, index + word.length);
        if (new Set([...range.getClientRects()].map(line => line.top)).size > 1) broken.push(word);
      }
  }
  return broken;
}"""
SHIFTS = """() => new Promise(done => {
  const seen = [];
  new PerformanceObserver(list => seen.push(...list.getEntries()))
    .observe({ type: 'layout-shift', buffered: true });
  requestAnimationFrame(() => setTimeout(() => done(
    seen.filter(one => !one.hadRecentInput)
      .map(one => [one.value, ...one.sources.map(of => of.node?.outerHTML?.slice(0, 90))])), 60));
})"""
BREACH = """() => new Promise(done => {
  addEventListener('securitypolicyviolation', event => done(event.effectiveDirective));
  const script = document.createElement('script');
  script.textContent = 'window.ran = true';
  document.body.append(script);
  setTimeout(() => done('nothing'), 1000);
})"""
# CodeMirror writes a style of its own under the page's nonce, and sets sizes within it.
INLINE = (
    "script:not([src]), style:not([nonce]), [style]:not(.cm-editor *), "
    "[onclick], [onload], [onerror]"
)
each_width = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])


@pytest.mark.parametrize("state", STATES, ids=str)
def test_the_rules_hold_in_light_and_dark_wide_and_narrow(open_page: Open, state: State) -> None:
    """Those of accessibility; on a small phone nothing is too wide, and no word is broken.

    No script or style is within the page.
    """
    page = open_page(state.path)
    state.reach(page)
    assert page.locator(INLINE).count() == 0
    check_rules(page)
    assert page.evaluate(BROKEN) == []


def check_rules(page: Page) -> None:
    """Look at a page in light and dark, wide and narrow."""
    page.evaluate(AXE_SCRIPT)
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        for scheme, rules in SCHEMES.items():
            page.emulate_media(color_scheme=scheme)
            assert violations(page, rules) == [], (size, scheme)
    assert page.evaluate(TOO_WIDE) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def violations(page: Page, rules: Mapping[str, Any]) -> list[str]:
    """List what breaks a rule of axe, each with its place."""
    found: list[dict[str, Any]] = page.evaluate(
        "rules => axe.run({resultTypes: ['violations'], ...rules}).then(told => told.violations)",
        rules,
    )
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:120]}"
        for rule in found
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("path", PATHS)
@each_width
def test_nothing_shifts_while_a_page_loads(open_page: Open, path: str, size: ViewportSize) -> None:
    page = open_page(path, viewport=size, cold=True)
    assert page.evaluate(SHIFTS) == []


@pytest.mark.parametrize("path", PATHS)
def test_a_page_asks_for_its_own_parts_once_each_and_for_nothing_else(
    open_page: Open, path: str
) -> None:
    """Not every browser shows the icon, and asks for it."""
    page = open_page("about:blank", cold=True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.goto(path, wait_until="networkidle")
    assets = "/preview/assets"
    icon = f"{assets}/icon.svg"
    parts = [
        urlsplit(path).path,
        *(f"{assets}/{name}" for name in ("card.css", "preview.css", "preview.js")),
    ]
    parts += [f"{assets}/{name}" for name in FURTHER.get(path, ())]
    assert sorted(each for each in asked if each != icon) == sorted(parts)
    assert asked.count(icon) <= 1
    assert page.locator("link[rel=icon]").get_attribute("href") == icon
    assert page.request.get(icon).headers["content-type"].startswith("image/svg+xml")


@pytest.mark.parametrize("path", PATHS)
def test_the_policy_of_a_page_stops_inline_code(chromium: Browser, service: str, path: str) -> None:
    with chromium.new_context(base_url=service) as context:
        page = context.new_page()
        page.goto(path)
        assert page.evaluate(BREACH) == "script-src-elem"
        assert page.evaluate("window.ran") is None
