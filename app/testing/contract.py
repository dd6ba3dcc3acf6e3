"""What every connector holds to: a class of tests that the tests of each one inherit."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from app.cards import card_of, checked
from app.connectors import Connector, connector_settings
from app.connectors.base import Match
from app.connectors.registry import find
from app.errors import Forbidden, MalformedRequest, NoConnector, NotFound, UpstreamError
from app.origins import is_named
from app.settings import Settings, load_settings
from app.testing.extra import hypothesis, pytest, responses
from app.testing.host import host_with
from app.testing.recordings import replay
from app.upstream.credentials import Credentials
from app.upstream.messages import UpstreamRequest, UpstreamResponse
from templates_schemas import faults

given, st = hypothesis.given, hypothesis.strategies
TEXTS = st.text(max_size=60) | st.just("x" * 300) | st.sampled_from(["", " ", "\u200b", "<b>"])
PIECES = st.text() | st.lists(st.sampled_from("abz/@:?#%.\\1-") | st.text(), max_size=8).map(
    "".join
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)

_OF_RECORDED: Final = "test_its_recorded_cases_make_their_widgets"

# One inherited test is run by many classes: an example that one has kept is tried by the others.
# No example is judged by the clock: the first ones import what they need.
inherited = hypothesis.settings(
    deadline=None,
    suppress_health_check=[
        hypothesis.HealthCheck.differing_executors,
        hypothesis.HealthCheck.too_slow,
    ],
)


class ConnectorContract:
    """The suite: set the class's attributes, and add what is the connector's own.

    `environment` has the settings that the suite runs with; `matches` maps an address to the one
    that is asked for it; `near_misses` are addresses that look like ours and are not; `headers` is
    what each request carries beside the credential; `resource` is a small readable answer to the
    example, with every part that is looked at; `corpora` maps a folder of real payloads to the
    address that each of them answers; `bodies` maps an address to the JSON that is sent for it,
    and for the others there is no body; `recorded` is a folder of recorded cases, which has one of
    the connector's name.
    """

    connector: ClassVar[type[Connector]]
    environment: ClassVar[Mapping[str, str]] = {}
    matches: ClassVar[Mapping[str, str]]
    near_misses: ClassVar[Sequence[str]]
    headers: ClassVar[Mapping[str, str]] = {}
    method: ClassVar[str] = "GET"
    resource: ClassVar[Mapping[str, Any]]
    corpora: ClassVar[Mapping[str, str]] = {}
    bodies: ClassVar[Mapping[str, Any]] = {}
    recorded: ClassVar[Path]

    def __init_subclass__(cls) -> None:
        """Hold the recorded cases where a folder is named, and leave their test out where none is.

        A class between, such as `DefinitionContract`, names none, and those below it may.
        """
        super().__init_subclass__()
        if not hasattr(cls, "recorded"):
            setattr(cls, _OF_RECORDED, None)
        elif getattr(cls, _OF_RECORDED) is None:
            setattr(cls, _OF_RECORDED, getattr(ConnectorContract, _OF_RECORDED))

    def answer_of(self, payload: Any) -> Any:
        """Make the system's answer of a payload of the corpora."""
        return payload

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make the entries of the tables into cases of their own."""
        if "expected_url" in metafunc.fixturenames:
            metafunc.parametrize(
                ("address", "expected_url"), self.matches.items(), ids=self.matches
            )
        if "near_miss" in metafunc.fixturenames:
            tricks = [*near_misses_of(self.connector.example), *self.near_misses]
            metafunc.parametrize("near_miss", tricks, ids=tricks)

    @classmethod
    @cache
    def ready(cls) -> Connector:
        """Make the connector with the settings of the suite."""
        return cls.connector(settings_of(cls.environment))

    @pytest.fixture
    def known(self) -> Connector:
        """The connector with the settings of the suite."""
        return self.ready()

    def test_its_address_is_asked_of_the_api(
        self, known: Connector, address: str, expected_url: str
    ) -> None:
        request = request_for(known, address)
        assert (request.method, request.url) == (self.method, expected_url)
        assert request.headers == self.headers
        sent = None if request.body is None else json.loads(request.body)
        assert sent == self.bodies.get(address)
        assert request.hosts == {urlsplit(expected_url).netloc}

    def test_an_address_that_only_looks_like_its_own_is_left_alone(
        self, known: Connector, near_miss: str
    ) -> None:
        with pytest.raises((NoConnector, MalformedRequest)):
            find(near_miss, [known])

    def test_its_example_is_its_own(self, known: Connector) -> None:
        assert known.example in self.matches

    def test_its_canonical_address_is_one_for_all_forms(
        self, known: Connector, address: str, expected_url: str
    ) -> None:
        _, match = find(address, [known])
        canonical = known.canonical(match)
        assert known.canonical(find(canonical, [known])[1]) == canonical
        assert request_for(known, canonical).url == expected_url
        assert request_for(known, f"{canonical}#x?utm_source=mail").url == expected_url
        body = self.bodies.get(address)
        same = [
            form
            for form in self.matches
            if (self.matches[form], self.bodies.get(form)) == (expected_url, body)
        ]
        others = [find(form, [known])[1] for form in same]
        on_host = [other for other in others if other.host == match.host]
        assert {known.canonical(other) for other in on_host} == {canonical}

    def test_its_hosts_and_its_credentials_are_named(self, known: Connector) -> None:
        assert known.hosts
        tokens = [
            self.environment[setting.name]
            for setting in known.settings
            if setting.kind == "token" and setting.name in self.environment
        ]
        for credential in known.credentials:
            assert not is_named("evil.example", (credential.host,))
            assert not [token for token in tokens if token in repr(credential)]

    @inherited
    @given(PIECES)
    def test_no_text_matches_for_a_host_that_is_not_named(self, text: str) -> None:
        known = self.ready()
        for given_text in (text, f"https://{text}", known.example + text, _spliced(known, text)):
            match = match_of(known, given_text)
            assert match is None or is_named(match.host, known.hosts)
            assert match is None or is_named(urlsplit(given_text).netloc.lower(), _ported(known))

    @inherited
    @given(JSON)
    def test_any_json_gives_a_valid_card_or_an_upstream_error(self, answer: Any) -> None:
        self.gives_a_card(answer)

    @inherited
    @given(JSON, st.sampled_from((400, 401, 403, 404, 429, 500)))
    def test_any_json_of_a_refusal_is_no_success(self, answer: Any, status: int) -> None:
        outcome = response_of(self.ready(), answer, status).verdict.outcome
        assert outcome in ("missing", "forbidden", "limited", "failed", "signed_out")

    @inherited
    @given(st.data())
    def test_a_resource_with_odd_parts_gives_a_valid_card_or_an_upstream_error(
        self, data: st.DataObject
    ) -> None:
        paths = list(paths_of(self.resource))
        odd = json.loads(json.dumps(self.resource))
        for path in data.draw(st.lists(st.sampled_from(paths), min_size=1, max_size=3)):
            set_at(odd, path, data.draw(JSON))
        self.gives_a_card(odd)

    def test_its_resource_gives_a_valid_card(self) -> None:
        assert self.gives_a_card(self.resource)

    def test_its_recorded_cases_make_their_widgets(self, known: Connector) -> None:
        replay(self.recorded / known.name, self.environment)

    def test_its_resource_is_asked_for_and_answered_through_the_front_door(self) -> None:
        expected_url = self.matches[self.connector.example]
        with responses.RequestsMock() as upstream:
            upstream.add(self.method, expected_url, json=self.resource)
            answer = host_with(self.environment).ask(self.connector.example)
        assert answer.status_code == 200
        assert faults(answer.get_json()) == ()

    def gives_a_card(self, answer: Any, page: str | None = None) -> bool:
        """Make a card of an answer for a page, or the example; False where it is none.

        Raises BrokenCard where the host would not take the card.
        """
        connector, match = find(page or self.connector.example, [self.ready()])
        try:
            card = card_of(connector, match, response_of(connector, answer))
        except (Forbidden, NotFound, UpstreamError):
            return False
        checked(card, connector, match)
        return True


def response_of(connector: Connector, document: Any, status: int = 200) -> UpstreamResponse:
    """Make an answer of a connector's system."""
    return UpstreamResponse(status, {}, json.dumps(document).encode(), rules=connector.answer_rules)


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Load settings as from an environment."""
    return load_settings(environment, connector_settings())


def request_for(known: Connector, address: str) -> UpstreamRequest:
    """Return what a connector asks for an address; raises NoConnector where it is not its own."""
    connector, match = find(address, [known])
    return connector.request_for(match)


def match_of(connector: Connector, text: str) -> Match | None:
    """Match a text; None where it is no address of the connector's."""
    try:
        return find(text, [connector])[1]
    except (NoConnector, MalformedRequest):
        return None


def sent_headers(connector: Connector, url: str) -> Mapping[str, str]:
    """Return the credential's headers for an address, of the environment's credentials."""
    return Credentials(connector.credentials).find(url).headers


def near_misses_of(example: str) -> Iterator[str]:
    """Yield tricks that any connector must see through, made of its example."""
    url = urlsplit(example)
    host, rest = url.netloc, example.partition(url.netloc)[2]
    yield f"https://{host}.evil.example{rest}"
    yield f"https://evil.example/?x={example}"
    yield f"https://evil.example/{host}{rest}"
    yield f"https://evil.example#{example}"
    # Before the name that was registered: any child of it may be an account's.
    yield "https://" + re.sub(r"([^.]+[.][^.]+)$", r"evil\1", host) + rest
    yield f"https://{host}@evil.example{rest}"
    yield f"https://user@{host}{rest}"
    yield f"https://user:password@{host}{rest}"
    yield f"https://{host}:8443{rest}"
    yield f"https://{host}\\@evil.example{rest}"
    yield f"https://{host}.{rest}"
    yield f"ftp://{host}{rest}"
    yield f"https://{host}{rest.replace('/', '%2F')}"
    yield f"https://{host}/..{rest}"
    yield f"https://{host}/.{rest}"
    yield f"https://{host}/{rest}"
    yield f"https://{host}"


def _spliced(connector: Connector, text: str) -> str:
    url = urlsplit(connector.example)
    return f"{url.scheme}://{url.netloc}{text}{connector.example.partition(url.netloc)[2]}"


def _ported(connector: Connector) -> list[str]:
    """The connector's hosts, also with the ports that need not be named."""
    return [f"{host}{port}" for host in connector.hosts for port in ("", ":", ":443", ":80")]


def paths_of(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each part of a JSON value, the whole left out."""
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    for key, inner in items:
        yield (*at, key)
        if isinstance(inner, Mapping | list):
            yield from paths_of(inner, (*at, key))


def set_at(value: Any, path: tuple[Any, ...], part: Any) -> None:
    """Put a part in place of the one at a path, where that is still there."""
    for key in path[:-1]:
        if not isinstance(value, dict | list) or (isinstance(value, dict) and key not in value):
            return
        is_inside = isinstance(value, dict) or (isinstance(key, int) and key < len(value))
        value = value[key] if is_inside else None
    if isinstance(value, dict) or (
        isinstance(value, list) and isinstance(path[-1], int) and path[-1] < len(value)
    ):
        value[path[-1]] = part
