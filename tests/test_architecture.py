"""The floors of the house, held over the syntax trees: imports point down only."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]

# From top to bottom: each room imports only from those below it. A new room is one line. The
# longest prefix of a module's name tells the room.
ROOMS = (
    "wsgi",
    "app.testing",
    "app.__main__",
    "app.cli",
    "app",
    "app.devtools",
    "app.wiring",
    "app.web",
    "app.library",
    "app.openapi",
    "app.lookup",
    "app.widgets",
    "app.resolver",
    "app.cards",
    "app.failures",
    "app.access",
    "app.connectors",
    "app.cache",
    "app.verification",
    "app.upstream",
    "app.database",
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
    "requests": ("app.upstream", "app.testing"),
    "urllib3": ("app.upstream",),
    "flask": ("app", "app.web", "app.library", "app.devtools", "app.testing"),
    "granian": ("app.cli",),
    "rich": ("app.cli", "app.devtools"),
    "authlib": ("app.upstream",),
    "cachetools": ("app.access", "app.cache", "app.upstream", "app.verification"),
    "redis": ("app.cache",),
    "jmespath": ("app.connectors",),
    "ijson": ("app.upstream",),
    "emoji": ("app.connectors",),
    "jwt": ("app.verification", "app.library", "app.devtools", "app.testing"),
    "sqlalchemy": ("app.access", "app.database", "app.library"),
    "alembic": ("app.database",),
    "apispec": ("app.openapi",),
    "limits": ("app.library",),
    "dotenv": ("app.settings",),
    "prometheus_client": ("app.telemetry",),
    # What a service in production does not have.
    "hypothesis": ("app.testing",),
    "pytest": ("app.testing",),
    "responses": ("app.testing",),
}

# What stands at the top, beside dotfiles and what is made. It stays calm: nothing is added.
TOP = {
    "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "app", "pyproject.toml",
    "requirements.lock", "templates_schemas", "tests", "wsgi.py",
}  # fmt: skip
MADE = ("__pycache__", "*.egg-info", "build", "dist", "placard.db*")

# The README has the first's map; the others have a file for each system, for each step.
MAPPED_ELSEWHERE = ("app", "app/connectors", "app/database/migrations/versions")


def modules() -> Iterator[tuple[str, Path]]:
    for path in [ROOT / "wsgi.py", *ROOT.glob("app/**/*.py"), *ROOT.glob("templates_schemas/*.py")]:
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def imports(path: Path) -> frozenset[str]:
    """List the modules that a file imports: `from app import errors` means `app.errors`."""
    return frozenset(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            source = node.module or ""
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield inner if inner in MODULES else source


def room(module: str) -> str:
    """Return the room that a module lives in: the longest name of `ROOMS` that it begins with."""
    parts = module.split(".")
    prefixes = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((prefix for prefix in prefixes if prefix in ROOMS), "")


MODULES = dict(modules())


def test_imports_point_down() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, path in MODULES.items()
        for imported in imports(path)
        if (target := room(imported))
        and target != room(module)
        and ROOMS.index(target) < ROOMS.index(room(module))
    ]
    assert wrong == []


def test_a_library_is_imported_only_where_it_lives() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, path in MODULES.items()
        for imported in imports(path)
        if room(module) not in ALONE.get(imported.split(".")[0], (room(module),))
    ]
    assert wrong == []


def test_only_the_settings_read_the_environment() -> None:
    # The command line hands the environment over, and sets what its worker processes will read.
    for module, path in MODULES.items():
        if module.startswith(("app.settings", "app.cli")):
            continue
        nodes = list(ast.walk(tree(path)))
        taken = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
        assert not taken & {"os.environ", "os.environb", "os.getenv", "os.getenvb"}, module
        imported = [each for each in nodes if isinstance(each, ast.ImportFrom)]
        named = {alias.name for each in imported if each.module == "os" for alias in each.names}
        assert not named & {"environ", "environb", "getenv", "getenvb"}, module


def test_every_module_has_a_room() -> None:
    assert [module for module in MODULES if not room(module)] == []


def test_connectors_do_no_io_and_catch_nothing() -> None:
    for module, path in MODULES.items():
        if not module.startswith("app.connectors.") or module.startswith(ENGINE):
            continue
        caught = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Try | ast.With)]
        assert not caught, module
        assert not {"time", "logging", "structlog", "socket", "os"} & set(imports(path)), module


def test_the_map_of_each_room_names_all_that_is_in_it() -> None:
    missing = [
        f"{folder.relative_to(ROOT)}: {name}"
        for folder in {path.parent for path in MODULES.values() if path.name == "__init__.py"}
        if str(folder.relative_to(ROOT)) not in MAPPED_ELSEWHERE
        for name in (
            *(path.name for path in folder.glob("*.py") if path.name != "__init__.py"),
            *(f"{path.parent.name}/" for path in folder.glob("*/__init__.py")),
        )
        if name not in (ast.get_docstring(tree(folder / "__init__.py")) or "")
    ]
    assert sorted(missing) == []


def test_the_top_level_holds_what_it_is_to_hold() -> None:
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert {name for name in found if not any(fnmatch(name, made) for made in MADE)} == TOP
