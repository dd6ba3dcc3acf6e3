"""SpaceONE's own payloads: each widget is kept, each query is run or refused by a rule."""

import json
from typing import Any

import pytest

from tests.app.library.spaceone.test_api import GIVEN, Ask, Post, ask, post
from tests.corpora import real_payloads

__all__ = ["ask", "post"]
pytestmark = pytest.mark.corpora


def payloads(folder: str) -> list[Any]:
    found = [json.loads(file.read_bytes()) for file in real_payloads(f"spaceone/{folder}")]
    return [payload.get("query", payload) for payload in found]


@pytest.mark.parametrize("folder", ["custom_widget_params", "doc_widgets"])
def test_a_real_widget_is_created_and_read_back_equal(ask: Ask, folder: str) -> None:
    for payload in payloads(folder):
        names = ("options", "settings", "inherit_options", "labels", "tags")
        given = {name: payload[name] for name in names if name in payload}
        given["options"] = payload.get("options") or payload.get("widget_options") or payload
        title = payload.get("title") or payload.get("name") or "real"
        made = ask("create", widget_name="real", title=title[:255], **given)
        got = ask("get", custom_widget_id=made["custom_widget_id"])
        assert {name: got[name] for name in given} == given


# What these names are in SpaceONE's other services, a custom widget has not.
def known(document: Any) -> Any:
    """Put the widget's own keys in the place of those of other services."""
    if isinstance(document, list):
        return [known(one) for one in document]
    if not isinstance(document, dict):
        return document
    return {
        name: ours(value, document) if name in ("k", "key", "path", "distinct") else known(value)
        for name, value in document.items()
    }


def ours(key: Any, beside: Any) -> str:
    moment = "date_format" in beside or str(beside.get("o") or beside.get("operator")).startswith(
        ("datetime", "timediff")
    )
    if moment:
        return "created_at"
    return key if key in GIVEN else f"options.{str(key).replace('<expr>', 'x')}"


REFUSED = (
    "needs a key",
    "without a list",
    "eq with a list",
    "has in ",
    "is not a stage",
    "has join",
    "not there at this stage",
    "is not ISO",
    "must be an object",
    "Not a valid",
    "needs a name",
    "has contain without",
    "is missing",
    "has the operator",
    "a stage is one of",
    "not a datetime",
    "which is for",
    "compares a datetime",
    "not have",
)


@pytest.mark.parametrize(
    ("method", "folder"),
    [
        ("list", "queries"),
        ("list", "console_queries"),
        ("list", "doc_requests"),
        ("stat", "stat_queries"),
        ("stat", "console_stat_queries"),
    ],
)
def test_a_real_query_is_run_or_refused_by_a_rule(post: Post, method: str, folder: str) -> None:
    for given in payloads(folder):
        for query in (given, known(given)):
            answer = post(method, {"domain_id": "domain-1", "query": query})
            assert answer.status_code in (200, 400)
            if answer.status_code == 400:
                detail = answer.get_json()["detail"]
                assert detail["code"].startswith("ERROR_")
                assert any(words in detail["message"] for words in REFUSED), detail["message"]
