"""Writing into a folder that others read: whole or not at all, readable by everybody, and over nothing that differs.

What is made is made in a folder beside the others first, and then moved. The target is locked meanwhile, so what an earlier
command left there (because it was killed) is nobody's, and is removed.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.dimensions import show_size

FILE_MODE = 0o644
FOLDER_MODE = 0o755
_STAGING = ".envguard-seed-"
_SHOWN = 3  # files that differ, in an error


@contextlib.contextmanager
def staging(target: Path, say: Callable[[str], None]) -> Iterator[Path]:
    """Give a folder to make things in, on the file system of ``target``, which is made if it's not there.

    Whatever goes wrong, nothing is left behind: neither the folder nor a ``target`` that was not there before.

    Raises:
        EnvguardError: ``target`` can't be made or written.
    """
    made = _made(target)
    try:
        with _locked(target, say):
            for left in target.glob(f"{_STAGING}*"):
                shutil.rmtree(left, ignore_errors=True)
            place = Path(tempfile.mkdtemp(prefix=_STAGING, dir=target))
            try:
                yield place
            finally:
                shutil.rmtree(place, ignore_errors=True)
    except OSError as error:
        raise EnvguardError(
            f"{error.filename or target} can't be written: {error.strerror}", "choose another folder with `--to`"
        ) from None
    finally:
        for folder in reversed(made):
            with contextlib.suppress(OSError):  # something lies in it: then it has a purpose
                folder.rmdir()


def _made(target: Path) -> list[Path]:
    """Make a folder and those above it; return those that were not there."""
    made: list[Path] = []
    try:
        for folder in (*reversed(target.parents), target):
            if not folder.is_dir():
                folder.mkdir()
                made.append(folder)
                folder.chmod(FOLDER_MODE)  # whatever the umask
    except OSError as error:
        for folder in reversed(made):
            folder.rmdir()
        what = "is a file" if folder.exists() else f"can't be made: {error.strerror}"
        which = "it" if folder == target else folder
        raise EnvguardError(f"`--to {target}`: {which} {what}", "give a folder, new or not") from None
    return made


@contextlib.contextmanager
def _locked(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Let one command at a time fill a folder, where the system has such locks."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another command that fills {folder}")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(descriptor)


def check_room(target: Path, size: int) -> None:
    """Refuse what can't fit, before anything is copied.

    Raises:
        EnvguardError: There is less room than ``size`` bytes.
    """
    free = shutil.disk_usage(target).free
    if size > free:
        raise EnvguardError(
            f"{target} has room for {show_size(free)}, and {show_size(size)} are to be copied",
            "choose another folder with `--to`, or take fewer files with `--include`",
        )


def open_to_all(folder: Path) -> None:
    """Let everybody read what lies in ``folder``, and nobody else than its owner write."""
    for place, _, names in os.walk(folder):
        Path(place).chmod(FOLDER_MODE)
        for name in names:
            if not (file := Path(place, name)).is_symlink():
                file.chmod(FILE_MODE)


def merge(made: Path, target: Path, *, force: bool, last: str = "") -> bool:
    """Move what lies in ``made`` into ``target``, and return whether something was not there before.

    Args:
        made: On the same file system.
        target: What is the same there stays.
        force: Replace what differs.
        last: Name of folders that are moved after what lies beside them: what is in them leads to the others.

    Raises:
        EnvguardError: Something differs, and nothing was moved.
    """
    present = [path for path in _files(made) if os.path.lexists(target / path)]
    different = sorted(path for path in present if not _same(made / path, target / path))
    if different and not force:
        raise _differs(target, different)
    for path in present:
        if path not in different:
            let_read(target / path)
            (made / path).unlink()
    return _move(made, target, last)


def _move(made: Path, target: Path, last: str) -> bool:
    """Move the entries of a folder, each as a whole where nothing is in its way."""
    moved = False
    for entry in sorted(made.iterdir(), key=lambda entry: (entry.name == last, entry.name)):
        there = target / entry.name
        if _is_folder(entry) and _is_folder(there):
            moved |= _move(entry, there, last)
        else:
            if _is_folder(there):
                shutil.rmtree(there)
            target.mkdir(mode=FOLDER_MODE, exist_ok=True)
            os.replace(entry, there)  # noqa: PTH105  # over a link, and not what it leads to
            moved = True
    return moved


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _files(folder: Path) -> Iterator[Path]:
    """Return what is no folder, and links, by their paths below ``folder``."""
    for place, folders, names in os.walk(folder):
        linked = [name for name in folders if Path(place, name).is_symlink()]
        yield from (Path(place, name).relative_to(folder) for name in (*names, *linked))


def _same(one: Path, other: Path) -> bool:
    """Whether both are links to the same place, or files with the same content."""
    if one.is_symlink() and other.is_symlink():
        return one.readlink() == other.readlink()
    if not (one.is_file() and other.is_file()):
        return False
    return filecmp.cmp(one, other, shallow=False)


def let_read(file: Path) -> None:
    """Let everybody read a file that was there already, if it's ours."""
    if not file.is_symlink() and (mode := stat.S_IMODE(file.stat().st_mode)) & 0o444 != 0o444:
        with contextlib.suppress(PermissionError):
            file.chmod(mode | 0o444)


def _differs(target: Path, paths: Sequence[Path]) -> EnvguardError:
    shown = ", ".join(ascii(str(target / path))[1:-1] for path in paths[:_SHOWN])
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return EnvguardError(
        f"{shown}{more} {'are' if len(paths) > 1 else 'is'} there already with another content; nothing was written",
        "`--force` replaces that; or choose another folder with `--to`",
    )
