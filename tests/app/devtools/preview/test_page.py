"""The page through its front door: what it shows of a request, and to whom."""

import json
import re
import shlex
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from app.cli.library_tokens import local_token
from app.connectors import ConnectorRegistry, all_connectors
from app.devtools import preview as web_preview
from app.devtools.preview.gallery import Gallery
from app.devtools.signed_calls import CONTEXT
from app.upstream.samples import bundled_samples
from templates_schemas import faults
from tests.app.devtools.preview.conftest import MERGED, PART, Preview, preview_with, words_of
from tests.conftest import MakeHost, settings_with
from tests.host import ISSUE

LONG_TEXTS = "https://github.com/placard-samples/reading-list/issues/40"
PATHS = ("", "/lookup", "/editor", "/signature", "/assets/preview.css")


RECORDED = Path(__file__).parents[3] / "recorded"
DEFINITION = """[[connector]]
name = "mine"
label = "Mine"
hosts = ["mine.example.com"]
path = "/items/{id}"
example = "https://mine.example.com/items/1"
[connector.request]
url = "https://api.mine.example.com/items/{id}"
[connector.card]
title = "name"
fields = [{ type = "pill", name = "State", text = "state" }]
"""


@pytest.mark.parametrize("path", [*(f"/preview{path}" for path in PATHS), "/"])
def test_in_production_there_is_no_preview(make_host: MakeHost, path: str) -> None:
    client = make_host().client
    for answer in (client.get(path), client.post(path)):
        assert answer.status_code == 404
        assert answer.get_json() == {"data": {"error": "Not found."}}
    rules = client.application.url_map.iter_rules()
    assert not [rule for rule in rules if rule.endpoint.startswith("preview")]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "environment",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"HTTP_X_FORWARDED_FOR": "192.0.2.7"},
        {"HTTP_FORWARDED": "for=192.0.2.7"},
        {"HTTP_HOST": "rebound.example.com"},
        {"HTTP_HOST": "127.0.0.1.example.com"},
        {"HTTP_HOST": "[::1"},
        {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_SEC_FETCH_MODE": "no-cors"},
        {"HTTP_SEC_FETCH_SITE": "same-site", "HTTP_SEC_FETCH_MODE": "cors"},
    ],
    ids=str,
)
def test_whoever_is_not_at_this_machine_is_refused(
    preview: Preview, path: str, environment: dict[str, str]
) -> None:
    answer = preview.client.get(f"/preview{path}", environ_overrides=environment)
    assert answer.status_code in (400, 403)
    assert "error" in answer.get_json()["data"]


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"])
def test_this_machine_may_be_called_by_any_of_its_names(preview: Preview, host: str) -> None:
    answer = preview.client.get("/preview", environ_overrides={"HTTP_HOST": host})
    assert answer.status_code == 200


def test_a_link_from_elsewhere_may_be_followed(preview: Preview) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    document = headers | {"Sec-Fetch-Dest": "document"}
    assert preview.ask("/editor", document).status_code == 200
    assert preview.ask("/editor", headers | {"Sec-Fetch-Dest": "iframe"}).status_code == 403
    assert preview.client.post("/preview/signature", headers=document).status_code == 403


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("offline", ["on", "off"])
def test_the_page_may_load_nothing_but_its_own(path: str, offline: str) -> None:
    answer = preview_with(offline=offline).ask(path)
    answer.close()
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert ("img-src 'self' https: http:" in policy) is (offline == "off")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_a_page_of_the_host_may_not_read_the_preview(preview: Preview) -> None:
    answer = preview.ask("", {"Origin": "https://app.asana.com"})
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", ["", "/editor", "/signature"])
def test_nothing_is_inline_and_nothing_from_elsewhere(preview: Preview, path: str) -> None:
    html = preview.get(path)
    loaded = re.findall(r'<(?:script|link|img)[^>]*?(?:src|href)="([^"]*)"', html)
    assert loaded
    assert [address for address in loaded if not address.startswith("/preview/assets/")] == []
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script>|javascript:", html)


def test_the_root_leads_to_the_preview(preview: Preview) -> None:
    answer = preview.client.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/preview")


def test_without_an_address_the_first_sample_is_shown(preview: Preview) -> None:
    assert "Remember the sort order of each list" in preview.words()


def test_live_no_address_means_that_nothing_is_asked(upstream: responses.RequestsMock) -> None:
    shown = preview_with(offline="off").words()
    assert "Nothing asked yet" in shown
    assert not upstream.calls


@pytest.mark.parametrize("url", [sample.resource_url for sample in bundled_samples()])
def test_every_sample_is_offered_and_answered(preview: Preview, url: str) -> None:
    html = preview.get(url=url)
    offered = re.findall(r'href="([^"]*)" data-sample', html)
    assert url in [parse_qs(urlsplit(unescape(link)).query)["url"][0] for link in offered]
    assert 'aria-current="true"' in html
    assert "Answered" in words_of(html)


def test_the_card_is_shown_beside_its_json_limits_trace_and_commands(preview: Preview) -> None:
    shown = preview.words(url=MERGED)
    for told in (
        "placard-samples/reading-list #27 · Open in Placard",
        "State Merged Assignees M monalisa, hubot-samples Labels enhancement",
        "Cut or dropped Fields dropped 'Changes': at most 5 are shown Limits Nearly full: Fields 5",
        "Title 36 of 200 36 /200",
        "Verified by a token (JWT), bound to this request",
        "Matched the connector github owner placard-samples · repo reading-list · pull 27 Pattern",
        "(?:/{owner}/{repo}/issues/{issue}/?)|(?:/{owner}/{repo}/pull/{pull}",
        "Looked up miss: not kept yet, so it was fetched",
        "GET api.github.com/repos/placard-samples/reading-list/pulls/27",
        "readable by pages of https://app.asana.com",
        f"--local sign {MERGED} --base http://localhost | sh",
        "curl -sS -H 'Authorization: Bearer ey",
        '"template" : "summary_with_details_v0"',
    ):
        assert told in shown
    assert shown.index('"template"') < shown.index("Verified by")


def test_the_short_command_holds_no_proof_and_signs_what_was_asked(preview: Preview) -> None:
    html = preview.get(url=MERGED, task="1 2", locale="de")
    line = unescape(re.findall(r'id="sign">([^<]*)<', html)[0])
    words = shlex.split(line.removesuffix(" | sh"))
    assert words[1:] == [
        "--local", "sign", MERGED, "--task", "1 2", "--locale", "de", "--base", "http://localhost",
    ]  # fmt: skip


def test_a_card_of_which_nothing_is_near_a_limit_says_so_on_one_line(preview: Preview) -> None:
    shown = preview.words(url=ISSUE)
    assert "Cut or dropped" not in shown
    assert re.search(r"Limits Title \d+ of 200, Fields \d of 5: nothing is near its limit", shown)


def test_all_that_the_host_sends_can_be_set(preview: Preview) -> None:
    given = {name: f"{name}-1" for name in CONTEXT}
    html = preview.get("", None, url=ISSUE, **given)
    query = parse_qs(
        urlsplit(shlex.split(unescape(re.findall(r'id="curl">([^<]*)<', html)[0]))[-1]).query
    )
    assert {name: query[name] for name in CONTEXT} == {name: [f"{name}-1"] for name in CONTEXT}
    assert all(f'name="{name}" type="text"' in html for name in CONTEXT)


def test_a_second_look_is_fresh_and_still_tells_what_was_dropped(preview: Preview) -> None:
    preview.get(url=MERGED)
    shown = preview.words(url=MERGED)
    assert "Looked up fresh: answered from the cache" in shown
    assert "Fields dropped 'Changes': at most 5 are shown" in shown


@pytest.mark.parametrize("how", ["link", "hard reload"])
def test_asking_again_asks_the_upstream_whatever_is_kept(preview: Preview, how: str) -> None:
    preview.get(url=MERGED)
    if how == "link":
        link = re.search(r'href="([^"]*)" data-fresh', preview.get(url=MERGED))
        assert link
        html = preview.client.get(unescape(link[1])).get_data(as_text=True)
    else:
        html = preview.get("", {"Cache-Control": "no-cache"}, url=MERGED)
    shown = words_of(html)
    assert "Fetched 200" in shown
    assert "Looked up miss: it was to be asked again, so it was fetched" in shown
    assert "fwd=request" in shown


def test_how_old_the_card_is_is_told(preview: Preview) -> None:
    assert re.search(r"as of 2\d{3}-\S+, fresh for 60\ss more", preview.words(url=MERGED))


def test_what_a_list_of_names_hides_is_told(preview: Preview) -> None:
    shown = preview.words(url=LONG_TEXTS)
    assert "Title cut from 272 to 200 UTF-16 code units" in shown
    assert "Labels, text the first is cut, and 2 more only counted" in shown


@pytest.mark.parametrize("verify", ["jwt", "signature", "either", "off"])
def test_the_page_proves_itself_in_every_mode(verify: str) -> None:
    shown = preview_with(verify=verify).words(url=MERGED)
    told = {
        "jwt": "by a token (JWT)",
        "either": "by a token (JWT)",
        "signature": "by the host's request signature",
        "off": "verification is off",
    }
    assert told[verify] in shown
    assert "Card drawn" in preview_with(verify=verify).get(url=MERGED)


def test_a_service_that_serves_few_workspaces_is_asked_for_one_of_them() -> None:
    assert "Answered 200" in preview_with(allowed_workspaces="77,78").words(url=MERGED)


def test_a_service_without_a_secret_says_that_it_cannot_sign() -> None:
    key = preview_with(jwt_secrets=" ", signature_secrets=" ", jwt_jwks_url="https://keys.example/")
    shown = key.words(url=MERGED)
    assert "The request could not be signed" in shown
    assert "PLACARD_JWT_SECRETS: is missing" in shown


def test_an_envelope_is_drawn_with_its_reason_and_what_to_do(preview: Preview) -> None:
    shown = preview.words(url="https://github.com/placard-samples/reading-list/issues/404")
    assert "Not found. GitHub has no such page, or does not show it to us." in shown
    assert "Reason resource_missing upstream status 404" in shown
    assert "What to do The system says that there is no such page" in shown
    assert "Mapped stopped here: upstream status 404" in shown


@pytest.mark.parametrize("offline", ["on", "off"])
def test_there_is_a_piece_of_every_connector(offline: str) -> None:
    settings = settings_with(mode="local", offline=offline, spaceone_hosts="spaceone.example.com")
    groups = Gallery.of(settings).groups
    urls = [piece.url for group in groups for piece in group.pieces]
    registry = ConnectorRegistry(all_connectors(settings))
    assert {registry.find(url)[0].name for url in urls} == {
        known.name for known in all_connectors(settings)
    }


def test_pieces_stand_by_system_and_title_in_the_order_of_the_alphabet() -> None:
    groups = Gallery.of(settings_with(mode="local")).groups
    labels = [group.label for group in groups]
    assert labels == sorted(set(labels), key=str.casefold)
    for group in groups:
        titles = [piece.title for piece in group.pieces]
        assert titles == sorted(titles, key=str.casefold)
        assert all(re.fullmatch(r"[A-Z][a-z ]+(, [a-z ]+)?", title) for title in titles), titles


def test_what_is_saved_in_the_own_library_is_one_click_away(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    changes = {"database_url": sqlite_url, "public_url": "http://127.0.0.1:8080"}
    changes["local_token"] = local_token(settings_with(mode="local", **changes))
    preview = preview_with(**changes)
    group = Gallery.of(settings_with(mode="local", **changes)).groups[0]
    assert group.label == "This library"
    assert len(group.pieces) == 3
    for piece in group.pieces:
        assert "Answered 200" in preview.words(url=piece.url), piece.title


def test_an_address_of_ones_own_says_offline_what_works_and_how_to_go_live(
    preview: Preview,
) -> None:
    html = preview.get(url="https://github.com/my-company/my-product/issues/1")
    shown = words_of(html)
    assert "This is an address that Placard can draw: GitHub has it." in shown
    assert "make run LIVE=1" in shown
    assert "status-5" not in html
    assert "Why, and what to do" not in shown


def test_a_definition_that_breaks_is_told_in_place_and_what_was_there_stays(
    tmp_path: Path,
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(DEFINITION, "utf-8")
    preview = preview_with(connectors_file=str(file))
    file.write_text(DEFINITION.replace("title =", "titel ="), "utf-8")
    html = preview.get(url="https://mine.example.com/items/1")
    shown = words_of(html)
    assert f"PLACARD_CONNECTORS_FILE: {file.resolve()}:10: $.connector[0].card.titel" in shown
    assert "Reason broken_definition" in shown
    assert "Pull request, merged" in shown
    file.write_text(DEFINITION, "utf-8")
    assert str(file) not in preview.words(url=ISSUE)


def test_recordings_are_shown_answered_and_read_again(tmp_path: Path) -> None:
    case = json.loads((RECORDED / "github" / "issue_by_bot.json").read_text("utf-8"))
    case["resource_url"] = "https://github.com/my-company/my-product/issues/7"
    url = "https://api.github.com/repos/my-company/my-product/issues/7"
    case["exchanges"][0]["request"]["url"] = url
    preview = preview_with(recordings=str(tmp_path))
    assert "Recordings" not in preview.words()
    (tmp_path / "github").mkdir()
    file = tmp_path / "github" / "mine.json"
    file.write_text(json.dumps(case), "utf-8")
    (tmp_path / "github" / "mine.widget.json").write_text("{}", "utf-8")
    shown = preview.words(url=case["resource_url"])
    assert "Recordings github/mine" in shown
    assert "Answered 200" in shown
    file.write_text("{", "utf-8")
    (tmp_path / "github" / "half.json").write_text("{}", "utf-8")
    shown = preview.words(url=ISSUE)
    assert f"{file}: is not a recorded case" in shown
    assert "half.json: 'exchanges' is missing; `placard record` writes it" in shown
    file.unlink()
    assert str(file) not in preview.words(url=ISSUE)


def test_a_flat_envelope_is_drawn_as_well() -> None:
    shown = preview_with(error_envelope="flat").words(url="https://example.com/")
    assert "Reason no_connector" in shown
    assert "Matched stopped here: no connector has the host example.com" in shown


@pytest.mark.parametrize("url", ["nonsense", "javascript:alert(1)", "http://[", "\x00", "💥" * 999])
def test_an_address_that_is_none_is_answered_like_any_other(preview: Preview, url: str) -> None:
    assert "malformed_request" in preview.words(url=url)


def test_the_curl_line_holds_the_proof_and_no_log_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = re.search(r"Bearer (\S+?)'", unescape(preview_with().get(url=MERGED)))
    assert line
    assert line[1] not in capsys.readouterr().err


def test_the_inner_request_leaves_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    preview_with().ask("", {"X-Request-Id": "outer"}, url=MERGED)
    inner, outer = capsys.readouterr().err.splitlines()
    assert "path=/widget" in inner
    assert "request_id=outer" not in inner
    assert "path=/preview" in outer
    assert "request_id=outer" in outer
    assert "connector=" not in outer


def test_a_part_is_the_page_without_its_frame(preview: Preview) -> None:
    part, page = preview.get("", PART, url=MERGED), preview.get(url=MERGED)
    assert "<html" not in part
    card = re.search(r"<article.*?</article>", part, re.DOTALL)
    assert card
    assert card[0] in page


def test_neither_page_nor_part_is_kept_for_the_other(preview: Preview) -> None:
    assert preview.ask("", PART).headers["Cache-Control"] == "no-store"
    assert preview.ask("").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("cookie", "theme"), [("dark", "dark"), ('"><script>', "system")])
def test_the_theme_of_the_last_visit_is_in_the_first_paint(
    preview: Preview, cookie: str, theme: str
) -> None:
    preview.client.set_cookie("theme", cookie)
    html = preview.get()
    assert f'data-theme="{theme}"' in html


def test_icons_are_marks_offline_and_pictures_live(upstream: responses.RequestsMock) -> None:
    offline = preview_with().get(url=MERGED)
    assert '<img class="picture"' not in offline
    card = offline[offline.index('<p class="card-subtitle">') :]
    assert '<use href="/preview/assets/marks.svg#github"/>' in card[:300]
    live = preview_with(offline="off").get("/editor", preset="usual")
    assert '<img class="picture" src="https://github.githubassets.com/favicons' in live


def test_the_payload_that_is_shown_is_what_the_host_gets(preview: Preview) -> None:
    html = preview.get(url=MERGED)
    shown = re.search(r'id="json">(.*?)</pre>', html, re.DOTALL)
    assert shown
    assert faults(json.loads(unescape(re.sub(r"<[^>]*>", "", shown[1])))) == ()


def test_what_of_an_answer_was_left_out_is_told(upstream: responses.RequestsMock) -> None:
    upstream.get(
        "https://api.github.com/repos/a/b/issues/1",
        json={"title": "T", "state": "open", "milestone": "2.0", "comments": {}},
    )
    words = preview_with(offline="off").words(url="https://github.com/a/b/issues/1")
    told = words[words.index("Left out of the system") :]
    assert "$.milestone: " in told
    trace = words[words.index("Trace Verified") :]
    assert "Left out $.milestone: " in trace
    assert "Left out $.comments: " in trace


def test_hostile_texts_are_escaped(upstream: responses.RequestsMock) -> None:
    upstream.get(
        "https://api.github.com/repos/a/b/issues/1",
        json={
            "number": 1,
            "title": "<img src=x onerror=alert(1)>" + "y" * 10_000,
            "state": "open",
            "state_reason": None,
            "user": {"login": "<b>", "avatar_url": "javascript:alert(1)"},
            "assignees": [{"login": "o", "avatar_url": "javascript:alert(2)"}],
            "labels": [{"name": "</pre><script>alert(3)</script>"}],
            "milestone": None,
            "comments": 0,
            "created_at": "2025-01-01T00:00:00Z",
            "updated_at": "2025-01-01T00:00:00Z",
            "closed_at": None,
        },
    )
    html = preview_with(offline="off").get(url="https://github.com/a/b/issues/1")
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert "<img src=x" not in html
    assert "<script>" not in html
    assert not re.search(r'(?:src|href)="javascript:', html)


def test_the_clock_of_the_page_is_the_worlds() -> None:
    assert web_preview.now().utcoffset() is not None
