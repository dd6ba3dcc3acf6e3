"""The kit without what it stands on, and a service without the kit."""

import subprocess
import sys

import pytest

WITHOUT = "import sys; sys.modules[{name!r}] = None; import app.testing.contract"
SERVICE = """
import sys, app.cli, app
print(*{"pytest", "responses", "hypothesis", "app.testing"} & set(sys.modules))
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("name", ["hypothesis", "responses"])
def test_a_missing_package_is_named_with_what_installs_it(name: str) -> None:
    told = run(WITHOUT.format(name=name)).stderr.splitlines()[-1]
    assert told == (
        f"ModuleNotFoundError: app.testing needs {name}: "
        "run `pip install '.[testing]'` in a checkout of Placard"
    )


@pytest.mark.parametrize("name", ["hypothesis", "responses"])
def test_pytest_works_without_what_the_kit_needs(name: str) -> None:
    done = run(f"{WITHOUT.format(name=name).replace('testing.contract', 'testing.plugin')}")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_service_loads_nothing_of_it() -> None:
    done = run(SERVICE)
    assert (done.stdout.strip(), done.stderr) == ("", "")
