"""SpaceONE's addresses, its requests, and what its widgets show."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import pytest

from app.connectors import find
from app.connectors.spaceone import SpaceONE
from app.errors import NoConnector
from app.testing.contract import ConnectorContract, sent_headers, settings_of
from templates_schemas import payload as written

ENVIRONMENT: Final = {
    "PLACARD_SPACEONE_HOSTS": "spaceone.example.com, console.example.org:8443",
    "SPACEONE_TOKEN": "the-token",
}
HOST: Final = "https://spaceone.example.com"
GET: Final = f"{HOST}/dashboard/v1/custom-widget/get"
WIDGET: Final = "custom-widget-0123456789ab"
PATH: Final = f"/dashboard/v1/custom-widget/{WIDGET}"
PAGE: Final = f"{HOST}{PATH}?domain_id=domain-0123456789ab"
DOTTED: Final = f"{HOST}{PATH}?domain_id=acme.com"
OTHER_PORT: Final = f"https://console.example.org:8443{PATH}?domain_id=d_1"

MATCHES: Final = {
    PAGE: GET,
    f"{HOST}{PATH}/?domain_id=domain-0123456789ab": GET,
    DOTTED: GET,
    f"{PAGE}&x=1#top": GET,
    f"{HOST}{PATH}?x=1&domain_id=domain-0123456789ab": GET,
    f"{HOST}{PATH}?domain%5Fid=domain%2D0123456789ab": GET,
    f"http://spaceone.example.com{PATH}?domain_id=domain-0123456789ab": GET,
    f"HTTPS://SpaceONE.example.com:443{PATH}?domain_id=domain-0123456789ab": GET,
    OTHER_PORT: "https://console.example.org:8443/dashboard/v1/custom-widget/get",
}
BODY: Final = {"custom_widget_id": WIDGET, "domain_id": "domain-0123456789ab"}
NEAR_MISSES: Final = (
    # Another host.
    f"https://console.example.org{PATH}?domain_id=d_1",
    f"https://other.example.com{PATH}?domain_id=d_1",
    f"https://x.spaceone.example.com{PATH}?domain_id=d_1",
    # Without a domain, or with one that is none.
    f"{HOST}{PATH}",
    f"{HOST}{PATH}?",
    f"{HOST}{PATH}?domain_id=",
    f"{HOST}{PATH}?domain_ID=d_1",
    f"{HOST}{PATH}?domain_id=a/b",
    f"{HOST}{PATH}?domain_id=a%22b",
    f"{HOST}{PATH}?domain_id=a%3Fb",
    f"{HOST}{PATH}?domain_id=dom\u00e4ne",
    f"{HOST}{PATH}?domain_id={'d' * 256}",
    f"{HOST}{PATH}#?domain_id=d_1",
    f"{HOST}{PATH}%3Fdomain_id=d_1",
    # Another page, and ids that are none.
    f"{HOST}/dashboard/v1/custom-widget?domain_id=d_1",
    f"{HOST}/dashboard/v1/custom-widget/get?domain_id=d_1",
    f"{HOST}/dashboard/v1/custom-widget/list?domain_id=d_1",
    f"{HOST}/dashboard/v2/custom-widget/{WIDGET}?domain_id=d_1",
    f"{HOST}/dashboard/v1/custom-widget/{WIDGET}0?domain_id=d_1",
    f"{HOST}/dashboard/v1/custom-widget/{WIDGET[:-1]}?domain_id=d_1",
    f"{HOST}/dashboard/v1/custom-widget/{WIDGET[:-1]}g?domain_id=d_1",
    f"{HOST}/dashboard/v1/custom-widget/{WIDGET.upper()}?domain_id=d_1",
    f"{HOST}/dashboard/v1/custom-widget/widget-0123456789ab?domain_id=d_1",
    f"{HOST}/dashboard/v1/custom-widget/{WIDGET}/data?domain_id=d_1",
    f"{HOST}/x{PATH}?domain_id=d_1",
)
RESOURCE: Final[dict[str, Any]] = {
    "title": "Cost by project",
    "widget_name": "costByProject",
    "version": "v1",
    "user_id": "alice@example.com",
    "labels": ["Cost", "Monthly"],
    "tags": {"team": "finops", "pinned": True},
    "created_at": "2026-01-15T09:30:00.000Z",
    "updated_at": "2026-02-03T16:05:12.000Z",
}


class TestSpaceONE(ConnectorContract):
    connector = SpaceONE
    environment = ENVIRONMENT
    matches = MATCHES
    bodies: ClassVar[Mapping[str, Any]] = dict.fromkeys(MATCHES, BODY) | {
        DOTTED: {"custom_widget_id": WIDGET, "domain_id": "acme.com"},
        OTHER_PORT: {"custom_widget_id": WIDGET, "domain_id": "d_1"},
    }
    near_misses = NEAR_MISSES
    method = "POST"
    resource = RESOURCE
    # The other folders hold queries, which are questions; nothing in them has a page.
    corpora: ClassVar[Mapping[str, str]] = {
        "spaceone/custom_widget_params": PAGE,
        "spaceone/doc_widgets": PAGE,
    }

    def answer_of(self, payload: Any) -> Any:
        """Complete what was given to `create` or `update`, as the system does; `name` was older."""
        answer = {
            "custom_widget_id": WIDGET,
            "widget_name": "",
            "title": payload.get("name", ""),
            "version": "v1",
            "user_id": "alice@example.com",
            "domain_id": "domain-0123456789ab",
            "created_at": "2026-01-15T09:30:00.000Z",
            "updated_at": "2026-02-03T16:05:12.000Z",
        }
        return answer | payload


def test_no_host_is_served_unless_a_setting_names_it() -> None:
    known = SpaceONE(settings_of({"SPACEONE_TOKEN": "the-token"}))
    assert known.hosts == frozenset()
    assert known.credentials == ()
    with pytest.raises(NoConnector):
        find(PAGE, [known])


def test_token_goes_to_the_named_hosts_only() -> None:
    known = SpaceONE(settings_of(ENVIRONMENT))
    for url, sent in {
        GET: {"Authorization": "Bearer the-token"},
        MATCHES[OTHER_PORT]: {"Authorization": "Bearer the-token"},
        "https://console.example.org/": {},
        "https://example.com/": {},
        "https://spaceone.example.com.evil.example/": {},
    }.items():
        assert sent_headers(known, url) == sent


def test_first_of_two_domains_is_the_one_that_is_asked() -> None:
    _, match = find(f"{PAGE}&domain_id=other", [SpaceONE(settings_of(ENVIRONMENT))])
    assert match["domain"] == "domain-0123456789ab"


@pytest.mark.parametrize(
    ("name", "version", "text"),
    [
        ("costByProject", "v1", "costByProject v1"),
        ("costByProject", None, "costByProject"),
        ("", "v2", "v2"),
        ("costByProject", " ", "costByProject"),
        (None, "", None),
    ],
)
def test_pill_tells_which_widget_and_version_it_is_made_of(
    name: str | None, version: str | None, text: str | None
) -> None:
    assert _shown(_card(widget_name=name, version=version)).get("Widget") == text


@pytest.mark.parametrize("title", ["", " ", "\u200b", None])
def test_widget_without_a_title_has_the_name_of_what_it_is_made_of(title: str | None) -> None:
    assert _card(title=title)["title"] == "costByProject"
    assert _card(title=title, widget_name="")["title"] == WIDGET


def test_labels_and_tags_of_any_kind_are_told() -> None:
    tags = {"a": "x", "b": 1, "c": True, "d": None, "e": {"f": 1}, "g": ""}
    shown = _shown(_card(labels=["Cost", 2, None, "", ["x"]], tags=tags))
    assert shown["Labels"] == "Cost, 2"
    assert shown["Tags"] == "a: x, b: 1, c: true, d, e, g"


def test_footer_tells_when_it_came_to_be_where_it_never_changed() -> None:
    assert _card(updated_at=None)["footer"] == {
        "footer_type": "created",
        "created_at": "2026-01-15T09:30:00.000Z",
    }


def _card(**changes: Any) -> dict[str, Any]:
    known, match = find(PAGE, [SpaceONE(settings_of(ENVIRONMENT))])
    card = known.widget(known.schema().load(RESOURCE | changes), match)
    metadata: dict[str, Any] = written(card)["metadata"]
    return metadata


def _shown(card: Mapping[str, Any]) -> dict[str, str]:
    return {field["name"]: field["text"] for field in card["fields"] if "text" in field}
