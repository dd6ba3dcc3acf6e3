"""The contract finds what is wrong with a connector."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from app.connectors.github import GitHub
from app.errors import BrokenCard
from app.testing.contract import ConnectorContract, response_of
from app.upstream.verdict import Outcome
from templates_schemas import SummaryWithDetails

ISSUE = {"title": "A title", "state": "open", "created_at": "2012-02-22T02:06:58Z"}


class Careless(GitHub):
    """Takes every document for an object."""

    def verdict(self, document: Any) -> Outcome | None:
        return "missing" if document.get("gone") else None


class Blank(GitHub):
    """Makes cards without a field."""

    def widget(self, resource: Mapping[str, Any], match: Any) -> SummaryWithDetails:
        made = super().widget(resource, match)
        return SummaryWithDetails(title=made.title, fields=[], footer=made.footer)


def suite_of(connector: type[GitHub]) -> ConnectorContract:
    class Suite(ConnectorContract):
        resource: ClassVar[Mapping[str, Any]] = ISSUE

    Suite.connector = connector
    return Suite()


def test_a_resource_that_is_told_to_be_missing_is_no_card() -> None:
    suite = suite_of(Careless)
    assert suite.gives_a_card(ISSUE)
    assert not suite.gives_a_card({**ISSUE, "gone": True})


def test_a_verdict_that_does_not_take_any_document_is_found() -> None:
    suite = suite_of(Careless)
    with pytest.raises(AttributeError):
        suite.gives_a_card([])
    with pytest.raises(AttributeError):
        response_of(suite.ready(), [], 404).verdict  # noqa: B018


def test_a_card_that_the_host_would_not_take_is_found() -> None:
    with pytest.raises(BrokenCard):
        suite_of(Blank).gives_a_card(ISSUE)
