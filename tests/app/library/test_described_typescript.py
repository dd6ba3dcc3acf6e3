"""A client of the types that `openapi-typescript` makes of the description does every operation."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.app.library.conftest import Processes
from tests.host import token as host_token
from tests.processes import environment

OPTIONS = {
    "strict": True,
    "skipLibCheck": True,
    "module": "commonjs",
    "target": "es2022",
    "lib": ["es2022", "dom"],
    "types": [],
}


@pytest.fixture(scope="module")
def client(
    node_clients: Path, description_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The client, compiled with the types that the description tells."""
    folder = tmp_path_factory.mktemp("described")
    types, script = folder / "described.d.ts", node_clients / "described.ts"
    tools = node_clients / "node_modules/.bin"
    run(tools / "openapi-typescript", description_file, "--output", types)
    options = OPTIONS | {"outDir": str(folder), "paths": {"described": [str(types)]}}
    project = {"compilerOptions": options, "files": [str(script)]}
    (folder / "tsconfig.json").write_text(json.dumps(project), "utf-8")
    run(tools / "tsc", "--project", folder)
    return folder / "described.js"


def test_a_client_of_the_described_types_does_every_operation(
    client: Path, processes: Processes, node_clients: Path, description_file: Path
) -> None:
    called = run(
        "node", client, processes.base, processes.token, host_token(),
        NODE_PATH=str(node_clients / "node_modules"),
    )  # fmt: skip
    operations = {
        f"{method} {path}"
        for path, methods in json.loads(description_file.read_bytes())["paths"].items()
        for method in methods
    }
    assert set(json.loads(called)) == operations


def run(*command: str | Path, **variables: str) -> str:
    """Run a program of Node, and return what it prints."""
    ended = subprocess.run(
        command,
        env=environment(**variables), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout
