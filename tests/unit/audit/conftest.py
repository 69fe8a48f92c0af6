"""Fixtures of the audit hook's tests: each runs in a process of its own, because a hook can't be removed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
_BEFORE = """
import errno, json, os, pathlib, select, shutil, socket, subprocess, sys, time
sys.path.insert(0, {root!r})
from pytest_envguard.audit.hook import enforce, install
told = []

def tried(attempt):
    try:
        return attempt()
    except Exception as error:
        number = getattr(error, "errno", None)
        return errno.errorcode.get(number) or f"{{type(error).__name__}}: {{error}}"

"""


@pytest.fixture
def child(tmp_path: Path) -> Callable[..., Any]:
    """Return a function: run Python code in a child, which works in a folder ``at``; return what it puts into ``found``.

    ``at/ro`` is read-only and noexec from ``begin()`` on, which takes further rules; ``told`` has what was refused.
    """
    at = tmp_path / "at"
    for folder in ("ro", "rw"):
        (at / folder).mkdir(parents=True)
        (at / folder / "file").write_text("text", encoding="ascii")
    table = [["/", False, False, None], [str(at / "ro"), True, True, None]]

    def run(code: str, **environ: str) -> Any:
        begin = (
            f"def begin(**further):\n"
            f"    install({{'mounts': {table!r}, **further}}, lambda *words: told.append(words))\n"
        )
        whole = f"{_BEFORE.format(root=str(ROOT))}{begin}{code}\nprint(json.dumps(found))"
        ended = subprocess.run(
            [sys.executable, "-I", "-c", whole], cwd=at, capture_output=True, text=True, timeout=60, env=environ or None
        )
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    return run
