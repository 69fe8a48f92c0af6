"""What the package shows to the outside, and what an idle plugin costs."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_envguard
from pytest_envguard.model.dimensions import DIMENSIONS

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(pytest_envguard.__path__, "pytest_envguard.")
    if module.name != "pytest_envguard.__main__"
)
OWN = {
    "pytest_envguard",
    "pytest_envguard.fixtures",
    "pytest_envguard.item",
    "pytest_envguard.item.threads",
    "pytest_envguard.options",
    "pytest_envguard.plugin",
}


def fresh(code: str) -> set[str]:
    """Return the modules that a new interpreter has loaded after ``code``."""
    program = f"{code}\nimport sys\nnames = sorted(sys.modules)\nimport json\nprint(json.dumps(names))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(ended.stdout.splitlines()[-1]))


def test_public_names() -> None:
    """The package itself has its version, which is the installed one, and nothing else."""
    assert pytest_envguard.__all__ == ["__version__"]
    assert pytest_envguard.__version__ == importlib.metadata.version("pytest-envguard")


@pytest.mark.parametrize("name", MODULES)
def test_every_module_can_be_imported_and_has_what_it_exports(name: str) -> None:
    """Each module loads by itself, says what it is for, and has the names in its `__all__`."""
    module = importlib.import_module(name)
    assert module.__doc__
    assert [exported for exported in getattr(module, "__all__", ()) if not hasattr(module, exported)] == []


def test_entry_points() -> None:
    """pytest finds the plugin, a shell the command."""
    found = {point.group: point.value for point in importlib.metadata.distribution("pytest-envguard").entry_points}
    assert found == {"pytest11": "pytest_envguard.plugin", "console_scripts": "pytest_envguard.cli:main"}


def test_an_idle_plugin_imports_nothing_but_its_options() -> None:
    """Beyond what pytest itself loads, the plugin's door costs a few small modules of its own and none of anybody else."""
    assert fresh("import pytest, pytest_envguard.plugin") - fresh("import pytest") == OWN


def test_an_idle_run_loads_no_room(pytester: pytest.Pytester) -> None:
    """A whole run without `--envguard` loads neither namespaces nor reports, and no xdist that wasn't there before."""
    pytester.makeini("[pytest]")
    pytester.makepyfile(
        """
        import sys

        OWN = <own>

        def test_idle():
            own = {name for name in sys.modules if name.startswith("pytest_envguard")}
            assert own == OWN | {"pytest_envguard.hookspecs"}
            assert not {"execnet", "xdist"} & set(sys.modules)
        """.replace("<own>", repr(OWN))
    )
    words = ["-p", "pytest_envguard.plugin", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *words],
        env={"PATH": "/usr/bin:/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        cwd=pytester.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout


def test_the_readme_lists_every_dimension_as_the_code_describes_it() -> None:
    """The table of dimensions in the README is the one that the code would write."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    table = readme.partition("<!-- dimensions -->")[2].partition("<!-- /dimensions -->")[0]
    assert [line for line in table.splitlines() if line.startswith("| `")] == [
        f"| `{dimension.name}` | {dimension.meaning} |" for dimension in DIMENSIONS.values()
    ]
