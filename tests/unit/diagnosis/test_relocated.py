"""Paths that are hard-coded."""

from __future__ import annotations

import pytest

from pytest_envguard.diagnosis.relocated import hard_coded
from pytest_envguard.model.diagnosis import Setting
from pytest_envguard.model.evidence import Raised

PROJECT = "/home/me/project"
MOVED = Setting("lambda", "lambda", {"cwd": "/var/task"})


def missing(path: str, message: str = "", error: str = "ENOENT") -> Raised:
    """Return what is raised for a file that isn't there."""
    return Raised("FileNotFoundError", ("FileNotFoundError", "OSError", "Exception"), message, error, path)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (missing(f"{PROJECT}/a"), f"{PROJECT}/a"),
        (missing(PROJECT), PROJECT),
        (missing("/home/me/projects/a"), ""),
        (missing("/var/task/a"), ""),
        (missing("data/a"), ""),
        (missing(f"{PROJECT}/a", error="EROFS"), ""),
        (missing("", f"[Errno 2] No such file or directory: '{PROJECT}/m.bin'"), f"{PROJECT}/m.bin"),
        (Raised("OSError", ("OSError",), f"Can't load {PROJECT}/models/x."), f"{PROJECT}/models/x"),
        (Raised("OSError", ("OSError",), f"see https://x.org{PROJECT}/models"), ""),
        (Raised("AssertionError", ("AssertionError",), f"assert '{PROJECT}' == '/var/task'"), ""),
    ],
)
def test_a_missing_path_below_the_projects_own_folder_is_hard_coded(raised: Raised, expected: str) -> None:
    """Whether the exception has it as an attribute or only tells of it."""
    assert hard_coded(raised, MOVED, PROJECT) == expected


def test_where_the_project_is_in_its_place_nothing_is() -> None:
    """A file is just missing then."""
    there = missing(f"{PROJECT}/a")
    assert hard_coded(there, Setting("lambda", "lambda", {}), PROJECT) == ""
    assert hard_coded(there, Setting("lambda", "lambda", {"cwd": PROJECT}), PROJECT) == ""
    assert hard_coded(there, MOVED, "") == ""
