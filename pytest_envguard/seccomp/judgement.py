"""What the kernel would answer a call that touches files, in the order in which it checks.

`Files` knows which file systems are read-only or noexec: the ones that the environment would have (`planned`), or the
ones that are there (`present`, for the ledger under namespaces). Each method stands for one system call; it returns the
errno of a refusal that the environment is the cause of, or 0, and raises what the kernel says whatever the environment.

The order of checks is fs/namei.c's and fs/open.c's; `tests/kernel` compares it with the kernel's answers.
"""

from __future__ import annotations

import errno
import os
import stat

from pytest_envguard.model.rules import Mount, Mounts, is_within
from pytest_envguard.seccomp.caller import Caller, Place, path_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ACCESS_MODE = os.O_RDONLY | os.O_WRONLY | os.O_RDWR
_TMPFILE = os.O_TMPFILE
_SHEBANG = 256
_KEEP = -1  # uid or gid that chown(2) leaves as it is


class Likely(OSError):
    """What the kernel will probably say for itself: good enough to be listed, not to be answered."""


def planned(rules: Mounts) -> Callable[[int], Mount]:
    """Return what tells the mount, in the environment, of an open file of this process."""
    return lambda descriptor: rules.of(path_of(descriptor))


def present(descriptor: int) -> Mount:
    """Return the mount that an open file of this process really lies on."""
    flags = os.fstatvfs(descriptor).f_flag
    return Mount("", bool(flags & os.ST_RDONLY), bool(flags & os.ST_NOEXEC), None)


class Files:
    """The checks.

    Attributes:
        mount: Open file of this process to its mount.
        absent: Paths that the environment doesn't have.
        closed: Mounts that only root may change, where root itself plays an ordinary user.
    """

    def __init__(self, mount: Callable[[int], Mount], absent: Sequence[str] = (), closed: Sequence[str] = ()) -> None:
        self.mount = mount
        self.absent = absent
        self.closed = closed

    # -- open ----------------------------------------------------------------------------------------------------------

    def open(self, caller: Caller, base: int, path: str, flags: int) -> int:
        """``open(2)`` with flags that could change something."""
        if flags & os.O_PATH:
            return 0
        making, only_new = flags & os.O_CREAT, flags & os.O_CREAT and flags & os.O_EXCL
        nameless_file = flags & _TMPFILE == _TMPFILE
        if making and path.endswith("/") and not nameless_file:
            raise OSError(errno.EISDIR, path)
        with caller.look(base, path, follow=not (only_new or flags & os.O_NOFOLLOW)) as place:
            if self.is_absent(place):
                return errno.ENOENT
            if nameless_file:
                return self._open_nameless(place)
            if place.node is None:
                if not making:
                    raise OSError(errno.ENOENT, path)
                return self._make(place)
            return self._open_present(place, flags, making=making, only_new=only_new)

    def _open_present(self, place: Place, flags: int, *, making: int, only_new: int) -> int:
        assert place.node is not None
        mode = place.mode
        if only_new:
            raise OSError(errno.EEXIST, place.name)
        writing = flags & _ACCESS_MODE != os.O_RDONLY
        if stat.S_ISDIR(mode) and (writing or making or flags & os.O_TRUNC):
            raise OSError(errno.EISDIR, place.name)
        if stat.S_ISLNK(mode):
            raise OSError(errno.ELOOP, place.name)
        if flags & os.O_DIRECTORY and not stat.S_ISDIR(mode):
            raise OSError(errno.ENOTDIR, place.name)
        if not stat.S_ISREG(mode):
            return 0  # devices, pipes and sockets are no part of the file system that they lie on
        if writing and self._is_closed(place.node):
            return errno.EACCES
        readonly = self.mount(place.node).readonly
        if readonly and flags & os.O_TRUNC:
            return errno.EROFS  # before permissions, unlike the plain opening for writing below
        wanted = os.R_OK if flags & _ACCESS_MODE != os.O_WRONLY else 0
        _permit(place.node, wanted | (os.W_OK if writing or flags & os.O_TRUNC else 0))
        return errno.EROFS if readonly and writing else 0

    def _open_nameless(self, place: Place) -> int:
        if place.node is None:
            raise OSError(errno.ENOENT, place.name)
        if not stat.S_ISDIR(place.mode):
            raise OSError(errno.ENOTDIR, place.name)
        return self._change(place.node)

    # -- names ---------------------------------------------------------------------------------------------------------

    def make(self, caller: Caller, base: int, path: str, *, folder: bool) -> int:
        """``mkdir(2)`` (with ``folder``), ``mknod(2)``, ``symlink(2)``, and ``bind(2)`` of AF_UNIX."""
        with caller.look(base, path.rstrip("/") or path, follow=False) as place:
            if self.is_absent(place):
                return errno.ENOENT
            return self._new(place, slash=path.endswith("/"), folder=folder)

    def _new(self, place: Place, *, slash: bool, folder: bool) -> int:
        if place.nameless or place.node is not None:
            raise OSError(errno.EEXIST, place.name)
        if slash and not folder:
            raise OSError(errno.ENOENT, place.name)
        return self._make(place)

    def link(self, caller: Caller, old: tuple[int, str], new: tuple[int, str], flags: int) -> int:
        """``link(2)``: EROFS before EXDEV, unlike `rename`."""
        if not old[1] and flags & 0x1000:
            node = caller.open_descriptor(old[0])
        else:
            with caller.look(*old, follow=bool(flags & 0x400)) as source:
                if source.node is None:
                    raise OSError(errno.ENOENT, old[1])
                node = os.dup(source.node)
        try:
            with caller.look(new[0], new[1].rstrip("/") or new[1], follow=False) as place:
                refused = self._new(place, slash=new[1].endswith("/"), folder=False)
                return refused or self._apart(node, place.folder)
        finally:
            os.close(node)

    def unlink(self, caller: Caller, base: int, path: str) -> int:
        """``unlink(2)``: on a read-only mount EROFS, whether the file is there or not."""
        with caller.look(base, path.rstrip("/") or path, follow=False) as place:
            if place.nameless:
                raise OSError(errno.EISDIR, path)
            return self._remove(place)

    def rmdir(self, caller: Caller, base: int, path: str) -> int:
        """``rmdir(2)``."""
        with caller.look(base, path.rstrip("/") or path, follow=False) as place:
            if place.nameless:
                number = {"": errno.EBUSY, ".": errno.EINVAL}.get(place.name, errno.ENOTEMPTY)
                raise OSError(number, path)
            return self._remove(place)

    def _remove(self, place: Place) -> int:
        if self.is_absent(place):
            return errno.ENOENT
        if refused := self._change(place.folder):
            return refused
        if place.node is not None:
            _permit(place.folder, os.W_OK | os.X_OK)
            _spare_sticky(place)
        return 0

    def rename(self, caller: Caller, old: tuple[int, str], new: tuple[int, str], flags: int) -> int:
        """``rename(2)``: EXDEV before everything that is wrong with the names themselves."""
        with (
            caller.look(old[0], old[1].rstrip("/") or old[1], follow=False) as source,
            caller.look(new[0], new[1].rstrip("/") or new[1], follow=False) as target,
        ):
            if self.is_absent(source) or self.is_absent(target):
                return errno.ENOENT
            if apart := self._apart(source.folder, target.folder):
                return apart
            if source.nameless or target.nameless:
                raise OSError(errno.EEXIST if target.nameless and flags & 1 else errno.EBUSY, old[1])
            if refused := self._change(source.folder):
                return refused
            if source.node is not None:
                _permit(source.folder, os.W_OK | os.X_OK)
                _permit(target.folder, os.W_OK | os.X_OK)
                _spare_sticky(source)
            return 0

    # -- attributes ----------------------------------------------------------------------------------------------------

    def change(self, caller: Caller, base: int, path: str, *, follow: bool, owned: bool) -> int:
        """``chmod(2)``, ``chown(2)``, ``utimensat(2)``, ``setxattr(2)``: what must be there, and not be read-only.

        ``owned`` says that only the owner may, which is asked for afterwards.
        """
        with caller.look(base, path, follow=follow) as place:
            if self.is_absent(place):
                return errno.ENOENT
            if place.node is None:
                raise OSError(errno.ENOENT, path)
            return self._change(place.node) or (_own(place.node) if owned else 0)

    def change_open(self, caller: Caller, descriptor: int, *, owned: bool) -> int:
        """The same of a file that is open, perhaps to read only."""
        node = caller.open_descriptor(descriptor)
        try:
            if not path_of(node).startswith("/") or not in_file_system(node):
                return 0
            return self._change(node) or (_own(node) if owned else 0)
        finally:
            os.close(node)

    def truncate(self, caller: Caller, path: str) -> int:
        """``truncate(2)``: permissions before EROFS."""
        with caller.look(-100, path, follow=True) as place:
            if self.is_absent(place):
                return errno.ENOENT
            if place.node is None:
                raise OSError(errno.ENOENT, path)
            if not stat.S_ISREG(place.mode):
                raise OSError(errno.EISDIR if stat.S_ISDIR(place.mode) else errno.EINVAL, path)
            _permit(place.node, os.W_OK)
            return self._change(place.node)

    def access(self, caller: Caller, base: int, path: str, wanted: int, flags: int) -> int:
        """``faccessat2(2)``: no, where the mount forbids it, although the mode would allow it."""
        if not path and flags & 0x1000:
            node = caller.open_descriptor(base)
            try:
                return self._accessible(node, wanted)
            finally:
                os.close(node)
        with caller.look(base, path, follow=not flags & 0x100) as place:
            if self.is_absent(place):
                return errno.ENOENT
            if place.node is None:
                raise OSError(errno.ENOENT, path)
            return self._accessible(place.node, wanted)

    def _accessible(self, node: int, wanted: int) -> int:
        mount, mode = self.mount(node), os.fstat(node).st_mode
        if wanted & os.X_OK and mount.noexec and stat.S_ISREG(mode):
            return errno.EACCES
        _permit(node, wanted)
        return errno.EROFS if wanted & os.W_OK and mount.readonly and _is_stored(mode) else 0

    # -- execution -----------------------------------------------------------------------------------------------------

    def execute(self, caller: Caller, base: int, path: str, flags: int) -> int:
        """``execveat(2)``: EACCES for a program on a noexec mount, and for a script whose interpreter lies on one."""
        if not path and flags & 0x1000:
            node = caller.open_descriptor(base)
            try:
                return self._executable(caller, node)
            finally:
                os.close(node)
        with caller.look(base, path, follow=not flags & 0x100) as place:
            if self.is_absent(place):
                return errno.ENOENT
            if place.node is None:
                raise OSError(errno.ENOENT, path)
            return self._executable(caller, place.node)

    def _executable(self, caller: Caller, node: int) -> int:
        if not stat.S_ISREG(os.fstat(node).st_mode):
            raise OSError(errno.EACCES, "no file")
        if self.mount(node).noexec and in_file_system(node):
            return errno.EACCES
        _permit(node, os.X_OK)
        interpreter = _interpreter(node)
        if interpreter:
            with caller.look(-100, interpreter, follow=True) as place:
                if place.node is not None and self.mount(place.node).noexec:
                    return errno.EACCES
        return 0

    def map_executable(self, caller: Caller, descriptor: int) -> int:
        """``mmap(2)`` with PROT_EXEC: EPERM for a file on a noexec mount."""
        node = caller.open_descriptor(descriptor)
        try:
            return errno.EPERM if in_file_system(node) and self.mount(node).noexec else 0
        finally:
            os.close(node)

    def protect_executable(self, caller: Caller, address: int) -> int:
        """``mprotect(2)`` with PROT_EXEC: EACCES for memory that is a file on a noexec mount."""
        with open(f"/proc/{caller.thread}/maps", encoding="utf-8", errors="surrogateescape") as maps:
            for line in maps:
                start, _, rest = line.partition("-")
                if int(start, 16) <= address < int(rest.split(" ", 1)[0], 16):
                    return self._mapped_noexec(line.rstrip("\n").split(maxsplit=5))
        return 0

    def _mapped_noexec(self, fields: list[str]) -> int:
        if len(fields) < 6 or not fields[5].startswith("/") or fields[5].startswith("/memfd:"):
            return 0
        try:
            node = os.open(fields[5], os.O_PATH)
        except OSError:
            return 0  # removed since
        try:
            return errno.EACCES if self.mount(node).noexec else 0
        finally:
            os.close(node)

    # -- what the checks are made of -----------------------------------------------------------------------------------

    def is_absent(self, place: Place) -> bool:
        if not self.absent:
            return False
        where = path_of(place.folder)
        return is_within(where if place.nameless else f"{where.rstrip('/')}/{place.name}", self.absent)

    def _change(self, node: int) -> int:
        """EROFS, where what ``node`` is can't be changed; EACCES, where not everybody may."""
        if self.mount(node).readonly:
            return errno.EROFS
        return errno.EACCES if self._is_closed(node) else 0

    def _is_closed(self, node: int) -> bool:
        return bool(self.closed) and self.mount(node).path in self.closed

    def _make(self, place: Place) -> int:
        refused = self._change(place.folder)
        if not refused:
            _permit(place.folder, os.W_OK | os.X_OK)
        return refused

    def _apart(self, one: int, other: int) -> int:
        """EXDEV between two mounts of the environment; where they are mounted really, the kernel says so itself."""
        return errno.EXDEV if self.mount(one).path != self.mount(other).path else 0


def _permit(node: int, wanted: int) -> None:
    """Raise EACCES where the file's owner and mode don't allow it."""
    if wanted and not os.access(f"/proc/self/fd/{node}", wanted, effective_ids=True):
        raise OSError(errno.EACCES, "permission denied")


def _own(node: int) -> int:
    """Raise EPERM where the file is another's, as far as that can be told."""
    uid = _file_uid()
    if uid and os.fstat(node).st_uid != uid:
        raise Likely(errno.EPERM, "not the owner")
    return 0


def _spare_sticky(place: Place) -> None:
    """Raise EPERM where a folder such as /tmp protects other users' files."""
    assert place.node is not None
    folder, uid = os.fstat(place.folder), _file_uid()
    if folder.st_mode & stat.S_ISVTX and uid and uid not in (folder.st_uid, os.fstat(place.node).st_uid):
        raise Likely(errno.EPERM, "another's file in a sticky folder")


def _file_uid() -> int:
    """Return the uid that files are judged by in this thread (`linux.syscalls.set_file_ids`)."""
    return _acting_as[0] if _acting_as else os.geteuid()


_acting_as: list[int] = []


def act_as(uid: int) -> None:
    """Judge ownership as this uid."""
    _acting_as[:] = [uid]


def _is_stored(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)


def in_file_system(node: int) -> bool:
    """Whether it's a file with a name, or one that had a name; not memory, a pipe or a socket."""
    where = path_of(node)
    return where.startswith("/") and not where.startswith(("/memfd:", "/dev/zero"))


def _interpreter(node: int) -> str:
    """Return the interpreter that a script names in its first line; "" for other programs."""
    try:
        script = os.open(f"/proc/self/fd/{node}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        head = os.read(script, _SHEBANG)
    finally:
        os.close(script)
    if not head.startswith(b"#!"):
        return ""
    words = head[2:].split(b"\n", 1)[0].split()
    return os.fsdecode(words[0]) if words else ""
