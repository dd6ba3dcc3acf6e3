"""The container files: valid, whole, and their commands run where only what they copy is."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from compose_spec import PyCompose
from dockerfile_parse import DockerfileParser

from app.connectors import connector_settings
from app.settings.report import variable_names
from tests.deploy_page import DEPLOY, PAGE
from tests.host import JWT_SECRET
from tests.mortal import mortal
from tests.ports import free_port
from tests.processes import BIN, ROOT, stop
from tests.waiting import PATIENCE, wait_for_answer, wait_until

COMPOSE: Final[dict[str, Any]] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
SERVICES: Final[dict[str, Any]] = COMPOSE["services"]


def of(instruction: str) -> list[str]:
    """What stands behind an instruction, each time that the Dockerfile has it."""
    parsed = DockerfileParser(path=str(DEPLOY / "Dockerfile")).structure
    return [each["value"] for each in parsed if each["instruction"] == instruction]


def copied() -> list[str]:
    """What the image is built of."""
    own = [value.split()[:-1] for value in of("COPY") if not value.startswith("--from")]
    return [path for paths in own for path in paths]


def installing() -> list[str]:
    """The lines that install."""
    return [line for line in of("RUN") if "pip install" in line]


def test_image_is_built_of_what_there_is_and_without_the_network_after_the_lock() -> None:
    assert [path for path in copied() if not (ROOT / path).exists()] == []
    lock, own, _ = installing()
    assert "--no-deps --require-hashes -r requirements.lock" in lock
    assert "--no-deps --no-build-isolation --no-index ." in own
    readme = (ROOT / "README.md").read_text("utf-8")
    for line in (
        "--no-deps --require-hashes -r requirements.lock",
        "--no-deps --no-build-isolation --no-index .",
    ):
        assert line in readme
        assert line in PAGE


def test_linter_has_nothing_to_say_of_the_dockerfile() -> None:
    linter = [BIN / "hadolint", DEPLOY / "Dockerfile"]
    ended = subprocess.run(linter, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_process_of_the_image_is_nobody_s_and_is_told_to_stop_itself() -> None:
    assert of("USER") == ["10001"]
    # As a list: a shell between would keep SIGTERM to itself.
    assert [json.loads(value) for value in of("ENTRYPOINT")] == [["placard"]]
    assert all(isinstance(json.loads(value), list) for value in of("CMD"))


def copy_to(source: Path) -> None:
    """Lay what the image is built of into a folder, with what an operator adds to it."""
    source.mkdir()
    for path in copied():
        own = ROOT / path
        ignored = shutil.ignore_patterns("__pycache__", "secrets", "packages")
        shutil.copytree(own, source / path, ignore=ignored) if own.is_dir() else shutil.copy(
            own, source
        )
    for folder in ("secrets", "packages"):
        (source / "app/deploy" / folder).mkdir()
    (source / "app/deploy/secrets/jwt").write_text("hunter2", "utf-8")
    wheel = source / "app/deploy/packages/placard_acme_desk-1.0.0-py3-none-any.whl"
    about = "placard_acme_desk-1.0.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as written:
        written.writestr("acme_desk.py", "")
        written.writestr(
            f"{about}/METADATA", "Metadata-Version: 2.1\nName: placard-acme-desk\nVersion: 1.0.0\n"
        )
        written.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        written.writestr(f"{about}/RECORD", "")


@pytest.mark.server
def test_commands_of_the_image_run_on_what_it_copies(tmp_path: Path) -> None:
    """As a build does: what is copied, installed by its own lines; then what it starts and asks."""
    source, target = tmp_path / "src", tmp_path / "site"
    copy_to(source)
    pip = f"{sys.executable} -m pip"
    for line in installing()[1:]:
        ours = line.replace("&& /opt/placard/bin/pip check", "")
        ours = ours.replace(
            "/opt/placard/bin/pip install", f"{pip} install --quiet --target {target}"
        )
        # Of the bytecode only what is loaded is written.
        quicker = {**os.environ, "PIP_NO_COMPILE": "1"}
        subprocess.run(["sh", "-euc", ours], cwd=source, env=quicker, check=True, timeout=120)
    assert (target / "acme_desk.py").is_file()
    assert (target / "app/deploy/README.md").is_file()
    # What is secret stays out of an image, also where a build does not read the ignore file.
    assert [path for path in target.rglob("*") if path.parent.name in ("secrets", "packages")] == []
    port = free_port()
    (start,), (health,) = of("CMD"), of("HEALTHCHECK")
    arguments = [str(port) if word == "8080" else word for word in json.loads(start)]
    arguments = ["127.0.0.1" if word == "0.0.0.0" else word for word in arguments]
    arguments[arguments.index("8081")] = str(free_port())
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(target), "PLACARD_JWT_SECRETS": JWT_SECRET,
    }  # fmt: skip
    command = mortal(
        [sys.executable, "-c", "from app.cli import main; main()", *arguments], signal.SIGTERM
    )
    log = tmp_path / "log"
    with (
        log.open("wb") as written,
        subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=written) as process,
    ):
        try:
            wait_for_answer(f"http://127.0.0.1:{port}/livez", process, log.read_text)
            code = json.loads(health[health.index("[") :])[2]
            probe = [sys.executable, "-c", code.replace("8080", str(port))]
            subprocess.run(probe, check=True, timeout=PATIENCE)
        finally:
            stop(process)


def test_compose_file_is_what_its_specification_allows() -> None:
    read = PyCompose.from_yaml(yaml.safe_dump(COMPOSE)).to_spec()
    assert set(read.services or ()) == set(SERVICES)


def test_second_compose_file_adds_definitions_to_the_service() -> None:
    added = yaml.safe_load((DEPLOY / "compose.connectors.yaml").read_text("utf-8"))
    PyCompose.from_yaml(yaml.safe_dump(added)).to_spec()
    assert set(added["services"]) <= set(SERVICES)
    placard = added["services"]["placard"]
    (name,) = placard["environment"]
    assert name in variable_names(connector_settings())
    (mounted,) = placard["volumes"]
    assert mounted == f"./connectors:{placard['environment'][name]}:ro"


def test_folders_of_an_operator_are_kept_out_of_the_repository_and_secrets_of_a_build() -> None:
    ignored = (ROOT / ".gitignore").read_text("utf-8").split()
    assert {f"app/deploy/{name}/" for name in ("secrets", "connectors", "packages")} <= {*ignored}
    out_of_a_build = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert "app/deploy/secrets" in out_of_a_build


def test_all_that_a_service_names_is_there() -> None:
    for service in SERVICES.values():
        assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
        assert set(service.get("depends_on", ())) <= set(SERVICES)
        for volume in service.get("volumes", ()):
            assert volume.partition(":")[0] in COMPOSE["volumes"]
        for config in service.get("configs", ()):
            assert config["source"] in COMPOSE["configs"]
    for secret in COMPOSE["secrets"].values():
        name = Path(secret["file"]).name
        assert re.search(rf">{name}\b|for name in [\w ]*\b{name}\b", PAGE), name


def test_every_setting_of_the_compose_file_is_one_and_no_secret_stands_in_it() -> None:
    placard = SERVICES["placard"]["environment"]
    known = variable_names(connector_settings())
    assert [name for name in placard if name not in known] == []
    for name, value in placard.items():
        if name.endswith("_FILE"):
            assert value.removeprefix("/run/secrets/") in SERVICES["placard"]["secrets"]


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["caddy"]


def test_proxy_in_compose_is_the_caddyfile() -> None:
    shown = COMPOSE["configs"]["caddyfile"]["content"].replace(
        "${PLACARD_NAME}", "placard.example.com"
    )
    own = re.sub(r"^#.*\n", "", (DEPLOY / "Caddyfile").read_text("utf-8"), flags=re.MULTILINE)
    assert shown.replace("placard:8080", "127.0.0.1:8080").split() == own.split()


@pytest.mark.server
def test_redis_of_the_compose_file_starts_and_is_healthy(tmp_path: Path) -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server: apt-get install redis-server")
    (tmp_path / "redis_password").write_text("hunter2", "utf-8")
    socket = tmp_path / "redis.sock"

    def ours(line: str) -> str:
        # Compose writes `$$` for a `$`.
        return line.replace("$$", "$").replace("/run/secrets", str(tmp_path))

    _, _, script = SERVICES["redis"]["command"]
    line = ours(script).replace("redis-server ", f"redis-server --port 0 --unixsocket {socket} ")
    health = ours(SERVICES["redis"]["healthcheck"]["test"][1]).replace(
        "redis-cli", f"redis-cli -s {socket}"
    )
    with subprocess.Popen(
        mortal(["sh", "-c", line], signal.SIGTERM), cwd=tmp_path, stdout=subprocess.DEVNULL
    ) as process:
        try:
            wait_until(socket.exists)
            probe = ["sh", "-c", health]
            assert subprocess.run(probe, check=False, timeout=PATIENCE).returncode == 0
            (tmp_path / "redis_password").write_text("another", "utf-8")
            assert subprocess.run(probe, check=False, timeout=PATIENCE).returncode != 0
        finally:
            stop(process)
