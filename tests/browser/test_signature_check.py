"""The signature check: a request from a log is pasted, and the page says what was done to it."""

import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.pages import SIGNED, paste, paste_signed, request_line
from tests.host import EXPIRES_AT, SIGNATURE_SECRET, query_of, signature, token

CHECK = "/preview/signature"
PAIRS = SIGNED.split("&")
OTHER_SECRET = "another secret of some sixteen bytes"


def verdict(page: Page) -> str:
    return page.locator("#result h2").inner_text()


def reasons(page: Page) -> dict[str, str]:
    """Read the list of reasons."""
    names = page.locator("#result dt").all_inner_texts()
    return dict(zip(names, page.locator("#result dd").all_inner_texts(), strict=True))


def test_the_signature_of_the_request_verifies(open_page: Open) -> None:
    page = open_page(CHECK)
    paste_signed(page, SIGNED, SIGNED)
    assert verdict(page) == "It verifies"
    expect(page.get_by_role("main")).to_contain_text("the signature is that of this request")
    expect(page.get_by_role("main")).to_contain_text(f"it holds until {EXPIRES_AT}")
    expect(page.get_by_role("status")).to_have_text("It verifies")


def test_a_token_verifies(open_page: Open) -> None:
    page = open_page(CHECK)
    paste(page, request_line(SIGNED), f"Authorization: Bearer {token()}")
    assert verdict(page) == "It verifies"


@pytest.mark.parametrize(
    ("came", "signed", "would_match", "who"),
    [
        ("&".join([*PAIRS[2:], *PAIRS[:2]]), SIGNED, "the parameters in the host's order",
         "another order: a gateway that takes the query apart"),
        (SIGNED, "&".join(sorted(PAIRS)), "the parameters sorted", "caches and content networks"),
        (SIGNED.replace("%20", "+"), SIGNED, "%20 instead of +", "as HTML forms do"),
        (SIGNED.replace("%", "%25"), SIGNED, "encoded once instead of twice",
         "encoded the query a second time: two proxies in a row"),
        (f"{SIGNED}&utm_source=mail", SIGNED, "the query without utm_source",
         "added this parameter after the request was signed"),
    ],
    ids=["reordered", "sorted", "plus for blank", "encoded twice", "parameter added"],
)  # fmt: skip
def test_what_a_proxy_did_is_told_with_who_does_that(
    open_page: Open, came: str, signed: str, would_match: str, who: str
) -> None:
    page = open_page(CHECK)
    paste_signed(page, came, signed)
    assert verdict(page) == "It does not verify"
    found = reasons(page)
    assert found["Reason"] == "bad_signature"
    assert found["Would match"] == would_match
    assert who in found["Who does that"]
    expect(page.get_by_role("status")).to_have_text("It does not verify")


def test_an_expired_request_is_told_from_a_false_one(open_page: Open) -> None:
    page = open_page(CHECK)
    past = query_of(resource_url="https://example.com/", expires_at="2020-01-01T00:00:00.000Z")
    paste_signed(page, past, past)
    assert verdict(page) == "It does not verify"
    expect(page.get_by_role("main")).to_contain_text("the signature is that of this request")
    found = reasons(page)
    assert found["Reason"] == "expired"
    assert "The proof itself is right." in found["Who does that"]


def test_an_expired_token_is_told(open_page: Open) -> None:
    page = open_page(CHECK)
    past = int(time.time()) - 3600
    expired = token(iat=past, exp=past + 60)
    paste(page, request_line(SIGNED), f"Authorization: Bearer {expired}")
    assert verdict(page) == "It does not verify"
    found = reasons(page)
    assert found["Reason"] == "expired"
    assert "The proof itself is right." in found["Who does that"]


def test_what_nothing_explains_says_where_to_look(open_page: Open) -> None:
    page = open_page(CHECK)
    paste_signed(page, SIGNED, "another request")
    assert "No habit of proxies that we know explains it" in reasons(page)["Who does that"]


def test_another_secret_may_be_given(open_page: Open) -> None:
    page = open_page(CHECK)
    paste(page, request_line(SIGNED), signature(SIGNED, OTHER_SECRET), OTHER_SECRET)
    assert verdict(page) == "It verifies"
    paste(page, request_line(SIGNED), signature(SIGNED, SIGNATURE_SECRET), OTHER_SECRET)
    assert verdict(page) == "It does not verify"


@pytest.mark.parametrize(
    ("line", "header", "right"),
    [
        ("nonsense", "a" * 64, "has no query"),
        (request_line(SIGNED), "X-Other: 1", "The header should be"),
    ],
    ids=["line", "header"],
)
def test_what_cannot_be_read_says_what_would_be_right(
    open_page: Open, line: str, header: str, right: str
) -> None:
    page = open_page(CHECK)
    paste(page, line, header)
    assert verdict(page) == "This cannot be read"
    expect(page.get_by_role("main")).to_contain_text(right)


@pytest.mark.parametrize("scripted", [True, False], ids=["script", "no script"])
def test_nothing_that_is_pasted_is_in_the_address(open_page: Open, scripted: bool) -> None:
    page = open_page(CHECK, java_script_enabled=scripted)
    before = page.url
    page.get_by_label("Client secret").fill(OTHER_SECRET)
    page.get_by_label("Request line").fill(request_line(SIGNED))
    page.get_by_label("Header").fill(signature(SIGNED, OTHER_SECRET))
    with page.expect_response(lambda answer: answer.request.method == "POST") as posted:
        page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("heading", name="It verifies")).to_be_visible()
    assert page.url == posted.value.url == before
    assert OTHER_SECRET not in page.content()
