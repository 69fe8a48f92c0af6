"""A thread whose system call waits: its memory, its descriptors, and where the paths that it names lead.

Everything is looked up with the caller's own eyes: relative to its working folder, its descriptors, its root. The look
itself is the kernel's: folders are opened with O_PATH, so links, ``..``, permissions and limits are judged as ever.
"""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

AT_FDCWD, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW = -100, 0x1000, 0x100
_PAGE = 4096
_MOST_LINKS = 40
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_NODE = os.O_PATH | os.O_CLOEXEC
_KIND, _IS_LINK = 0o170000, 0o120000


class Gone(Exception):
    """The caller has ended, or its call was interrupted: there is nobody to answer."""


class Hidden(Exception):
    """The caller's memory can't be read, as that of a program which its user may execute but not read."""


class Place:
    """What a path leads to; closed when it has been judged.

    Attributes:
        folder: Descriptor (O_PATH) of the folder that it lies in.
        name: The last component; "" for the root, "." and ".." as they are.
        node: Descriptor (O_PATH) of what is there; None if nothing is.
        slash: Whether the path ends in a slash, which only a folder may.
    """

    __slots__ = ("folder", "name", "node", "slash")

    def __init__(self, folder: int, name: str, node: int | None, *, slash: bool) -> None:
        self.folder = folder
        self.name = name
        self.node = node
        self.slash = slash

    def __enter__(self) -> Place:  # noqa: PYI034  # `typing` is not to be imported
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it."""
        if self.node is not None and self.node != self.folder:
            os.close(self.node)
        os.close(self.folder)

    @property
    def path(self) -> str:
        """Where it is, links at its end not followed."""
        where = path_of(self.folder)
        return where if self.nameless else f"{where.rstrip('/')}/{self.name}"

    @property
    def nameless(self) -> bool:
        """Whether it is the root, or a folder called ``.`` or ``..``."""
        return self.name in ("", ".", "..")

    @property
    def mode(self) -> int:
        """Kind and permissions of what is there."""
        assert self.node is not None
        return os.fstat(self.node).st_mode


def path_of(descriptor: int) -> str:
    """Return where an open file of this process lies, without links."""
    return os.readlink(f"/proc/self/fd/{descriptor}")


class Caller:
    """The thread.

    Attributes:
        thread: Its id, as this process sees it.
        elsewhere: Whether it sees other mounts than this process.
    """

    __slots__ = ("_memory", "_root", "elsewhere", "thread")

    def __init__(self, thread: int, *, foreign_root: bool = False) -> None:
        self.thread = thread
        self.elsewhere = foreign_root
        self._root = f"/proc/{thread}/root" if foreign_root else ""
        self._memory = -1

    def close(self) -> None:
        """Forget its memory."""
        if self._memory >= 0:
            os.close(self._memory)

    # -- memory --------------------------------------------------------------------------------------------------------

    def read(self, address: int, size: int) -> bytes:
        """Return ``size`` bytes of its memory.

        Raises:
            OSError: EFAULT where it has less.
        """
        found = self._read(address, size)
        if len(found) < size:
            raise OSError(errno.EFAULT, "no memory")
        return found

    def _read(self, address: int, size: int) -> bytes:
        """Return what there is of ``size`` bytes."""
        # Never kept for the next call: after an exec, or with a thread id used again, it would be another's memory.
        if self._memory < 0:
            try:
                self._memory = os.open(f"/proc/{self.thread}/mem", os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                raise Gone from None
            except PermissionError:
                raise Hidden from None
        if not address:
            raise OSError(errno.EFAULT, "no address")
        try:
            found = os.pread(self._memory, size, address)
        except (OSError, OverflowError):
            raise OSError(errno.EFAULT, "no memory") from None
        return found

    def text(self, address: int) -> str:
        """Return the path at ``address``.

        Raises:
            OSError: EFAULT, or ENAMETOOLONG.
        """
        found = b""
        while len(found) < _PAGE:
            at = address + len(found)
            chunk = self._read(at, min(_PAGE - at % _PAGE, _PAGE - len(found)))
            if not chunk:
                raise OSError(errno.EFAULT, "no memory")
            end = chunk.find(b"\0")
            if end >= 0:
                return os.fsdecode(found + chunk[:end])
            found += chunk
        raise OSError(errno.ENAMETOOLONG, "a path without an end")

    def number(self, address: int, size: int, *, signed: bool = False) -> int:
        """Return the number of ``size`` bytes at ``address``."""
        return int.from_bytes(self.read(address, size), "little", signed=signed)

    def write(self, address: int, data: bytes) -> None:
        """Put ``data`` into its memory, as a call that answers through a pointer does.

        Raises:
            OSError: EFAULT where it has none to write.
        """
        memory = os.open(f"/proc/{self.thread}/mem", os.O_WRONLY | os.O_CLOEXEC)
        try:
            if not address or os.pwrite(memory, data, address) < len(data):
                raise OSError(errno.EFAULT, "no memory")  # noqa: TRY301  # the same as the kernel's
        except (OSError, OverflowError):
            raise OSError(errno.EFAULT, "no memory") from None
        finally:
            os.close(memory)

    # -- paths ---------------------------------------------------------------------------------------------------------

    def descriptor(self, number: int) -> str:
        """Return the path by which this process reaches the caller's descriptor."""
        return f"/proc/{self.thread}/fd/{number}"

    def flags(self, number: int) -> int:
        """Return the flags (O_…) of the caller's descriptor."""
        # In bytes, here and elsewhere: a codec is imported at first use, and a fork meanwhile would hand on its lock.
        with open(f"/proc/{self.thread}/fdinfo/{number}", "rb") as file:
            return next((int(line.split()[1], 8) for line in file if line.startswith(b"flags:")), 0)

    def open_descriptor(self, number: int) -> int:
        """Return an O_PATH descriptor of what the caller has open as ``number``.

        Raises:
            OSError: EBADF where it has nothing.
        """
        try:
            return os.open(f"/proc/{self.thread}/cwd" if number == AT_FDCWD else self.descriptor(number), _NODE)
        except FileNotFoundError:
            raise OSError(errno.EBADF, "not open") from None

    def reach(self, base: int, path: str, *, follow: bool = True) -> str:
        """Return ``path``, which the caller takes relative to descriptor ``base``, as this process reaches it.

        Without ``follow`` a link at its end is meant itself.
        """
        if not path.startswith("/"):
            start = f"/proc/{self.thread}/cwd" if base == AT_FDCWD else self.descriptor(base)
            return f"{start}/{path}"
        # Trap: /proc/self is whoever looks. Other links to it are found when they have led there; see `look`.
        first, _, rest = path.lstrip("/").partition("/")
        if first == "dev":
            name, _, below = rest.lstrip("/").partition("/")
            if name in _STREAMS and (follow or below):
                return f"/proc/{self.thread}/{_STREAMS[name]}" + (f"/{below}" if below else "")
        elif first == "proc":
            name, _, below = rest.lstrip("/").partition("/")
            if name == "self":
                return f"{self._root}/proc/{self.thread}/{below}"
            if name == "thread-self":
                return f"{self._root}/proc/{self.thread}/task/{self.thread}/{below}"
        return self._root + path

    def look(self, base: int, path: str, *, follow: bool) -> Place:
        """Return where ``path`` leads.

        Args:
            base: Descriptor that a relative path starts from, or `AT_FDCWD`.
            path: As the caller wrote it.
            follow: Whether a symbolic link at its end is followed; before a slash it always is.

        Raises:
            OSError: What the kernel says on the way: ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG.
        """
        if not path:
            raise OSError(errno.ENOENT, "no path")
        if base != AT_FDCWD and not path.startswith("/"):
            os.close(self.open_descriptor(base))
        reached = self.reach(base, path, follow=follow)
        for _ in range(_MOST_LINKS):
            place = _look(reached, follow=follow)
            try:
                reached = self._other_self(place) or self._step(place, follow=follow)
            except OSError:
                place.close()
                raise
            if not reached:
                return place
            place.close()
        raise OSError(errno.ELOOP, "too many links")

    def _other_self(self, place: Place) -> str:
        """Return where a path leads that has come to this process's own /proc/self by way of a link; "" if none has.

        Not found is a link in the middle that leads beyond: to /proc/self/cwd, or to a folder of /proc/self/fd.
        """
        process = os.getpid()
        if process == self.thread:  # a thread of this process calls
            return ""
        where, ours = path_of(place.folder) + "/", f"/proc/{process}/"
        return f"/proc/{self.thread}/{where[len(ours) :]}{place.name}" if where.startswith(ours) else ""

    def _step(self, place: Place, *, follow: bool) -> str:
        """Return where the symbolic link leads that is there and to be followed; "" if there is none.

        Step by step, because the last one may lead to /proc/self, and for O_CREAT, which makes what it names.
        """
        target = _target(place) if follow and not place.slash else ""
        if not target or target.startswith("/"):
            return target and self.reach(AT_FDCWD, target)
        return f"{path_of(place.folder)}/{target}"


_STREAMS = {"fd": "fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}


def _look(path: str, *, follow: bool) -> Place:
    stripped = path.rstrip("/")
    slash = len(stripped) < len(path)
    before, _, name = stripped.rpartition("/")
    if name in ("", ".", ".."):
        folder = os.open(stripped or "/", _FOLDER)
        return Place(folder, name, folder, slash=slash)
    folder = os.open(before or "/", _FOLDER)
    try:
        return _in_folder(folder, name, slash=slash, follow=follow)
    except OSError:
        os.close(folder)
        raise


def _in_folder(folder: int, name: str, *, slash: bool, follow: bool) -> Place:
    # Of the links that are followed, only those of /proc, which are no names, are left to the kernel.
    at_once = slash or (follow and path_of(folder).startswith("/proc/"))
    try:
        node = os.open(name, _NODE if at_once else _NODE | os.O_NOFOLLOW, dir_fd=folder)
    except FileNotFoundError:
        return Place(folder, name, None, slash=slash)
    if slash and os.fstat(node).st_mode & _KIND != 0o040000:
        os.close(node)
        raise OSError(errno.ENOTDIR, "not a folder")
    return Place(folder, name, node, slash=slash)


def _target(place: Place) -> str:
    """Return what the symbolic link names that is there; "" if none is."""
    if place.node is None or place.mode & _KIND != _IS_LINK:
        return ""
    return os.readlink("", dir_fd=place.node)
