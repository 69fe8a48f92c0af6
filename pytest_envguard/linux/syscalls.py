"""The system calls that Python's standard library does not offer, as functions that raise `OSError`.

The numbers of the newer calls (``open_tree`` and later) are the same on every architecture that Linux
has added them to, x86-64 and aarch64 included (``include/uapi/asm-generic/unistd.h``).
"""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 0x2

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000
MOUNT_ATTR_RDONLY = 0x1
MOUNT_ATTR_NOSUID = 0x2
MOUNT_ATTR_NODEV = 0x4
MOUNT_ATTR_NOEXEC = 0x8
OPEN_TREE_CLONE = 0x1
OPEN_TREE_CLOEXEC = os.O_CLOEXEC
MOVE_MOUNT_F_EMPTY_PATH = 0x4

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
PR_SET_MDWE = 65

_OPEN_TREE = 428
_MOVE_MOUNT = 429
_FSOPEN = 430
_FSCONFIG = 431
_FSMOUNT = 432
_FSCONFIG_SET_STRING = 1
_FSCONFIG_CMD_CREATE = 6
_MOUNT_SETATTR = 442

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _check(result: int, call: str) -> int:
    """Return ``result``, or raise `OSError` that carries the call as text (`OSError.filename` stays free of it)."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result


def _path(path: str) -> bytes:
    return os.fsencode(path)


def unshare(flags: int) -> None:
    """Leave the namespaces named in ``flags`` (``CLONE_NEW…``)."""
    _check(_libc.unshare(ctypes.c_int(flags)), f"unshare({flags:#x})")


def setns(process: int, flags: int) -> None:
    """Join those namespaces (``CLONE_NEW…``) of the process that descriptor ``process`` stands for (Linux 5.8)."""
    _check(_libc.setns(ctypes.c_int(process), ctypes.c_int(flags)), f"setns({flags:#x})")


def mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """``mount(2)``: ``kind`` is the file system's name (None for bind and propagation changes)."""
    result = _libc.mount(
        _path(source),
        _path(target),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        data.encode() if data else None,
    )
    _check(result, f"mount({source}, {target}, {kind or 'none'}, {flags:#x}, {data!r})")


def umount(target: str) -> None:
    """Detach the mount on ``target``."""
    _check(_libc.umount2(_path(target), MNT_DETACH), f"umount2({target})")


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def mount_setattr(folder: int, path: str, *, recursive: bool, add: int = 0, clear: int = 0) -> None:
    """Change the flags of a mount, and with ``recursive`` of every mount below it, in one call (Linux 5.12).

    ``folder`` is a descriptor (`AT_FDCWD` for a plain path; with an empty ``path`` the descriptor's own mount).
    """
    attributes = _MountAttributes(add, clear, 0, 0)
    flags = (AT_RECURSIVE if recursive else 0) | (0 if path else AT_EMPTY_PATH)
    result = _libc.syscall(
        ctypes.c_long(_MOUNT_SETATTR),
        ctypes.c_int(folder),
        _path(path),
        ctypes.c_uint(flags),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    _check(result, f"mount_setattr({path or folder}, set={add:#x}, clear={clear:#x})")


def detached_mount(kind: str, options: dict[str, str], attributes: int) -> int:
    """Return a descriptor of a new file system that is attached nowhere (``fsopen``, ``fsmount``; Linux 5.2).

    ``attributes`` are ``MOUNT_ATTR_…``.
    """
    context = _check(_libc.syscall(ctypes.c_long(_FSOPEN), kind.encode(), ctypes.c_uint(1)), f"fsopen({kind})")
    try:
        for name, value in options.items():
            _fsconfig(context, _FSCONFIG_SET_STRING, name.encode(), value.encode())
        _fsconfig(context, _FSCONFIG_CMD_CREATE, None, None)
        flags = ctypes.c_uint(1), ctypes.c_uint(attributes)  # FSMOUNT_CLOEXEC
        return _check(_libc.syscall(ctypes.c_long(_FSMOUNT), ctypes.c_int(context), *flags), f"fsmount({kind})")
    finally:
        os.close(context)


def _fsconfig(context: int, command: int, key: bytes | None, value: bytes | None) -> None:
    arguments = ctypes.c_int(context), ctypes.c_uint(command), key, value, ctypes.c_int(0)
    _check(_libc.syscall(ctypes.c_long(_FSCONFIG), *arguments), f"fsconfig({command}, {key!r})")


def open_tree(path: str) -> int:
    """Return a descriptor that holds a copy of the mounts at and below ``path``, attached to nothing (Linux 5.2)."""
    flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE
    result = _libc.syscall(ctypes.c_long(_OPEN_TREE), ctypes.c_int(AT_FDCWD), _path(path), ctypes.c_uint(flags))
    return _check(result, f"open_tree({path})")


def move_mount(tree: int, target: str) -> None:
    """Attach the mounts that descriptor ``tree`` holds to ``target``."""
    result = _libc.syscall(
        ctypes.c_long(_MOVE_MOUNT),
        ctypes.c_int(tree),
        b"",
        ctypes.c_int(AT_FDCWD),
        _path(target),
        ctypes.c_uint(MOVE_MOUNT_F_EMPTY_PATH),
    )
    _check(result, f"move_mount({target})")


def prctl(option: int, argument: int = 0, second: int = 0) -> int:
    """``prctl(2)``, whose unused arguments must be zero."""
    zero = ctypes.c_ulong(0)
    result = _libc.prctl(ctypes.c_int(option), ctypes.c_ulong(argument), ctypes.c_ulong(second), zero, zero)
    return _check(result, f"prctl({option}, {argument})")


def syscall(name: str, number: int, *arguments: int) -> int:
    """Make the system call ``number``, which errors call ``name``, and return its result."""
    return _check(_libc.syscall(ctypes.c_long(number), *map(ctypes.c_ulong, arguments)), name)


def set_file_ids(uid: int, gid: int) -> None:
    """Let the files that this *thread* uses be judged as those of ``uid`` and ``gid`` (``setfsuid(2)``)."""
    _libc.setfsgid(ctypes.c_uint(gid))
    _libc.setfsuid(ctypes.c_uint(uid))


def leave_groups() -> None:
    """Let this *thread* belong to no further groups; the C library's ``setgroups`` would change all threads."""
    number = {"x86_64": 116, "aarch64": 159}[os.uname().machine]
    syscall("setgroups", number, 0, 0)


def tgkill(process: int, thread: int, number: int) -> None:
    """Send signal ``number`` to one thread."""
    syscall("tgkill", {"x86_64": 234, "aarch64": 131}[os.uname().machine], process, thread, number)


def fstat(descriptor: int) -> bytes:
    """Return ``struct stat`` of an open file (O_PATH will do), as the kernel lays it out."""
    number = {"x86_64": 262, "aarch64": 79}[os.uname().machine]
    buffer = ctypes.create_string_buffer(144)
    empty = ctypes.create_string_buffer(b"")
    syscall("newfstatat", number, descriptor, ctypes.addressof(empty), ctypes.addressof(buffer), AT_EMPTY_PATH)
    return buffer.raw[: 144 if os.uname().machine == "x86_64" else 128]


def statx(descriptor: int, mask: int) -> bytes:
    """Return ``struct statx`` of an open file (O_PATH will do)."""
    number = {"x86_64": 332, "aarch64": 291}[os.uname().machine]
    buffer = ctypes.create_string_buffer(256)
    empty = ctypes.create_string_buffer(b"")
    syscall("statx", number, descriptor, ctypes.addressof(empty), AT_EMPTY_PATH, mask, ctypes.addressof(buffer))
    return buffer.raw


def statfs(path: bytes) -> bytes:
    """Return ``struct statfs`` of the file system that ``path`` lies on, as the C library lays it out."""
    buffer = ctypes.create_string_buffer(256)
    _check(_libc.statfs(path, buffer), f"statfs({os.fsdecode(path)})")
    return buffer.raw[:120]


def try_syscall(number: int, *arguments: int) -> None:
    """Make a system call whose failure changes nothing that was promised."""
    _libc.syscall(ctypes.c_long(number), *map(ctypes.c_ulong, arguments))


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityData(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def capset(keep: int) -> None:
    """Reduce this process's capabilities to the bits of ``keep`` (and make none inheritable)."""
    header = _CapabilityHeader(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3
    data = (_CapabilityData * 2)()
    for index, word in enumerate((keep & 0xFFFFFFFF, keep >> 32)):
        data[index] = _CapabilityData(word, word, 0)
    _check(_libc.capset(ctypes.byref(header), ctypes.byref(data)), f"capset({keep:#x})")


def sethostname(name: str) -> None:
    """Set the host name of this UTS namespace."""
    encoded = name.encode()
    _check(_libc.sethostname(encoded, ctypes.c_size_t(len(encoded))), f"sethostname({name})")


def knows_locale(name: str) -> bool:
    """Whether the C library has a locale called ``name``, without switching to it (``newlocale(3)``)."""
    _libc.newlocale.restype = ctypes.c_void_p
    made = _libc.newlocale(ctypes.c_int(1 << 0), name.encode(), None)  # LC_CTYPE_MASK
    if made:
        _libc.freelocale(ctypes.c_void_p(made))
    return bool(made)
