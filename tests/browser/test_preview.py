"""The preview's first page: the real request, and all that is told of its answer."""

import json
import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from playwright.sync_api import Locator, Page, expect

from templates_schemas import faults
from templates_schemas.limits import PILL_COLORS
from tests.browser.conftest import Open, Serve
from tests.browser.pages import (
    FORBIDDEN,
    LONG_TEXTS,
    MERGED,
    MISSING,
    address_box,
    ask_for,
    box,
    card,
    limits,
    panel,
    payload_text,
    sample,
    settled,
    style,
    texts,
    value,
)
from tests.host import ISSUE, JWT_SECRET, query_of, token

CLIPBOARD = ["clipboard-read", "clipboard-write"]


def as_the_host_gets_it(base: str, url: str) -> Any:
    """Ask the service as the host does."""
    return requests.get(
        f"{base}/widget?{query_of(resource_url=url)}",
        headers={"Authorization": f"Bearer {token()}"},
        timeout=10,
    ).json()


def steps(page: Page) -> list[str]:
    return texts(panel(page, "Trace").get_by_role("listitem"))


def copied(page: Page) -> str:
    """Read the clipboard, once the page says that it has copied."""
    expect(page.get_by_role("status")).to_have_text("Copied")
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_the_address_box_asks_and_draws_what_the_host_would_get(
    open_page: Open, service: str
) -> None:
    page = open_page()
    ask_for(page, ISSUE)
    sent = as_the_host_gets_it(service, ISSUE)
    expect(card(page).get_by_role("heading")).to_have_text(sent["metadata"]["title"])
    for field in sent["metadata"]["fields"]:
        expect(value(page, field["name"])).to_be_visible()
    assert json.loads(page.locator("#json").inner_text()) == sent


def test_the_address_of_the_page_is_that_of_its_resource(open_page: Open) -> None:
    page = open_page()
    ask_for(page, ISSUE)
    again = open_page(page.url)
    expect(address_box(again)).to_have_value(ISSUE)
    assert texts(card(again)) == texts(card(page))


def test_going_back_shows_the_card_before(open_page: Open) -> None:
    page = open_page(f"/preview?url={MERGED}")
    before = texts(card(page))
    ask_for(page, ISSUE)
    assert texts(card(page)) != before
    page.go_back()
    expect(address_box(page)).to_have_value(MERGED)
    expect(card(page)).to_contain_text("Remember the sort order of each list")
    assert texts(card(page)) == before


def test_the_card_and_the_json_stand_side_by_side_at_the_top(open_page: Open) -> None:
    page = open_page(f"/preview?url={MERGED}")
    left, right = box(panel(page, "Card")), box(panel(page, "JSON"))
    assert left["x"] + left["width"] < right["x"]
    assert left["y"] == right["y"]
    for whole in (card(page), panel(page, "JSON"), panel(page, "Cut or dropped"), limits(page)):
        expect(whole).to_be_in_viewport(ratio=1)
    assert box(limits(page))["height"] < 60
    assert box(panel(page, "Trace"))["y"] > right["y"] + right["height"]


def test_the_json_is_copied_as_it_was_sent(open_page: Open, service: str) -> None:
    page = open_page(f"/preview?url={LONG_TEXTS}", permissions=CLIPBOARD)
    panel(page, "JSON").get_by_role("button", name="Copy").click()
    payload = json.loads(copied(page))
    assert payload == as_the_host_gets_it(service, LONG_TEXTS)
    assert faults(payload) == ()


def test_both_commands_repeat_the_request(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PLACARD_JWT_SECRETS", JWT_SECRET)
    page = open_page(f"/preview?url={ISSUE}", permissions=CLIPBOARD)
    request = panel(page, "The same request, from a shell")
    request.get_by_role("button", name="Copy", exact=True).click()
    short = copied(page)
    assert len(short) < 130
    page.evaluate("document.getElementById('status').textContent = ''")
    request.get_by_text("alone, with a proof").click()
    request.get_by_role("button", name="Copy the whole line").click()
    for command in (short, copied(page)):
        answer = subprocess.run(
            command, shell=True, capture_output=True, text=True, timeout=60, check=True
        )
        assert json.loads(answer.stdout) == json.loads(page.locator("#json").inner_text())


def test_the_limits_open_into_meters(open_page: Open) -> None:
    page = open_page(f"/preview?url={MERGED}")
    expect(limits(page)).to_contain_text("Nearly full: Fields 5 of 5")
    limits(page).locator("summary").click()
    rows = texts(limits(page).locator("tbody tr"))
    assert rows[:3] == ["Title 36/200", "Fields 5/5", "State: name 5/40"]
    assert len(rows) == 11
    meters = limits(page).get_by_role("meter")
    drawn = meters.evaluate_all("all => all.map(one => [one.value, one.max])")
    assert drawn == [[int(part) for part in row.split()[-1].split("/")] for row in rows]
    expect(limits(page).locator("tr.near")).to_have_text(re.compile("Fields"))


def test_what_was_cut_is_said_in_words_before_all_else(open_page: Open) -> None:
    page = open_page(f"/preview?url={LONG_TEXTS}")
    cut = panel(page, "Cut or dropped")
    assert texts(cut.get_by_role("listitem")) == [
        "Title cut from 272 to 200 UTF-16 code units",
        "Assignees, text the first is cut, and 2 more only counted",
        "Labels, text the first is cut, and 2 more only counted",
        "Milestone, text cut from 59 to 40 UTF-16 code units",
    ]
    assert box(cut)["y"] < box(limits(page))["y"]


def test_the_trace_tells_each_step_and_how_long_it_took(open_page: Open, serve: Serve) -> None:
    page = open_page(f"/preview?url={MERGED}", base=serve())
    told = steps(page)
    ends = [re.search(r" \d+\.\d\d ms$", step) for step in told]
    assert all(ends)
    expected = [
        r"Verified by a token \(JWT\), bound to this request .*",
        (
            r"Matched the connector github owner placard-samples · repo reading-list · pull 27 "
            r"Pattern .*"
        ),
        r"Looked up miss: not kept yet, so it was fetched .*",
        r"Fetched 200 · 5\.4 kB GET api\.github\.com/repos/placard-samples/.*/pulls/27 .*",
        r"Mapped onto summary_with_details_v0 .*",
        r"Checked against the host's contract .*",
        (
            r"Answered 200 · 734 Bytes · Cache-Status Placard; fwd=miss; ttl=60 · "
            r"readable by pages of https://app\.asana\.com X-Request-Id .*"
        ),
    ]
    assert len(told) == len(expected)
    for step, pattern in zip(told, expected, strict=True):
        assert re.fullmatch(pattern, step), step
    assert "/{owner}/{repo}/" not in told[1]
    panel(page, "Trace").get_by_text("Pattern").click()
    assert "/{owner}/{repo}/" in steps(page)[1]
    assert re.search(r"X-Request-Id [0-9a-f]{32} ", told[-1])


def test_the_second_ask_is_answered_from_the_cache(open_page: Open, serve: Serve) -> None:
    page = open_page(f"/preview?url={MERGED}", base=serve())
    ask_for(page, MERGED)
    told = " / ".join(steps(page))
    assert "Looked up fresh: answered from the cache, nothing was asked" in told
    assert "Fetched" not in told


def test_a_signature_proves_the_request_where_the_service_takes_only_that(
    open_page: Open, serve: Serve
) -> None:
    page = open_page(base=serve(verify="signature"))
    assert steps(page)[0].startswith("Verified by the host's request signature")


def test_verification_that_is_off_is_told(open_page: Open, serve: Serve) -> None:
    page = open_page(base=serve(verify="off"))
    assert steps(page)[0].startswith("Verified verification is off: nothing was checked")


def test_a_sample_is_shown_by_one_click(open_page: Open) -> None:
    page = open_page()
    samples = page.get_by_role("navigation", name="Samples").get_by_role("link")
    assert samples.count() > 50
    for place in (0, 20, -1):
        one = samples.nth(place)
        with page.expect_response(lambda answer: "/preview?url=" in answer.url):
            one.click()
        settled(page)
        expect(one).to_have_attribute("aria-current", "true")
        shown = page.get_by_role("article")
        expect(shown).to_have_accessible_name(re.compile(r"^The (card|error), as the host "))
        expect(shown).not_to_be_empty()
        assert f"url={page.evaluate('encodeURIComponent(document.forms[0].url.value)')}" in page.url
    expect(page.locator("[data-sample][aria-current]")).to_have_count(1)


def test_what_else_the_host_sends_is_sent_along(open_page: Open) -> None:
    page = open_page()
    page.get_by_text("What else the host sends").click()
    page.get_by_label("Workspace").fill("12345")
    page.get_by_label("Locale").fill("de")
    sample(page, "Trello", "Card").click()
    expect(page.get_by_role("status")).to_contain_text("Card drawn: ")
    assert page.url.endswith("&workspace=12345&locale=de")
    assert "--workspace 12345 --locale de" in page.locator("#sign").inner_text()
    again = open_page(page.url)
    expect(again.get_by_label("Workspace")).to_have_value("12345")


def test_an_address_of_ones_own_is_met_kindly_offline(open_page: Open) -> None:
    page = open_page()
    ask_for(page, "https://github.com/my-company/my-product/issues/1")
    expect(page.get_by_role("article", name="No sample")).to_contain_text("make run LIVE=1")
    expect(page.get_by_role("status")).to_have_text("No sample answers this address offline")
    expect(page.locator(".status-5")).to_have_count(0)


@pytest.mark.parametrize(
    ("url", "status", "sentence", "code", "to_do"),
    [
        (MISSING, 404, "Not found.", "resource_missing", "no such page"),
        (FORBIDDEN, 403, "Access forbidden.", "upstream_refused", "credential"),
        ("https://example.com/", 404, "Not found.", "no_connector", "No connector"),
        ("not an address", 400, "Illegal or malformed", "malformed_request", "whole address"),
    ],
    ids=["missing", "forbidden", "no connector", "no address"],
)
def test_an_error_is_drawn_with_its_reason_and_what_to_do(
    open_page: Open, url: str, status: int, sentence: str, code: str, to_do: str
) -> None:
    page = open_page()
    ask_for(page, url)
    drawn = page.get_by_role("article", name="The error, as the host shows it")
    expect(drawn).to_contain_text(sentence)
    expect(panel(page, "Error")).to_contain_text(str(status))
    why = texts(panel(page, "Why, and what to do").get_by_role("definition"))
    assert why[0].startswith(code)
    assert to_do in why[-1]
    envelope = json.loads(page.locator("#json").inner_text())
    assert envelope == {"data": {"error": drawn.inner_text().strip()}}
    expect(page.get_by_role("status")).to_contain_text(f"Error {status}: {sentence}")
    expect(card(page)).to_have_count(0)


def test_the_step_that_failed_is_marked(open_page: Open, serve: Serve) -> None:
    page = open_page(f"/preview?url={MISSING}", base=serve())
    failed = texts(page.locator(".timeline .failed"))
    assert len(failed) == 2
    assert "stopped here: " in failed[0]
    assert failed[1].startswith("Answered 404")


def test_a_fault_of_an_upstream_tells_the_call_and_its_status(
    open_page: Open, serve: Serve, upstream: responses.RequestsMock
) -> None:
    upstream.get("https://api.github.com/repos/pallets/flask/issues/1", status=429)
    page = open_page(f"/preview?url={ISSUE}", base=serve(offline="off"))
    (fetched,) = [step for step in steps(page) if step.startswith("Fetched")]
    assert "429 · " in fetched
    assert "GET api.github.com/repos/pallets/flask/issues/1" in fetched
    expect(panel(page, "Why, and what to do")).to_contain_text("upstream_rate_limited")


def test_the_sixteen_colours_of_pills_are_told_apart(open_page: Open) -> None:
    for scheme in ("light", "dark"):
        page = open_page("/preview/editor", color_scheme=scheme)
        pills = panel(page, "Pill colours").get_by_role("button")
        assert pills.all_inner_texts() == list(PILL_COLORS)
        seen = {style(pill, "backgroundColor") for pill in pills.all()}
        assert len(seen) == len(PILL_COLORS) == 16


def test_a_pill_of_the_card_has_its_colour(open_page: Open) -> None:
    page = open_page(f"/preview?url={MERGED}")
    expect(value(page, "State")).to_have_text("Merged")
    assert style(value(page, "State").locator(".pill"), "backgroundColor") == "rgb(179, 107, 212)"


def test_the_exact_time_shows_while_the_pointer_is_over_a_relative_one(
    open_page: Open, frozen: datetime
) -> None:
    page = open_page(f"/preview?url={MERGED}")
    told, exact = time_of(page)
    expect(told).to_have_text("2 weeks ago")
    expect(exact).to_be_hidden()
    told.hover()
    expect(exact).to_be_visible()
    expect(exact).to_have_text("Tuesday, 4 November 2025 at 10:21:30 UTC")
    page.mouse.move(0, 0)
    expect(exact).to_be_hidden()


def test_times_are_told_in_the_readers_own_language_and_zone(
    open_page: Open, frozen: datetime
) -> None:
    page = open_page(f"/preview?url={MERGED}", locale="de-DE", timezone_id="Europe/Berlin")
    told, exact = time_of(page)
    expect(told).to_have_text("vor 2 Wochen")
    expect(exact).to_have_text("Dienstag, 4. November 2025 um 11:21:30 MEZ")


def test_the_exact_time_shows_while_the_keyboard_is_on_a_relative_one(
    open_page: Open, frozen: datetime
) -> None:
    page = open_page(f"/preview?url={MERGED}")
    _, exact = time_of(page)
    panel(page, "Card").locator(".moment").first.press("Shift+Tab")
    expect(exact).to_be_hidden()
    page.keyboard.press("Tab")
    expect(exact).to_be_visible()


def time_of(page: Page) -> tuple[Locator, Locator]:
    merged = value(page, "Merged")
    return merged.locator("time"), merged.locator(".tip")


def test_the_subtitle_the_footer_and_the_comments_are_drawn(
    open_page: Open, frozen: datetime
) -> None:
    page = open_page(f"/preview?url={MERGED}")
    expect(card(page).get_by_text("placard-samples/reading-list #27")).to_be_visible()
    footer = card(page).locator("footer")
    expect(footer).to_contain_text("Updated 2 weeks ago")
    expect(footer).to_contain_text("7 comments")


def test_no_icon_is_loaded_offline(open_page: Open) -> None:
    page = open_page(f"/preview?url={MERGED}")
    assert '"icon_url"' in page.locator("#json").inner_text()
    expect(page.locator("img")).to_have_count(0)
    expect(card(page).locator(".mark use")).to_have_attribute("href", re.compile("#github$"))
    expect(card(page).locator(".letter")).to_have_text(["M"])


@pytest.mark.parametrize(("scheme", "other"), [("light", "dark"), ("dark", "light")])
def test_the_page_follows_the_system_until_a_theme_is_chosen(
    open_page: Open, scheme: str, other: str
) -> None:
    page = open_page(color_scheme=scheme)
    by_system = style(page.locator("body"), "backgroundColor")
    card_by_system = style(card(page), "backgroundColor")
    page.get_by_role("radio", name=other.capitalize()).check()
    assert style(page.locator("body"), "backgroundColor") != by_system
    assert style(card(page), "backgroundColor") != card_by_system
    page.get_by_role("radio", name=scheme.capitalize()).check()
    assert style(page.locator("body"), "backgroundColor") == by_system


def test_a_chosen_theme_stays_on_every_page_and_is_in_the_first_paint(open_page: Open) -> None:
    page = open_page()
    page.get_by_role("radio", name="Dark").check()
    for path in ("/preview", "/preview/editor", "/preview/signature"):
        answer = page.goto(path)
        assert answer is not None
        assert '<html lang="en" data-theme="dark">' in answer.text()
        expect(page.get_by_role("radio", name="Dark")).to_be_checked()
        assert style(page.locator("body"), "backgroundColor") == "rgb(19, 18, 17)"


def test_nothing_is_asked_of_real_systems_before_somebody_asks(
    open_page: Open, serve: Serve, upstream: responses.RequestsMock
) -> None:
    page = open_page(base=serve(offline="off"))
    expect(page.get_by_role("heading", name="Nothing asked yet")).to_be_visible()
    expect(page.get_by_text("Live: real systems answer")).to_be_visible()
    assert page.get_by_role("navigation", name="Examples").get_by_role("link").count() > 10


def test_a_request_that_cannot_be_signed_says_which_setting_is_missing(
    open_page: Open, serve: Serve
) -> None:
    key = "https://keys.example/keys.json"
    page = open_page(base=serve(jwt_secrets="", jwt_jwks_url=key))
    expect(page.get_by_role("heading", name="The request could not be signed")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("PLACARD_JWT_SECRETS: is missing")


def test_a_card_is_carried_over_to_the_editor(open_page: Open) -> None:
    page = open_page(f"/preview?url={MERGED}")
    payload = json.loads(page.locator("#json").inner_text())
    panel(page, "JSON").get_by_role("link", name="Edit").click()
    assert json.loads(payload_text(page)) == payload
    expect(card(page)).to_contain_text("Remember the sort order of each list")
