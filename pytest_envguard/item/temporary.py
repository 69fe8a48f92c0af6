"""pytest's folder for temporary files: what wider fixtures have put there must be readable in an environment."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest

from pytest_envguard.model.plan import Plan

_OPEN = 0o755
_WANTING = frozenset(("tmp_path", "tmp_path_factory", "tmpdir", "tmpdir_factory", "pytester"))
_numbers = itertools.count()


def _factory(config: pytest.Config) -> Any:
    return getattr(config, "_tmp_path_factory", None)  # as xdist does; pytest's public way would make the folder


def base(config: pytest.Config) -> Path | None:
    """Return the folder if it has been made."""
    found: Path | None = getattr(_factory(config), "_basetemp", None)
    return found


def stays_outside(plan: Plan) -> bool:
    """Whether temporary files of a test lie where pytest's own do: the environment has no ``/tmp`` of its own."""
    return not {"tmp", "readonly", "ids"} & set(plan.promises)


def make(item: pytest.Item, plan: Plan) -> None:
    """Make the folder before the fork if the test will want it.

    Trap: whoever makes it also locks it, and removes the lock when it ends, which a test's process does in no orderly way.
    """
    if stays_outside(plan) and not _WANTING.isdisjoint(getattr(item, "fixturenames", ())):
        _factory(item.config).getbasetemp()


def for_fresh(item: pytest.Item, plan: Plan) -> str | None:
    """Return a folder of its own for a fresh interpreter; None where it finds its way to an environment's ``/tmp``."""
    factory = _factory(item.config)
    if factory is None or not stays_outside(plan):
        return None
    return str(factory.getbasetemp() / f"fresh-{os.getpid()}-{next(_numbers)}")


def forget(config: pytest.Config) -> None:
    """In an environment: let ``tmp_path`` lie where temporary files lie there."""
    factory = _factory(config)
    if factory is not None:
        factory._basetemp = factory._given_basetemp = None  # noqa: SLF001


def needed(config: pytest.Config) -> dict[str, str]:
    """Return the folder as something that must stay visible."""
    folder = base(config)
    return {str(folder): "pytest's temporary folder"} if folder else {}


def open_to_others(config: pytest.Config, plan: Plan) -> None:
    """Let another uid read what lies there: pytest makes the folder, and each one directly in it, with mode 0700.

    Nobody else on the machine gains by it, because the folder above (``pytest-of-USER``) stays closed.
    """
    folder = base(config)
    identity = plan.script["identity"]
    assert isinstance(identity, dict)
    if folder is None or identity["how"] not in ("real", "subordinate"):
        return
    with os.scandir(folder) as entries:
        for path in (str(folder), *(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))):
            status = os.stat(path)
            if status.st_mode & 0o5 != 0o5 and status.st_uid == os.geteuid():
                os.chmod(path, status.st_mode | _OPEN)
