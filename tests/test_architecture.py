"""The floors of the house, held over the syntax trees: imports point down only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From top to bottom: each room imports only from those below it. A new room is one line. The
# longest prefix of a module's name tells the room.
ROOMS = (
    "wsgi",
    "app.cli",
    "app",
    "app.devtools",
    "app.wiring",
    "app.web",
    "app.library",
    "app.openapi",
    "app.widgets",
    "app.cards",
    "app.failures",
    "app.connectors",
    "app.cache",
    "app.verification",
    "app.upstream",
    "app.settings",
    "app.telemetry",
    "app.origins",
    "app.errors",
    "templates_schemas",
)
# What all connectors stand on, and those without code: only these may read a file, or catch.
ENGINE = (
    "app.connectors.addresses",
    "app.connectors.base",
    "app.connectors.resources",
    "app.connectors.definitions.",
)
ALONE = {
    "requests": ("app.upstream",),
    "urllib3": ("app.upstream",),
    "flask": ("app", "app.web", "app.library", "app.devtools"),
    "granian": ("app.cli",),
    "rich": ("app.cli", "app.devtools"),
    "cachetools": ("app.cache", "app.upstream", "app.verification"),
    "redis": ("app.cache",),
    "jmespath": ("app.connectors",),
    "ijson": ("app.upstream",),
    "emoji": ("app.connectors",),
    "jwt": ("app.verification", "app.library", "app.devtools"),
    "sqlalchemy": ("app.library",),
    "alembic": ("app.library",),
    "apispec": ("app.openapi",),
    "limits": ("app.library",),
    "dotenv": ("app.settings",),
    "prometheus_client": ("app.telemetry",),
}


def modules() -> Iterator[tuple[str, Path]]:
    for path in [ROOT / "wsgi.py", *ROOT.glob("app/**/*.py"), *ROOT.glob("templates_schemas/*.py")]:
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(path: Path) -> Iterator[str]:
    """Yield every module that a file imports: `from app import errors` means `app.errors`."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            source = node.module or ""
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield inner if inner in dict(MODULES) else source


def room(module: str) -> str:
    """Return the room that a module lives in: the longest name of `ROOMS` that it begins with."""
    parts = module.split(".")
    prefixes = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((prefix for prefix in prefixes if prefix in ROOMS), "")


MODULES = list(modules())
CASES = [pytest.param(module, path, id=module) for module, path in MODULES]


@pytest.mark.parametrize(("module", "path"), CASES)
def test_imports_point_down(module: str, path: Path) -> None:
    home = room(module)
    for imported in imports(path):
        target = room(imported)
        if target and target != home:
            assert ROOMS.index(home) < ROOMS.index(target), f"{module} imports {imported}"


@pytest.mark.parametrize(("module", "path"), CASES)
def test_a_library_is_imported_only_where_it_lives(module: str, path: Path) -> None:
    for imported in imports(path):
        owners = ALONE.get(imported.split(".")[0])
        assert owners is None or room(module) in owners, f"{module} imports {imported}"


@pytest.mark.parametrize(("module", "path"), CASES)
def test_only_the_settings_read_the_environment(module: str, path: Path) -> None:
    # The command line hands the environment over, and sets what its worker processes will read.
    if module.startswith(("app.settings", "app.cli")):
        return
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    taken = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
    assert not taken & {"os.environ", "os.environb", "os.getenv", "os.getenvb"}
    sources = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module == "os"]
    named = {alias.name for node in sources for alias in node.names}
    assert not named & {"environ", "environb", "getenv", "getenvb"}


def test_every_module_has_a_room() -> None:
    assert [module for module, _ in MODULES if not room(module)] == []


@pytest.mark.parametrize(
    ("module", "path"), [case for case in CASES if str(case.id).startswith("app.connectors.")]
)
def test_connectors_do_no_io_and_catch_nothing(module: str, path: Path) -> None:
    if module.startswith(ENGINE):
        return
    tree = ast.parse(path.read_text("utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Try | ast.With)]
    assert not {"time", "logging", "structlog", "socket", "os"} & set(imports(path))


def test_the_top_level_is_calm() -> None:
    fixed = {"pyproject.toml", "README.md", "app", "templates_schemas", "tests", "wsgi.py"}
    allowed = fixed | {
        "Makefile",
        "requirements.lock",
        "LICENSE",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
    }
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    kept = {name for name in found if name.startswith("placard.db")}  # of `make run`
    made = {"build", "__pycache__", *kept, *(name for name in found if name.endswith(".egg-info"))}
    assert fixed <= found
    assert found - made <= allowed
