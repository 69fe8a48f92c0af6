"""The guard in the fresh interpreter: each in a process of its own, because it can't be taken away again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

START = """
import os, pickle, runpy, sys
from pytest_envguard.modelfolder.inside.guard import Guard, refuse
folder = sys.argv[1]
Guard.folders = (folder + "/",)
sys.addaudithook(refuse)
sys.path.insert(0, folder)
"""


def outcome(folder: Path, code: str) -> str:
    done = subprocess.run([sys.executable, "-c", START + code, folder], capture_output=True, text=True)
    return done.stderr.strip().splitlines()[-1] if done.returncode else "ran"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own.py").write_text("print('executed')\n")
    (tmp_path / "link.py").symlink_to("own.py")
    (tmp_path / "shared.so").write_bytes(b"not one")
    return tmp_path.resolve()


@pytest.mark.parametrize(
    "code",
    [
        "import own",
        "runpy.run_path(folder + '/own.py')",
        "runpy.run_path(folder + '/link.py')",
        "import ctypes; ctypes.CDLL(folder + '/shared.so')",
        "import shared",
    ],
)
def test_code_in_the_folder_is_refused(folder: Path, code: str) -> None:
    """Modules, scripts, links to them and shared objects."""
    assert outcome(folder, code).startswith("RuntimeError: envguard: code of the folder's own is not executed: ")


def test_other_code_runs(folder: Path) -> None:
    """Of the library, and text that comes from no file."""
    assert outcome(folder, "import json.tool, dataclasses; exec('1')") == "ran"


def test_what_belongs_to_the_interpreter_runs_although_it_lies_in_the_folder(folder: Path) -> None:
    """A virtual environment in a project that is a model folder too."""
    assert outcome(folder, "Guard.ours = (folder + '/',)\nimport own") == "ran"


@pytest.mark.parametrize(
    ("setting", "expected"),
    [("loading = True", "RuntimeError: envguard: a pickle asks for "), ("loading = False", "ran")],
)
def test_nothing_is_unpickled_while_the_folder_is_read(folder: Path, setting: str, expected: str) -> None:
    """Unless that was asked for; libraries unpickle what is their own when they're imported."""
    code = f"Guard.{setting}\npickle.loads(pickle.dumps(os.system))"
    assert outcome(folder, code).startswith(expected)
    assert outcome(folder, f"Guard.unpickles = True\n{code}") == "ran"


def test_connections_are_refused_where_nothing_else_does(folder: Path) -> None:
    """Names, and addresses of the network; not AF_UNIX."""
    code = "Guard.network = True\nimport socket\n"
    assert "gaierror" in outcome(folder, code + "socket.getaddrinfo('localhost', 80)")
    connects = "socket.socket().connect(('127.0.0.1', 9))"
    assert "Network is unreachable" in outcome(folder, code + connects)
    assert "FileNotFoundError" in outcome(folder, code + "socket.socket(socket.AF_UNIX).connect(folder + '/none')")
