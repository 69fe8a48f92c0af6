"""Report files: which kinds there are, whether one can be written, and how: whole, or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.report.printable import printable
from pytest_envguard.report.summary import Summary

KINDS = (".html", ".md", ".json")


def text(summary: Summary, kind: str) -> str:
    """Return a report.

    Args:
        summary: The run.
        kind: What names of such files end in: one of ``KINDS``, in whatever case.
    """
    if kind.lower() == ".html":
        from pytest_envguard.report.page import page_text

        return page_text(summary)
    if kind.lower() == ".md":
        from pytest_envguard.report.markdown.text import markdown_text

        return markdown_text(summary)
    from pytest_envguard.report.document.writing import dumps

    return dumps(summary)


def check(flag: str, paths: Mapping[str, Path]) -> None:
    """Look before anything else is done whether all reports can be written.

    Args:
        flag: The option that asks for them.
        paths: What was given, and the file that is meant.

    Raises:
        EnvguardError: Another kind of file, one that can't be written, or the same file twice.
    """
    known: dict[str, str] = {}
    for given, path in paths.items():
        said = f"`{flag}={printable(given)}`"
        _check_kind(said, flag, path)
        _check_place(said, path)
        if (other := known.setdefault(_identity(path), given)) != given:
            raise EnvguardError(
                f"{said}: is the same file as `{flag}={printable(other)}`, and one would replace the other",
                "give each report a name of its own",
            )


def _check_kind(said: str, flag: str, path: Path) -> None:
    if path.suffix.lower() not in KINDS:
        raise EnvguardError(
            f"{said}: expected a file whose name ends in {', '.join(KINDS[:-1])} or {KINDS[-1]}",
            nearest(path.suffix, KINDS) if path.suffix else f"for example `{flag}=envguard.html`",
        )
    if path.suffix.lower() == ".html":
        check_page(said)


def check_page(said: str) -> None:
    """Look whether pages can be made.

    Raises:
        EnvguardError: What they take is not installed.
    """
    if find_spec("jinja2") is None:
        raise EnvguardError(
            f"{said}: the page needs Jinja2, which is not installed", "pip install 'pytest-envguard[report]'"
        )


def _check_place(said: str, path: Path) -> None:
    """Try it really: permissions alone don't tell of read-only file systems, quotas and other users' files."""
    try:
        real, found = _real(path), _found(path)
        if found and stat.S_ISDIR(found.st_mode):
            raise EnvguardError(f"{said}: is a folder", f"name a file in it, such as `{path.name}/envguard.html`")
        for folder in (path.parent, real.parent):  # a link may lead elsewhere
            if not folder.is_dir():
                raise EnvguardError(
                    f"{said}: the folder {printable(str(folder))} does not exist", "name a file in a folder that exists"
                )
        if found:
            _check_former(said, real, found)
        _try(_beside(real))
    except (OSError, ValueError) as error:  # the latter for a name with a zero byte
        reason = getattr(error, "strerror", None) or error
        raise EnvguardError(
            f"{said}: can't be written: {reason}", "name a file in a folder that you can write to"
        ) from None


def _found(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _check_former(said: str, real: Path, found: os.stat_result) -> None:
    """Look at a file that is there already: it will be replaced."""
    if not stat.S_ISREG(found.st_mode):
        raise EnvguardError(f"{said}: is no regular file", "name a file, or one that doesn't exist yet")
    real.open("r+b").close()
    around = real.parent.stat()
    if around.st_mode & stat.S_ISVTX and os.geteuid() not in (0, found.st_uid, around.st_uid):
        raise EnvguardError(
            f"{said}: belongs to another user, who alone can replace it in {printable(str(real.parent))}",
            "name a file of your own, or one that doesn't exist yet",
        )
    if _mount(real) != _mount(real.parent):
        raise EnvguardError(
            f"{said}: is mounted by itself, so nothing can be put in its place", "mount the folder that it lies in"
        )


def _mount(path: Path) -> str:
    """Return the number of the mount that a path lies in; "" where the system doesn't say."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        told = Path(f"/proc/self/fdinfo/{file}").read_text(encoding="ascii")
    except OSError:
        return ""
    finally:
        os.close(file)
    return next((line for line in told.splitlines() if line.startswith("mnt_id:")), "")


def _identity(path: Path) -> str:
    """Return what is the same for two names of one file."""
    try:
        found = path.stat()
    except OSError:
        return str(_real(path))
    return f"{found.st_dev}:{found.st_ino}"


def _real(path: Path) -> Path:
    """Return what a link leads to; unlike `Path.resolve` also where links lead to each other."""
    return Path(os.path.realpath(path))


def _beside(path: Path) -> Path:
    name = os.fsdecode(os.fsencode(path.name)[:200])  # of the 255 bytes that a name can have
    return path.with_name(f".{name}.{os.getpid()}.part")


def _try(beside: Path) -> None:
    file = _nameless(beside.parent)
    if file is None:
        file = _named(beside)
        beside.unlink()
    os.close(file)


def _nameless(folder: Path) -> int | None:
    """Return a new file that has no name yet, so that not even kill -9 leaves it; None where the system has none."""
    try:
        return os.open(folder, os.O_WRONLY | getattr(os, "O_TMPFILE", 0) | os.O_CLOEXEC, 0o666)
    except OSError:
        return None


def _named(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)


def replace(path: Path, content: str) -> None:
    """Write a file whole or not at all: who reads it at any moment finds the former one or this one.

    Raises:
        OSError: It can't be written; the former one is still there.
    """
    path = _real(path)  # what a link leads to is written, and the link stays
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
    data = content.encode("utf-8", "backslashreplace")
    beside = _beside(path)
    beside.unlink(missing_ok=True)  # of a process with this number that was killed
    try:
        if not _write_nameless(beside, data, mode):
            with os.fdopen(_named(beside), "wb") as stream:
                _fill(stream, data, mode)
        beside.replace(path)
    except BaseException:  # Ctrl-C as well
        beside.unlink(missing_ok=True)
        raise


def _write_nameless(beside: Path, data: bytes, mode: int | None) -> bool:
    """Write a file that gets its name when it's whole; False where that can't be."""
    file = _nameless(beside.parent)
    if file is None:
        return False
    with os.fdopen(file, "wb") as stream:
        _fill(stream, data, mode)
        try:
            # The descriptor of a folder, although it isn't looked at, is what makes Python follow the link.
            os.link(f"/proc/self/fd/{file}", beside, src_dir_fd=file, follow_symlinks=True)
        except OSError:
            return False
    return True


def _fill(stream: BinaryIO, data: bytes, mode: int | None) -> None:
    stream.write(data)
    stream.flush()
    if mode is not None:
        os.fchmod(stream.fileno(), mode)
