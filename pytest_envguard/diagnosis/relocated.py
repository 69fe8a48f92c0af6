"""Paths that are written down where the project lay when they were, and isn't in an environment that shows it elsewhere. Pure."""

from __future__ import annotations

import re

from pytest_envguard.diagnosis.ties import path_of
from pytest_envguard.model.diagnosis import Setting
from pytest_envguard.model.evidence import Raised

DIMENSION = "cwd"
_PATH = re.compile(r"(?<![\w./:~-])/[^\s'\"`,;:()\[\]{}<>|]+")
_ABSENT = ("", "ENOENT", "ENOTDIR")  # "" where a library tells of a missing file in its own words


def hard_coded(raised: Raised, setting: Setting, project: str) -> str:
    """Return the path that an exception complains about and that exists only where the project's own folder does.

    Args:
        raised: Of a test that failed.
        setting: The environment.
        project: The project's own folder, outside.

    Returns:
        "" for an environment that leaves the project in its place, for another error, and where no such path is named.
    """
    target = str(setting.values.get(DIMENSION, ""))
    if (
        not target
        or not project
        or target == project
        or raised.error not in _ABSENT
        or "AssertionError" in raised.bases
    ):
        return ""
    named = [path_of(raised)] if path_of(raised) else [path.rstrip(".") for path in _PATH.findall(raised.message)]
    return next((path for path in named if path == project or path.startswith(f"{project}/")), "")
