"""Where cells are kept between runs, in the user's cache directory, and what has been found out about the index.

::

    cells/<key>/                      a virtual environment
    cells/<key>/envguard-cell.json    written last, by a rename: it is what makes the folder a cell
    locks/<key>                       locked while a cell is built (alone) or used (shared)
    bytecode/<kind>/                  every compiled file once, hard-linked into the cells
    plugin/<hash>/                    this plugin as it's installed into cells
    remembered/<kind>/<hash>.json     resolutions, releases, audits
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_envguard.errors import EnvguardError

VARIABLE = "PYTEST_ENVGUARD_CACHE"
RECORD = "envguard-cell.json"
LOCK = "pylock.toml"
DAY = 24 * 3600
_MODE = 0o755  # an environment may have another uid, and has to read its interpreter
_LONGEST = 90 * DAY  # that something is remembered, whoever asks for it


class Remembered(NamedTuple):
    """Something that was found out before.

    Attributes:
        value: What, as JSON can hold it.
        when: Seconds since the epoch.
    """

    value: Any
    when: float


class Entry(NamedTuple):
    """A cell in the store.

    Attributes:
        key: Of what was resolved, for which interpreter.
        folder: The virtual environment.
        record: What the build has written down; empty for one that is half made.
        used: When a run used it last, seconds since the epoch.
        in_use: Whether a run uses or builds it now.
    """

    key: str
    folder: Path
    record: Mapping[str, Any]
    used: float
    in_use: bool

    @property
    def name(self) -> str:
        """The cell's factors, of the run that has built it."""
        return str(self.record.get("name", ""))

    @property
    def project(self) -> str:
        """The project that it was built for, "" if unknown."""
        return str(self.record.get("project", ""))


class Size(NamedTuple):
    """What a folder takes on the disk, in bytes.

    Attributes:
        used: Every file once, however many names it has.
        freed: What removing it would give back: files that have no name elsewhere.
    """

    used: int
    freed: int


class Store:
    """The store of one user.

    Attributes:
        root: Its folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._held: dict[str, int] = {}

    def cell(self, key: str) -> Path:
        """Return the folder of a cell, made or not."""
        return self.root / "cells" / key

    def read(self, key: str) -> dict[str, Any] | None:
        """Return what the build of a cell has written down; None if there is no such cell, or its interpreter is gone."""
        return read_record(self.cell(key))

    def hold(self, key: str, *, wait: bool = False) -> bool:
        """Keep a cell from being pruned until this process ends; return whether it's there. Counts as its last use.

        Args:
            key: The cell's.
            wait: For somebody who builds or removes it; else it isn't there as long as that goes on.
        """
        if key not in self._held:
            descriptor = locked(self.root, key, fcntl.LOCK_SH if wait else fcntl.LOCK_SH | fcntl.LOCK_NB)
            if descriptor is None:
                return False
            self._held[key] = descriptor
        if self.read(key) is None:
            os.close(self._held.pop(key))
            return False
        with contextlib.suppress(OSError):
            os.utime(self.cell(key) / RECORD)
        return True

    def release(self) -> None:
        """Hold no cell any longer."""
        for descriptor in self._held.values():
            os.close(descriptor)
        self._held.clear()

    def remember(self, kind: str, key: str, value: Any) -> None:
        """Keep ``value`` (what JSON can hold) for `recall`; where that can't be done, it's found out again next time."""
        path = self._remembered(kind, key)
        with contextlib.suppress(OSError):
            make_folder(path.parent)
            write_whole(path, json.dumps({"when": time.time(), "value": value}))

    def recall(self, kind: str, key: str, max_age: float | None = DAY) -> Remembered | None:
        """Return what was kept under ``key`` in the last ``max_age`` seconds (None: ever)."""
        path = self._remembered(kind, key)
        try:
            found = json.loads(path.read_bytes())
            remembered = Remembered(found["value"], float(found["when"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if max_age is not None and not 0 <= time.time() - remembered.when <= max_age:
            return None
        return remembered

    def forget(self, kind: str) -> None:
        """Forget all that is remembered of a kind."""
        shutil.rmtree(self.root / "remembered" / kind, ignore_errors=True)

    def _remembered(self, kind: str, key: str) -> Path:
        return self.root / "remembered" / kind / f"{digest(key)}.json"

    def entries(self) -> list[Entry]:
        """Return all cells, those used last first; half-made ones too."""
        found = []
        for folder in _folders(self.root / "cells"):
            record = read_record(folder, usable=False)
            with contextlib.suppress(FileNotFoundError):
                used = (folder / RECORD if record else folder).stat().st_mtime
                found.append(Entry(folder.name, folder, record or {}, used, self._in_use(folder.name)))
        return sorted(found, key=lambda entry: -entry.used)

    def _in_use(self, key: str) -> bool:
        if key in self._held:
            return True
        descriptor = locked(self.root, key, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if descriptor is None:
            return True
        os.close(descriptor)
        return False

    def remove(self, entries: Iterable[Entry]) -> list[Entry]:
        """Remove cells, and what nothing uses any more after that; return those that were removed: none that is in use."""
        removed = []
        for entry in entries:
            descriptor = (
                None if entry.key in self._held else locked(self.root, entry.key, fcntl.LOCK_EX | fcntl.LOCK_NB)
            )
            if descriptor is None:
                continue
            try:
                remove_cell(entry.folder)
                (self.root / "locks" / entry.key).unlink(missing_ok=True)  # `locked` notices
            finally:
                os.close(descriptor)
            removed.append(entry)
        if removed:
            self._tidy()
        return removed

    def _tidy(self) -> None:
        """Remove bytecode that no cell has, and what was remembered too long ago to be of use."""
        for folder, _, names in os.walk(self.root / "bytecode"):
            for name in names:
                with contextlib.suppress(OSError):
                    path = os.path.join(folder, name)  # noqa: PTH118  # by the ten thousand
                    if os.lstat(path).st_nlink == 1:
                        os.unlink(path)  # noqa: PTH108
        for folder, _, names in os.walk(self.root / "remembered"):
            for name in names:
                path_of = Path(folder, name)
                with contextlib.suppress(OSError):
                    if time.time() - path_of.stat().st_mtime > _LONGEST:
                        path_of.unlink()

    def stale(self, *, days: float | None = None, everything: bool = False, now: float | None = None) -> list[Entry]:
        """Return the cells that a prune removes: half-made ones and those of projects that are gone, always; else as asked.

        Args:
            days: Also those that weren't used for longer than this.
            everything: All of them.
            now: Seconds since the epoch.
        """
        now = time.time() if now is None else now
        return [
            entry
            for entry in self.entries()
            if not entry.in_use
            and (
                everything
                or not entry.record
                or (entry.project and not Path(entry.project).exists())
                or (days is not None and now - entry.used > days * DAY)
            )
        ]

    def size(self) -> Size:
        """Return what the whole store takes; ``freed`` leaves out what uv's cache has as well."""
        return measure([self.root])


def open_store() -> Store:
    """Return the user's store, its folder made.

    Raises:
        EnvguardError: It can't be written to.
    """
    given = os.environ.get(VARIABLE)
    if given:
        root = Path(given).expanduser().absolute()
    else:
        try:
            import platformdirs
        except ImportError:
            raise EnvguardError(
                "cells are kept where platformdirs says, which isn't installed", "pip install 'pytest-envguard[matrix]'"
            ) from None
        root = Path(platformdirs.user_cache_path("pytest-envguard", appauthor=False))
    try:
        for name in ("cells", "locks"):
            make_folder(root / name)
        with tempfile.TemporaryFile(dir=root):
            pass
    except OSError as error:
        raise no_place(root, error) from None
    return Store(root)


def no_place(root: Path, error: OSError) -> EnvguardError:
    """Return what to tell somebody whose store can't be written to."""
    return EnvguardError(
        f"cells can't be kept in {root}: {error.strerror}", f"name another folder in the variable {VARIABLE}"
    )


def digest(*parts: str | bytes) -> str:
    """Return a key: 20 hexadecimal digits, another one if any part differs."""
    found = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        found.update(b"%d:" % len(raw) + raw)
    return found.hexdigest()[:20]


def make_folder(path: Path) -> None:
    """Make a folder and those above it that aren't there, readable for everyone whatever the umask."""
    if path.is_dir():
        return
    make_folder(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir()
        path.chmod(_MODE)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody ever sees a part of it."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)  # noqa: PTH101
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        os.unlink(temporary)  # noqa: PTH108
        raise


def read_record(folder: Path, *, usable: bool = True) -> dict[str, Any] | None:
    """Return what the build of the cell in ``folder`` has written down; None if it isn't one.

    Args:
        folder: Of the virtual environment.
        usable: Not of one whose interpreter is gone.
    """
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_bytes())
    except (OSError, ValueError):
        return None
    return record if not usable or os.access(record.get("python", ""), os.X_OK) else None


def locked(root: Path, key: str, how: int) -> int | None:
    """Return a descriptor that locks a cell until it's closed; None if ``how`` has LOCK_NB and somebody else has it."""
    path = root / "locks" / key
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, how)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                return descriptor
        os.close(descriptor)  # removed with its cell while we waited


def remove_cell(folder: Path) -> None:
    """Remove a cell; what makes it one first, so that nobody takes the rest for whole."""
    (folder / RECORD).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def measure(folders: Iterable[Path]) -> Size:
    """Return what ``folders`` take together."""
    names: dict[tuple[int, int], int] = {}
    sizes: dict[tuple[int, int], tuple[int, int]] = {}
    for entry in _files(folders):
        with contextlib.suppress(OSError):
            found = entry.stat(follow_symlinks=False)
            file = found.st_dev, found.st_ino
            names[file] = names.get(file, 0) + 1
            sizes[file] = found.st_blocks * 512, 1 if entry.is_dir(follow_symlinks=False) else found.st_nlink
    used = sum(size for size, _ in sizes.values())
    freed = sum(size for file, (size, links) in sizes.items() if names[file] >= links)
    return Size(used, freed)


def _files(folders: Iterable[Path]) -> Iterator[os.DirEntry[str]]:
    left = [str(folder) for folder in folders]
    while left:
        with contextlib.suppress(OSError), os.scandir(left.pop()) as entries:
            for entry in entries:
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    left.append(entry.path)


def _folders(path: Path) -> list[Path]:
    try:
        return sorted(folder for folder in path.iterdir() if folder.is_dir())
    except FileNotFoundError:
        return []
