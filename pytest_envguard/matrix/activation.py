"""What makes a process run in a cell: its interpreter, its variables, its ``sys.path``, what must stay visible."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from pytest_envguard.model.cell import Ready
from pytest_envguard.model.plan import INSIDE, Plan


def in_cell(plan: Plan, cell: Ready, name: str) -> Plan:
    """Return ``plan`` under another name and with the versions of ``cell``."""
    script = dict(plan.script)
    if not plan.is_host and not plan.hooked:
        environ: dict[str, dict[str, str]] = script["environ"]  # type: ignore[assignment]  # it's JSON
        script["name"] = name
        script["environ"] = {**environ, "set": {**environ["set"], **variables(cell)}}
    return plan._replace(name=name, script=script, cell=cell, profile=plan.name)


def variables(cell: Ready) -> dict[str, str]:
    """Return what activates a virtual environment: programs that tests start by name are the cell's, too."""
    path = os.pathsep.join(filter(None, [str(Path(cell.python).parent), os.environ.get("PATH", "")]))
    return {"PATH": path, "VIRTUAL_ENV": cell.folder}


def host_variables(cell: Ready) -> dict[str, str]:
    """Return the variables of a process on the host; a pytest that a test starts there must not begin a matrix anew."""
    return {**variables(cell), INSIDE: os.environ.get(INSIDE, "host")}


def search_path(frozen: Sequence[str], cell: Ready) -> list[str]:
    """Return the ``sys.path`` of a process in ``cell``.

    Args:
        frozen: pytest's own. Of it only the working folder (``python -m pytest``) and what PYTHONPATH names hold there:
            what the running environment adds, editable installs for example, would shadow the cell.
        cell: Whose process.
    """
    first = [path for path in frozen[:1] if path in ("", str(Path.cwd()))]
    given = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    return list(dict.fromkeys([*first, *given, *cell.path]))


def interpreter(cell: Ready) -> tuple[int, int]:
    """Return the version of a cell's interpreter, such as (3, 12)."""
    major, minor, *_ = cell.version.split(".")
    return int(major), int(minor)


def needed(cells: Iterable[Ready]) -> dict[str, str]:
    """Return what must stay visible for processes in ``cells``: path to what it is."""
    paths: dict[str, str] = {}
    for cell in cells:
        paths[str(Path(cell.folder).parent)] = "the versions"
        paths[cell.base] = "the interpreter"
        paths[str(Path(cell.python).resolve().parent)] = "the interpreter"
    return paths
