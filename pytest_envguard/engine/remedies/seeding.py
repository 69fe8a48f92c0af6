"""Folders that are filled on the host, where there is a network, and shown to environments as something deployed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_envguard.engine.remedies.temporary import Temporary
from pytest_envguard.matrix.activation import host_variables
from pytest_envguard.model.cell import Ready
from pytest_envguard.model.diagnosis import Seed
from pytest_envguard.model.dimensions import show_size

MOST = 2 << 30  # bytes that are copied
_LONGEST = 120.0  # seconds that code may take to fill a folder
# Not /tmp: most environments have one of their own, and where an audit hook alone restricts them it can be written to.
_LASTING = "/var/tmp"
_SITE = "{site}"


class Filled(NamedTuple):
    """What became of a seed.

    Attributes:
        folder: The folder; "" if it could not be filled.
        problem: Why not.
    """

    folder: str
    problem: str = ""


class Seeds:
    """The folders of a run, each filled once."""

    def __init__(self, working: str, temporary: Temporary, say: Callable[[str], None]) -> None:
        """Take the folders from ``temporary``, fill them by code that runs in ``working``, and tell ``say`` of it."""
        self._working = working
        self._temporary = temporary
        self._say = say
        self._filled: dict[tuple[Seed, str], Filled] = {}

    def fill(self, seed: Seed, cell: Ready | None = None) -> Filled:
        """Return the folder of ``seed``, filled for an interpreter: that of a cell, or the running one."""
        key = (seed, cell.python if cell else "")
        if key not in self._filled:
            self._say(f"envguard: filling a folder for {seed.variable}")
            self._filled[key] = self._fill(seed, cell)
        return self._filled[key]

    def _fill(self, seed: Seed, cell: Ready | None) -> Filled:
        try:
            folder = self._temporary.make(parent_folder(), 0o755)
            source = find_source(seed.sources, cell.path if cell else sys.path)
            if source is not None:
                problem = _copied(source, folder)
            elif seed.fill:
                problem = _run(seed, folder, self._working, cell)
            else:
                problem = _nothing(seed)
            if not problem:
                _open_to_all(folder)
        except OSError as error:
            problem = f"the folder could not be filled: {error}"
        return Filled("", problem) if problem else Filled(str(folder))


# -- what they are filled with -----------------------------------------------------------------------------------------


def parent_folder() -> Path:
    """Return the folder of this machine in which they are made."""
    if Path(_LASTING).is_dir() and os.access(_LASTING, os.W_OK | os.X_OK):
        return Path(_LASTING)
    return Path(tempfile.gettempdir())


def _open_to_all(folder: Path) -> None:
    """Let every user read it and nobody write, as in a deployment (root may all the same where the root is writable)."""
    for path, _, files in os.walk(folder, topdown=False):
        for name in files:
            file = Path(path, name)
            if not file.is_symlink():
                file.chmod(0o555 if file.stat().st_mode & stat.S_IXUSR else 0o444)
        Path(path).chmod(0o555)


def find_source(sources: Sequence[str], path: Sequence[str]) -> Path | None:
    """Return the first folder that exists and has a file in it.

    Args:
        sources: As of `Seed`: with "~", variables, and "{site}" for a folder that libraries are imported from.
        path: The interpreter's ``sys.path``.
    """
    for source in sources:
        for place in path if _SITE in source else [""]:
            folder = Path(os.path.expandvars(os.path.expanduser(source.replace(_SITE, place))))  # noqa: PTH111  # without a home it stays "~"
            # A variable that isn't set stays as it's written; one that is empty would be the working folder.
            if folder.is_absolute() and "$" not in str(folder) and _has_files(folder):
                return folder
    return None


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(files for _, _, files in os.walk(folder))


def _copied(source: Path, folder: Path) -> str:
    """Copy what is in ``source``; return why it can't be."""
    size = sum(_size(Path(path, name)) for path, _, files in os.walk(source) for name in files)
    if size > MOST:
        return f"{source} has {show_size(size)}: more than {show_size(MOST)} are not copied"
    for path, folders, files in os.walk(source):
        here = folder / Path(path).relative_to(source)
        for name in (*folders, *files):
            _copy(Path(path, name), here / name, source)
    return ""


def _size(file: Path) -> int:
    try:
        status = file.stat() if not file.is_symlink() else None
    except OSError:
        return 0
    return status.st_size if status is not None and stat.S_ISREG(status.st_mode) else 0


def _copy(entry: Path, copy: Path, source: Path) -> None:
    """Copy one entry; a link into the folder stays one (a cache of models has each file once and links to it)."""
    if entry.is_symlink():
        target = entry.resolve()
        if target.is_relative_to(source.resolve()):
            copy.symlink_to(os.path.relpath(target, entry.parent.resolve()))
        elif target.is_file():
            shutil.copyfile(target, copy)
    elif entry.is_dir():
        copy.mkdir()
    elif entry.is_file():
        shutil.copyfile(entry, copy)
        copy.chmod(stat.S_IMODE(entry.stat().st_mode) | stat.S_IRUSR)


def _run(seed: Seed, folder: Path, working: str, cell: Ready | None) -> str:
    """Let the seed's code fill ``folder``, on the host; return why it could not."""
    environ = {**os.environ, **(host_variables(cell) if cell else {}), seed.variable: str(folder)}
    words = [cell.python if cell else sys.executable, "-c", seed.fill]
    code, said = run_bounded(words, environ, working, _LONGEST)
    if code is None:
        return f"the code that fills it was still running after {_LONGEST:.0f} s"
    if code:
        return f"the code that fills it failed: {said or f'exit code {code}'}"
    return "" if _has_files(folder) else "the code that fills it left it empty"


def _nothing(seed: Seed) -> str:
    if not seed.sources:
        return f"nothing is known to fill it with{_by_hand(seed)}"
    return f"there is none of {', '.join(seed.sources)} to fill it from{_by_hand(seed)}"


def _by_hand(seed: Seed) -> str:
    return f"; by hand: {seed.command}" if seed.command else ""


def run_bounded(
    words: Sequence[str], environ: Mapping[str, str], working: str, longest: float
) -> tuple[int | None, str]:
    """Run a program with everything that it starts; return its exit code and the last line that it said.

    Args:
        words: Its command line.
        environ: Its variables.
        working: Its folder.
        longest: Seconds, after which it's killed; the exit code is None then.
    """
    with (
        subprocess.Popen(
            words,
            env=environ,
            cwd=working,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # so that it can be ended as a whole
        ) as process,
        _ended_as_a_whole(process),
    ):
        try:
            _, said = process.communicate(timeout=longest)
        except subprocess.TimeoutExpired:
            return None, ""
    return process.returncode, next((line for line in reversed(said.splitlines()) if line.strip()), "").strip()


@contextlib.contextmanager
def _ended_as_a_whole(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
