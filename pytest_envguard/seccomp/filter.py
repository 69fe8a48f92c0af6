"""The filter: which system calls wait for the supervisor, as a program of the kernel's (classic BPF). Pure.

What can't be told from a call's numbers (a path, an address behind a pointer) is the supervisor's to judge; what can
(flags of `open`, the protection of `mmap`) is decided here, so that opening to read, `stat` and `read` cost nothing.
"""

from __future__ import annotations

import errno
import struct

from pytest_envguard.seccomp.numbers import ARCHITECTURES, LINKS_OF_32_BITS, numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Rule = tuple[int, int, int, int]

LARGE = 1 << 16  # bytes from which on a write is looked at, where the size of /tmp is guarded

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _NOTIFY, _REFUSE, _KILL = 0x7FFF0000, 0x7FC00000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_X32 = 0x40000000

# O_WRONLY, O_RDWR, O_CREAT, O_TRUNC and the bit of O_TMPFILE: the same on both architectures.
OPEN_TO_CHANGE = 0o1 | 0o2 | 0o100 | 0o1000 | 0o20000000
_PROT_EXEC, _MAP_ANONYMOUS = 4, 0x20
_W_OK, _X_OK = 2, 1
# FS_IOC_SETFLAGS, FS_IOC32_SETFLAGS, FS_IOC_FSSETXATTR, FS_IOC_SETVERSION: they change a file that is open to read only.
CHANGING_IOCTLS = (0x40086602, 0x40046602, 0x401C5820, 0x40087602)

HAND_OVER = 0x45475244  # no driver's ioctl: see `handover`

# Groups of calls that a plan can ask for, by what they can do.
CHANGE = "change"
EXECUTE = "execute"
CONNECT = "connect"
SEND = "send"
ASK = "ask"  # access and statfs, which tell what a file system would allow
FILL = "fill"
IDENTITY = "identity"
NAME = "name"
LEAVE = "leave"  # to where other mounts are seen
LINKS = "links"  # symbolic ones, where making them is refused: whoever asks is never let pass
SEAL = "seal"  # no second way: io_uring makes calls that no filter sees

# In another root, the same paths are other files. To everybody but a container's root it's EPERM anyway.
_OTHER_WAYS = "chroot pivot_root mount umount2 move_mount fsmount mount_setattr setns open_by_handle_at"
_AF_PACKET = 17  # packets past all addresses that could be judged

_ALWAYS = {
    CHANGE: (
        "openat2 creat mkdir mkdirat mknod mknodat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink "
        "symlinkat chmod fchmod fchmodat fchmodat2 chown lchown fchown fchownat utime utimes futimesat utimensat truncate "
        "setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat file_setattr bind"
    ),
    EXECUTE: "execve execveat",
    CONNECT: "connect bind",
    SEND: "sendmsg sendmmsg",
    ASK: "statfs fstatfs",
    FILL: "fallocate",
    IDENTITY: (
        "getuid geteuid getgid getegid getresuid getresgid getgroups setuid setgid setreuid setregid setresuid setresgid "
        "setgroups stat lstat fstat newfstatat statx"
    ),
    NAME: "uname",
    LEAVE: "setns unshare",
    LINKS: "symlink symlinkat",
}


def _conditional(groups: frozenset[str]) -> dict[str, list[Rule]]:
    """Return, for calls that wait under a condition only, the rules that end in an answer."""
    found: dict[str, list[Rule]] = {}
    if CHANGE in groups:
        found["open"] = _if_bits(1, OPEN_TO_CHANGE)
        found["openat"] = _if_bits(2, OPEN_TO_CHANGE)
    if groups & {CHANGE, LINKS}:
        watched = (*(CHANGING_IOCTLS if CHANGE in groups else ()), HAND_OVER)
        found["ioctl"] = [_low(1), *(rule for number in watched for rule in _notify_if_equal(number)), _allow()]
    if EXECUTE in groups:
        executable = _if_bits(2, _PROT_EXEC)
        found["mmap"] = [_low(3), (_ANY_BIT, 0, 1, _MAP_ANONYMOUS), _allow(), *executable]
        found["mprotect"] = found["pkey_mprotect"] = executable
    if ASK in groups:
        for name, place in (("access", 1), ("faccessat", 2), ("faccessat2", 2)):
            found[name] = _if_bits(place, _W_OK | _X_OK)
    if SEND in groups:
        found["sendto"] = [_low(4), (_EQUAL, 1, 0, 0), _notify(), _high(4), (_EQUAL, 1, 0, 0), _notify(), _allow()]
    if FILL in groups:
        found["write"] = found["pwrite64"] = [_low(2), (_AT_LEAST, 0, 1, LARGE), _notify(), _allow()]
    return found


def program(machine: str, groups: Iterable[str], *, strict: bool) -> bytes:
    """Return the filter that lets the calls of ``groups`` wait, as ``struct sock_filter[]``.

    Args:
        machine: "x86_64" or "aarch64".
        groups: Of `CHANGE` and its like.
        strict: Whether programs for another architecture (32 bits) are killed, because nobody would judge their calls.
    """
    wanted = frozenset(groups)
    known = numbers(machine)
    end = (_RETURN, 0, 0, _KILL if strict else _ALLOW)
    answered = LINKS in wanted and not strict
    foreign = [*(_foreign_links(machine) if answered else ()), end]
    rules: list[Rule] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, len(foreign), 0, ARCHITECTURES[machine]),
        *foreign,
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        numbers_of_links = [_X32 | known[name] for name in _LINKING]
        foreign = [*(_no_links(numbers_of_links) if answered else ()), end]
        rules += [(_AT_LEAST, 0, len(foreign), _X32), *foreign]
    for name, answer in _conditional(wanted).items():
        if name in known:
            rules += [(_EQUAL, 0, len(answer), known[name]), *answer]
    always = dict.fromkeys(name for group in sorted(wanted) for name in _ALWAYS.get(group, "").split())
    for name in always:
        if name in known:
            rules += [(_EQUAL, 0, 1, known[name]), _notify()]
    if wanted & {SEAL, LINKS}:
        rules += [(_EQUAL, 0, 1, known["io_uring_setup"]), (_RETURN, 0, 0, _REFUSE | errno.ENOSYS)]
    if SEAL in wanted:
        for name in _OTHER_WAYS.split():
            rules += [(_EQUAL, 0, 1, known[name]), (_RETURN, 0, 0, _REFUSE | errno.EPERM)]
    if SEND in wanted and strict:
        packets = [_low(0), (_EQUAL, 0, 1, _AF_PACKET), (_RETURN, 0, 0, _REFUSE | errno.EPERM), _allow()]
        rules += [(_EQUAL, 0, len(packets), known["socket"]), *packets]
    rules.append(_allow())
    return b"".join(struct.pack("=HBBI", *rule) for rule in rules)


_LINKING = ("symlink", "symlinkat", "io_uring_setup")


def _foreign_links(machine: str) -> list[Rule]:
    """Refuse links to programs of 32 bits at once: nobody knows what their calls' arguments mean."""
    architecture, numbers_of_links = LINKS_OF_32_BITS[machine]
    answers = [(_LOAD, 0, 0, _NUMBER), *_no_links(numbers_of_links), _allow()]
    return [(_EQUAL, 0, len(answers), architecture), *answers]


def _no_links(numbers_of_links: Iterable[int]) -> list[Rule]:
    """Answer symlink and symlinkat with EPERM, io_uring_setup with ENOSYS."""
    rules: list[Rule] = []
    for number, answer in zip(numbers_of_links, (errno.EPERM, errno.EPERM, errno.ENOSYS), strict=True):
        rules += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE | answer)]
    return rules


def _if_bits(place: int, bits: int) -> list[Rule]:
    return [_low(place), (_ANY_BIT, 0, 1, bits), _notify(), _allow()]


def _notify_if_equal(value: int) -> tuple[Rule, Rule]:
    return (_EQUAL, 0, 1, value), _notify()


def _low(place: int) -> Rule:
    """Load the lower half of an argument (both architectures are little-endian)."""
    return _LOAD, 0, 0, _ARGUMENTS + 8 * place


def _high(place: int) -> Rule:
    return _LOAD, 0, 0, _ARGUMENTS + 8 * place + 4


def _notify() -> Rule:
    return _RETURN, 0, 0, _NOTIFY


def _allow() -> Rule:
    return _RETURN, 0, 0, _ALLOW
