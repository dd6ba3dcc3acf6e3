"""A sign-in page in place of an answer: a 403 and a sentence, without another call."""

from typing import Any

import pytest
import responses

from tests.conftest import MakeHost

JIRA = "https://jira.example.com"
ASKED = f"{JIRA}/rest/api/2/issue/ACME-12"
FORM = '<!doctype html><form action="/login.jsp"><input name="p" type="password"></form>'


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 302, "headers": {"Location": f"{JIRA}/login.jsp?os_destination=%2Frest"}},
        {"status": 302, "headers": {"Location": "https://login.microsoftonline.com/t/oauth2"}},
        {"status": 302, "headers": {"Location": "https://acme.okta.com/app/jira/start"}},
        {"status": 200, "body": FORM, "content_type": "text/html;charset=UTF-8"},
    ],
    ids=["the sign-in page", "an identity provider", "another one", "a form"],
)
def test_a_sign_in_page_is_a_refusal(
    make_host: MakeHost, upstream: responses.RequestsMock, answer: dict[str, Any]
) -> None:
    upstream.get(ASKED, **answer)
    host = make_host(jira_hosts="jira.example.com")
    answered = host.ask(f"{JIRA}/browse/ACME-12")
    assert (answered.status_code, answered.get_json()["data"]["error"]) == (
        403,
        (
            "Access forbidden. Jira wants us to sign in: our credential for it is missing or has "
            "expired."
        ),
    )
    assert [str(call.request.url).partition("?")[0] for call in upstream.calls] == [ASKED]


def test_any_other_address_is_not_visited(
    make_host: MakeHost, upstream: responses.RequestsMock
) -> None:
    upstream.get(ASKED, status=302, headers={"Location": "https://elsewhere.example.net/a"})
    answered = make_host(jira_hosts="jira.example.com").ask(f"{JIRA}/browse/ACME-12")
    assert answered.status_code == 500
    assert "an address that we do not visit" in answered.get_json()["data"]["error"]
