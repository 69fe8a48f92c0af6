"""Run a command where namespaces are forbidden: ``python forbid.py docker|container|quota|sealed COMMAND…``.

``docker``: a seccomp filter that answers as Docker's default one does (unshare, mount and setns EPERM, clone with a
namespace flag EPERM, clone3 ENOSYS so that glibc falls back), and no capabilities (`--cap-drop ALL`). ``container``: the
same filter, and the capabilities that Docker leaves to root. ``sealed``: as
``docker``, and no further filter can be installed. ``quota``: a user namespace in which
user.max_user_namespaces is 0. No container engine is needed for either.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

_NUMBERS = {
    "x86_64": {
        "clone": 56,
        "mount": 165,
        "unshare": 272,
        "setns": 308,
        "clone3": 435,
        "open_tree": 428,
        "fsopen": 430,
        "mount_setattr": 442,
    },
    "aarch64": {
        "clone": 220,
        "mount": 40,
        "unshare": 97,
        "setns": 268,
        "clone3": 435,
        "open_tree": 428,
        "fsopen": 430,
        "mount_setattr": 442,
    },
}
_LOAD, _JUMP_EQUAL, _JUMP_SET, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NAMESPACE_FLAGS = 0x7E020000  # CLONE_NEWNS, …CGROUP, …UTS, …IPC, …USER, …PID, …NET
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2


def _filter() -> bytes:
    numbers = _NUMBERS[platform.machine()]
    rules = [(_LOAD, 0, 0, 0)]  # the system call's number
    for name, number in numbers.items():
        if name == "clone":
            rules += [
                (_JUMP_EQUAL, 0, 3, number),
                (_LOAD, 0, 0, 16),  # its first argument, lower half: the flags
                (_JUMP_SET, 0, 1, _NAMESPACE_FLAGS),
                (_RETURN, 0, 0, _ERRNO | errno.EPERM),
                (_LOAD, 0, 0, 0),
            ]
        else:
            answer = errno.ENOSYS if name == "clone3" else errno.EPERM
            rules += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | answer)]
    rules.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *rule) for rule in rules)


def _seal() -> bytes:
    """Answer EPERM to the calls that would install a further filter, as Lambda and some services do."""
    seccomp, prctl = {"x86_64": (317, 157), "aarch64": (277, 167)}[platform.machine()]
    rules = [
        (_LOAD, 0, 0, 0),
        (_JUMP_EQUAL, 0, 1, seccomp),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_JUMP_EQUAL, 0, 3, prctl),
        (_LOAD, 0, 0, 16),
        (_JUMP_EQUAL, 0, 1, _PR_SET_SECCOMP),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *rule) for rule in rules)


def _install(code: bytes) -> None:
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value, argument in ((_PR_SET_NO_NEW_PRIVS, 1, None), (_PR_SET_SECCOMP, _FILTER, program)):
        if libc.prctl(option, ctypes.c_ulong(value), argument, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")


def _spend_quota() -> None:
    uid, gid = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x10000000):
        raise OSError(ctypes.get_errno(), "unshare")
    for path, text in (
        ("/proc/self/setgroups", "deny"),
        ("/proc/self/uid_map", f"{uid} {uid} 1"),
        ("/proc/self/gid_map", f"{gid} {gid} 1"),
        ("/proc/sys/user/max_user_namespaces", "0"),
    ):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)


def _permitted() -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1], 16) for line in file if line.startswith("CapPrm:"))


def _drop_capabilities(kept: int = 0) -> None:
    """As `--cap-drop ALL`: an exec of uid 0 must not win anything back either."""
    kept &= _permitted()
    libc = ctypes.CDLL(None, use_errno=True)
    for bit in range(64):
        if not kept >> bit & 1:
            libc.prctl(24, ctypes.c_ulong(bit), 0, 0, 0)
    header = struct.pack("=Ii", 0x20080522, 0)
    low, high = kept & 0xFFFFFFFF, kept >> 32
    if libc.capset(header, struct.pack("=6I", low, low, 0, high, high, 0)):
        raise OSError(ctypes.get_errno(), "capset")


# moby's defaults: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW,
# SYS_CHROOT, MKNOD, AUDIT_WRITE, SETFCAP
_LEFT_TO_ROOT = sum(1 << bit for bit in (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31))


if __name__ == "__main__":
    if sys.argv[1] in ("docker", "container"):
        _drop_capabilities(_LEFT_TO_ROOT if sys.argv[1] == "container" else 0)
        _install(_filter())
    elif sys.argv[1] == "sealed":
        _drop_capabilities()
        _install(_filter())
        _install(_seal())
    else:
        _spend_quota()
        _drop_capabilities()
    os.execvp(sys.argv[2], sys.argv[2:])
