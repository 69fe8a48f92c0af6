"""Other interpreters are found, those behind a version manager's stand-ins too; none is ever downloaded."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pytest_envguard.matrix import interpreters
from pytest_envguard.matrix.store import VARIABLE, open_store
from pytest_envguard.matrix.uv import NO_INTERPRETER, Uv, UvError, find

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def uv(folder: Path, **variables: str) -> Uv:
    """Return uv with other variables."""
    return Uv(find(), {**os.environ, **variables}, folder)


def test_the_running_interpreter_is_taken_without_a_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its minor version or in full; outside of its virtual environment."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    stopped = uv(tmp_path)
    stopped.stop()
    for version in (HERE, ".".join(map(str, sys.version_info[:3]))):
        found = interpreters.find(version, stopped, open_store())
        assert found == interpreters.running() and found.tag == sys.implementation.cache_tag
        assert Path(found.path).is_relative_to(Path(sys.base_prefix).resolve())


def test_one_that_is_not_here_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """3.1 is not the beginning of 3.11."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(UvError) as caught:
        interpreters.find("3.1", uv(tmp_path), open_store())
    assert caught.value.failure.kind == NO_INTERPRETER
    assert caught.value.failure.reason.endswith("`uv python install 3.1` would get one.")


def test_interpreters_behind_stand_ins_are_found(tmp_path: Path) -> None:
    """pyenv's stand-in for a version that isn't switched on fails, which would end uv's search."""
    root = tmp_path / "pyenv"
    for version in ("2.7.18", "3.9.1", "3.12.1", "3.12.10"):
        (root / "versions" / version / "bin").mkdir(parents=True)
    (root / "shims").mkdir()
    environ = {"PATH": f"{root}/shims{os.pathsep}/usr/bin", "PYENV_ROOT": str(root), "HOME": "/nowhere"}
    assert interpreters.with_managed(environ)["PATH"].split(os.pathsep) == [
        "/usr/bin",
        f"{root}/versions/3.12.10/bin",
        f"{root}/versions/3.12.1/bin",
        f"{root}/versions/3.9.1/bin",
    ]
    without = {"PATH": "/usr/bin", "HOME": "/nowhere"}
    assert interpreters.with_managed(without) == without


def test_where_one_was_found_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the day, and only as long as it's the same file."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "store"))
    monkeypatch.setattr(interpreters, "running", lambda: interpreters.Interpreter("", "3.0.0", "", "", ""))
    store = open_store()
    program = tmp_path / f"python{HERE}"
    program.write_text(f'#!/bin/sh\nexec {interpreters.os.path.realpath(sys.executable)} "$@"\n')
    program.chmod(0o755)
    asked = uv(tmp_path, PATH=str(tmp_path), HOME=str(tmp_path), UV_PYTHON_INSTALL_DIR=str(tmp_path / "none"))
    found = interpreters.find(HERE, asked, store)
    assert found.version.startswith(f"{HERE}.") and Path(found.path).exists()
    asked.stop()
    assert interpreters.find(HERE, asked, store) == found
    (path,) = (store.root / "remembered" / "interpreter").iterdir()
    path.write_text(path.read_text().replace('"mtime": ', '"mtime": 1'))
    with pytest.raises(UvError):
        interpreters.find(HERE, asked, store)
