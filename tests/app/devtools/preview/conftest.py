"""A service in the local mode, and a browser's view of its preview."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from tests.conftest import settings_with

MERGED = "https://github.com/placard-samples/reading-list/pull/27"
PART = {"X-Preview-Part": "1"}


@dataclass(frozen=True)
class Preview:
    """Asks for the preview's pages as a browser on this machine does."""

    client: FlaskClient

    def get(self, path: str = "", headers: Mapping[str, str] | None = None, /, **query: str) -> str:
        """Return a page, tags and all."""
        return self.ask(path, headers, **query).get_data(as_text=True)

    def ask(
        self, path: str = "", headers: Mapping[str, str] | None = None, /, **query: str
    ) -> TestResponse:
        return self.client.get(f"/preview{path}", query_string=query, headers=headers)

    def words(self, path: str = "", **query: str) -> str:
        """Return what a person reads on a page."""
        return words_of(self.get(path, None, **query))


def words_of(html: str) -> str:
    """Return the words of a page, each run of white space as one blank."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def preview_with(**changes: str) -> Preview:
    return Preview(create_app(settings_with(mode="local", **changes)).test_client())


@pytest.fixture
def preview() -> Preview:
    return preview_with()
