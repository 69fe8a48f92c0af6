"""An example, run as its user runs it: in a folder of its own, with `pytest` on the command line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from tests.acceptance.conftest import plain_environment

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXAMPLES = Path(__file__).parents[2] / "examples"
_LEFT = (
    ".cache",
    ".pytest_cache",
    ".venv",
    "__pycache__",
    "*.egg-info",
)  # what running an example leaves in its folder
_SETTINGS = ("DATA_GYM_", "HF_", "LETTER_ROUTER_", "TIKTOKEN_", "TRANSFORMERS_", "XDG_")


class Report(NamedTuple):
    """What a run of an example showed.

    Attributes:
        code: Exit code.
        output: Standard output.
        cases: The tests in the order of the junit file; a test stands there once for each environment.
    """

    code: int
    output: str
    cases: list[Case]


class Case(NamedTuple):
    """A test in one environment.

    Attributes:
        environment: Where it ran by `--envguard`; "" without that option.
        test: Its node id.
        failure: All that was said about its failure; None if it passed.
    """

    environment: str
    test: str
    failure: str | None


def run_example(name: str, parent: Path, *arguments: str) -> Report:
    """Run pytest in a copy of an example below ``parent``, without what a developer's own settings would change."""
    folder = parent / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns(*_LEFT))
    words = [sys.executable, "-m", "pytest", "--junitxml=junit.xml", *arguments]
    words += ["-o", "junit_logging=all"]  # what a child process printed is part of the evidence
    environment = {name: value for name, value in plain_environment().items() if not name.startswith(_SETTINGS)}
    environment["PYTHONPATH"] = str(folder)
    process = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode in (0, 1), process.stdout + process.stderr
    return Report(process.returncode, process.stdout, list(_cases(folder)))


def _cases(folder: Path) -> Iterator[Case]:
    """Read the junit file; its classname is the module's path with dots, and classes and the environment around it."""
    for case in ElementTree.parse(folder / "junit.xml").findall(".//testcase"):
        before, _, rest = case.get("classname", "").partition("tests.")
        module, *classes = rest.split(".")
        problem = case.find("failure") if case.find("error") is None else case.find("error")
        failure = None if problem is None else problem.get("message", "") + "".join(case.itertext())
        test = "::".join([f"tests/{module}.py", *classes, case.get("name", "")])
        yield Case(before.removesuffix("."), test, failure)


def expected(name: str) -> dict[str, Any]:
    """Return what an example's expected.toml says."""
    return tomllib.loads((EXAMPLES / name / "expected.toml").read_text())
