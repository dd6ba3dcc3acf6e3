"""`/docs` as a person meets it; no page may complain, ask another host or break its policy."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from app import create_app
from app.cli.library_tokens import local_token
from tests.browser.conftest import Open
from tests.browser.pages import WIDE
from tests.browser.service import serving
from tests.browser.test_every_state import check_rules
from tests.conftest import settings_with


@pytest.fixture
def local_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a service in the local mode, with a library and its token in `.env`."""
    monkeypatch.chdir(tmp_path)
    changes = {"mode": "local", "database_url": f"sqlite:///{tmp_path}/library.db"}
    token = local_token(settings_with(**changes))
    with serving(create_app(settings_with(local_token=token, **changes))) as base:
        yield base


def try_search(page: Page) -> Locator:
    """Find the search for widgets by its words, try it, and return its answer."""
    page.get_by_label("Search operations").fill("search widg")
    operation = page.locator(".opblock")
    expect(operation).to_have_count(1)
    operation.get_by_role("button").first.click()
    operation.get_by_label("experience_type", exact=True).select_option("logs_reports")
    operation.get_by_role("button", name="Execute").click()
    return operation.locator(".live-responses-table")


def test_a_request_is_found_and_tried_and_the_rules_of_accessibility_hold(
    local_library: str, open_page: Open
) -> None:
    """It has the token that is filled in; before and after, nothing is wider than a phone."""
    page = open_page("/docs", base=local_library)
    expect(page.locator(".opblock")).not_to_have_count(0)
    check_rules(page)
    page.set_viewport_size(WIDE)
    expect(try_search(page)).to_contain_text('"filtered_total": 0')
    check_rules(page)
