"""Who may begin a sign-in, and with what: everybody who reaches the service."""

import pytest

from app.access import flow
from tests.app.access.world import ALICE, World


def test_a_system_of_control_characters_is_none_of_ours(everybody: World) -> None:
    browser = everybody.browser()
    browser.sign_in(ALICE)
    answer = browser.client.get(
        "/auth/%00/callback?state=1&code=1", base_url="https://placard.example"
    )
    assert answer.status_code == 422


def test_a_crowd_that_begins_and_never_ends_keeps_nobody_out(
    everybody: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow, "MOST_UNDER_WAY", 3)
    for _ in range(4):
        everybody.browser().get("/auth/host")
    everybody.browser().connect(ALICE)
    assert [each.user for each in everybody.people.connections.listed()] == [ALICE.id]
