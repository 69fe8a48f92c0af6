"""`envguard cells`: what is kept, how much of it is a cell's own, and what is removed."""

from __future__ import annotations

import fcntl
import json
import os
import re
import sys
import time
from pathlib import Path

import pytest

from pytest_envguard.cli import main
from pytest_envguard.matrix.store import DAY, RECORD, VARIABLE, Store, locked, open_store

OWN, SHARED = 64 << 10, 256 << 10  # bytes of a cell's own file, and of one that uv's cache has as well
LIST = ["cells"]


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store of one's own."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return open_store()


def keep(store: Store, name: str, *, days: float = 0, project: str = "/", python: str = sys.executable) -> Path:
    """Make a cell that was used some days ago, with a file of its own, a shared one, and a compiled one."""
    folder = store.cell(f"key-{name}-{days:g}")
    folder.mkdir()
    uv, bytecode = store.root.parent / "uv", store.root / "bytecode"
    for place in (uv, bytecode):
        place.mkdir(exist_ok=True)
        (place / folder.name).write_bytes(b"x" * SHARED)
        (folder / place.name).hardlink_to(place / folder.name)
    (folder / "own").write_bytes(b"x" * OWN)
    (folder / RECORD).write_text(json.dumps({"name": name, "project": project, "python": python}))
    then = time.time() - days * DAY - 1
    os.utime(folder / RECORD, (then, then))
    return folder


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what was printed, columns apart by a single space."""
    return [re.sub(" {2,}", "  ", line) for line in capsys.readouterr().out.splitlines()]


def test_without_cells_it_says_where_they_would_be(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0: nothing is wrong about it."""
    assert main(LIST) == 0
    assert lines(capsys) == [f"no cells in {store.root}"]
    assert main([*LIST, "--json"]) == 0
    assert json.loads("\n".join(lines(capsys))) == {"folder": str(store.root), "cells": []}


def test_cells_are_listed_those_used_last_first(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Name, what is its own (a compiled file is, though the store has a name for it, too), last use, state, project."""
    keep(store, "six1.15.0", days=3)
    keep(store, "six1.16.0", project=str(tmp_path))
    keep(store, "py313-six1.16.0", days=1, project=str(tmp_path / "gone"))
    keep(store, "six1.17.0", days=0.1, python="/nowhere/python")
    (store.cell("half") / "lib").mkdir(parents=True)

    assert main(LIST) == 0

    printed = lines(capsys)
    assert printed[0] == f"5 cells in {store.root}"
    assert printed[2] == "cell  own  with shared files  used  state  project"
    half, rows = [line for line in printed if "half made" in line], [line for line in printed if "six" in line]
    assert len(half) == 1 and half[0].endswith("just now  half made  -")
    ends = [
        f"just now  ready  {tmp_path}",
        "2 hours ago  interpreter gone  /",
        f"1 day ago  project gone  {tmp_path}/gone",
    ]
    assert [row.split("  ")[0] for row in rows] == ["six1.16.0", "six1.17.0", "py313-six1.16.0", "six1.15.0"]
    for row, end in zip(rows, [*ends, "3 days ago  ready  /"], strict=True):
        assert row.endswith(end)


def test_json_has_bytes_and_utc(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """For programs; the own size is what removing the cell gives back."""
    folder = keep(store, "six1.16.0", days=2)

    assert main([*LIST, "--json"]) == 0

    (cell,) = json.loads(capsys.readouterr().out)["cells"]
    assert (cell["name"], cell["project"], cell["folder"], cell["state"]) == ("six1.16.0", "/", str(folder), "ready")
    assert OWN + SHARED <= cell["own"] < OWN + SHARED + 20000
    assert cell["size"] - cell["own"] == SHARED
    assert cell["used"].endswith("+00:00")


def test_prune_removes_what_no_run_has_used_for_so_long(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Thirty days unless a number is given; bytecode goes with its cell."""
    new, old, older = keep(store, "a1", days=2), keep(store, "b1", days=20), keep(store, "c1", days=40)

    assert main([*LIST, "--prune"]) == 0
    assert (new.exists(), old.exists(), older.exists()) == (True, True, False)
    assert re.fullmatch(r"1 cell removed, 3\d\d(\.\d)? KiB freed\n", capsys.readouterr().out)
    assert main([*LIST, "--prune", "7"]) == 0
    assert (new.exists(), old.exists()) == (True, False)
    assert [path.name for path in (store.root / "bytecode").iterdir()] == [new.name]
    capsys.readouterr()
    assert main([*LIST, "--prune", "7"]) == 0
    assert capsys.readouterr().out == "0 cells removed, 0 B freed\n"


def test_remove_takes_names_and_all(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """A name is that of all cells that have it, of whatever project; `all` is everything, half-made ones as well."""
    for name, days in (("a1", 1), ("a1", 2), ("b1", 1), ("c1", 1), ("d1", 1)):
        keep(store, name, days=days)
    (store.cell("half") / "lib").mkdir(parents=True)

    assert main([*LIST, "--remove", "a1", "--remove", "b1"]) == 0
    assert {entry.name for entry in store.entries()} == {"c1", "d1", ""}
    assert capsys.readouterr().out.startswith("3 cells removed, ")
    assert main([*LIST, "--remove", "all"]) == 0
    assert store.entries() == []


def test_a_cell_in_use_is_kept(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """A run goes on; the command says so, and ends with 1."""
    folder = keep(store, "a1", days=1)
    descriptor = locked(store.root, folder.name, fcntl.LOCK_SH)
    assert descriptor is not None
    try:
        assert main(LIST) == 0
        assert "in use" in capsys.readouterr().out
        assert main([*LIST, "--remove", "all"]) == 1
    finally:
        os.close(descriptor)
    assert capsys.readouterr() == ("0 cells removed, 0 B freed\n", "a1 is in use by a run and was kept\n")
    assert folder.exists()


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--remove", "b2"], "no cell is named `b2`", "did you mean `b1`? known: a1, b1"),
        (["--prune", "soon"], "`--prune`: expected a number of days, got `soon`", "`--prune 7`, or `--remove all`"),
        (["--prune", "-1"], "`--prune`: expected a number of days, got `-1`", "`--prune 7`, or `--remove all`"),
        (["--prune", "nan"], "`--prune`: expected a number of days, got `nan`", "`--prune 7`, or `--remove all`"),
    ],
)
def test_a_mistake_removes_nothing(
    store: Store, capsys: pytest.CaptureFixture[str], words: list[str], message: str, hint: str
) -> None:
    """One clear error with the nearest name."""
    keep(store, "a1", days=99)
    keep(store, "b1", days=99)

    assert main([*LIST, *words]) == 4
    assert capsys.readouterr().err == f"error: {message}\nhint: {hint}\n"
    assert len(store.entries()) == 2


def test_an_unknown_name_where_nothing_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """There is no nearest one."""
    assert main([*LIST, "--remove", "a1"]) == 4
    assert capsys.readouterr().err == "error: no cell is named `a1`\nhint: there are none\n"


def test_a_cache_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The store's own error, not a traceback."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "cache"))

    assert main(LIST) == 4
    assert capsys.readouterr().err.startswith(f"error: cells can't be kept in {tmp_path}/file/cache: ")
