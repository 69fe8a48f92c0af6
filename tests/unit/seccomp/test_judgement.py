"""The order of checks, with this process as the caller; `tests/kernel` compares it with the kernel's own."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_envguard.model.rules import Mounts
from pytest_envguard.seccomp.caller import AT_FDCWD, Caller
from pytest_envguard.seccomp.judgement import Files, Planned


class Call:
    """Calls of this process, judged."""

    def __init__(self, files: Files, caller: Caller) -> None:
        self.files = files
        self.caller = caller

    def __call__(self, name: str, *arguments: object, **options: object) -> int:
        """Return the errno with which the environment, or the kernel, refuses it; 0 if neither does."""
        try:
            return int(getattr(self.files, name)(self.caller, *arguments, **options))
        except OSError as error:
            return error.errno or -1

    def open(self, path: object, flags: int, base: int = AT_FDCWD) -> int:
        """``openat(2)``."""
        return self("open", base, str(path), flags)

    def rename(self, old: object, new: object, flags: int = 0) -> int:
        """``renameat2(2)``."""
        return self("rename", (AT_FDCWD, str(old)), (AT_FDCWD, str(new)), flags)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A read-only folder; `free` and `free/noexec` are mounts in it that aren't."""
    (tmp_path / "free" / "noexec").mkdir(parents=True)
    (tmp_path / "free" / "holds" / "project").mkdir(parents=True)
    for name in ("file", "free/file", "free/noexec/file", "free/holds/project/file"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


@pytest.fixture
def judged(folder: Path) -> Iterator[Callable[..., Call]]:
    """Return a function that makes the judgement of calls in `folder`."""
    caller = Caller(os.getpid())
    rows = [
        ["/", False, False, None],
        [str(folder), True, False, None],
        [f"{folder}/free", False, False, None],
        [f"{folder}/free/noexec", False, True, None],
        [f"{folder}/free/holds/project", True, False, None],
    ]

    def make(absent: tuple[str, ...] = (), closed: tuple[str, ...] = ()) -> Call:
        return Call(Files(Planned(Mounts(rows)), absent, closed), caller)

    yield make
    caller.close()


@pytest.mark.parametrize(
    ("path", "flags", "answer"),
    [
        ("file", os.O_WRONLY, errno.EROFS),
        ("file", os.O_RDONLY | os.O_CREAT, 0),
        ("file", os.O_RDONLY | os.O_TRUNC, errno.EROFS),
        ("file", os.O_WRONLY | os.O_CREAT | os.O_EXCL, errno.EEXIST),
        ("file/", os.O_WRONLY, errno.ENOTDIR),
        ("file", os.O_WRONLY | os.O_DIRECTORY, errno.ENOTDIR),
        ("new", os.O_WRONLY, errno.ENOENT),
        ("new", os.O_WRONLY | os.O_CREAT, errno.EROFS),
        ("new/", os.O_WRONLY | os.O_CREAT, errno.EISDIR),
        ("missing/new/", os.O_WRONLY | os.O_CREAT, errno.ENOENT),
        ("new", os.O_RDONLY | os.O_CREAT | os.O_DIRECTORY, errno.EINVAL),
        ("", os.O_WRONLY, errno.EISDIR),
        ("", os.O_TMPFILE | os.O_WRONLY, errno.EROFS),
        ("", os.O_TMPFILE, errno.EINVAL),
        ("free", os.O_TMPFILE | os.O_WRONLY, 0),
        ("free/file", os.O_RDWR, 0),
        ("free/new", os.O_RDWR | os.O_CREAT, 0),
        ("free/../file", os.O_WRONLY, errno.EROFS),
        ("free/holds/project/file", os.O_WRONLY, errno.EROFS),
        ("file", os.O_PATH | os.O_WRONLY, 0),
    ],
)
def test_opening(folder: Path, judged: Callable[..., Call], path: str, flags: int, answer: int) -> None:
    """What is wrong with the name comes first, then the mount."""
    assert judged().open(f"{folder}/{path}", flags) == answer


def test_links_are_followed_to_where_they_lead(folder: Path, judged: Callable[..., Call]) -> None:
    """The mount is that of the file, and for a new one that of the folder that a link names."""
    for name, target in (("in", "../file"), ("new", "../new"), ("out", "/dev/null"), ("one", "two"), ("two", "one")):
        (folder / "free" / name).symlink_to(target)
    free, create = folder / "free", os.O_WRONLY | os.O_CREAT
    assert judged().open(free / "in", os.O_WRONLY) == errno.EROFS
    assert judged().open(free / "new", create) == errno.EROFS
    assert judged().open(free / "new", create | os.O_EXCL) == errno.EEXIST
    assert judged().open(free / "new", os.O_WRONLY) == errno.ENOENT
    assert judged().open(free / "out", create) == 0
    assert judged().open(free / "one", create) == errno.ELOOP
    assert judged().open(free / "in", os.O_WRONLY | os.O_NOFOLLOW) == errno.ELOOP


def test_a_descriptor_that_is_not_open_is_said_to_be_none(judged: Callable[..., Call]) -> None:
    """EBADF, not ENOENT."""
    assert judged().open("new", os.O_WRONLY | os.O_CREAT, base=99_999) == errno.EBADF


def test_renaming_between_mounts(folder: Path, judged: Callable[..., Call]) -> None:
    """EXDEV before EROFS, whatever else is wrong."""
    assert judged().rename(folder / "file", folder / "free" / "new") == errno.EXDEV
    assert judged().rename(folder / "missing", folder / "free" / "new") == errno.EXDEV
    assert judged().rename(folder / "file", folder / "new") == errno.EROFS
    assert judged().rename(folder / "free" / "file", folder / "free" / "new") == 0


@pytest.mark.parametrize("name", ["noexec", "holds/project", "holds"])
def test_a_mount_can_not_be_moved_away(folder: Path, judged: Callable[..., Call], name: str) -> None:
    """Nor a folder that holds one: at its new name, no rule would protect what lies in it."""
    free = folder / "free"
    assert judged().rename(free / name, free / "elsewhere") in (errno.EBUSY, errno.EXDEV)
    assert judged()("rmdir", AT_FDCWD, str(free / name)) == errno.EBUSY


def test_linking(folder: Path, judged: Callable[..., Call]) -> None:
    """EROFS before EXDEV, unlike renaming."""

    def link(old: str, new: str) -> int:
        return judged()("link", (AT_FDCWD, f"{folder}/{old}"), (AT_FDCWD, f"{folder}/{new}"), 0)

    assert link("free/file", "new") == errno.EROFS
    assert link("file", "free/new") == errno.EXDEV
    assert link("missing", "new") == errno.ENOENT
    assert link("file", "free/file") == errno.EEXIST


@pytest.mark.parametrize(
    ("path", "answer"), [("free/file", 0), ("free/noexec/file", errno.EACCES), ("free", errno.EACCES)]
)
def test_executing(folder: Path, judged: Callable[..., Call], path: str, answer: int) -> None:
    """A program on a noexec mount, and a folder, are none."""
    assert judged()("execute", AT_FDCWD, f"{folder}/{path}", 0) == answer


def test_a_script_is_as_executable_as_its_interpreters(folder: Path, judged: Callable[..., Call]) -> None:
    """An interpreter that is a script itself has one, too."""
    for name, interpreter in (("outer", "free/inner"), ("free/inner", "free/noexec/file")):
        (folder / name).write_text(f"#!{folder}/{interpreter}\n")
        (folder / name).chmod(0o755)
    assert judged()("execute", AT_FDCWD, f"{folder}/outer", 0) == errno.EACCES


def test_what_is_absent_can_not_be_reached_by_a_link(folder: Path, judged: Callable[..., Call]) -> None:
    """Neither by its name nor by another."""
    (folder / "link").symlink_to("free")
    call = judged(absent=(f"{folder}/free",))
    for path in ("free", "free/file", "link/file", "link/new"):
        assert call.open(folder / path, os.O_RDWR | os.O_CREAT) == errno.ENOENT, path
    assert call("access", AT_FDCWD, f"{folder}/link", os.W_OK, 0) == errno.ENOENT


def test_what_only_root_may_change_is_closed(folder: Path, judged: Callable[..., Call]) -> None:
    """EACCES, also where root plays an ordinary user, and os.access says no."""
    call = judged(closed=(f"{folder}/free",))
    free = f"{folder}/free"
    assert call.open(f"{free}/new", os.O_WRONLY | os.O_CREAT) == errno.EACCES
    assert call.open(f"{free}/file", os.O_WRONLY) == errno.EACCES
    assert call("make", AT_FDCWD, f"{free}/new", folder=True) == errno.EACCES
    assert call("access", AT_FDCWD, free, os.W_OK, 0) == errno.EACCES


def test_attributes_of_an_open_file(folder: Path, judged: Callable[..., Call]) -> None:
    """EROFS on a read-only mount; memory and pipes have none; the working folder counts as open."""
    call = judged()
    with open(folder / "file", "rb") as file:
        assert call("change_open", file.fileno(), owned=False) == errno.EROFS
    memory, (read, write) = os.memfd_create("any", 0), os.pipe()
    assert [call("change_open", number, owned=False) for number in (memory, read)] == [0, 0]
    for number in (memory, read, write):
        os.close(number)


def test_the_unreachable_is_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of another mount namespace lies on no mount of the rules: it counts as one of the root."""
    monkeypatch.setattr("pytest_envguard.seccomp.judgement.path_of", lambda _descriptor: "(unreachable)/tmp/file")
    assert Planned(Mounts([["/", True, True, None], ["/tmp", False, False, None]]))(0).readonly
