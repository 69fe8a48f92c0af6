"""What the kernel would answer a call that touches files, in the order in which it checks.

`Files` knows which file systems are read-only or noexec: the ones that the environment would have (`Planned`), or the
ones that are there (`present`, for the ledger under namespaces). Each method stands for one system call; it returns the
errno of a refusal that the environment is the cause of, or 0, and raises what the kernel says whatever the environment.

The order of checks is fs/namei.c's and fs/open.c's; `tests/kernel` compares it with the kernel's answers.
"""

from __future__ import annotations

import errno
import os
import stat

from pytest_envguard.linux import syscalls as call
from pytest_envguard.model.rules import Mount, Mounts, is_within
from pytest_envguard.seccomp.caller import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_SYMLINK_NOFOLLOW,
    Caller,
    Place,
    path_of,
)
from pytest_envguard.seccomp.familiar import Familiar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    class Table(Protocol):
        """What tells the mount of an open file of this process."""

        @property
        def points(self) -> Sequence[str]:
            """Where something is mounted."""

        def __call__(self, descriptor: int) -> Mount:
            """Return the mount."""


_ACCESS_MODE = os.O_RDONLY | os.O_WRONLY | os.O_RDWR
_TMPFILE = os.O_TMPFILE
_TMPFS_MAGIC = 0x01021994  # include/uapi/linux/magic.h
_SHEBANG = 256
_MOST_INTERPRETERS = 5
_WITH_PATH = 5  # words behind the addresses of a line in /proc/PID/maps
_REMOVED = " (deleted)"  # what the kernel adds to the path of a file that has lost its name; memory never had one


class Likely(OSError):
    """What the kernel will probably say for itself: good enough to be listed, not to be answered."""


class Planned:
    """The mounts that the environment would have.

    Attributes:
        points: Where something is mounted; neither it nor a folder that holds it can be moved away.
    """

    def __init__(self, rules: Mounts) -> None:
        self._rules = rules
        self.points = [mount.path for mount in rules.all if mount.path != "/"]

    def __call__(self, descriptor: int) -> Mount:
        """Return the mount, in the environment, of an open file of this process."""
        where = path_of(descriptor)
        # Of a file in a mount namespace that isn't ours the kernel says "(unreachable)/…"; nothing allows to change it.
        return self._rules.of("/" if where.startswith("(unreachable)") else where)


class Present:
    """The mounts that are really there, which take care of themselves."""

    points = ()

    def __call__(self, descriptor: int) -> Mount:
        """Return the mount that an open file of this process really lies on."""
        flags = os.fstatvfs(descriptor).f_flag
        return Mount("", bool(flags & os.ST_RDONLY), bool(flags & os.ST_NOEXEC), None)


present = Present()


class Files:
    """The checks.

    Attributes:
        mount: Open file of this process to its mount.
        absent: Paths that the environment doesn't have.
        closed: Mounts that only root may change, where root itself plays an ordinary user.
    """

    def __init__(self, mount: Table, absent: Sequence[str] = (), closed: Sequence[str] = ()) -> None:
        self.mount = mount
        self.absent = absent
        self.closed = closed
        self._familiar = Familiar(self._open_to_all_changes)

    def opens_at_once(self, path: str, flags: int) -> bool:
        """Whether `open` of an absolute path would surely return 0; see `familiar`."""
        return self._familiar.opens(path, flags, _file_uid())

    def _open_to_all_changes(self, folder: int) -> bool:
        """Whether files can be made and changed in ``folder``: nothing but the mode of a file itself forbids it."""
        where = path_of(folder)
        if self._change(folder) or is_within(where, self.absent):
            return False
        if any(os.path.dirname(point) == where for point in (*self.mount.points, *self.absent)):
            return False
        return os.access(f"/proc/self/fd/{folder}", os.W_OK | os.X_OK, effective_ids=True)

    # -- open ----------------------------------------------------------------------------------------------------------

    def open(self, caller: Caller, base: int, path: str, flags: int) -> int:
        """``open(2)`` with flags that could change something."""
        if flags & os.O_PATH:
            return 0
        making, only_new = flags & os.O_CREAT, flags & os.O_CREAT and flags & os.O_EXCL
        nameless_file = flags & _TMPFILE == _TMPFILE
        if nameless_file and flags & _ACCESS_MODE == os.O_RDONLY:
            raise OSError(errno.EINVAL, path)
        if making and flags & os.O_DIRECTORY and not nameless_file:
            raise OSError(errno.EINVAL, path)  # since Linux 6.4; before, it could make a file
        if making and path.endswith("/") and not nameless_file:
            caller.look(base, path.rstrip("/") or path, follow=False).close()
            raise OSError(errno.EISDIR, path)
        with caller.look(base, path, follow=not (only_new or flags & os.O_NOFOLLOW)) as place:
            if self.is_absent(place):
                return errno.ENOENT
            if nameless_file:
                return self._open_nameless(place)
            if place.node is None:
                if not making:
                    raise OSError(errno.ENOENT, path)
                return self._change(place.folder) or _expect(place.folder, os.W_OK | os.X_OK)
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
            refused = self._new(place, slash=path.endswith("/"), folder=folder)
            return refused or _expect(place.folder, os.W_OK | os.X_OK)

    def _new(self, place: Place, *, slash: bool, folder: bool) -> int:
        if place.nameless or place.node is not None:
            raise OSError(errno.EEXIST, place.name)
        if slash and not folder:
            raise OSError(errno.ENOENT, place.name)
        return self._change(place.folder)

    def is_own_mount(self, caller: Caller, base: int, path: str) -> bool:
        """Whether ``path`` lies on a tmpfs that this process doesn't see: one that the caller's have mounted."""
        with caller.look(base, path, follow=False) as place:
            kind = int.from_bytes(call.statfs(b"/proc/self/fd/%d" % place.folder)[:8], "little")
            device = os.fstat(place.folder).st_dev
        if kind != _TMPFS_MAGIC:
            return False
        with open("/proc/self/mountinfo", "rb") as mounts:
            return b"%d:%d" % (os.major(device), os.minor(device)) not in {line.split(b" ", 3)[2] for line in mounts}

    def link(self, caller: Caller, old: tuple[int, str], new: tuple[int, str], flags: int) -> int:
        """``link(2)``: EROFS before EXDEV, unlike `rename`."""
        if not old[1] and flags & AT_EMPTY_PATH:
            node = caller.open_descriptor(old[0])
        else:
            with caller.look(*old, follow=bool(flags & 0x400)) as source:
                if self.is_absent(source):
                    return errno.ENOENT
                if source.node is None:
                    raise OSError(errno.ENOENT, old[1])
                node = os.dup(source.node)
        try:
            with caller.look(new[0], new[1].rstrip("/") or new[1], follow=False) as place:
                if self.is_absent(place):
                    return errno.ENOENT
                refused = self._new(place, slash=new[1].endswith("/"), folder=False)
                return refused or self._apart(node, place.folder) or _expect(place.folder, os.W_OK | os.X_OK)
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
        if place.node is None:
            return 0
        if self._holds_mount(place):
            return errno.EBUSY
        _expect(place.folder, os.W_OK | os.X_OK)
        return _spare_sticky(place)

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
            if source.node is None:
                return 0
            if self._holds_mount(source) or self._holds_mount(target):
                return errno.EBUSY
            _expect(source.folder, os.W_OK | os.X_OK)
            _expect(target.folder, os.W_OK | os.X_OK)
            return _spare_sticky(source)

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
        with caller.look(AT_FDCWD, path, follow=True) as place:
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
        return self._of(caller, base, path, flags, lambda node: self._accessible(node, wanted))

    def _of(self, caller: Caller, base: int, path: str, flags: int, judge: Callable[[int], int]) -> int:
        """Return what ``judge`` says of the file that a call with ``flags`` (AT_…) names, by path or by descriptor."""
        if not path and flags & AT_EMPTY_PATH:
            node = caller.open_descriptor(base)
            try:
                return judge(node)
            finally:
                os.close(node)
        with caller.look(base, path, follow=not flags & AT_SYMLINK_NOFOLLOW) as place:
            if self.is_absent(place):
                return errno.ENOENT
            if place.node is None:
                raise OSError(errno.ENOENT, path)
            return judge(place.node)

    def _accessible(self, node: int, wanted: int) -> int:
        mount, mode = self.mount(node), os.fstat(node).st_mode
        if wanted & os.X_OK and mount.noexec and stat.S_ISREG(mode):
            return errno.EACCES
        if wanted & os.W_OK and _is_stored(mode) and self._is_closed(node):
            return errno.EACCES
        _permit(node, wanted)
        return errno.EROFS if wanted & os.W_OK and mount.readonly and _is_stored(mode) else 0

    # -- execution -----------------------------------------------------------------------------------------------------

    def execute(self, caller: Caller, base: int, path: str, flags: int) -> int:
        """``execveat(2)``: EACCES for a program on a noexec mount, and for a script whose interpreter lies on one."""
        return self._of(caller, base, path, flags, lambda node: self._executable(caller, node))

    def _executable(self, caller: Caller, node: int, depth: int = 0) -> int:
        mode = os.fstat(node).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(errno.ELOOP if stat.S_ISLNK(mode) else errno.EACCES, "no file")
        if self.mount(node).noexec and in_file_system(node):
            return errno.EACCES
        _permit(node, os.X_OK)
        interpreter = _interpreter(node)
        if not interpreter or depth > _MOST_INTERPRETERS:
            return 0
        with caller.look(AT_FDCWD, interpreter, follow=True) as place:
            return self._executable(caller, place.node, depth + 1) if place.node is not None else 0

    def map_executable(self, caller: Caller, descriptor: int) -> int:
        """``mmap(2)`` with PROT_EXEC: EPERM for a file on a noexec mount."""
        node = caller.open_descriptor(descriptor)
        try:
            return errno.EPERM if in_file_system(node) and self.mount(node).noexec else 0
        finally:
            os.close(node)

    def protect_executable(self, caller: Caller, address: int, size: int) -> int:
        """``mprotect(2)`` with PROT_EXEC: EACCES for memory that is, in part, a file on a noexec mount."""
        with open(f"/proc/{caller.thread}/maps", "rb") as maps:
            for line in maps:
                start, _, rest = line.partition(b"-")
                end, _, fields = rest.partition(b" ")
                if int(start, 16) < address + size and address < int(end, 16):
                    words = fields.rstrip(b"\n").split(maxsplit=4)
                    if len(words) == _WITH_PATH and self._is_noexec(os.fsdecode(words[-1])):
                        return errno.EACCES
        return 0

    def _is_noexec(self, path: str) -> bool:
        """Whether a mapped file, as ``/proc/PID/maps`` calls it, lies on a noexec mount."""
        if not _is_named(path):
            return False
        # A file that was removed still counts: its folder says where it was.
        path = path.removesuffix(_REMOVED)
        while True:
            try:
                node = os.open(path, os.O_PATH | os.O_CLOEXEC)
                break
            except OSError:
                path = os.path.dirname(path)
        try:
            return self.mount(node).noexec
        finally:
            os.close(node)

    # -- what the checks are made of -----------------------------------------------------------------------------------

    def is_absent(self, place: Place) -> bool:
        """Whether it's something that the environment doesn't have, by name or by a link."""
        if not self.absent:
            return False
        if is_within(place.path, self.absent):
            return True
        return place.node is not None and is_within(path_of(place.node), self.absent)

    def _change(self, node: int) -> int:
        """EROFS, where what ``node`` is can't be changed; EACCES, where not everybody may."""
        if self.mount(node).readonly:
            return errno.EROFS
        return errno.EACCES if self._is_closed(node) else 0

    def _is_closed(self, node: int) -> bool:
        return bool(self.closed) and self.mount(node).path in self.closed

    def _holds_mount(self, place: Place) -> bool:
        """Whether it's a mount of the environment, or a folder with one below: moved away, it would be found elsewhere."""
        return bool(self.mount.points) and any(is_within(point, (place.path,)) for point in self.mount.points)

    def _apart(self, one: int, other: int) -> int:
        """EXDEV between two mounts of the environment; where they are mounted really, the kernel says so itself."""
        return errno.EXDEV if self.mount(one).path != self.mount(other).path else 0


def _permit(node: int, wanted: int) -> None:
    """Raise EACCES where the file's owner and mode don't allow it: what the kernel checks before the mount."""
    if wanted and not _is_permitted(node, wanted):
        raise OSError(errno.EACCES, "permission denied")


def _expect(node: int, wanted: int) -> int:
    """The same of what the kernel checks last, so that it can say so itself, and in its own order."""
    if not _is_permitted(node, wanted):
        raise Likely(errno.EACCES, "permission denied")
    return 0


def _is_permitted(node: int, wanted: int) -> bool:
    if _file_uid() and path_of(node).startswith("/proc/sys/"):
        # Trap: it's asked for the effective uid there, which in this thread is another than the files'.
        return not wanted & ~os.fstat(node).st_mode
    return os.access(f"/proc/self/fd/{node}", wanted, effective_ids=True)


def _own(node: int) -> int:
    """Raise EPERM where the file is another's, as far as that can be told."""
    uid = _file_uid()
    if uid and os.fstat(node).st_uid != uid:
        raise Likely(errno.EPERM, "not the owner")
    return 0


def _spare_sticky(place: Place) -> int:
    """Raise EPERM where a folder such as /tmp protects other users' files."""
    assert place.node is not None
    folder, uid = os.fstat(place.folder), _file_uid()
    if folder.st_mode & stat.S_ISVTX and uid and uid not in (folder.st_uid, os.fstat(place.node).st_uid):
        raise Likely(errno.EPERM, "another's file in a sticky folder")
    return 0


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
    return _is_named(path_of(node))


def _is_named(path: str) -> bool:
    """The same, by the path that the kernel gives: memory has one, too."""
    if path.endswith(_REMOVED) and path.startswith(("/memfd:", "/dev/zero", "/SYSV")):
        return False
    return path.startswith("/")


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
