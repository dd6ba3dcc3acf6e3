"""The alerts and the dashboard: what they ask for exists, and each alert is raised by its fault."""

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from app import create_app
from app.errors import tree
from tests.conftest import settings_with
from tests.deploy_page import DEPLOY, section

ALERTS: Final = DEPLOY / "prometheus-alerts.yml"
DASHBOARD: Final = DEPLOY / "grafana-dashboard.json"
RULES: Final[list[dict[str, Any]]] = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"][0]["rules"]
# A minute for each value. What a rule divides by is there, too.
SERIES: Final[dict[str, dict[str, str]]] = {
    "PlacardDown": {'up{job="placard"}': "0x60"},
    "PlacardErrors": {
        'placard_requests_total{route="widget",outcome="ok"}': "0+100x60",
        'placard_requests_total{route="widget",outcome="broken_card"}': "0+5x60",
    },
    "PlacardUpstreamFailing": {
        'placard_requests_total{route="widget",outcome="ok"}': "0+100x60",
        'placard_requests_total{route="widget",outcome="upstream_timeout"}': "0+30x60",
    },
    "PlacardBreakerOpen": {"placard_upstream_breakers_open": "1x60"},
    "PlacardRefusals": {
        'placard_requests_total{route="widget",outcome="ok"}': "0+100x60",
        'placard_refusals_total{reason="expired"}': "0+60x60",
    },
    "PlacardSlow": {
        'placard_request_seconds_bucket{route="widget",le="0.1"}': "0x60",
        'placard_request_seconds_bucket{route="widget",le="2.5"}': "0+50x60",
        'placard_request_seconds_bucket{route="widget",le="5.0"}': "0+100x60",
        'placard_request_seconds_bucket{route="widget",le="+Inf"}': "0+100x60",
    },
    "PlacardThreadsBusy": {
        'placard_threads_busy{pool="requests"}': "60x60",
        'placard_threads_limit{pool="requests"}': "64x60",
    },
    "PlacardCacheFailing": {'placard_cache_failures_total{kind="TimeoutError"}': "0+1x60"},
    "PlacardRefreshesBehind": {"placard_cache_oldest_refresh_seconds": "20x60"},
    "PlacardKeySetOld": {"placard_key_set_age_seconds": "7300x60"},
    "PlacardDatabaseDown": {
        'placard_requests_total{route="library",outcome="store_unavailable"}': "0+1x60",
    },
    "PlacardDatabaseConnections": {
        "placard_database_connections": "30x60",
        "placard_database_connections_limit": "32x60",
    },
    "PlacardRestarts": {'process_start_time_seconds{job="placard",pid="1"}': "0+60x60"},
    "PlacardFilesOpen": {
        'process_open_fds{job="placard",pid="1"}': "950x60",
        'process_max_fds{job="placard",pid="1"}': "1000x60",
    },
}
FIRING: Final = 'ALERTS{alertname="%s",alertstate="firing"}'
SOUND: Final = {
    'up{job="placard"}': "1x60",
    'placard_build_info{job="placard"}': "1x60",
    'placard_requests_total{route="widget",outcome="ok"}': "0+100x60",
    'placard_requests_total{route="widget",outcome="not_found"}': "0+50x60",
    'placard_refusals_total{reason="expired"}': "0+1x60",
    "placard_upstream_breakers_open": "0x60",
    'placard_request_seconds_bucket{route="widget",le="0.1"}': "0+100x60",
    'placard_request_seconds_bucket{route="widget",le="+Inf"}': "0+100x60",
    'placard_threads_busy{pool="requests"}': "10x60",
    'placard_threads_limit{pool="requests"}': "64x60",
    'placard_cache_failures_total{kind="TimeoutError"}': "0x60",
    "placard_cache_oldest_refresh_seconds": "0x60",
    "placard_key_set_age_seconds": "3600x60",
    "placard_database_connections": "1x60",
    "placard_database_connections_limit": "32x60",
    'process_start_time_seconds{job="placard",pid="1"}': "5x60",
    'process_open_fds{job="placard",pid="1"}': "100x60",
    'process_max_fds{job="placard",pid="1"}': "1000x60",
}


def asked_by_the_dashboard() -> list[str]:
    document = json.loads(DASHBOARD.read_text("utf-8"))
    return [target["expr"] for panel in document["panels"] for target in panel["targets"]]


@cache
def there_is() -> frozenset[str]:
    """The names of all samples that a service has."""
    settings = settings_with(
        jwt_jwks_url="https://keys.example/jwks",
        database_url="sqlite:///unused.db",
        threads="8",
        fetch_total="6",
    )
    app = create_app(settings)
    types = re.findall(
        r"^# TYPE (\S+) (\S+)$", app.test_client().get("/metrics").text, re.MULTILINE
    )
    return frozenset(_samples(types)) | {"up"}


def _samples(types: list[tuple[str, str]]) -> Iterator[str]:
    for name, kind in types:
        yield from (
            [f"{name}_{end}" for end in ("bucket", "sum", "count")]
            if kind == "histogram"
            else [name]
        )


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "expression", [*asked_by_the_dashboard(), *(rule["expr"] for rule in RULES)]
)
def test_every_metric_that_is_asked_for_exists(expression: str) -> None:
    names = set(
        re.findall(
            r"\b(?:placard|process|up)\w*(?=[\s{)\[]|$)", re.sub(r'"[^"]*"', '""', expression)
        )
    )
    assert names
    assert names <= there_is()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_outcome_that_an_alert_names_is_one(rule: dict[str, Any]) -> None:
    codes = {kind.code for kind in tree()} | {"ok"}
    for pattern in re.findall(r'outcome=~?"([^"]+)"', rule["expr"]):
        for word in pattern.split("|"):
            assert any(re.fullmatch(word, code) for code in codes), word


def test_every_alert_is_explained_and_nothing_else() -> None:
    rows = re.findall(r"^\| `(Placard\w+)` \|", section("Metrics"), re.MULTILINE)
    assert rows == [rule["alert"] for rule in RULES]


def promtool_says(promtool: str, *arguments: str) -> None:
    ended = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_prometheus_reads_the_alerts(promtool: str) -> None:
    promtool_says(promtool, "check", "rules", str(ALERTS))


def test_prometheus_reads_what_the_dashboard_asks(promtool: str, tmp_path: Path) -> None:
    asked = [each.replace("$__rate_interval", "5m") for each in asked_by_the_dashboard()]
    rules = [{"record": f"asked:{place}", "expr": each} for place, each in enumerate(asked)]
    file = tmp_path / "dashboard.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool_says(promtool, "check", "rules", str(file))


def test_each_fault_raises_its_alert_and_a_sound_service_none(
    promtool: str, tmp_path: Path
) -> None:
    assert SERIES.keys() == {rule["alert"] for rule in RULES}
    cases = [_case(SOUND | changes, {name}) for name, changes in SERIES.items()]
    file = tmp_path / "cases.yml"
    rules = {"rule_files": [str(ALERTS)], "evaluation_interval": "1m"}
    file.write_text(yaml.safe_dump(rules | {"tests": [_case(SOUND, set()), *cases]}))
    promtool_says(promtool, "test", "rules", str(file))


def _case(series: dict[str, str], raised: set[str]) -> dict[str, Any]:
    """Expect of each alert whether it is raised after half an hour."""
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f"count({FIRING % rule['alert']}) or vector(0)",
                "eval_time": "30m",
                "exp_samples": [{"labels": "{}", "value": int(rule["alert"] in raised)}],
            }
            for rule in RULES
        ],
    }


def test_panels_of_the_dashboard_do_not_overlap() -> None:
    document = json.loads(DASHBOARD.read_text("utf-8"))
    cells: set[tuple[int, int]] = set()
    for panel in document["panels"]:
        at = panel["gridPos"]
        own = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not own & cells
        assert max(x for x, _ in own) < 24
        cells |= own
    assert len({panel["id"] for panel in document["panels"]}) == len(document["panels"])
