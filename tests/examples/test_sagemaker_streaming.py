"""The example's tables are what a run shows: which release of LiteLLM reads a hostile stream, fails, or loses text.

One release that loses text without an error and one that is right run always: two virtual environments of some
130 MB each. All ten of them run where `ENVGUARD_TIMELINES` is set.
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

from .conftest import EXAMPLES

FOLDER = EXAMPLES / "sagemaker-streaming"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
LOSES, RIGHT = "1.67.6", "1.109.1"
_RUN = """
import json, sys, tables
report = tables.run(*sys.argv[1:])
json.dump({way: tables.rows(way, report) for way in tables.WAYS}, sys.stdout)
"""
_OPTIONS: dict[str, Any] = {
    "cwd": FOLDER,
    "env": {**plain_environment(), "PYTEST_ADDOPTS": "-p no:cacheprovider", "PYTHONDONTWRITEBYTECODE": "1"},
    "capture_output": True,
    "text": True,
}
needs_cells = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11) or importlib.util.find_spec("uv") is None,
    reason="needs uv; on one Python, 3.11, since its cells are some 260 MB",
)


def run(*releases: str) -> dict[str, list[str]]:
    """Return the rows of both tables for some releases, all of them if none is named."""
    process = subprocess.run([sys.executable, "-c", _RUN, *releases], **_OPTIONS)
    assert process.returncode == 0, process.stderr
    found: dict[str, list[str]] = json.loads(process.stdout)
    return found


def table(way: str) -> list[str]:
    """Return the rows of a table in the README."""
    (found,) = re.findall(rf"<!-- {way}: by tables\.py -->\n(.*?)<!-- end -->", README, re.DOTALL)
    return [row for row in found.splitlines() if re.match(r"\| \d", row)]


@needs_cells
def test_the_rows_of_two_releases_are_what_a_run_shows() -> None:
    """1.67.6 loses text, which only a comparison of the text finds; 1.109.1 has all of it."""
    found = run(LOSES, RIGHT)
    for way, rows in found.items():
        assert rows == [row for row in table(way) if row.startswith((f"| {LOSES} ", f"| {RIGHT} "))]


@pytest.mark.slow
@needs_cells
@pytest.mark.skipif("ENVGUARD_TIMELINES" not in os.environ, reason="slow: set ENVGUARD_TIMELINES=1")
def test_all_rows_are_what_a_run_shows() -> None:
    """Ten releases."""
    assert run() == {way: table(way) for way in ("sync", "async")}


def test_the_tables_say_what_the_text_says() -> None:
    """Errors up to 1.65.0, text that is lost without one from 1.65.1 to 1.108.9, all of it from 1.109.0 on."""
    project = (FOLDER / "pyproject.toml").read_text(encoding="utf-8")
    releases = re.findall(r'"([\d.]+)"', project.partition("litellm = [")[2].partition("]")[0])
    for way in ("sync", "async"):
        rows = {
            row.split(" | ")[0].strip("| "): [cell.strip(" |") for cell in row.split(" | ")[1:]] for row in table(way)
        }
        assert list(rows) == releases
        for release, cells in rows.items():
            numbers = tuple(int(number) for number in release.split("."))
            if numbers >= (1, 109):
                assert set(cells) == {"all"}
            elif release != "1.60.8":
                lost = any(re.fullmatch(r"\*\*[\d,]+ of them\*\*", cell) for cell in cells)
                assert cells[0] == "all"
                assert "all" not in cells[1:]
                assert lost is (way == "async" and numbers >= (1, 65, 1))
