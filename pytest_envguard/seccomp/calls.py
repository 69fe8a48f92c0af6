"""Which argument of which system call is what: from a call's numbers to the question that is judged.

Everything here follows the kernel's prototypes (``man 2`` of each call).
"""

from __future__ import annotations

import _socket as socket
import errno
import os
import struct

from pytest_envguard.linux import syscalls as call
from pytest_envguard.seccomp import filter as traps
from pytest_envguard.seccomp import judgement, network, users
from pytest_envguard.seccomp.caller import AT_FDCWD, Caller, Gone, Hidden

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_envguard.seccomp.judgement import Files
    from pytest_envguard.seccomp.listener import Listener
    from pytest_envguard.seccomp.space import Space

    Arguments = tuple[int, ...]
    Handler = Callable[["Judge", Caller, Arguments, int], int]

_ST_RDONLY, _ST_NOEXEC, _ST_VALID = 1, 8, 0x20
_EMPTY_PATH, _NOFOLLOW, _REMOVEDIR = 0x1000, 0x100, 0x200
_RESOLVE_IN_ROOT = 0x10
_PUNCH = ~1  # modes of fallocate(2) that give space back, or take none; 1 (KEEP_SIZE) takes it
_OMIT = 0x3FFFFFFE  # UTIME_OMIT
_OWNER_IN_STAT = {"x86_64": 28, "aarch64": 24}  # offset of st_uid, which st_gid follows


class Answered(Exception):
    """The call was answered already, with a result that is no errno."""


class Value(Exception):
    """The call returns a value without being executed.

    Attributes:
        value: What it returns.
    """

    def __init__(self, value: int = 0) -> None:
        self.value = value


class Refused(Exception):
    """The call is refused by whoever answers, even where all else is the kernel's to refuse.

    Attributes:
        errno: What it fails with.
    """

    def __init__(self, number: int) -> None:
        self.errno = number


class Judge:
    """What the judgement of a call needs to know.

    Attributes:
        files: The checks on files.
        outside: What lies beyond a network that is cut; None where it's open.
        space: The folders whose size is guarded.
        users: The passwd entries; None where they are the machine's own.
        ids: uid and gid that are shown, if any.
        hostname: The host name that is shown; "" for the machine's own.
        enforces: Whether what is refused here is refused to the caller; otherwise the kernel does.
        links: Whether symbolic links can be made.
        own_links: Where none can be made, whether they can on what a process has mounted for itself: so can the /dev of an
            environment inside be built, which then asks for none at all.
        listener: Where calls are answered; set when there is one.
    """

    listener: Listener

    def __init__(
        self,
        files: Files,
        outside: network.Outside | None,
        space: Space,
        names: users.Users | None,
        ids: list[int] | None,
        hostname: str,
        *,
        enforces: bool,
        links: bool = True,
    ) -> None:
        self.files = files
        self.outside = outside
        self.space = space
        self.users = names
        self.ids = ids or []
        self.hostname = hostname
        self.enforces = enforces
        self.links = links
        self.own_links = True

    def without_links(self) -> Judge:
        """Return the same judge, by whom no symbolic link can be made."""
        stricter = Judge.__new__(Judge)
        vars(stricter).update(vars(self), links=False, own_links=False)
        return stricter


def judge(judge: Judge, name: str, caller: Caller, arguments: Arguments, identity: int) -> int:
    """Return the errno with which the environment refuses a call, 0 if it doesn't.

    Raises:
        OSError: The kernel refuses it, whatever the environment.
        Value: It succeeds without being executed.
        Answered: It was answered.
        Refused: It is refused, whoever enforces the rest.
        Gone: Its caller has ended.
    """
    return _HANDLERS[name](judge, caller, arguments, identity)


def target_of(name: str, thread: int, arguments: Arguments) -> str:
    """Return the path or address that a call is about, absolute where that is known; "" where there is none."""
    caller = Caller(thread)
    try:
        return _TARGETS[name](caller, arguments) if name in _TARGETS else ""
    except (OSError, Gone, Hidden):
        return ""
    finally:
        caller.close()


def _absolute(caller: Caller, base: int, path: str) -> str:
    if path.startswith("/"):
        return path
    start = os.readlink(f"/proc/{caller.thread}/cwd" if base == AT_FDCWD else caller.descriptor(base))
    return f"{start.rstrip('/')}/{path}" if path else start


# -- one function for every call: (supervisor, caller, arguments, id) -> errno -----------------------------------------


def _signed(argument: int) -> int:
    """Return a descriptor, which is an int: the upper half of the register is nobody's."""
    low = argument & 0xFFFFFFFF
    return low - (1 << 32) if low >> 31 else low


def _open(s: Judge, c: Caller, base: int, pointer: int, flags: int) -> int:
    path = c.text(pointer)
    at_once = path.startswith("/") and not c.elsewhere and s.files.opens_at_once(path, flags)
    refused = 0 if at_once else s.files.open(c, base, path, flags)
    if not refused and s.enforces and flags & os.O_CREAT and s.space:
        s.space.remember(c, base, path)
    return refused


def _openat2(s: Judge, c: Caller, a: Arguments, _: int) -> int:
    flags, resolve = c.number(a[2], 8), c.number(a[2] + 16, 8)
    if flags & traps.OPEN_TO_CHANGE and resolve & _RESOLVE_IN_ROOT:
        raise OSError(errno.ENOSYS, "paths of another root")  # as before Linux 5.6; whoever asks has another way
    return _open(s, c, _signed(a[0]), a[1], flags) if flags & traps.OPEN_TO_CHANGE else 0


def _make(s: Judge, c: Caller, base: int, pointer: int, *, folder: bool = False) -> int:
    return s.files.make(c, base, c.text(pointer), folder=folder)


def _symlink(s: Judge, c: Caller, target: int, base: int, pointer: int) -> int:
    """Where no link can be made, only which errno is a question: EPERM comes last (fs/namei.c, vfs_symlink)."""
    if s.links:
        return _make(s, c, base, pointer)
    try:
        number, path = 0 if c.text(target) else errno.ENOENT, c.text(pointer)
        if not number and s.own_links and c.elsewhere and s.files.is_own_mount(c, base, path):
            return 0
        number = number or s.files.make(c, base, path, folder=False)
    except Hidden:
        number = errno.EPERM
    except OSError as error:  # the kernel's own answer: given here, so that nothing can change before it would be
        number = error.errno or 0
    raise Refused(number or errno.EPERM)


def _unlink(s: Judge, c: Caller, base: int, pointer: int, flags: int) -> int:
    remove = s.files.rmdir if flags & _REMOVEDIR else s.files.unlink
    return remove(c, base, c.text(pointer))


def _rename(s: Judge, c: Caller, old: tuple[int, int], new: tuple[int, int], flags: int = 0) -> int:
    return s.files.rename(c, (old[0], c.text(old[1])), (new[0], c.text(new[1])), flags)


def _link(s: Judge, c: Caller, old: tuple[int, int], new: tuple[int, int], flags: int = 0) -> int:
    return s.files.link(c, (old[0], c.text(old[1])), (new[0], c.text(new[1])), flags)


def _change(s: Judge, c: Caller, base: int, pointer: int, flags: int = 0, *, owned: bool = True) -> int:
    path = c.text(pointer) if pointer or not flags & _EMPTY_PATH else ""
    if not path and flags & _EMPTY_PATH:
        return s.files.change_open(c, base, owned=owned)
    return s.files.change(c, base, path, follow=not flags & _NOFOLLOW, owned=owned)


def _times(s: Judge, c: Caller, base: int, pointer: int, times: int, flags: int) -> int:
    if times:
        raw = c.read(times, 32)
        if len(raw) == 32 and raw[8:16] == raw[24:32] == _OMIT.to_bytes(8, "little"):
            return 0
    # Without a path it's the descriptor's own file.
    return _change(s, c, base, pointer, flags if pointer else _EMPTY_PATH, owned=bool(times))


def _ioctl(s: Judge, c: Caller, a: Arguments, _: int) -> int:
    return s.files.change_open(c, _signed(a[0]), owned=True)


def _setxattrat(s: Judge, c: Caller, a: Arguments, _: int) -> int:
    return _change(s, c, _signed(a[0]), a[1], a[2], owned=False)


def _access(s: Judge, c: Caller, base: int, pointer: int, wanted: int, flags: int = 0) -> int:
    return s.files.access(c, base, c.text(pointer), wanted, flags)


def _statfs(s: Judge, c: Caller, a: Arguments, _: int) -> int:
    with c.look(AT_FDCWD, c.text(a[0]), follow=True) as place:
        if s.files.is_absent(place):
            return errno.ENOENT
        if place.node is None:
            raise OSError(errno.ENOENT, "no file")
        return _tell_file_system(s, c, place.node, a[1])


def _fstatfs(s: Judge, c: Caller, a: Arguments, _: int) -> int:
    node = c.open_descriptor(_signed(a[0]))
    try:
        return _tell_file_system(s, c, node, a[1])
    finally:
        os.close(node)


def _tell_file_system(s: Judge, c: Caller, node: int, pointer: int) -> int:
    """Answer ``struct statfs`` (its first 15 words of 8 bytes) as the environment's mount would."""
    mount = s.files.mount(node)
    if not (mount.readonly or mount.noexec or mount.size) or not judgement.in_file_system(node):
        return 0
    words = list(struct.unpack("=15Q", call.statfs(b"/proc/self/fd/%d" % node)))
    words[10] |= (_ST_RDONLY if mount.readonly else 0) | (_ST_NOEXEC if mount.noexec else 0) | _ST_VALID
    if mount.size:
        block = words[1]
        words[2] = mount.size // block
        words[3] = words[4] = max(0, mount.size - s.space.used(mount)) // block
    c.write(pointer, struct.pack("=15Q", *words))
    raise Value


def _execute(s: Judge, c: Caller, base: int, pointer: int, flags: int = 0) -> int:
    return s.files.execute(c, base, c.text(pointer), flags)


def _mmap(s: Judge, c: Caller, a: Arguments, _: int) -> int:
    return s.files.map_executable(c, _signed(a[4]))


def _mprotect(s: Judge, c: Caller, a: Arguments, _: int) -> int:
    return s.files.protect_executable(c, a[0], a[1])


def _connect(s: Judge, c: Caller, a: Arguments, identity: int) -> int:
    outside = s.outside
    address = network.address_at(c, a[1], a[2] & 0xFFFFFFFF)
    if s.users is not None and address.family == socket.AF_UNIX and address.host in users.SOCKETS:
        if not s.listener.waits(identity):
            raise Gone
        s.users.connect(c, _signed(a[0]), s.listener, identity)
        raise Answered
    if outside is None:
        return 0
    if not outside.contains(c, address):
        return 0
    if not address.internet:
        return errno.ECONNREFUSED
    if outside.unreachable:
        return errno.ENETUNREACH
    if not s.enforces:
        return 0 if outside.mode == "drop" else errno.ECONNREFUSED
    if not s.listener.waits(identity):
        raise Gone
    outside.connect(c, _signed(a[0]), address, s.listener, identity)
    raise Answered


def _bind(s: Judge, c: Caller, a: Arguments, _: int) -> int:
    address = network.address_at(c, a[1], a[2] & 0xFFFFFFFF)
    if address.family == socket.AF_UNIX:
        if not address.host or address.host.startswith("@"):
            return 0
        try:
            return s.files.make(c, AT_FDCWD, address.host, folder=False)
        except FileExistsError:
            raise OSError(errno.EADDRINUSE, "exists") from None
    if s.outside is not None and s.enforces and not s.outside.own_address(address):
        return errno.EADDRNOTAVAIL
    return 0


def _send(s: Judge, c: Caller, address: network.Address | None, length: Callable[[], int]) -> int:
    outside = s.outside
    if outside is None or address is None or not outside.contains(c, address):
        return 0
    if address.family == socket.AF_UNIX:
        return errno.ECONNREFUSED
    if outside.unreachable:
        return errno.ENETUNREACH
    if s.enforces:
        raise Value(length())
    return 0


def _sendto(s: Judge, c: Caller, a: Arguments, _: int) -> int:
    size = a[5] & 0xFFFFFFFF
    return _send(s, c, network.address_at(c, a[4], size, sending=True) if size else None, lambda: a[2])


def _sendmsg(s: Judge, c: Caller, a: Arguments, _: int) -> int:
    return _send(s, c, network.message_address(c, a[1]), lambda: network.message_length(c, a[1]))


def _sendmmsg(s: Judge, c: Caller, a: Arguments, _: int) -> int:
    count = min(a[2] & 0xFFFFFFFF, network.MOST_MESSAGES)
    # Each message has an address of its own: one that leads outside is enough to be judged by.
    addresses = (network.message_address(c, a[1] + index * network.MESSAGE) for index in range(count))
    outward = next((one for one in addresses if one and s.outside and s.outside.contains(c, one)), None)
    return _send(s, c, outward, lambda: network.swallow(c, a[1], count))


def _write(s: Judge, c: Caller, a: Arguments, _: int) -> int:
    return s.space.write(c, _signed(a[0]), a[2], None)


def _pwrite(s: Judge, c: Caller, a: Arguments, _: int) -> int:
    return s.space.write(c, _signed(a[0]), a[2], a[3])


def _fallocate(s: Judge, c: Caller, a: Arguments, _: int) -> int:
    return 0 if a[1] & _PUNCH else s.space.write(c, _signed(a[0]), a[3], a[2])


def _uname(s: Judge, c: Caller, a: Arguments, _: int) -> int:
    if not s.hostname:
        return 0
    here = os.uname()
    fields = [here.sysname, s.hostname, here.release, here.version, here.machine]
    c.write(a[0], b"".join(field.encode()[:64].ljust(65, b"\0") for field in fields))
    raise Value


def _stat(s: Judge, c: Caller, base: int, path: str | None, flags: int, pointer: int, mask: int | None) -> int:
    """Show files of the caller's own as those of the shown user: ``struct stat``, or with a ``mask`` ``struct statx``."""
    try:
        if not path and (path is None or flags & _EMPTY_PATH):
            node = c.open_descriptor(base)
        else:
            with c.look(base, path or "", follow=not flags & _NOFOLLOW) as place:
                if s.files.is_absent(place):
                    return errno.ENOENT
                if place.node is None:
                    return 0
                node = os.dup(place.node)
    except OSError:
        return 0  # nothing can be changed by looking: the kernel answers
    try:
        answer = bytearray(call.fstat(node) if mask is None else call.statx(node, mask))
    finally:
        os.close(node)
    at = 20 if mask is not None else _OWNER_IN_STAT[os.uname().machine]
    shown = False
    for index, own in enumerate((os.geteuid(), os.getegid())):
        place_of = slice(at + 4 * index, at + 4 * index + 4)
        if int.from_bytes(answer[place_of], "little") == own:
            answer[place_of] = s.ids[index].to_bytes(4, "little")
            shown = True
    if not shown:
        return 0
    c.write(pointer, bytes(answer))
    raise Value


def _statx(s: Judge, c: Caller, a: Arguments, _: int) -> int:
    return _stat(s, c, _signed(a[0]), c.text(a[1]) if a[1] else None, a[2], a[4], a[3])


def _newfstatat(s: Judge, c: Caller, a: Arguments, _: int) -> int:
    return _stat(s, c, _signed(a[0]), c.text(a[1]) if a[1] else None, a[3], a[2], None)


def _chown(s: Judge, c: Caller, a: Arguments, base: int, pointer: int | None, flags: int, ids: int) -> int:
    """``chown(2)``; ``ids`` is the place of the uid among the arguments."""
    if pointer is None:
        refused = s.files.change_open(c, base, owned=False)
    else:
        refused = _change(s, c, base, pointer, flags, owned=False)
    if refused or not s.ids:
        return refused
    if all(a[ids + index] & 0xFFFFFFFF in (own, 0xFFFFFFFF) for index, own in enumerate(s.ids)):
        raise Value
    return errno.EPERM


def _shown_id(index: int) -> Handler:
    def answer(s: Judge, _c: Caller, _a: Arguments, _: int) -> int:
        raise Value(s.ids[index])

    return answer


def _shown_ids(index: int) -> Handler:
    def answer(s: Judge, c: Caller, a: Arguments, _: int) -> int:
        for pointer in a[:3]:
            c.write(pointer, s.ids[index].to_bytes(4, "little"))
        raise Value

    return answer


def _become(index: int, count: int) -> Handler:
    def answer(s: Judge, _c: Caller, a: Arguments, _: int) -> int:
        own = s.ids[index]
        if all(argument & 0xFFFFFFFF in (own, 0xFFFFFFFF) for argument in a[:count]):
            raise Value
        return errno.EPERM

    return answer


def _no_groups(_s: Judge, _c: Caller, _a: Arguments, _: int) -> int:
    raise Value(0)


def _may_not(_s: Judge, _c: Caller, _a: Arguments, _: int) -> int:
    return errno.EPERM


_HANDLERS: dict[str, Handler] = {
    "open": lambda s, c, a, _: _open(s, c, AT_FDCWD, a[0], a[1]),
    "openat": lambda s, c, a, _: _open(s, c, _signed(a[0]), a[1], a[2]),
    "openat2": _openat2,
    "creat": lambda s, c, a, _: _open(s, c, AT_FDCWD, a[0], os.O_CREAT | os.O_WRONLY | os.O_TRUNC),
    "mkdir": lambda s, c, a, _: _make(s, c, AT_FDCWD, a[0], folder=True),
    "mkdirat": lambda s, c, a, _: _make(s, c, _signed(a[0]), a[1], folder=True),
    "mknod": lambda s, c, a, _: _make(s, c, AT_FDCWD, a[0]),
    "mknodat": lambda s, c, a, _: _make(s, c, _signed(a[0]), a[1]),
    "symlink": lambda s, c, a, _: _symlink(s, c, a[0], AT_FDCWD, a[1]),
    "symlinkat": lambda s, c, a, _: _symlink(s, c, a[0], _signed(a[1]), a[2]),
    "rmdir": lambda s, c, a, _: _unlink(s, c, AT_FDCWD, a[0], _REMOVEDIR),
    "unlink": lambda s, c, a, _: _unlink(s, c, AT_FDCWD, a[0], 0),
    "unlinkat": lambda s, c, a, _: _unlink(s, c, _signed(a[0]), a[1], a[2]),
    "rename": lambda s, c, a, _: _rename(s, c, (AT_FDCWD, a[0]), (AT_FDCWD, a[1])),
    "renameat": lambda s, c, a, _: _rename(s, c, (_signed(a[0]), a[1]), (_signed(a[2]), a[3])),
    "renameat2": lambda s, c, a, _: _rename(s, c, (_signed(a[0]), a[1]), (_signed(a[2]), a[3]), a[4]),
    "link": lambda s, c, a, _: _link(s, c, (AT_FDCWD, a[0]), (AT_FDCWD, a[1])),
    "linkat": lambda s, c, a, _: _link(s, c, (_signed(a[0]), a[1]), (_signed(a[2]), a[3]), a[4]),
    "chmod": lambda s, c, a, _: _change(s, c, AT_FDCWD, a[0]),
    "fchmod": lambda s, c, a, _: s.files.change_open(c, _signed(a[0]), owned=True),
    "fchmodat": lambda s, c, a, _: _change(s, c, _signed(a[0]), a[1]),
    "fchmodat2": lambda s, c, a, _: _change(s, c, _signed(a[0]), a[1], a[3]),
    "chown": lambda s, c, a, _: _chown(s, c, a, AT_FDCWD, a[0], 0, 1),
    "lchown": lambda s, c, a, _: _chown(s, c, a, AT_FDCWD, a[0], _NOFOLLOW, 1),
    "fchown": lambda s, c, a, _: _chown(s, c, a, _signed(a[0]), None, 0, 1),
    "fchownat": lambda s, c, a, _: _chown(s, c, a, _signed(a[0]), a[1], a[4], 2),
    "utime": lambda s, c, a, _: _change(s, c, AT_FDCWD, a[0], owned=bool(a[1])),
    "utimes": lambda s, c, a, _: _change(s, c, AT_FDCWD, a[0], owned=bool(a[1])),
    "futimesat": lambda s, c, a, _: _change(s, c, _signed(a[0]), a[1], owned=bool(a[2])),
    "utimensat": lambda s, c, a, _: _times(s, c, _signed(a[0]), a[1], a[2], a[3]),
    "truncate": lambda s, c, a, _: s.files.truncate(c, c.text(a[0])),
    "setxattr": lambda s, c, a, _: _change(s, c, AT_FDCWD, a[0], owned=False),
    "lsetxattr": lambda s, c, a, _: _change(s, c, AT_FDCWD, a[0], _NOFOLLOW, owned=False),
    "fsetxattr": lambda s, c, a, _: s.files.change_open(c, _signed(a[0]), owned=False),
    "setxattrat": _setxattrat,
    "removexattr": lambda s, c, a, _: _change(s, c, AT_FDCWD, a[0], owned=False),
    "lremovexattr": lambda s, c, a, _: _change(s, c, AT_FDCWD, a[0], _NOFOLLOW, owned=False),
    "fremovexattr": lambda s, c, a, _: s.files.change_open(c, _signed(a[0]), owned=False),
    "removexattrat": _setxattrat,
    "file_setattr": lambda s, c, a, _: _change(s, c, _signed(a[0]), a[1], a[4]),
    "ioctl": _ioctl,
    "access": lambda s, c, a, _: _access(s, c, AT_FDCWD, a[0], a[1]),
    "faccessat": lambda s, c, a, _: _access(s, c, _signed(a[0]), a[1], a[2]),
    "faccessat2": lambda s, c, a, _: _access(s, c, _signed(a[0]), a[1], a[2], a[3]),
    "statfs": _statfs,
    "fstatfs": _fstatfs,
    "execve": lambda s, c, a, _: _execute(s, c, AT_FDCWD, a[0]),
    "execveat": lambda s, c, a, _: _execute(s, c, _signed(a[0]), a[1], a[4]),
    "mmap": _mmap,
    "mprotect": _mprotect,
    "pkey_mprotect": _mprotect,
    "connect": _connect,
    "bind": _bind,
    "sendto": _sendto,
    "sendmsg": _sendmsg,
    "sendmmsg": _sendmmsg,
    "write": _write,
    "pwrite64": _pwrite,
    "fallocate": _fallocate,
    "uname": _uname,
    **dict.fromkeys(("setns", "unshare"), lambda _s, _c, _a, _: 0),
    "stat": lambda s, c, a, _: _stat(s, c, AT_FDCWD, c.text(a[0]), 0, a[1], None),
    "lstat": lambda s, c, a, _: _stat(s, c, AT_FDCWD, c.text(a[0]), _NOFOLLOW, a[1], None),
    "fstat": lambda s, c, a, _: _stat(s, c, _signed(a[0]), None, 0, a[1], None),
    "newfstatat": _newfstatat,
    "statx": _statx,
    "getuid": _shown_id(0),
    "geteuid": _shown_id(0),
    "getgid": _shown_id(1),
    "getegid": _shown_id(1),
    "getresuid": _shown_ids(0),
    "getresgid": _shown_ids(1),
    "getgroups": _no_groups,
    "setuid": _become(0, 1),
    "setgid": _become(1, 1),
    "setreuid": _become(0, 2),
    "setregid": _become(1, 2),
    "setresuid": _become(0, 3),
    "setresgid": _become(1, 3),
    "setgroups": _may_not,
}


def _no_target(_c: Caller, _a: Arguments) -> str:
    return ""


def _file(base: int | None, pointer: int) -> Callable[[Caller, Arguments], str]:
    """Return what says the path that argument ``pointer`` names; relative to argument ``base``, if there is one."""

    def target(c: Caller, a: Arguments) -> str:
        start = AT_FDCWD if base is None else _signed(a[base])
        return _absolute(c, start, c.text(a[pointer]) if a[pointer] else "")

    return target


def _opened(place: int) -> Callable[[Caller, Arguments], str]:
    return lambda c, a: os.readlink(c.descriptor(_signed(a[place])))


def _peer(pointer: int, size: int) -> Callable[[Caller, Arguments], str]:
    return lambda c, a: str(network.address_at(c, a[pointer], a[size] & 0xFFFFFFFF))


def _message_peer(c: Caller, a: Arguments) -> str:
    return str(network.message_address(c, a[1]) or "")


_TARGETS: dict[str, Callable[[Caller, Arguments], str]] = {
    **dict.fromkeys(
        (
            "open creat mkdir mknod rmdir unlink chmod chown lchown utime utimes truncate setxattr lsetxattr removexattr "
            "lremovexattr execve rename"
        ).split(),
        _file(None, 0),
    ),
    **dict.fromkeys(
        (
            "openat openat2 mkdirat mknodat unlinkat fchmodat fchmodat2 fchownat futimesat utimensat setxattrat "
            "removexattrat file_setattr execveat renameat renameat2"
        ).split(),
        _file(0, 1),
    ),
    **dict.fromkeys(("symlink", "link"), _file(None, 1)),
    "symlinkat": _file(1, 2),
    "linkat": _file(2, 3),
    **dict.fromkeys("fchmod fchown fsetxattr fremovexattr ioctl write pwrite64 fallocate".split(), _opened(0)),
    "mmap": _opened(4),
    "connect": _peer(1, 2),
    "bind": _peer(1, 2),
    "sendto": _peer(4, 5),
    "sendmsg": _message_peer,
    "sendmmsg": _message_peer,
}
