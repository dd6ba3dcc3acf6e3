"""No token and no secret is in the database, the cache, the log, the metrics or any page."""

import sqlite3
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.telemetry.logs import merge_log_fields
from app.upstream.oauth import Tokens
from app.web import EXTENSION
from tests.app.access.world import ALICE, BOB, PUBLIC, world


def test_no_token_is_written_down_anywhere(sqlite_url: str) -> None:
    secrets: set[str] = set()
    seen: list[str] = []
    with (
        capture_logs(processors=[merge_log_fields]) as log,
        world(sqlite_url, access_github="attached") as made,
    ):
        made.provider.before_token = lambda form: seen.append(str(dict(form))) or None  # type: ignore[func-returns-value]
        pages = []
        for person in (ALICE, BOB):
            browser = made.browser()
            browser.connect(person)
            pages += [browser.get("/connections").text, made.ask(person).text]
            secrets |= {*made.provider.access, *made.provider.refresh}
        form = {"csrf_token": browser.csrf()}
        made.provider.access.clear()
        pages.append(made.ask(ALICE, "https://github.com/acme/storefront/issues/2").text)
        pages.append(browser.post("/connections/github/disconnect", **form).text)
        service = made.app.extensions[EXTENSION]
        metrics = service.metrics.exposition().decode()
        cached = repr(service.widgets._cache._backend.__dict__)
        shown = repr((service.settings, service.people, made.people.connections.listed()))
    dump = "\n".join(sqlite3.connect(sqlite_url.removeprefix("sqlite:///")).iterdump())
    file = Path(sqlite_url.removeprefix("sqlite:///")).read_bytes().decode("latin-1")
    assert "connections" in dump
    secrets |= {"github-secret", "host-secret"}
    # The search finds what there is to find: the provider was sent them.
    assert [each for each in ("github-secret", "host-secret") if each in str(seen)]
    for name, text in {
        "log": str(log), "pages": "".join(pages), "metrics": metrics, "cache": cached,
        "dump": dump, "file": file, "repr": shown,
    }.items():  # fmt: skip
        assert [secret for secret in secrets if secret in text] == [], name
    assert PUBLIC not in dump


@pytest.mark.parametrize("part", ["access", "refresh"])
def test_tokens_have_no_repr(part: str) -> None:
    assert "made-up" not in repr(Tokens("made-up", "made-up", None, "", {part: "made-up"}))
