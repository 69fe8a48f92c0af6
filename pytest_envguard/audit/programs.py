"""What can't be executed on a noexec mount, and what can't be opened by C on Python's behalf, by audit event."""

from __future__ import annotations

import errno
import os
import sys
from stat import S_ISREG
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pytest_envguard.audit.place import Place, comparable, folder_of_descriptor, locate
from pytest_envguard.audit.refusing import Refused, as_text, loaded, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_envguard.audit.files import Files
    from pytest_envguard.model.rules import Mounts

_ELF = b"\x7fELF"
_MOST_SHEBANG = 256  # bytes that the kernel reads
_CANTOPEN = 14  # SQLITE_CANTOPEN
_EFFECTIVE: dict[str, Any] = {"effective_ids": True} if os.access in os.supports_effective_ids else {}


class Programs:
    """The checks of one environment."""

    def __init__(self, mounts: Mounts, absent: frozenset[str], files: Files) -> None:
        self._mounts = mounts
        self._absent = absent
        self._files = files

    def checks(self) -> dict[str, Callable[..., Refused | None]]:
        """Return audit event to the check of its arguments; only what can be refused at all."""
        found: dict[str, Callable[..., Refused | None]] = {}
        if self._absent or any(mount.noexec for mount in self._mounts.all):
            found["os.exec"] = self.execute
            found["os.posix_spawn"] = self.spawn
            found["os.spawn"] = lambda _mode, path, _words, _environ=None: self._program(path, path)
            found["subprocess.Popen"] = self.popen
            found["ctypes.dlopen"] = self.dlopen
            found["import"] = self.load
        if self._absent or any(mount.readonly for mount in self._mounts.all):
            found["socket.bind"] = self.bind
            found["sqlite3.connect"] = self.database
        return found

    def execute(self, path: Any, _words: Any, environ: Any) -> Refused | None:
        """``execve(2)``, which only `os.execve` gives its name to."""
        return self._program(path, path, named=environ is not None)

    def spawn(self, path: Any, _words: Any, _environ: Any) -> Refused | None:
        """``posix_spawn(3)``; and ``posix_spawnp``, which searches and raises the same event."""
        if isinstance(path, (str, bytes)) and not _has_folder(path):
            return self._searched(os.fsdecode(path), path, os.environ, "")
        return self._program(path, path)

    def popen(self, program: Any, _words: Any, folder: Any, environ: Any) -> Refused | None:
        """`subprocess.Popen`, whose child changes to its folder before it executes."""
        if not isinstance(program, (str, bytes, os.PathLike)):
            return None  # Windows looks for it itself
        base = os.path.abspath(os.fsdecode(folder)) if folder is not None else ""  # noqa: PTH100
        if _has_folder(program):
            return self._program(os.fspath(program), program, base)
        return self._searched(os.fsdecode(program), program, environ, base)

    def dlopen(self, name: Any) -> Refused | None:
        """``dlopen(3)``; a name without a slash the loader looks for itself."""
        if not isinstance(name, (str, bytes)) or not _has_folder(name):
            return None
        return self._library(name, OSError)

    def load(self, module: str, file: Any, *_: Any) -> Refused | None:
        """The import of an extension module: only that tells its file."""
        if not isinstance(file, str):
            return None
        # CPython puts the last component of the module's name into the error.
        return self._library(file, lambda words: ImportError(words, name=module.rpartition(".")[2], path=file))

    def bind(self, server: Any, address: Any) -> Refused | None:
        """``bind(2)`` to a path, which it makes."""
        if server.family != loaded("_socket", "AF_UNIX") or not isinstance(address, (str, bytes)):
            return None
        if not address or address[:1] in ("\0", b"\0"):
            return None
        found = self._files.made(address, -1, address)
        return found and Refused(found.target, found.name, OSError(*found.error.args[:2]))

    def database(self, name: Any) -> Refused | None:
        """SQLite's opening. What it does later in C isn't heard of, so only a file that isn't there is refused."""
        try:
            text = os.fsdecode(name)
        except TypeError:
            return None
        if text.startswith("file:"):
            path, _, query = text[5:].partition("?")
            if "mode=memory" in query or "mode=ro" in query:
                return None
            text = unquote(path.partition("#")[0])
            text = "/" + text[2:].partition("/")[2] if text.startswith("//") else text
        if text in ("", ":memory:"):
            return None
        place = locate(text, self._absent)
        if place is None or place.status is not None:
            return None
        found = self._files.made(text, -1, name) if not place.absent else refused(errno.ENOENT, name)
        error_class = loaded("_sqlite3", "OperationalError")
        if found is None or error_class is None:
            return None
        error: Exception = error_class("unable to open database file")
        if sys.version_info >= (3, 11):
            error.sqlite_errorcode, error.sqlite_errorname = _CANTOPEN, "SQLITE_CANTOPEN"  # type: ignore[attr-defined]
        return Refused(found.target, found.name, error)

    def _program(self, path: Any, shown: Any, base: str = "", *, named: bool = True) -> Refused | None:
        number = self._hindrance(path, base)
        return refused(number, shown, named=named) if number else None

    def _searched(self, name: str, shown: Any, environ: Any, base: str) -> Refused | None:
        """Look along PATH as the C library does: what may not be executed is passed over, and told at the end."""
        number = 0
        for candidate in _candidates(name, environ):
            place = locate(candidate, frozenset(), base)
            if place is None or not _executable(place):
                continue
            found = self._hindrance(candidate, base)
            if not found:
                return None
            number = errno.EACCES if errno.EACCES in (number, found) else found
        return refused(number, shown) if number else None

    def _hindrance(self, path: Any, base: str = "", *, script: bool = True) -> int:
        """Return the errno that executing ``path`` ends with; 0 where the system is to say."""
        if isinstance(path, int):
            path = folder_of_descriptor(path)
        place = locate(path, self._absent, base) if isinstance(path, (str, bytes)) else None
        if place is None:
            return 0
        if place.absent:
            return errno.ENOENT
        if not _executable(place):
            return 0
        if self._noexec(place):
            return errno.EACCES
        head = _head(place.path) if script else b""
        words = head[2:].split(b"\n", 1)[0].split() if head.startswith(b"#!") else []
        return self._hindrance(words[0], base, script=False) if words else 0

    def _library(self, name: str | bytes, error: Callable[[str], Exception]) -> Refused | None:
        place = locate(name, self._absent)
        if place is None:
            return None
        if place.absent:
            words = f"{as_text(name)}: cannot open shared object file: No such file or directory"
            return Refused(as_text(name), "ENOENT", error(words))
        if place.status is None or not S_ISREG(place.status.st_mode) or not self._noexec(place):
            return None
        if sys.platform == "linux" and not _head(place.path).startswith(_ELF):
            return None  # the loader looks at it before it maps it
        return Refused(as_text(name), "EPERM", error(f"{as_text(name)}: failed to map segment from shared object"))

    def _noexec(self, place: Place) -> bool:
        return self._mounts.of(comparable(place.path)).noexec


def _has_folder(path: Any) -> bool:
    return bool(os.path.dirname(path))  # noqa: PTH120  # bytes, too


def _executable(place: Place) -> bool:
    if place.status is None or not S_ISREG(place.status.st_mode):
        return False
    return os.access(place.path, os.X_OK, **_EFFECTIVE)


def _candidates(name: str, environ: Any) -> Iterator[str]:
    environ = os.environ if environ is None else environ
    path = environ.get("PATH")
    if path is None and os.supports_bytes_environ and environ is not os.environ:
        path = environ.get(b"PATH")
    for folder in os.fsdecode(os.defpath if path is None else path).split(os.pathsep):
        yield os.path.join(folder, name)  # noqa: PTH118


def _head(path: str) -> bytes:
    """Return how the file begins; the hook hears of that, too, and lets it through."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return b""
    try:
        return os.read(descriptor, _MOST_SHEBANG)
    finally:
        os.close(descriptor)
