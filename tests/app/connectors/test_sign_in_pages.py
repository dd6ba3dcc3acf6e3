"""A page to sign in, where a system was asked for JSON, is a refusal and is told as one."""

from collections.abc import Mapping
from typing import Final

import pytest
import responses

from tests.conftest import MakeHost

FORM: Final = '<html><form action="/login"><input type="password" name="os_password"></form>'
# By system: a page, and the address that is asked for it.
ASKED: Final = {
    "Jira": (
        "https://jira.example.com/browse/ACME-12",
        "https://jira.example.com/rest/api/2/issue/ACME-12",
    ),
    "Azure DevOps": (
        "https://dev.azure.com/fabrikam/Fabrikam/_workitems/edit/1",
        "https://dev.azure.com/fabrikam/_apis/wit/workitems/1",
    ),
    "GitLab": (
        "https://git.example.com/a/b/-/issues/1",
        "https://git.example.com/api/v4/projects/a%2Fb/issues/1",
    ),
    "Sentry": (
        "https://sentry.example.com/organizations/acme/issues/7/",
        "https://sentry.example.com/api/0/organizations/acme/issues/7/",
    ),
}
SIGN_IN: Final[Mapping[str, tuple[int, Mapping[str, str], str]]] = {
    "redirect to its own page": (302, {"Location": "/login.jsp?os_destination=%2Frest"}, ""),
    "redirect to GitLab's page": (302, {"Location": "/users/sign_in"}, ""),
    "redirect to an identity provider": (
        302,
        {"Location": "https://acme.okta.com/app/saml?SAMLRequest=x"},
        "",
    ),
    "redirect to Microsoft's": (
        302,
        {"Location": "https://spsprodeus2.vssps.visualstudio.com/_signin?realm=dev.azure.com"},
        "",
    ),
    "form in place of JSON": (200, {"Content-Type": "text/html;charset=UTF-8"}, FORM),
    "203 with a form": (203, {"Content-Type": "text/html; charset=utf-8"}, FORM),
}


@pytest.mark.parametrize("kind", SIGN_IN)
@pytest.mark.parametrize("system", ASKED)
def test_sign_in_page_is_a_refusal(
    make_host: MakeHost, upstream: responses.RequestsMock, system: str, kind: str
) -> None:
    host = make_host(
        placard_jira_hosts="jira.example.com",
        placard_gitlab_hosts="git.example.com",
        placard_sentry_hosts="sentry.example.com",
    )
    page, asked = ASKED[system]
    status, headers, body = SIGN_IN[kind]
    upstream.get(asked, status=status, headers=headers, body=body)
    answer = host.ask(page)
    assert answer.status_code == 403
    assert system in answer.get_json()["data"]["error"]
    assert len(upstream.calls) == 1


def test_azure_says_with_a_203_that_the_token_is_not_good(
    make_host: MakeHost, upstream: responses.RequestsMock
) -> None:
    page, asked = ASKED["Azure DevOps"]
    upstream.get(asked, status=203, headers={"Content-Type": "text/html"}, body="<html>")
    assert make_host(azure_devops_pat="made_up").ask(page).status_code == 403
