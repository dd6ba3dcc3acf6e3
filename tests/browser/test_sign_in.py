"""People sign in and connect their accounts: two windows, a popup of the host's, no network."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from playwright.sync_api import Error, Page, expect

from app import create_app
from app.devtools.local_provider import PEOPLE, LocalPerson
from app.web import EXTENSION
from tests.app.access.world import KEY
from tests.browser.conftest import Open
from tests.browser.pages import NARROW, WIDE
from tests.browser.service import serving
from tests.browser.test_every_state import check_rules
from tests.browser.test_keyboard import stops
from tests.conftest import settings_with
from tests.host import EXPIRES_AT, Host, query_of
from tests.ports import free_port

ALICE, BOB = PEOPLE
PAGE = "https://github.com/placard-samples/reading-list/pull/27"
CONNECT = "Connect your GitHub account to see this."
TITLE = "Remember the sort order of each list"
# A page of the host's, as far as it opens the popup and listens.
HOST_PAGE = """<!doctype html><html lang="en"><title>Host</title><link rel="icon" href="data:,">
<button>Connect</button><ul></ul><script>
addEventListener("message", told => {
  const line = document.createElement("li");
  line.textContent = `${told.data} from ${told.origin}`;
  document.querySelector("ul").append(line);
});
document.querySelector("button").onclick = () => open("%s/auth", "popup", "width=500,height=600");
</script></html>"""


def close_by(popup: Page, name: str) -> None:
    """Press what closes a window, which may be gone before it is told that it was pressed."""
    with popup.expect_event("close"):
        try:
            popup.get_by_role("button", name=name).click()
        except Error as error:
            assert "has been closed" in str(error)


@dataclass(frozen=True)
class Both:
    """The host and the service, each at its address; `stranger` is a page of another origin."""

    app: Flask
    base: str
    host: str
    stranger: str

    def title(self, person: LocalPerson) -> str:
        """Ask for a widget as the host does for a person."""
        query = query_of(resource_url=PAGE, workspace="1", user=person.id, expires_at=EXPIRES_AT)
        answer = Host(self.app.test_client()).ask_signed(query).get_json()
        return str(answer["metadata"]["title"] if "metadata" in answer else answer["data"]["error"])


@pytest.fixture
def both(sqlite_url: str) -> Iterator[Both]:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    page = Flask(__name__)
    page.add_url_rule("/", "page", lambda: HOST_PAGE % base)
    with serving(page) as host, serving(page) as stranger:
        app = create_app(
            settings_with(
                mode="local",
                verify="signature",
                access_github="viewer",
                connection_keys=KEY,
                database_url=sqlite_url,
                library="off",
                public_url=base,
                allowed_origins=f"https://app.asana.com, {host}",
            )
        )
        people = app.extensions[EXTENSION].people
        # The local mode has connected one of the two.
        people.connections.remove(ALICE.id, "https://api.github.com")
        with serving(app, port):
            yield Both(app, base, host, stranger)
        people.store.close()


def connect(popup: Page, person: LocalPerson) -> None:
    """Sign in by the host, and connect GitHub in a second window."""
    popup.get_by_role("link", name="Continue with").click()
    popup.get_by_role("link", name=f"Allow as {person.login}").click()
    expect(popup.get_by_text("github.com: not connected")).to_be_visible()
    with popup.expect_popup() as opened:
        popup.get_by_role("link", name="Connect GitHub").click()
    second = opened.value
    # The provider has cut the second window off from the first.
    assert second.evaluate("window.opener") is None
    second.get_by_role("link", name=f"Allow as {person.login}").click()
    expect(second.get_by_role("heading", name="GitHub is connected")).to_be_visible()
    second.close()


def test_two_people_connect_and_see_and_disconnect(both: Both, open_page: Open) -> None:
    elsewhere = (both.base,)
    for person in PEOPLE:
        assert both.title(person) == CONNECT
        host = open_page("/", base=both.host, elsewhere=elsewhere)
        with host.expect_popup() as opened:
            host.get_by_role("button").click()
        popup = opened.value
        connect(popup, person)
        # The first window learns of it by itself.
        expect(popup.get_by_text(f"Connected as {person.login}")).to_be_visible()
        close_by(popup, "Done")
        expect(host.get_by_role("listitem")).to_have_text(f"success from {both.base}")
        assert both.title(person) == TITLE
    page = open_page("/connections", base=both.base)
    page.get_by_role("link", name="Continue with").click()
    page.get_by_role("link", name=f"Allow as {ALICE.login}").click()
    page.get_by_role("button", name="Disconnect GitHub").click()
    expect(page.get_by_text("github.com: not connected")).to_be_visible()
    assert (both.title(ALICE), both.title(BOB)) == (CONNECT, TITLE)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("name", ["Cancel", "Done"])
def test_a_page_that_is_not_the_hosts_hears_nothing(both: Both, open_page: Open, name: str) -> None:
    stranger = open_page("/", base=both.stranger, elsewhere=(both.base,))
    with stranger.expect_popup() as opened:
        stranger.get_by_role("button").click()
    popup = opened.value
    if name == "Done":
        connect(popup, ALICE)
    close_by(popup, name)
    stranger.evaluate("new Promise(told => setTimeout(told, 200))")
    expect(stranger.get_by_role("listitem")).to_have_count(0)


def test_who_cancels_says_so_to_the_host(both: Both, open_page: Open) -> None:
    host = open_page("/", base=both.host, elsewhere=(both.base,))
    with host.expect_popup() as opened:
        host.get_by_role("button").click()
    close_by(opened.value, "Cancel")
    expect(host.get_by_role("listitem")).to_have_text(f"error from {both.base}")
    assert both.title(ALICE) == CONNECT


def test_who_refuses_is_told_that_nothing_was_changed(both: Both, open_page: Open) -> None:
    page = open_page("/connections", base=both.base)
    page.get_by_role("link", name="Continue with").click()
    page.get_by_role("link", name="Refuse").click()
    expect(page.get_by_text("You did not allow it")).to_be_visible()
    check_rules(page)


def test_the_rules_hold_on_each_page(both: Both, open_page: Open) -> None:
    page = open_page("/auth", base=both.base)
    check_rules(page)
    page.get_by_role("link", name="Continue with").click()
    page.get_by_role("link", name=f"Allow as {ALICE.login}").click()
    check_rules(page)
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Connect GitHub").click()
    opened.value.get_by_role("link", name=f"Allow as {ALICE.login}").click()
    expect(opened.value.get_by_role("heading", name="GitHub is connected")).to_be_visible()
    check_rules(opened.value)
    expect(page.get_by_text("Connected as")).to_be_visible()
    check_rules(page)


def test_all_of_it_can_be_done_by_keyboard(both: Both, open_page: Open) -> None:
    page = open_page("/auth", base=both.base, viewport=NARROW)
    assert [name for name, seen in stops(page) if not seen] == []
    page.get_by_role("link", name="Continue with").press("Enter")
    page.get_by_role("link", name=f"Allow as {BOB.login}").press("Enter")
    expect(page.get_by_text("github.com: not connected")).to_be_visible()
    found = list(stops(page))
    assert [name for name, seen in found if not seen] == []
    assert [name for name, _ in found] == [
        "Connect GitHub (github.com) in a new window", "Look again", "Sign out", "Done", "Cancel",
    ]  # fmt: skip


def test_without_a_script_it_works_up_to_the_last_step(both: Both, open_page: Open) -> None:
    page = open_page("/auth", base=both.base, java_script_enabled=False)
    page.get_by_role("link", name="Continue with").click()
    page.get_by_role("link", name=f"Allow as {ALICE.login}").click()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Connect GitHub").click()
    opened.value.get_by_role("link", name=f"Allow as {ALICE.login}").click()
    expect(opened.value.get_by_text("You may close this window.")).to_be_visible()
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_text(f"Connected as {ALICE.login}")).to_be_visible()
    expect(page.get_by_text("close this window, and load the task again")).to_be_visible()
    assert both.title(ALICE) == TITLE
    page.get_by_role("button", name="Disconnect GitHub").click()
    expect(page.get_by_text("github.com: not connected")).to_be_visible()
    assert both.title(ALICE) == CONNECT


def test_the_preview_shows_a_page_as_either_person(both: Both, open_page: Open) -> None:
    page = open_page(f"/preview?url={PAGE}", base=both.base)
    card = page.get_by_role("article", name="The card, as the host draws it")
    switch = page.get_by_role("navigation", name="As which person")
    switch.get_by_role("link", name=BOB.login).click()
    error = page.get_by_role("article", name="The error, as the host shows it")
    expect(error).to_contain_text(CONNECT)
    check_rules(page)
    page.set_viewport_size(WIDE)
    with page.expect_popup() as opened:
        error.get_by_role("link", name="Connect").click()
    connect(opened.value, BOB)
    switch.get_by_role("link", name=BOB.login).click()
    expect(card.get_by_role("heading")).to_have_text(TITLE)
    trace = page.get_by_role("region", name="Trace")
    expect(trace).to_contain_text("GitHub as hubot: the account is the viewer's own")
    assert "gho_" not in page.content()
    check_rules(page)


def test_the_local_mode_has_connected_one_of_the_two(sqlite_url: str) -> None:
    changes = {"mode": "local", "connection_keys": KEY, "database_url": sqlite_url}
    app = create_app(settings_with(**changes, library="off", public_url="http://127.0.0.1:8080"))
    people = app.extensions[EXTENSION].people
    assert [each.user for each in people.connections.listed()] == [ALICE.id]
    people.store.close()
