"""A development check over real errors, which are no part of the project."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
import responses

from tests.app.connectors.contract import CORPORA
from tests.host import Host

ISSUE_API: Final = "https://api.github.com/repos/placard-samples/corpora/issues/1"
ISSUE_PAGE: Final = "https://github.com/placard-samples/corpora/issues/1"
STATUS_FOR: Final = {401: 403, 403: 403, 404: 404, 422: 500}

pytestmark = pytest.mark.skipif(
    CORPORA is None, reason="PLACARD_CORPORA does not name the folder of real payloads"
)


def files(folder: str) -> list[Any]:
    found = sorted((CORPORA / "github" / folder).glob("*.json")) if CORPORA else []
    return [pytest.param(path, id=path.stem) for path in found]


@pytest.mark.parametrize("path", files("errors"))
def test_real_error_makes_the_envelope(
    path: Path, host: Host, upstream: responses.RequestsMock
) -> None:
    error = json.loads(path.read_bytes())
    upstream.get(ISSUE_API, json=error["body"], status=error["status"])
    answer = host.ask(ISSUE_PAGE)
    assert answer.status_code == STATUS_FOR[error["status"]]
    assert list(answer.get_json()["data"]) == ["error"]
