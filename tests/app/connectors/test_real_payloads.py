"""Real payloads give valid cards, and real errors the envelope."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import responses

from app.testing.contract import ConnectorContract
from tests.app.connectors.suites import suites
from tests.corpora import real_payloads
from tests.host import Host

pytestmark = pytest.mark.corpora

ISSUE_API: Final = "https://api.github.com/repos/placard-samples/corpora/issues/1"
ISSUE_PAGE: Final = "https://github.com/placard-samples/corpora/issues/1"
STATUS_FOR: Final = {401: 403, 403: 403, 404: 404, 422: 500}


def payloads() -> Iterator[Any]:
    """Yield each real payload, with the suite of its connector and the page that it answers."""
    for suite in suites():
        for folder, page in suite.corpora.items():
            for path in real_payloads(folder):
                yield pytest.param(suite, path, page, id=f"{folder}/{path.stem}")


@pytest.mark.parametrize(("suite", "payload", "page"), list(payloads()))
def test_real_payload_gives_a_valid_card(
    suite: type[ConnectorContract], payload: Path, page: str
) -> None:
    contract = suite()
    assert contract.gives_a_card(contract.answer_of(json.loads(payload.read_bytes())), page)


@pytest.mark.parametrize("path", real_payloads("github/errors"))
def test_real_error_makes_the_envelope(
    path: Path, host: Host, upstream: responses.RequestsMock
) -> None:
    error = json.loads(path.read_bytes())
    upstream.get(ISSUE_API, json=error["body"], status=error["status"])
    answer = host.ask(ISSUE_PAGE)
    assert answer.status_code == STATUS_FOR[error["status"]]
    assert list(answer.get_json()["data"]) == ["error"]
