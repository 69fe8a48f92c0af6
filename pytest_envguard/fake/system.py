"""A layout as a running fake file system: starts pyfakefs, builds what the layout says, puts everything back."""

# pathlib is among what is replaced:
# ruff: noqa: PTH112, PTH116

from __future__ import annotations

import os
import posixpath
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType

import pytest
from pyfakefs.fake_filesystem import FakeFile, FakeFilesystem, OSType, get_gid, get_uid, set_gid, set_uid
from pyfakefs.fake_filesystem_unittest import Patcher

from pytest_envguard.errors import EnvguardError
from pytest_envguard.fake import kernel, modules
from pytest_envguard.fake.layout import Layout, Mount

__tracebackhide__ = True
_DEVICES = ("full", "null", "random", "urandom", "zero")
_FOLDER_MODE = 0o755


class FakeSystem:
    """A fake file system that is active.

    Attributes:
        fs: pyfakefs's own interface to it.
        layout: What it was made from.
    """

    def __init__(self, layout: Layout, patch: pytest.MonkeyPatch | None = None) -> None:
        """Show ``layout``; ``patch`` is the test's own, which ends after this."""
        self.layout = layout
        self._end = ExitStack()
        with self._end as undone_on_error:
            undone_on_error.enter_context(_environment(layout, patch or pytest.MonkeyPatch()))
            undone_on_error.enter_context(modules.known_as(layout.identity))
            undone_on_error.enter_context(_temporary_folder())
            self._patcher = undone_on_error.enter_context(_patcher())
            assert self._patcher.fs is not None
            self.fs: FakeFilesystem = self._patcher.fs
            # Without the folder for temporary files that it would make of the host's TMPDIR.
            self.fs.create_temp_dir = False
            self.fs.os = OSType.LINUX
            self._os: modules.FakeOs = self._patcher.fake_modules["os"]
            undone_on_error.enter_context(modules.guarded(self._os))
            self._build()
            self._end = undone_on_error.pop_all()

    def stop(self) -> None:
        """Put the real file system, the variables and everything else back."""
        self._end.close()

    def path(self, text: str) -> Path:
        """Return ``text`` as the kind of path that a test gets from `pathlib` while this is active."""
        made: Path = self._patcher.fake_modules["pathlib"].Path(text)
        return made

    @contextmanager
    def unlocked(self) -> Iterator[None]:
        """Be root, and let nothing be read-only."""
        ids, unlocked = (get_uid(), get_gid()), self._os.kernel.unlocked
        _become(0, 0)
        self._os.kernel.unlocked = True
        try:
            yield
        finally:
            self._os.kernel.unlocked = unlocked
            _become(*ids)

    def make_folder(self, path: str) -> None:
        """Make ``path`` and the folders above it, which belong to root then."""
        for place in _ways_to(path):
            if not self.fs.exists(place):
                self.fs.create_dir(place)
                self.fs.chmod(place, _FOLDER_MODE)

    def show(self, real: str, target: str) -> None:
        """Show a real file or folder at ``target``: names and modes are read now, contents when asked for.

        Raises:
            OSError: Nothing real is there, or something is in the way.
        """
        real = os.path.realpath(real)
        if not os.path.isdir(real):
            self.make_folder(posixpath.dirname(target))
            self._own(self.fs.add_real_file(real, target_path=target), real)
            return
        self.make_folder(target)
        self._own(self.fs.get_object(target), real)
        with os.scandir(real) as entries:
            for entry in entries:
                place = posixpath.join(target, entry.name)
                if entry.is_symlink():
                    self.fs.add_real_symlink(entry.path, place)
                elif entry.is_dir() or entry.is_file():
                    self.show(entry.path, place)

    def _own(self, node: FakeFile, real: str) -> None:
        """Give ``node`` to root, with the mode of the real file: one that only its owner can read is a true find."""
        node.st_mode = os.stat(real).st_mode
        node.st_uid = node.st_gid = 0

    def _build(self) -> None:
        own = self.layout.identity
        ids = (get_uid() if own.uid is None else own.uid, get_gid() if own.gid is None else own.gid)
        with self.unlocked():
            for mount in self.layout.mounts:
                self._mount(mount)
            for path, mode in self.layout.folders.items():
                self.make_folder(path)
                if not self.fs.is_mount_point(path):
                    self.fs.chmod(path, mode)
            for name in _DEVICES:
                device = FakeFile(name, stat.S_IFCHR | 0o666, filesystem=self.fs)
                self.fs.get_object("/dev").add_entry(device)
            if self.layout.owned:
                self.make_folder(self.layout.owned)
                home = self.fs.get_object(self.layout.owned)
                home.st_uid, home.st_gid = ids
        self.fs.cwd = self.layout.folder
        _become(*ids)

    def _mount(self, mount: Mount) -> None:
        self.make_folder(mount.path)
        # pyfakefs mounts the root by itself.
        account = self.fs.add_mount_point(mount.path, mount.size, can_exist=mount.path == "/")
        self.fs.chmod(mount.path, mount.mode)
        self._os.kernel.mounts[account["idev"]] = (mount, account)


def _become(uid: int, gid: int) -> None:
    set_uid(uid)
    set_gid(gid)


def _ways_to(path: str) -> list[str]:
    parts = path.strip("/").split("/")
    return ["/" + "/".join(parts[:end]) for end in range(1, len(parts) + 1)] if path.strip("/") else []


@contextmanager
def _patcher() -> Iterator[Patcher]:
    """Start pyfakefs with the modules of ours."""
    if Patcher.PATCHER is not None:
        raise EnvguardError(
            "a fake file system is active already, probably pyfakefs's own fixture `fs`",
            "use one of both in a test; `fake_environment(...).fs` is what `fs` would be",
        )
    # As pyfakefs's own plugin does with pytest's modules: in ours, `os` is to stay the real one.
    Patcher.SKIPMODULES.update({sys.modules[__name__], kernel, modules})
    with Patcher(modules_to_patch=dict[str, ModuleType](modules.MODULES)) as patcher:  # type: ignore[arg-type]
        yield patcher


@contextmanager
def _environment(layout: Layout, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set and remove variables; the time zone follows.

    They come back at the end of this. ``patch`` knows of it all the same: what a test changes in here, it undoes later, and
    by that would leave behind what it has found here, such as no HOME.
    """
    prefixes = tuple(name.removesuffix("*") for name in layout.unset if name.endswith("*"))
    removed = [name for name in os.environ if name in layout.unset or (prefixes and name.startswith(prefixes))]
    before = {name: os.environ.get(name) for name in (*removed, *layout.variables)}
    try:
        for name in removed:
            patch.delenv(name)
        for name, value in layout.variables.items():
            patch.setenv(name, value)
        _follow_time_zone()
        yield
    finally:
        for name, known in before.items():
            os.environ.pop(name, None)
            if known is not None:
                os.environ[name] = known
        _follow_time_zone()


def _follow_time_zone() -> None:
    if sys.platform != "win32":
        time.tzset()


@contextmanager
def _temporary_folder() -> Iterator[None]:
    """Let `tempfile` look for a folder anew, now and afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        # On Windows it would look for folders that no Linux has.
        patch.setattr(tempfile, "tempdir", "/tmp" if sys.platform == "win32" else None)
        yield
