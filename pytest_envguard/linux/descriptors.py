"""What a command inherits besides its environment: open files, the session keyring, a terminal.

Each would lead around the mounts: a folder that was opened outside keeps its writable mount, a file on standard input
can be opened again for writing through ``/proc/self/fd/0``, and a terminal can be typed into.
"""

from __future__ import annotations

import ctypes
import os
import struct

from pytest_envguard.linux import syscalls as call

_KIND = 0o170000
_FOLDER, _FILE, _DISK = 0o040000, 0o100000, 0o060000
_KEYCTL = {"x86_64": 250, "aarch64": 219}
_JOIN_SESSION_KEYRING = 1
_IOCTL = {"x86_64": (0xC000003E, 16), "aarch64": (0xC00000B7, 29)}  # AUDIT_ARCH_… and the number of ioctl
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2


def close_files() -> None:
    """Let no folder, file or disk above standard error survive the exec.

    Pipes and sockets (execnet's, make's) do, and files in memory, which lie in no file system.
    """
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and _kind(int(name)) in (_FOLDER, _FILE, _DISK) and not _in_memory(int(name)):
            os.set_inheritable(int(name), False)


def _in_memory(descriptor: int) -> bool:
    return os.readlink(f"/proc/self/fd/{descriptor}").startswith("/memfd:")


def copy_input() -> None:
    """Replace a file on standard input by a copy in memory, which can be opened again and harms nobody."""
    if _kind(0) not in (_FOLDER, _FILE):
        return
    copy = os.memfd_create("stdin")
    while _kind(0) == _FILE and os.sendfile(copy, 0, None, 1 << 30):
        pass
    os.lseek(copy, 0, os.SEEK_SET)
    os.dup2(copy, 0)
    os.close(copy)


def _kind(descriptor: int) -> int:
    try:
        return os.fstat(descriptor).st_mode & _KIND
    except OSError:
        return 0


def leave_keyring() -> None:
    """Begin a session keyring of its own: the caller's (Kerberos tickets, keys of file systems) survives even setuid."""
    number = _KEYCTL.get(os.uname().machine)
    if number is not None:
        call.try_syscall(number, _JOIN_SESSION_KEYRING, 0)


def forbid_typing() -> None:
    """Where a terminal is inherited, refuse TIOCSTI, which would type commands for the caller's shell to run.

    A session of its own (setsid) would have the same effect and take Ctrl-C and Ctrl-Z away. Needs no_new_privs.
    """
    if not any(os.isatty(descriptor) for descriptor in (0, 1, 2)) or os.uname().machine not in _IOCTL:
        return
    architecture, ioctl = _IOCTL[os.uname().machine]
    load, equal, answer = 0x20, 0x15, 0x06
    rules = (
        (load, 0, 0, 4),  # the architecture
        (equal, 0, 6, architecture),
        (load, 0, 0, 0),  # the number of the system call
        (equal, 0, 4, ioctl),
        (load, 0, 0, 24),  # its second argument, lower half
        (equal, 1, 0, _TIOCSTI),
        (equal, 0, 1, _TIOCLINUX),
        (answer, 0, 0, 0x00050001),  # EPERM
        (answer, 0, 0, 0x7FFF0000),  # allowed
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *rule) for rule in rules))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(rules), ctypes.addressof(code)))
    call.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))
