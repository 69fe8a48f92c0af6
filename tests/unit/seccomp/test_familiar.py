"""Folders that are known to be writable, and everything that makes them unknown again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_envguard.seccomp.familiar import Familiar

NEW = os.O_CREAT | os.O_WRONLY


class Asked:
    """Counts how often it's asked whether a folder may be written."""

    def __init__(self, answer: bool) -> None:
        self.answer = answer
        self.times = 0

    def __call__(self, _folder: int) -> bool:  # noqa: D102
        self.times += 1
        return self.answer


def test_a_folder_is_judged_once(tmp_path: Path) -> None:
    """The second file in it needs no judgement, be it new or the caller's own."""
    asked = Asked(True)
    known = Familiar(asked)
    (tmp_path / "mine").touch()
    assert known.opens(f"{tmp_path}/new", NEW, os.getuid())
    assert known.opens(f"{tmp_path}/mine", os.O_RDWR, os.getuid())
    assert asked.times == 1


def test_a_folder_that_is_refused_stays_unknown(tmp_path: Path) -> None:
    """What the whole judgement would refuse is never allowed at once."""
    assert not Familiar(Asked(False)).opens(f"{tmp_path}/new", NEW, os.getuid())


def _linked(folder: Path) -> str:
    (folder / "link").symlink_to("/etc/passwd")
    return f"{folder}/link"


def _others(folder: Path) -> str:
    (folder / "readable").touch(0o444)
    return f"{folder}/readable"


def _pipe(folder: Path) -> str:
    os.mkfifo(folder / "pipe")
    return f"{folder}/pipe"


def _through_a_link(folder: Path) -> str:
    (folder / "real").mkdir()
    (folder / "alias").symlink_to("real")
    return f"{folder}/alias/new"


def _missing(folder: Path) -> str:
    return f"{folder}/no/new"


@pytest.mark.parametrize(
    "make",
    [
        _linked,
        _others,
        _pipe,
        _through_a_link,
        _missing,
        lambda f: f"{f}/..",
        lambda f: f"{f}/",
        lambda _: "/proc/self/x",
    ],
)
def test_whatever_is_unusual_is_judged(tmp_path: Path, make: Callable[[Path], str]) -> None:
    """Links, pipes, files that may not be written, dots and /proc take the long way."""
    assert not Familiar(Asked(True)).opens(make(tmp_path), NEW, os.getuid())


@pytest.mark.parametrize("flags", [os.O_PATH, os.O_TMPFILE | os.O_RDWR, os.O_DIRECTORY, os.O_WRONLY])
def test_flags_that_mean_something_else_are_judged(tmp_path: Path, flags: int) -> None:
    """So is a file that isn't there and isn't to be made."""
    assert not Familiar(Asked(True)).opens(f"{tmp_path}/new", flags, os.getuid())


def test_a_file_that_must_be_new_and_is_there_is_judged(tmp_path: Path) -> None:
    """EEXIST is the long way's to say."""
    (tmp_path / "mine").touch()
    assert not Familiar(Asked(True)).opens(f"{tmp_path}/mine", NEW | os.O_EXCL, os.getuid())


@pytest.mark.parametrize("change", ["mode", "replaced", "linked"])
def test_a_folder_that_changes_is_unknown_again(tmp_path: Path, change: str) -> None:
    """A new mode, another folder of that name, or a link in its place: the judgement decides anew."""
    asked = Asked(True)
    known, folder = Familiar(asked), tmp_path / "folder"
    folder.mkdir()
    assert known.opens(f"{folder}/new", NEW, os.getuid())
    asked.answer = False
    if change == "mode":
        folder.chmod(0o500)
    else:
        folder.rename(tmp_path / "moved")
        (tmp_path / "other").mkdir()
        folder.mkdir() if change == "replaced" else folder.symlink_to("other")
    assert not known.opens(f"{folder}/new", NEW, os.getuid())
    assert not known.opens(f"{folder}/new", NEW, os.getuid())
