"""The kit's host: what it sends is what the service takes, and refuses."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import responses

from app.settings import load_settings
from app.testing.cards import assert_card, assert_error
from app.testing.host import SECRETS, Host
from app.testing.proofs import BAD_PROOFS, GOOD_PROOFS, PROOFS, by_token
from app.verification import SIGNATURE_HEADER, SignedRequest
from app.verification.signature import verify_signature

ISSUE = "https://github.com/pallets/flask/issues/1"
API = "https://api.github.com/repos/pallets/flask/issues/1"
ANSWER = {"title": "A title", "state": "open", "created_at": "2012-02-22T02:06:58Z"}
DATA = json.dumps({"query": ISSUE, "workspace": "12345"})


@pytest.mark.parametrize("proof", GOOD_PROOFS)
def test_a_good_proof_is_taken(host: Host, proof: str) -> None:
    with responses.RequestsMock() as outside:
        outside.get(API, json=ANSWER)
        assert_card(host.ask(ISSUE, proof), title="A title")


@pytest.mark.parametrize("proof", BAD_PROOFS)
def test_a_bad_proof_is_refused(host: Host, proof: str) -> None:
    assert_error(host.ask(ISSUE, proof), 401, "Authorization required.")


@pytest.mark.parametrize("proof", GOOD_PROOFS)
def test_what_the_host_sends_besides_may_be_changed(host: Host, proof: str) -> None:
    assert_error(host.ask(ISSUE, proof, expires_at="2020-01-01T00:00:00.000Z"), 401)
    with responses.RequestsMock() as outside:
        outside.get(API, json=ANSWER)
        assert_card(host.ask(ISSUE, proof, user="1", task=None))


def test_the_workspace_is_proven(make_host: Callable[..., Host]) -> None:
    others = make_host(PLACARD_ALLOWED_WORKSPACES="1")
    assert_error(others.ask(ISSUE, "signature"), 403)
    with responses.RequestsMock() as outside:
        outside.get(API, json=ANSWER)
        assert_card(others.ask(ISSUE, "signature", workspace="1"))


def test_a_post_is_signed_by_its_data() -> None:
    settings = load_settings(SECRETS)
    request = SignedRequest("POST", "/attach", b"", data=DATA)
    proof = PROOFS["signature"](settings, request)
    sent = replace(request, signature=proof[SIGNATURE_HEADER])
    assert verify_signature(sent, settings.signature_secrets).workspace == "12345"


@pytest.mark.parametrize("proof", GOOD_PROOFS)
def test_what_is_attached_and_suggested_is_proven_too(host: Host, proof: str) -> None:
    with responses.RequestsMock() as outside:
        outside.get(API, json=ANSWER)
        attached = host.attach(ISSUE, proof)
        suggested = host.suggest(ISSUE, proof)
    assert attached.get_json() == {"resource_name": "A title", "resource_url": ISSUE}
    assert [item["value"] for item in suggested.get_json()["items"]] == [ISSUE]


@pytest.mark.parametrize("proof", BAD_PROOFS)
def test_a_bad_proof_attaches_and_suggests_nothing(host: Host, proof: str) -> None:
    assert_error(host.attach(ISSUE, proof), 401, "Authorization required.")
    assert_error(host.suggest(ISSUE, proof), 401, "Authorization required.")


def test_a_proof_that_cannot_be_made_names_the_setting() -> None:
    settings = load_settings({"PLACARD_SIGNATURE_SECRETS": SECRETS["PLACARD_SIGNATURE_SECRETS"]})
    with pytest.raises(ValueError, match=r"^PLACARD_JWT_SECRETS: "):
        by_token(settings, SignedRequest("GET", "/widget", b""))


def test_what_a_connector_raises_is_the_cause_of_a_card_that_did_not_come(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake = TypeError("a mistake of the connector")

    def raising(*_: object) -> None:
        raise mistake

    monkeypatch.setattr("app.connectors.github.GitHub.request_for", raising)
    answer = host.ask(ISSUE)
    with pytest.raises(AssertionError, match="no card came, but 500") as caught:
        assert_card(answer)
    assert caught.value.__cause__ is mistake
