"""What a definition can say, each part by a small definition of its own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import responses

from app.connectors import connector_settings, find
from app.connectors.definitions.connector import DefinedConnector
from app.connectors.definitions.files import lint_definitions, read_definitions
from app.connectors.definitions.schema import ConnectorSchema
from app.errors import ConfigurationError, NoConnector
from app.settings import load_settings
from app.telemetry.trace import recording
from app.upstream.credentials import Credentials
from app.upstream.messages import UpstreamRequest
from tests.conftest import MakeHost
from tests.host import JWT_SECRET

SMALL: Final[Mapping[str, Any]] = {
    "name": "small",
    "label": "Small",
    "hosts": ["small.example.com"],
    "path": "/items/{id}",
    "example": "https://small.example.com/items/1",
    "request": {"url": "https://api.small.example.com/v1/{id}"},
    "card": {"title": "name", "fields": [{"type": "pill", "name": "State", "text": "state"}]},
}
TOML: Final = """
[[connector]]
name = "small"
label = "Small"
hosts = ["small.example.com"]
path = "/items/{id}"
example = "https://small.example.com/items/1"
[connector.request]
url = "https://api.small.example.com/graphql"
[connector.card]
title = "name"
fields = [{ type = "pill", name = "State", text = "state" }]
"""
QUERY: Final = "query($id:String!){item(id:$id){id title}}"


def defined(**changes: Any) -> DefinedConnector:
    return DefinedConnector(ConnectorSchema().load({**SMALL, **changes}))


def asked(known: DefinedConnector, address: str) -> UpstreamRequest:
    return known.request_for(find(address, [known])[1])


def card_of(known: DefinedConnector, document: Any) -> Any:
    match = find(known.example, [known])[1]
    return known.widget(known.load(document), match)


def shown(known: DefinedConnector, document: Any) -> list[tuple[Any, ...]]:
    fields = card_of(known, document).fields
    return [(each.name, each.text, getattr(each, "color", None)) for each in fields]


def test_the_host_that_is_asked_need_not_serve_addresses() -> None:
    known = defined()
    request = asked(known, "https://small.example.com/items/7")
    assert request.url == "https://api.small.example.com/v1/7"
    assert request.hosts == {"api.small.example.com"}
    with pytest.raises(NoConnector, match=r"^no connector has the host other\.example\.com$"):
        find("https://other.example.com/items/7", [known])
    with pytest.raises(
        NoConnector, match="is supported, but not this page; one that is: https://small"
    ):
        find("https://api.small.example.com/items/7", [known])


def test_a_table_of_hosts_names_the_one_that_is_asked_for_each() -> None:
    known = defined(
        hosts={"small.example.com": "api.small.example.com", "*.small.net": "*.api.small.net"},
        request={"url": "/v1/{id}"},
    )
    for host, api in (
        ("small.example.com", "api.small.example.com"),
        ("acme.small.net", "acme.api.small.net"),
    ):
        request = asked(known, f"https://{host}/items/7")
        assert request.url == f"https://{api}/v1/7"
        assert request.hosts == {api}


def test_a_query_of_graphql_keeps_its_braces() -> None:
    body = {"query": QUERY, "variables": {"id": "{id|upper}", "again": "small {id}"}}
    request = {"method": "POST", "url": "https://api.small.example.com/graphql", "body": body}
    sent = asked(defined(request=request), "https://small.example.com/items/eng-7").body
    assert json.loads(sent or b"") == {
        "query": QUERY,
        "variables": {"id": "ENG-7", "again": "small eng-7"},
    }


def test_a_part_can_be_a_number_of_a_body() -> None:
    body = {"number": "{id|number}", "text": "{id}"}
    request = {"method": "POST", "url": "https://api.small.example.com/", "body": body}
    known = defined(request=request)
    sent = asked(known, "https://small.example.com/items/42").body
    assert json.loads(sent or b"") == {"number": 42, "text": "42"}
    # What is no number stays the text that it is.
    assert json.loads(asked(known, "https://small.example.com/items/x").body or b"") == {
        "number": "x",
        "text": "x",
    }


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("Caf%C3%A9", "Caf%C3%A9"),
        ("Café", "Caf%C3%A9"),
        ("two%20words", "two%20words"),
        ("%41", "A"),
        ("100%25", "100%25"),
        ("100%2525", "100%2525"),
        ("a%3Fb%23c", "a%3Fb%23c"),
        ("a+b", "a%2Bb"),
    ],
)
def test_a_part_is_decoded_once_and_encoded_once(written: str, url: str) -> None:
    known = defined()
    assert asked(known, f"https://small.example.com/items/{written}").url.endswith(f"/v1/{url}")


@pytest.mark.parametrize("path", ["job/a/job/feature%252Fb", "job/a/job/two%20words"])
def test_a_part_of_several_steps_keeps_its_slashes_where_it_says_so(path: str) -> None:
    known = defined(
        path="/{job:job/[^/]+(?:/job/[^/]+)*}/{id:[0-9]+}",
        example="https://small.example.com/job/a/1",
        request={"url": "https://api.small.example.com/{job|path}/{id}"},
    )
    assert asked(known, f"https://small.example.com/{path}/3").url == (
        f"https://api.small.example.com/{path}/3"
    )
    # An escaped slash among others could not be told from them.
    with pytest.raises(NoConnector):
        find("https://small.example.com/job/a%2Fb/job/c/3", [known])


def test_query_parameters_are_found_in_any_order() -> None:
    known = defined(
        paths=["/board/**?item={id:[0-9]+}&view=full"],
        path="/items/{id}",
    )
    url = "https://api.small.example.com/v1/7"
    for query in ("item=7&view=full", "view=full&x=1&item=7", "item=7&item=8&view=full"):
        assert asked(known, f"https://small.example.com/board/a/b?{query}").url == url
    for query in ("item=7", "item=x&view=full", "item=7&view=half", ""):
        with pytest.raises(NoConnector):
            find(f"https://small.example.com/board?{query}", [known])


def test_a_form_of_address_can_have_hosts_parts_and_a_request_of_its_own() -> None:
    known = defined(
        addresses=[
            {"paths": ["/mine/{user}/{id}"], "parts": {"id": "~{user}", "kind": "personal"}},
            {"hosts": ["other.example.com"], "paths": ["/x/{id}"], "url": "/{host}?u={address}"},
        ]
    )
    assert asked(known, "https://small.example.com/mine/ada/2").url.endswith("/v1/~ada")
    address = "https://other.example.com/x/1?a=b"
    assert asked(known, f"{address}#c").url == (
        "https://other.example.com/other.example.com"
        "?u=https%3A%2F%2Fother.example.com%2Fx%2F1%3Fa%3Db"
    )
    with pytest.raises(NoConnector):
        find("https://small.example.com/x/1", [known])


def test_a_form_of_address_can_be_in_the_fragment() -> None:
    example = "https://small.example.com/app#/show/1/details"
    known = defined(path="/app#/show/{id}/details", example=example)
    url = "https://api.small.example.com/v1/a%20b"
    for address in ("/app#/show/a%20b/details", "/app/?x=1#/show/a b/details"):
        assert asked(known, f"https://small.example.com{address}").url == url
    for address in (
        "/app",
        "/app#/show/1",
        "/app#/show/a%2Fb/details",
        "/app#/show/%2E%2E/details",
    ):
        with pytest.raises(NoConnector):
            find(f"https://small.example.com{address}", [known])


@pytest.mark.parametrize(
    ("template", "part", "value"),
    [
        ("{id|escaped}", "feature%2Fcart", "feature%252Fcart"),
        ("{id|tiny}", "JYAB", "98341"),
        ("{id|tiny}", "LIQHDA", "201819180"),
        ("{id|tiny}", "-_8", "61439"),
        ("{id|tiny}", "%C3%A9", "0"),
        ("{id|upper}", "eng-1", "ENG-1"),
    ],
)
def test_a_part_can_be_changed_where_it_is_filled_in(template: str, part: str, value: str) -> None:
    known = defined(
        path="/items/{id:[^/]+}", request={"url": f"https://api.small.example.com/v1/{template}"}
    )
    address = f"https://small.example.com/items/{part}"
    assert asked(known, address).url == f"https://api.small.example.com/v1/{value}"


def test_the_apis_own_addresses_are_served() -> None:
    known = defined(path="/items/{id:[0-9]+}")
    assert asked(known, "https://api.small.example.com/v1/7?x=1").url.endswith("/v1/7")
    for address in (
        "https://api.small.example.com/v1/a",
        "https://api.small.example.com/v2/7",
        "https://api.small.example.com/items/7",
        "https://small.example.com/v1/7",
    ):
        with pytest.raises(NoConnector):
            find(address, [known])


@pytest.mark.parametrize(
    "request_",
    [
        {"url": "https://api.small.example.com/v1/{id}", "method": "POST"},
        {"url": "https://api.small.example.com/v1?id={id}"},
        {"url": "https://api.small.example.com/v1/{host}/{id}"},
        {"url": "https://api.small.example.com/v1"},
    ],
)
def test_what_does_not_tell_its_page_by_its_path_is_no_address(request_: dict[str, Any]) -> None:
    known = defined(request=request_)
    with pytest.raises(NoConnector):
        find("https://api.small.example.com/v1/small.example.com/7", [known])


def test_what_is_missing_is_so_for_addresses_without_a_fallback_alone(
    make_host: MakeHost, upstream: responses.RequestsMock, tmp_path: Path
) -> None:
    file = tmp_path / "small.toml"
    form = '{ paths = ["/x/{id}"], fallback = "https://api.small.example.com/b/{id}" }'
    told = TOML.replace("[connector.request]", f"addresses = [{form}]\n[connector.request]")
    file.write_text(told.replace("graphql", "{id}"), "utf-8")
    upstream.get("https://api.small.example.com/1", status=404)
    upstream.get("https://api.small.example.com/b/1", json={"name": "A post", "state": "up"})
    host = make_host(connectors_file=str(file))
    for page, status in {"items/1": 404, "x/1": 200, "items/1?": 404}.items():
        assert host.ask(f"https://small.example.com/{page}").status_code == status


def test_what_is_missing_can_be_asked_for_elsewhere(
    make_host: MakeHost, upstream: responses.RequestsMock, tmp_path: Path
) -> None:
    file = tmp_path / "small.toml"
    form = '{ paths = ["/items/{id}"], fallback = "https://api.small.example.com/b/{id}" }'
    told = TOML.replace('path = "/items/{id}"', f"addresses = [{form}]")
    file.write_text(told.replace("graphql", "{id}"), "utf-8")
    upstream.get("https://api.small.example.com/1", status=404)
    upstream.get("https://api.small.example.com/b/1", json={"name": "A post", "state": "up"})
    answer = make_host(connectors_file=str(file)).ask("https://small.example.com/items/1")
    assert answer.get_json()["metadata"]["title"] == "A post"


OWN: Final[Mapping[str, Any]] = {
    "hosts": {"*.small.example": "api.*.small.example", "small.example.com": "api.example.com"},
    "hosts_setting": "PLACARD_GITHUB_HOSTS",
    "hosts_base": "/api/v3",
    "request": {"url": "/v1/{id}"},
    "credential": {
        "setting": "GITHUB_TOKEN",
        "own_setting": "GH_ENTERPRISE_TOKEN",
        "hosts": ["api.example.com", "{AZURE_DEVOPS_ORGANIZATION}.example.org"],
    },
}


def own(**settings: str) -> DefinedConnector:
    given = {"PLACARD_JWT_SECRETS": JWT_SECRET, **settings}
    loaded = load_settings(given, connector_settings())
    return DefinedConnector(ConnectorSchema().load({**SMALL, **OWN}), loaded)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("https://small.example.com/items/1", "https://api.example.com/v1/1"),
        ("https://acme.small.example/items/1", "https://api.acme.small.example/v1/1"),
        ("https://own.example/items/1", "https://own.example/api/v3/v1/1"),
        ("https://own.example/api/v3/v1/1", "https://own.example/api/v3/v1/1"),
        ("https://below.example/git/items/1", "https://below.example/git/api/v3/v1/1"),
        ("https://api.corp.small.example/v1/1", "https://api.corp.small.example/v1/1"),
    ],
)
def test_hosts_of_ones_own_have_the_api_below_a_path(address: str, url: str) -> None:
    hosts = "own.example,below.example/git,corp.small.example"
    assert asked(own(PLACARD_GITHUB_HOSTS=hosts), address).url == url


def test_hosts_of_ones_own_have_a_token_of_their_own() -> None:
    known = own(
        PLACARD_GITHUB_HOSTS="own.example,corp.small.example",
        GITHUB_TOKEN="of_all",
        GH_ENTERPRISE_TOKEN="of_own",
    )
    given = {each.host: each.headers["Authorization"] for each in known.credentials}
    assert given == {
        "api.example.com": "Bearer of_all",
        "own.example": "Bearer of_own",
        "api.corp.small.example": "Bearer of_own",
    }


@pytest.mark.parametrize(
    ("organization", "host"),
    [
        ("Acme", "acme.example.org"),
        ("acme.example.org", "acme.example.org"),
        ("*", None),
        ("a.b", None),
        ("", None),
    ],
)
def test_a_setting_names_one_host_of_many(organization: str, host: str | None) -> None:
    known = own(GITHUB_TOKEN="made_up", AZURE_DEVOPS_ORGANIZATION=organization)
    assert {each.host for each in known.credentials} == {"api.example.com", host} - {None}


def test_values_are_worded_and_coloured_by_tables() -> None:
    field: Any = {"type": "pill", "name": "State", "text": "state"}
    field |= {"texts": {"2": "Open", "true": "On"}, "colors": {"2": "green", "true": "blue"}}
    known = defined(card={"title": "name", "fields": [field]})
    assert shown(known, {"name": "A", "state": 2}) == [("State", "Open", "green")]
    assert shown(known, {"name": "A", "state": 2.0}) == [("State", "Open", "green")]
    assert shown(known, {"name": "A", "state": True}) == [("State", "On", "blue")]
    assert shown(known, {"name": "A", "state": "on_hold"}) == [("State", "On hold", "none")]
    assert shown(known, {"name": "A", "state": False}) == [("Source", "Small", None)]


def test_a_colour_can_be_that_of_another_value() -> None:
    field = {"type": "pill", "name": "State", "text": "state", "color": "kind"}
    known = defined(card={"title": "name", "fields": [{**field, "colors": {"done": "green"}}]})
    document = {"name": "A", "state": "Shipped", "kind": "done"}
    assert shown(known, document) == [("State", "Shipped", "green")]


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("plain(html)", "a b & c"),
        ("line(lines)", "first"),
        ("after(ref, 'refs/heads/')", "main"),
        ("words(kind)", "In progress"),
        ("drawn(short)", "🐛 std::bug::x"),
        ("part('id')", "1"),
        ("text(price)", "5"),
        ('choose(code, `{"7": "seven"}`, \'other\')', "seven"),
    ],
)
def test_functions_of_expressions(expression: str, text: str) -> None:
    document = {
        "name": "A",
        "html": "<p>a</p><p><b>b</b></p> &amp; c",
        "lines": "\nfirst\nsecond",
        "ref": "refs/heads/main",
        "kind": "in_progress",
        "short": ":bug: std::bug::x",
        "price": 5.0,
        "code": 7,
    }
    field = {"type": "text_with_icon", "name": "It", "text": expression}
    known = defined(card={"title": "name", "fields": [field]})
    assert [each[1] for each in shown(known, document)] == [text]


@pytest.mark.parametrize(("closed", "is_told"), [(False, False), (None, False), (True, True)])
def test_a_time_that_a_condition_withholds_is_none_and_nothing_failed(
    closed: Any, is_told: bool
) -> None:
    field = {"type": "datetime_with_icon", "name": "Closed", "datetime": "closed && at || closed"}
    known = defined(card={"title": "name", "fields": [field]})
    with recording() as trace:
        fields = card_of(known, {"name": "A", "closed": closed}).fields
    assert [each.name for each in fields] == ["Source"]
    assert any(step.name == "dropped" for step in trace.steps) is is_told


@pytest.mark.parametrize(
    ("document", "status", "sentence"),
    [
        ({"data": {"item": None}}, 404, "Not found. Small has no such page"),
        ({"errors": [{"code": "denied"}]}, 403, "Access forbidden. Small does not let us"),
        ({"errors": [{"code": "slow"}]}, 500, "Small asks us to wait"),
        ({"errors": [{"code": "odd"}]}, 500, "Small answered with an error"),
        ({"data": {"item": {"name": "A"}}}, 200, ""),
    ],
)
def test_a_failure_in_a_good_status_is_told(
    make_host: MakeHost,
    upstream: responses.RequestsMock,
    tmp_path: Path,
    document: Any,
    status: int,
    sentence: str,
) -> None:
    file = tmp_path / "small.toml"
    file.write_text(
        TOML
        + """
[connector.answer]
resource = "data.item"
missing = "data && !(data.item)"
forbidden = "errors[?code=='denied']"
limited = "errors[?code=='slow']"
failed = "errors"
"""
    )
    upstream.get("https://api.small.example.com/graphql", json=document)
    answer = make_host(connectors_file=str(file)).ask("https://small.example.com/items/1")
    assert answer.status_code == status
    assert sentence in answer.get_data(as_text=True)


def test_all_faults_of_a_file_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    text = TOML.replace('"small"\nlabel', '"Small one"\nlabel').replace(
        "/items/{id}", "/items/{id:[}"
    )
    text = text.replace("https://api", "http://api").replace('"name"\nfields', '"name["\nfields')
    file.write_text(text + '[connector.answer]\nmissing = "x("\nunknown = 1\n')
    told = lint_definitions(file)
    lines = sorted(int(fault.removeprefix(f"{file}:").partition(":")[0]) for fault in told)
    assert lines == [3, 6, 9, 11, 14, 15]


def test_a_text_of_several_lines_does_not_mislead_the_lines_of_faults(tmp_path: Path) -> None:
    file = tmp_path / "long.toml"
    query = 'body = { q = """\nname = 1\n[[connector]]\n""" }\n'
    file.write_text(
        TOML.replace("[connector.card]", f"{query}[connector.card]").replace(
            'title = "name"', 'title = "name["'
        )
    )
    (told,) = lint_definitions(file)
    assert told.startswith(f"{file}:15: $.connector[0].card.title: ")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('examples = ["https://small.example.com/other"]', "$.connector[0].examples[0]: "),
        ('refused = ["https://small.example.com/items/2"]', "is an address of this connector"),
        ('paths = ["/{id}/{id}"]', "(pattern)"),
        ('addresses = [{ paths = ["/a/{b}"] }]', "has parts that `/a/{b}` has not: id"),
        ('addresses = [{ paths = ["/a/{b}"], parts = { id = "{c}" } }]', "has not: c"),
        ('addresses = [{ paths = ["/{id}"], url = "//evil.example/" }]', "(url)"),
    ],
)
def test_what_an_address_cannot_be_is_told(tmp_path: Path, given: str, said: str) -> None:
    file = tmp_path / "bad.toml"
    text = TOML.replace("graphql", "{id}")
    file.write_text(text.replace('example = "', f'{given}\nexample = "', 1))
    assert any(said in fault for fault in lint_definitions(file))


def test_a_filter_that_does_not_exist_is_told(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(TOML.replace("graphql", "{id|shout}"))
    assert "there is no filter shout (filter)" in lint_definitions(file)[0]


@pytest.mark.parametrize(
    ("kept", "given", "told"),
    [
        ('title = "name"', "title = \"part('idd')\"", "11: $.connector[0].card.title: no address"),
        (
            'text = "state"',
            "text = \"join('', [a, part('b')])\"",
            "card.fields[0].text: no address",
        ),
        (
            "[connector.card]",
            "[connector.answer]\nmissing = \"!(name == part('id'))\"\n[connector.card]",
            "answer.missing: part() is for the card",
        ),
    ],
)
def test_a_part_that_an_expression_will_never_have_is_told(
    tmp_path: Path, kept: str, given: str, told: str
) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(TOML.replace(kept, given))
    (fault,) = lint_definitions(file)
    assert told in fault
    assert fault.endswith("(part)")


def test_a_part_that_is_shown_is_asked_with(tmp_path: Path) -> None:
    """One answer is kept for all who ask it, and would show the part of another's address."""
    file = tmp_path / "bad.toml"
    text = TOML.replace("/items/{id}", "/{space}/items/{id}").replace(
        "example.com/items", "example.com/a/items"
    )
    file.write_text(text.replace('title = "name"', "title = \"part('space')\""))
    (fault,) = lint_definitions(file)
    assert "card.title: shows what `/{space}/items/{id}` does not ask with: space (part)" in fault


@pytest.mark.parametrize(
    "given", ['hosts_setting = "PLACARD_SMALL_HOSTS"', 'credential = { setting = "SMALL_TOKEN" }']
)
def test_a_file_that_is_not_bundled_names_no_setting(tmp_path: Path, given: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(TOML.replace('example = "', f'{given}\nexample = "', 1))
    with pytest.raises(ConfigurationError, match="name this connector in the credentials file"):
        read_definitions([str(file)])


@pytest.mark.parametrize(
    ("credential", "user", "sent"),
    [
        ({}, "", {"Authorization": "Bearer the-token"}),
        ({"value": "{token}"}, "", {"Authorization": "the-token"}),
        ({"header": "X-Key", "value": "key {token}"}, "", {"X-Key": "key the-token"}),
        ({"basic": "{token}:X"}, "", {"Authorization": "Basic dGhlLXRva2VuOlg="}),
        ({"basic": "{user}:{token}"}, "ada", {"Authorization": "Basic YWRhOnRoZS10b2tlbg=="}),
        ({"basic": "{user}:{token}"}, "", {"Authorization": "Bearer the-token"}),
    ],
)
def test_a_token_is_sent_as_the_system_wants_it(
    credential: Mapping[str, str], user: str, sent: Mapping[str, str]
) -> None:
    known = with_settings(
        {"credential": {"setting": "SMALL_TOKEN", "user_setting": "SMALL_USER", **credential}},
        SMALL_TOKEN="the-token",
        SMALL_USER=user,
    )
    found = Credentials(known.credentials)
    assert found.find("https://api.small.example.com/v1/1").headers == sent
    assert found.find("https://small.example.com/items/1").headers == {}
    assert found.find("https://evil.example/").headers == {}


def test_hosts_of_ones_own_are_served_and_given_the_token() -> None:
    known = with_settings(
        {
            "hosts": ["*.small.net"],
            "hosts_setting": "SMALL_HOSTS",
            "credential": {"setting": "SMALL_TOKEN"},
            "request": {"url": "/v1/{id}"},
            "example": "https://acme.small.net/items/1",
        },
        SMALL_TOKEN="the-token",
        SMALL_HOSTS="acme.small.net,small.example.org:8443",
    )
    found = Credentials(known.credentials)
    for host, given in (
        ("acme.small.net", True),
        ("small.example.org:8443", True),
        ("somebody-else.small.net", False),
    ):
        url = asked(known, f"https://{host}/items/7").url
        assert url == f"https://{host}/v1/7"
        assert bool(found.find(url).headers) is given


@pytest.mark.parametrize(
    ("root", "page"),
    [
        ("git.example.org/small", "https://git.example.org/small/items/7"),
        ("git.example.org:8443/a/b", "https://git.example.org:8443/a/b/items/7"),
        ("http://localhost:3000", "http://localhost:3000/items/7"),
    ],
)
def test_hosts_of_ones_own_can_lie_below_a_path(root: str, page: str) -> None:
    known = with_settings(
        {"hosts_setting": "SMALL_HOSTS", "request": {"url": "/v1/{id}"}}, SMALL_HOSTS=root
    )
    request = asked(known, page)
    assert request.url == page.replace("/items/", "/v1/")
    assert request.hosts == {page.split("/")[2]}
    with pytest.raises(NoConnector):
        find(page.replace("/items/", "/other/items/"), [known])


def test_a_setting_can_name_the_only_hosts_that_are_given_a_token() -> None:
    credential = {"setting": "SMALL_TOKEN", "hosts_setting": "SMALL_HOST"}
    known = with_settings(
        {"credential": credential}, SMALL_TOKEN="the-token", SMALL_HOST="git.example.org"
    )
    assert [each.host for each in known.credentials] == ["git.example.org"]
    assert asked(known, "https://git.example.org/items/1")


def with_settings(changes: Mapping[str, Any], **environment: str) -> DefinedConnector:
    """Make a bundled definition, with its settings in the environment."""
    known = defined(**changes)
    given = {"PLACARD_JWT_SECRETS": JWT_SECRET, **environment}
    return DefinedConnector(known.definition, load_settings(given, known.settings))


@pytest.mark.parametrize(
    ("count", "told"), [(3, 3), ("3", 3), (0, 0), (None, None), (False, None), ("x", None)]
)
def test_comments_are_counted_by_a_number_or_its_text(count: Any, told: int | None) -> None:
    card = {**SMALL["card"], "num_comments": "comments"}
    known = defined(card=card)
    assert card_of(known, {"name": "A", "state": "up", "comments": count}).num_comments == told


@pytest.mark.parametrize(
    ("value", "is_told"),
    [({"a": 1}, True), ([1], True), (None, False), (False, False), ([], False), ("up", False)],
)
def test_what_cannot_be_shown_is_left_out_and_told(value: Any, is_told: bool) -> None:
    with recording() as trace:
        card_of(defined(), {"name": "A", "state": value})
    assert [each.facts["part"] for each in trace.steps if each.name == "dropped"] == (
        ["State.text"] * is_told
    )


@pytest.mark.parametrize(
    ("expression", "shape"),
    [
        ("a.b", {"a": {"b": None}}),
        ("a[0].b || c", {"a": {"b": None}, "c": None}),
        ("a[].b", {"a": {"b": None}}),
        ("a[?k == 'x'].v | [0]", {"a": {"k": None, "v": None}}),
        ("length(a)", {"a": {}}),
        ("a && b", {"a": None, "b": None}),
        ("a && a.b", {"a": {"b": None}}),
        ("!(a)", {"a": None}),
        ("a == `[]`", {"a": {}}),
        ("join(' ', [a, b][?@])", {"a": None, "b": None}),
        ("values(a)[].b", {"a": None}),
        ("a.*.b", {"a": None, "b": None}),
        ("to_string(a)", {"a": None}),
        ("sort_by(a, &b)[].c", {"a": None, "b": None}),
        ("a[1:3].b", {"a": {"b": None}}),
        ("{x: a, y: b}", {"a": None, "b": None}),
        ("'word'", {}),
    ],
)
def test_what_is_read_of_an_answer_is_told_by_its_expressions(
    expression: str, shape: Mapping[str, Any]
) -> None:
    card = {"title": "'A'", "fields": [{"type": "pill", "name": "It", "text": expression}]}
    assert defined(card=card).shown == shape


def test_all_is_read_where_an_expression_shows_all() -> None:
    card = {"title": "@", "fields": [{"type": "pill", "name": "It", "text": "a"}]}
    assert defined(card=card).shown is None


def test_of_a_large_answer_what_is_shown_is_kept(
    make_host: MakeHost, upstream: responses.RequestsMock
) -> None:
    part = {"type": "conversation_part", "body": "<p>" + "x" * 9_000 + "</p>"}
    parts = {"total_count": 400, "conversation_parts": [part] * 400}
    answer = {"title": "Refund", "state": "open", "conversation_parts": parts}
    upstream.get("https://api.intercom.io/conversations/471", json=answer)
    host = make_host(intercom_access_token="made_up")
    card = host.ask("https://app.intercom.com/a/inbox/ab12/conversation/471").get_json()["metadata"]
    assert (card["title"], card["num_comments"]) == ("Refund", 400)
