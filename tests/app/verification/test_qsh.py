"""`qsh`, which binds a token to one request, and the claim `workspace`.

The vectors follow "Creating a query string hash" on Atlassian Connect's page "Understanding JWT".
"""

import hashlib
from urllib.parse import quote

import pytest
from hypothesis import given, strategies as st

from app.verification import SignedRequest, query_string_hash
from app.verification.qsh import canonical_request
from tests.conftest import MakeHost
from tests.host import ISSUE, Host, query_of, token
from tests.proofs import QUERY, bearer, verdict, with_claims


def request_for(query: str, path: str = "/widget", method: str = "GET") -> SignedRequest:
    return SignedRequest(method, path, query.encode())


def qsh_of(query: str, path: str = "/widget") -> str:
    return query_string_hash(request_for(query, path))


def test_hash_is_the_documented_one() -> None:
    """Sorted by name; a repeated parameter's values sorted and joined by commas."""
    query = "zee_last=param&repeated=parameter%201&first=param&repeated=parameter%202"
    canonical = (
        "GET&/path/to/service&first=param&repeated=parameter%201,parameter%202&zee_last=param"
    )

    assert canonical_request(request_for(query, "/path/to/service")) == canonical
    assert qsh_of(query, "/path/to/service") == hashlib.sha256(canonical.encode()).hexdigest()


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ("", ""),
        ("b=2&a=1", "a=1&b=2"),
        ("B=1&a=2", "B=1&a=2"),
        ("a=2&a=1", "a=1,2"),
        ("a=x%2Cy&a=z", "a=x%2Cy,z"),
        ("a", "a="),
        ("a=", "a="),
        ("jwt=ey.J.x&a=1", "a=1"),
        ("jwt=ey.J.x", ""),
        ("jwts=1", "jwts=1"),
        ("a=x+y", "a=x%20y"),
        ("a=x%20y", "a=x%20y"),
        ("a=x%2By", "a=x%2By"),
        ("a=~%7E", "a=~~"),
        ("a=*%2A", "a=%2A%2A"),
        ("a=-._", "a=-._"),
        ("a=%3a%2f", "a=%3A%2F"),
        ("a=https://x/", "a=https%3A%2F%2Fx%2F"),
        ("a=1=2", "a=1%3D2"),
        ("a%20b=1&a!b=2", "a%20b=1&a%21b=2"),
        ("a=%C3%A9", "a=%C3%A9"),
        ("a=1;b=2", "a=1%3Bb%3D2"),
    ],
)
def test_the_canonical_form_of_a_query(query: str, canonical: str) -> None:
    assert canonical_request(request_for(query)) == f"GET&/widget&{canonical}"


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("/", "/"),
        ("", "/"),
        ("/widget/", "/widget"),
        ("/a&b/c&d", "/a%26b/c%26d"),
        ("/a/b", "/a/b"),
    ],
)
def test_the_canonical_form_of_a_path(path: str, canonical: str) -> None:
    assert canonical_request(request_for("", path)) == f"GET&{canonical}&"


def test_method_is_written_in_upper_case() -> None:
    assert canonical_request(request_for("a=1", method="post")) == "POST&/widget&a=1"


def test_token_bound_to_this_request_is_accepted(host: Host) -> None:
    canonical = f"GET&/widget&resource_url={quote(ISSUE, safe='')}&workspace=12345"

    bound = token(qsh=hashlib.sha256(canonical.encode()).hexdigest())
    assert verdict(host, bearer(bound)) == "jwt"


@pytest.mark.parametrize(
    "query",
    [
        query_of(resource_url=ISSUE, workspace="12346"),
        query_of(resource_url=f"{ISSUE}2", workspace="12345"),
        query_of(resource_url=ISSUE),
        f"{QUERY}&user=1",
        f"{QUERY}&user=",
    ],
)
def test_token_bound_to_another_request_is_refused(host: Host, query: str) -> None:
    assert verdict(host, bearer(token(qsh=qsh_of(QUERY))), query) == "wrong_qsh"


def test_hash_is_bound_to_the_path_and_the_method(host: Host) -> None:
    elsewhere = query_string_hash(request_for(QUERY, "/form"))
    posted = query_string_hash(request_for(QUERY, method="POST"))

    assert verdict(host, bearer(token(qsh=elsewhere))) == "wrong_qsh"
    assert verdict(host, bearer(token(qsh=posted))) == "wrong_qsh"


@pytest.mark.parametrize(
    "claim", ['"context-qsh"', '""', "null", "true", "0", "[]", '"\\ud800"', '"é"']
)
def test_a_claim_that_is_not_a_hash_is_refused(host: Host, claim: str) -> None:
    assert verdict(host, bearer(with_claims(qsh=claim))) == "wrong_qsh"


def test_hash_in_upper_case_is_refused(host: Host) -> None:
    assert verdict(host, bearer(token(qsh=qsh_of(QUERY).upper()))) == "wrong_qsh"


def test_setting_makes_the_hash_mandatory(make_host: MakeHost) -> None:
    strict = make_host(jwt_require_qsh="on")

    assert verdict(strict, bearer(token(qsh=qsh_of(QUERY)))) == "jwt"
    assert verdict(strict, bearer(token())) == "no_qsh"
    assert verdict(strict, bearer(token(qsh="context-qsh"))) == "wrong_qsh"


@pytest.mark.parametrize(
    "claim", ['"12346"', "12345", '""', '["12345"]', "true", '"12345 "', "null"]
)
def test_workspace_claim_must_equal_the_parameter(host: Host, claim: str) -> None:
    assert verdict(host, bearer(with_claims(workspace=claim))) == "wrong_workspace"


def test_workspace_claim_needs_the_parameter(host: Host) -> None:
    query = query_of(resource_url=ISSUE)

    assert verdict(host, bearer(token(workspace="12345")), query) == "wrong_workspace"


def test_workspace_claim_that_equals_the_parameter_is_accepted(host: Host) -> None:
    assert verdict(host, bearer(token(workspace="12345"))) == "jwt"


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
PAIRS = st.lists(st.tuples(TEXT.filter(lambda name: name != "jwt"), TEXT), min_size=1, max_size=6)


def written(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)


@given(st.data(), PAIRS)
def test_order_of_the_parameters_does_not_matter(
    data: st.DataObject, pairs: list[tuple[str, str]]
) -> None:
    shuffled = data.draw(st.permutations(pairs))

    assert qsh_of(written(shuffled)) == qsh_of(written(pairs))


@given(st.data(), PAIRS, TEXT)
def test_any_changed_value_changes_the_hash(
    data: st.DataObject, pairs: list[tuple[str, str]], other: str
) -> None:
    place = data.draw(st.integers(0, len(pairs) - 1))
    name, value = pairs[place]
    changed = [*pairs[:place], (name, other), *pairs[place + 1 :]]

    assert (qsh_of(written(changed)) == qsh_of(written(pairs))) == (other == value)


@given(PAIRS, TEXT)
def test_spelling_of_the_escapes_does_not_matter(pairs: list[tuple[str, str]], token: str) -> None:
    query = written(pairs)
    respelled = query.replace("%20", "+") + f"&jwt={quote(token)}"

    assert qsh_of(respelled) == qsh_of(query)
