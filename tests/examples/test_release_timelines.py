"""The example's tables are what a run shows: which release passes, which fails, and how, is decided by the releases.

Two of the six timelines run always: 11 virtual environments, some 130 MB from the index where uv's cache is empty. The
others are slow, and run where `ENVGUARD_TIMELINES` is set.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.acceptance.conftest import plain_environment

from .conftest import EXAMPLES, expected

EXAMPLE = "release-timelines"
FOLDER = EXAMPLES / EXAMPLE
README = (FOLDER / "README.md").read_text(encoding="utf-8")
EXPECTED = expected(EXAMPLE)
QUICK = ("slow-tokenizer", "tokenizers-pairs")
_RUN = "import json, sys, tables; json.dump(tables.run(sys.argv[1]), sys.stdout)"
_WRITE = "import json, sys, tables; print(tables.block(sys.argv[1], json.load(sys.stdin)))"
_OPTIONS: dict[str, Any] = {
    "cwd": FOLDER,
    "env": {**plain_environment(), "PYTEST_ADDOPTS": "-p no:cacheprovider", "PYTHONDONTWRITEBYTECODE": "1"},
    "capture_output": True,
    "text": True,
}
TIMELINES = [
    pytest.param(
        name,
        marks=[]
        if name in QUICK
        else [
            pytest.mark.slow,
            pytest.mark.skipif("ENVGUARD_TIMELINES" not in os.environ, reason="slow: set ENVGUARD_TIMELINES=1"),
        ],
    )
    for name in EXPECTED
]
pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11) or importlib.util.find_spec("uv") is None,
    reason="needs Python 3.11, the newest that tokenizers 0.13 has wheels for, and uv",
)


def run(name: str) -> dict[str, Any]:
    """Run a timeline as its user does, in the example's own folder, and return its report."""
    process = subprocess.run([sys.executable, "-c", _RUN, name], **_OPTIONS)
    assert process.returncode == 0, process.stderr
    found: dict[str, Any] = json.loads(process.stdout)
    return found


@pytest.mark.parametrize("name", TIMELINES)
def test_each_release_does_what_the_data_and_the_readme_say(name: str) -> None:
    """The failing tests and their messages, the cells that can't be resolved and why; all else passes."""
    report = run(name)
    written = subprocess.run([sys.executable, "-c", _WRITE, name], input=json.dumps(report), **_OPTIONS)

    _compare(report, EXPECTED[name])
    assert plain(block(name)) == plain(written.stdout)


def _compare(report: dict[str, Any], facts: dict[str, Any]) -> None:
    cells = {cell["name"]: cell for cell in report["cells"]}
    missing = {case["cell"]: case["reason"] for case in facts.get("not-resolvable", [])}
    states = {name: "not resolvable" if name in missing else "ready" for name in cells}
    assert len(cells) == facts["cells"]
    assert {name: cell["state"] for name, cell in cells.items()} == states
    assert all(reason in cells[name]["reason"] for name, reason in missing.items())

    environments = {each["name"]: each["cell"] for each in report["environments"]}
    outcomes = {
        (cell, test["nodeid"]): test.get("failures", {}).get(name, {"message": test["outcomes"][name]})["message"]
        for test in report["tests"]
        for name, cell in environments.items()
    }
    failed = {(case["cell"], case["test"]): case["text"] for case in facts["failed"]}
    assert set(environments.values()) == cells.keys() - missing.keys()
    assert {case for case, outcome in outcomes.items() if outcome != "passed"} == failed.keys()
    assert all(text in outcomes[case] for case, text in failed.items())


def block(name: str) -> str:
    """Return what the README shows of a timeline."""
    (found,) = re.findall(rf"<!-- {name}: by tables\.py -->\n(.*?)<!-- end -->", README, re.DOTALL)
    return found


def plain(text: str) -> str:
    """Return a table without what differs from machine to machine: seconds, and how this uv puts it."""
    text = re.sub(r"\bafter \d+ s\b", "after … s", text)
    return re.sub(r"(\*not resolvable\*): `[^`]*`", r"\1", text).strip()


def test_the_readme_has_a_table_for_each_set_and_says_its_command() -> None:
    """The sets of pyproject.toml, the tables and the data are the same six; each command stands at its set as well."""
    project = (FOLDER / "pyproject.toml").read_text(encoding="utf-8")
    sets = re.findall(r"^# (pytest --envguard-versions=.*)\n\[tool\.envguard\.versions\.(.*)\]$", project, re.MULTILINE)

    assert [name for _, name in sets] == list(EXPECTED)
    for command, name in sets:
        assert f"    {command}\n" in block(name)
        assert "| --- |" in block(name)
