"""Payloads that mean harm, and pages of other sites: neither gets anywhere."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import responses
from flask import Flask
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.conftest import Open, Serve
from tests.browser.pages import (
    NARROW,
    WIDE,
    address_box,
    box,
    card,
    panel,
    payload_text,
    style,
    value,
    with_metadata,
    write,
)
from tests.browser.service import serving
from tests.host import ISSUE

API_ISSUE = "https://api.github.com/repos/pallets/flask/issues/1"
SCRIPT = "<img src=x onerror=window.hacked=1>"
LONG = "W" * 10_000
# Turns all after it around, unless it ends where its text ends.
BIDI = "\u202egnp.exe\u2066\u200f"
CLOSING = "</pre></script><script>window.hacked=1</script>\"'><svg onload=window.hacked=1>"
BAD_ADDRESSES = (
    "javascript:window.hacked=1",
    "data:text/html,<script>window.hacked=1</script>",
    "//evil.example/x.png",
    " javascript:window.hacked=1",
    "https:/\\evil.example",
)
PIXEL = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
    b"\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xff\xff?\x00\x05\xfe\x02\xfe\xa75\x81\x84"
    b"\x00\x00\x00\x00IEND\xaeB`\x82"
)
ICONS = "https://github.githubassets.com"
AVATARS = "https://avatars.githubusercontent.com"

Ask = Callable[..., Page]


@pytest.fixture
def ask_upstream(open_page: Open, serve: Serve, upstream: responses.RequestsMock) -> Ask:
    """Open the live preview of an issue that a hostile GitHub answers for."""

    def ask_upstream(size: ViewportSize = WIDE, **issue: Any) -> Page:
        usual = {"title": "An issue", "state": "open", "created_at": "2025-01-02T03:04:05Z"}
        upstream.get(API_ISSUE, json=usual | issue)
        page = open_page(
            "/preview/signature",
            base=serve(offline="off"),
            elsewhere=(ICONS, AVATARS),
            viewport=size,
        )
        for host in (ICONS, AVATARS):
            page.route(
                f"{host}/**", lambda route: route.fulfill(body=PIXEL, content_type="image/png")
            )
        page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
        page.goto(f"/preview?url={ISSUE}")
        return page

    return ask_upstream


def assert_unharmed(page: Page) -> None:
    assert page.evaluate("window.hacked") is None
    # CodeMirror keeps the cursor out of its way by pictures of nothing.
    sources = page.locator("img:not(.cm-widgetBuffer)").evaluate_all(
        "all => all.map(one => one.src)"
    )
    assert [source for source in sources if not source.startswith((ICONS, AVATARS))] == []
    links = page.locator("[href], [src], [action]").evaluate_all(
        "all => all.map(one => one.href?.baseVal ?? one.href ?? one.src ?? one.action)"
    )
    assert [link for link in links if "javascript:" in link[:20]] == []
    assert page.locator("svg[onload], [onerror]").count() == 0


def assert_in_its_box(page: Page) -> None:
    """See that no part of the card reaches over its edge, and the page has no second axis."""
    edge = box(card(page))
    parts = card(page).locator("h3, p, dt, dd, .pill, .words").all()
    for part in parts:
        inner = box(part)
        assert inner["x"] >= edge["x"]
        assert inner["x"] + inner["width"] <= edge["x"] + edge["width"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("text", [SCRIPT, CLOSING], ids=["image", "closing tags"])
def test_markup_of_an_upstream_is_shown_as_the_text_that_it_is(
    ask_upstream: Ask, text: str
) -> None:
    page = ask_upstream(
        title=text,
        user={"login": text, "avatar_url": None},
        labels=[{"name": text}],
        milestone={"title": text},
    )
    expect(card(page).get_by_role("heading")).to_have_text(text)
    assert text[:20] in value(page, "Labels").inner_text()
    assert_unharmed(page)


def test_markup_in_an_update_is_shown_as_the_text_that_it_is(ask_upstream: Ask) -> None:
    page = ask_upstream(title=CLOSING)
    page.get_by_role("button", name="Show card").click()
    expect(page.get_by_role("status")).to_have_text(f"Card drawn: {CLOSING}")
    expect(card(page).get_by_role("heading")).to_have_text(CLOSING)
    assert_unharmed(page)


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_an_avatar_that_is_no_web_address_is_no_icon(ask_upstream: Ask, address: str) -> None:
    page = ask_upstream(user={"login": "mallory", "avatar_url": address})
    expect(value(page, "Author")).to_have_text("mallory")
    expect(value(page, "Author").locator("img")).to_have_count(0)
    assert_unharmed(page)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_texts_without_end_stay_in_the_card(ask_upstream: Ask, size: ViewportSize) -> None:
    page = ask_upstream(
        size,
        title=LONG,
        user={"login": LONG, "avatar_url": None},
        labels=[{"name": LONG}],
        milestone={"title": LONG},
    )
    expect(card(page).get_by_role("heading")).to_contain_text("WWW…")
    assert_in_its_box(page)
    assert box(card(page))["height"] < 600


def test_texts_without_end_take_few_lines_and_each_runs_in_its_own_direction(
    open_page: Open,
) -> None:
    page = open_page("/preview/editor", viewport=NARROW)
    footer = {"footer_type": "custom_text", "text": "a footer " * 400}
    hebrew = "\u05e1\u05d3\u05e8 \u05d4\u05de\u05d9\u05d5\u05df"
    write(page, with_metadata(title=hebrew, subtitle="名" * 900, error="e " * 900, footer=footer))
    lines = {".card-subtitle": 1, ".card-error .words": 2, ".card-footer .words": 2}
    for found, most in lines.items():
        part = card(page).locator(found)
        assert box(part)["height"] <= most * float(style(part, "lineHeight").removesuffix("px")) + 1
    title = card(page).get_by_role("heading")
    assert style(title, "direction") == "rtl"
    assert style(card(page).locator(".line"), "direction") == "ltr"
    assert_in_its_box(page)


def test_controls_of_direction_do_not_turn_the_page_around(ask_upstream: Ask) -> None:
    page = ask_upstream(title=BIDI, labels=[{"name": BIDI}])
    drawn = card(page).inner_text()
    assert "gnp.exe" in drawn
    # The name of a field after it, and what stands right of it, are where they were.
    assert box(page.get_by_text("Labels", exact=True))["x"] < box(value(page, "Labels"))["x"]
    assert_in_its_box(page)


def test_icons_of_web_addresses_are_loaded_live(ask_upstream: Ask) -> None:
    page = ask_upstream(user={"login": "octocat", "avatar_url": f"{AVATARS}/u/1"})
    icons = card(page).locator("img")
    assert icons.evaluate_all("all => all.map(one => one.src.split('/')[2])") == [
        "github.githubassets.com",
        "avatars.githubusercontent.com",
    ]
    for icon in icons.all():
        expect(icon).to_have_attribute("alt", "")
        expect(icon).to_have_attribute("referrerpolicy", "no-referrer")
        assert (box(icon)["width"], box(icon)["height"]) == (16, 16)


HOSTILE_METADATA: dict[str, dict[str, Any]] = {
    "markup": {"title": SCRIPT, "subtitle": CLOSING, "error": SCRIPT},
    "addresses": {
        "subicon_url": BAD_ADDRESSES[0],
        "fields": [
            {"type": "text_with_icon", "name": "A", "text": "a", "icon_url": address}
            for address in BAD_ADDRESSES
        ],
        "footer": {"footer_type": "custom_text", "text": SCRIPT, "icon_url": BAD_ADDRESSES[0]},
    },
    "long texts": {
        "title": LONG,
        "subtitle": LONG,
        "error": LONG,
        "fields": [
            {"type": "pill", "name": LONG, "text": LONG, "color": "red"},
            {"type": "text_with_icon", "name": LONG, "text": LONG},
            {"type": "datetime_with_icon", "name": LONG, "datetime": LONG},
        ],
        "footer": {"footer_type": "custom_text", "text": LONG},
        "num_comments": 10**30,
    },
    "no kinds": {"title": {"a": 1}, "fields": [1, None, [], {"type": []}], "footer": [1]},
    "colours": {
        "fields": [{"type": "pill", "name": "A", "text": "a", "color": '">' + SCRIPT}],
    },
}


@pytest.mark.parametrize("name", HOSTILE_METADATA)
def test_a_hostile_payload_in_the_editor_does_no_harm(open_page: Open, name: str) -> None:
    page = open_page("/preview/editor")
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    write(page, with_metadata(**HOSTILE_METADATA[name]))
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        assert_unharmed(page)
        assert_in_its_box(page)
    expect(page.locator("img:not(.cm-widgetBuffer)")).to_have_count(0)


@pytest.mark.parametrize("name", ["markup", "addresses", "no kinds", "colours"])
def test_a_hostile_payload_in_a_shared_address_does_no_harm(open_page: Open, name: str) -> None:
    text = with_metadata(**HOSTILE_METADATA[name])
    page = open_page(f"/preview/editor?{urlencode({'payload': text})}")
    assert payload_text(page) == text
    assert_unharmed(page)
    assert_in_its_box(page)


def test_only_web_addresses_become_icons_where_icons_are_loaded(
    open_page: Open, serve: Serve
) -> None:
    text = with_metadata(
        subicon_url=f"{ICONS}/one.png",
        fields=HOSTILE_METADATA["addresses"]["fields"],
        footer=HOSTILE_METADATA["addresses"]["footer"],
    )
    page = open_page("/preview/signature", base=serve(offline="off"), elsewhere=(ICONS,))
    page.route(f"{ICONS}/**", lambda route: route.fulfill(body=PIXEL, content_type="image/png"))
    page.goto(f"/preview/editor?{urlencode({'payload': text})}")
    expect(card(page).locator("img")).to_have_count(1)
    assert_unharmed(page)


@pytest.mark.parametrize("text", [SCRIPT, '{"' + CLOSING.replace('"', "'"), "</textarea>" + SCRIPT])
def test_what_is_no_json_is_not_run_either(open_page: Open, text: str) -> None:
    page = open_page("/preview/editor")
    write(page, text)
    expect(panel(page, "Faults").get_by_role("listitem")).to_have_count(1)
    assert_unharmed(page)
    page.reload()
    assert payload_text(page) == text
    assert_unharmed(page)


def test_an_address_with_markup_is_shown_as_it_is(open_page: Open) -> None:
    page = open_page("/preview/signature")
    page.goto(f"/preview?url={CLOSING.replace('#', '')}")
    expect(address_box(page)).to_have_value(CLOSING)
    assert_unharmed(page)


# --- pages of other sites: their consoles complain, as they should --------------------------

FRAMES = """address => new Promise(done => {
  const frame = document.createElement('iframe');
  frame.onload = () => done();
  frame.src = address;
  document.body.append(frame);
})"""
FETCHES = """([address, mode]) => fetch(address, { mode })
  .then(answer => answer.type === 'opaque' ? 'opaque' : answer.text(), error => error.name)"""


@pytest.fixture
def stranger(chromium: Browser) -> Iterator[Page]:
    """A page of another site that a browser has open."""
    site = Flask("stranger")
    site.add_url_rule("/", "home", lambda: "<!doctype html><body>Of a stranger")
    with serving(site) as base, chromium.new_context() as context:
        page = context.new_page()
        page.goto(base.replace("127.0.0.1", "stranger.example"))
        yield page


def test_a_page_of_another_site_cannot_frame_the_preview(stranger: Page, service: str) -> None:
    for address in (stranger.url, f"{service}/preview"):
        stranger.evaluate(FRAMES, address)
    _, own, preview = stranger.frames
    assert "Of a stranger" in own.content()
    assert "Placard" not in preview.content()


@pytest.mark.parametrize("mode", ["cors", "no-cors"])
def test_a_page_of_another_site_cannot_fetch_the_preview(
    stranger: Page, service: str, mode: str
) -> None:
    for path in ("/preview", "/preview/editor", "/preview/assets/preview.js"):
        assert stranger.evaluate(FETCHES, [f"{service}{path}", mode]) == "TypeError"


def test_a_page_of_another_site_keeps_no_hold_of_a_window_that_it_opens(
    stranger: Page, service: str
) -> None:
    with stranger.expect_popup() as opened:
        stranger.evaluate("address => { window.other = open(address); }", f"{service}/preview")
    opened.value.wait_for_load_state()
    assert opened.value.evaluate("window.opener") is None
    assert stranger.evaluate("window.other.closed") is True


def test_a_foreign_name_that_leads_here_is_refused(chromium: Browser, service: str) -> None:
    port = service.rpartition(":")[2]
    with chromium.new_context() as context:
        page = context.new_page()
        answer = page.goto(f"http://rebound.example:{port}/preview")
        assert answer is not None
        assert answer.status == 403
        assert "Placard" not in page.content()
