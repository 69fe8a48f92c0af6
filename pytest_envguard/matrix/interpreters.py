"""The interpreters that cells are made of: the one that runs, others where uv finds them."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pytest_envguard.matrix.store import DAY, Store, digest
from pytest_envguard.matrix.uv import NO_INTERPRETER, Failure, Uv, UvError

_ASK = """
import importlib.util, json, os, platform, sys
print(json.dumps([os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable), platform.python_version(),
                  sys.version, sys.implementation.cache_tag, importlib.util.MAGIC_NUMBER.hex()]))
"""
# Version managers put stand-ins on PATH that fail for a version that isn't switched on; behind them are the real ones.
_MANAGERS = (("PYENV_ROOT", ".pyenv", "versions/3.*/bin"), ("ASDF_DATA_DIR", ".asdf", "installs/python/3.*/bin"))


class Interpreter(NamedTuple):
    """An interpreter that virtual environments can be made of.

    Attributes:
        path: Itself, not that of a virtual environment.
        version: Such as "3.11.7".
        build: What ``sys.version`` says: another one if it was built anew.
        tag: What its bytecode is named by, such as "cpython-311".
        magic: The number of its bytecode's format, hexadecimal.
    """

    path: str
    version: str
    build: str
    tag: str
    magic: str


def running() -> Interpreter:
    """Return the interpreter that runs this, outside of its virtual environment."""
    path = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
    version = ".".join(map(str, sys.version_info[:3]))
    tag = sys.implementation.cache_tag or sys.implementation.name
    return Interpreter(path, version, sys.version, tag, importlib.util.MAGIC_NUMBER.hex())


def find(version: str, uv: Uv, store: Store) -> Interpreter:
    """Return an interpreter of a version such as "3.12"; nothing is downloaded unless uv's own settings say so.

    Raises:
        UvError: There is none.
    """
    here = running()
    if f"{here.version}.".startswith(f"{version}."):
        return here
    environ = with_managed(uv.environ)
    key = digest(version, uv.fingerprint, environ["PATH"], environ.get("UV_PYTHON_DOWNLOADS", ""))
    known = store.recall("interpreter", key, DAY)
    if known and Path(known.value["path"]).exists() and known.value["mtime"] == _changed(known.value["path"]):
        return Interpreter(*known.value["interpreter"])
    downloads = [] if "UV_PYTHON_DOWNLOADS" in environ else ["--no-python-downloads"]
    try:
        path = uv.run("python", "find", "--system", "--no-project", *downloads, version, environ=environ).strip()
    except UvError as error:
        reason = f"{error.failure.reason} `uv python install {version}` would get one."
        raise UvError(Failure(NO_INTERPRETER, reason)) from None
    found = _asked(path)
    if ".".join(found.version.split(".")[: version.count(".") + 1]) != version:
        raise UvError(Failure(NO_INTERPRETER, f"{path} is Python {found.version}, asked for was {version}."))
    store.remember("interpreter", key, {"path": path, "mtime": _changed(path), "interpreter": list(found)})
    return found


def _changed(path: str) -> int:
    return Path(path).stat().st_mtime_ns


def _asked(path: str) -> Interpreter:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    asked = subprocess.run([path, "-I", "-S", "-c", _ASK], env=environ, capture_output=True, text=True, check=False)
    if asked.returncode:
        raise UvError(Failure(NO_INTERPRETER, f"{path} can't start: {asked.stderr.strip()}"))
    return Interpreter(*json.loads(asked.stdout))


def with_managed(environ: Mapping[str, str]) -> dict[str, str]:
    """Return variables whose PATH has the interpreters of version managers instead of their stand-ins."""
    folders = environ.get("PATH", "").split(os.pathsep)
    further: list[str] = []
    for variable, default, pattern in _MANAGERS:
        root = Path(environ.get(variable) or Path(environ.get("HOME") or Path.home()) / default)
        if (root / "shims").is_dir():
            folders = [folder for folder in folders if Path(folder) != root / "shims"]
            further += map(str, sorted(root.glob(pattern), key=_newest_first))
    return {**environ, "PATH": os.pathsep.join([*folders, *further])}


def _newest_first(folder: Path) -> list[int]:
    return [-int(part) if part.isdigit() else 0 for part in folder.parent.name.split(".")]
