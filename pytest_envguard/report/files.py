"""Report files: which kinds there are, whether one can be written, and how: whole, or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

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
        from pytest_envguard.report.markdown import markdown_text

        return markdown_text(summary)
    from pytest_envguard.report.document import dumps

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
    if path.is_dir():
        raise EnvguardError(f"{said}: is a folder", f"name a file in it, such as `{path.name}/envguard.html`")
    if not path.parent.is_dir():
        raise EnvguardError(
            f"{said}: the folder {printable(str(path.parent))} does not exist", "name a file in a folder that exists"
        )
    try:
        if path.exists():
            if not stat.S_ISREG(path.stat().st_mode):
                raise EnvguardError(f"{said}: is no regular file", "name a file, or one that doesn't exist yet")
            path.open("r+b").close()
        beside = _beside(path.resolve())
        os.close(_create(beside))
        beside.unlink()
    except OSError as error:
        raise EnvguardError(
            f"{said}: can't be written: {error.strerror}", "name a file in a folder that you can write to"
        ) from None


def _identity(path: Path) -> str:
    """Return what is the same for two names of one file."""
    try:
        found = path.stat()
    except OSError:
        return str(path.resolve())
    return f"{found.st_dev}:{found.st_ino}"


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name[:200]}.{os.getpid()}.part")


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)


def replace(path: Path, content: str) -> None:
    """Write a file whole or not at all: who reads it at any moment finds the former one or this one.

    Raises:
        OSError: It can't be written; the former one is still there.
    """
    path = path.resolve()  # what a link leads to is written, and the link stays
    beside = _beside(path)
    beside.unlink(missing_ok=True)  # of a process with this number that was killed
    file = _create(beside)
    try:
        with os.fdopen(file, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(content)
            if path.exists():
                os.fchmod(file, stat.S_IMODE(path.stat().st_mode))
        beside.replace(path)
    except BaseException:  # Ctrl-C as well
        beside.unlink(missing_ok=True)
        raise
