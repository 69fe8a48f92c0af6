"""The probe of a project that is shown elsewhere says what isn't as promised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_envguard.linux import probe


@pytest.fixture
def promised(tmp_path: Path) -> dict[str, Any]:
    """A promise that holds: the project lies in `there`, and of `own` only a folder that keeps its place is left."""
    (tmp_path / "there").mkdir()
    (tmp_path / "own" / ".venv").mkdir(parents=True)
    node = (tmp_path / "there").stat().st_ino
    own = str(tmp_path / "own")
    return {"at": str(tmp_path / "there"), "node": node, "gone": [own], "kept": [f"{own}/.venv/lib"]}


def test_a_promise_that_holds(promised: dict[str, Any], tmp_path: Path) -> None:
    """Whether something keeps its place or nothing does, and whether or not the folder is the very same."""
    assert probe.broken({"project": promised}) == []
    assert probe.broken({"project": {**promised, "node": None}}) == []
    assert probe.broken({"project": {**promised, "gone": [str(tmp_path / "nowhere")], "kept": []}}) == []


def test_promises_that_do_not_hold(promised: dict[str, Any], tmp_path: Path) -> None:
    """Each is named with its folder."""
    own = tmp_path / "own"
    assert probe.broken({"project": {**promised, "at": str(tmp_path / "x")}}) == [
        f"cwd: {tmp_path / 'x'}: No such file or directory"
    ]
    assert probe.broken({"project": {**promised, "node": 1}}) == [f"cwd: {promised['at']} is not the project"]
    assert probe.broken({"project": {**promised, "kept": []}}) == [f"cwd: {own} is still there"]
    (own / "a.py").write_text("")
    assert probe.broken({"project": promised}) == [f"cwd: {own} is still there"]
