"""What looks for secrets finds them, in whatever form they stand."""

import base64
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from app.devtools.local_provider import PEOPLE, LocalProvider
from app.telemetry.metrics import Metrics
from tests.leaks import fail_where_written, leaks, marked, marked_files

SECRET = "a secret/with+odd~characters=="
TOKEN = f"gho_{'0' * 32}"
LOGGED = [("Captured stderr call", f"token {TOKEN}")]


@pytest.mark.parametrize("before", ["", "1", "12", "123"])
@pytest.mark.parametrize("after", ["", "1", "12"])
def test_a_secret_is_found_in_any_base64_text(before: str, after: str) -> None:
    text = f"{before}{SECRET}{after}".encode()
    for encoded in (base64.b64encode(text), base64.urlsafe_b64encode(text)):
        assert leaks({"secret": SECRET}, {"place": b"Basic " + encoded}) == [("secret", "place")]
    assert leaks({"secret": SECRET}, {"place": base64.b64encode(text[::-1])}) == []


@pytest.mark.parametrize(
    "written",
    [SECRET, quote(SECRET), quote(SECRET, safe=""), SECRET.encode().hex(), f"?token={SECRET}&x"],
)
def test_a_secret_is_found_as_it_stands_in_addresses_and_dumps(written: str) -> None:
    places = {"clean": b"a secret", "dump": f"… {written} …".encode()}
    assert leaks({"secret": SECRET, "other": "made-up"}, places) == [("secret", "dump")]


def test_all_that_the_provider_gives_has_the_mark(tmp_path: Path) -> None:
    provider = LocalProvider()
    asked = {"client_id": "1", "redirect_uri": "https://placard.example/", "state": "1"}
    code = provider.allow(PEOPLE[0].login, asked)
    given = provider.issue(PEOPLE[0])
    for text in (code, given["access_token"], given["refresh_token"]):
        assert marked(f"… {text} …".encode())
        (tmp_path / "dump").write_text(text)
        assert marked_files(tmp_path.iterdir()) == ["dump"]
    assert not marked(b"gho_made-up")


@pytest.mark.parametrize(("sections", "outcome"), [(LOGGED, "failed"), ([], "passed")])
def test_a_test_that_logs_a_token_fails(sections: list[tuple[str, str]], outcome: str) -> None:
    assert outcome_of(sections) == outcome


@pytest.mark.parametrize("labels", [(TOKEN, "ok"), {"connector": "github", "outcome": TOKEN}])
def test_a_test_that_makes_a_token_a_label_fails(labels: Any) -> None:
    searches = Metrics().searches
    _ = searches.labels(**labels) if isinstance(labels, dict) else searches.labels(*labels)
    assert [outcome_of([]), outcome_of([])] == ["failed", "passed"]


def outcome_of(sections: list[tuple[str, str]]) -> str:
    """Return what becomes of a test that has passed."""
    report = pytest.TestReport("a test", ("", 0, ""), {}, "passed", None, "call", sections)
    fail_where_written(report)
    return report.outcome
