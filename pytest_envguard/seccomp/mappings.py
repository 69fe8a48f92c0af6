"""The filter that refuses mappings: executable ones, and those that are too large. Pure.

All that it looks at are numbers, so the kernel answers at once; nobody has to be asked, and nothing is listed. It holds for
programs of 32 bits as well, whose calls have other numbers.
"""

from __future__ import annotations

import errno
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Rule = tuple[int, int, int, int]

# Ways in which an executable mapping can be refused; the words of the dimension `executable_mappings` among them.
FILTER = "mdwe-filter"  # systemd/systemd src/shared/seccomp-util.c, seccomp_memory_deny_write_execute
EXECMEM = "no-execmem"  # torvalds/linux security/selinux/hooks.c, file_map_prot_check
WRITE = "write"  # what PR_SET_MDWE refuses at once, for a kernel before Linux 6.3
GAIN = "gain"  # any mprotect that asks for execution: what a filter can know of the rest

# AUDIT_ARCH_… (include/uapi/linux/audit.h), and the numbers of each: mmap, mprotect, pkey_mprotect, shmat, mremap. The old
# mmap of i386 (90) has its arguments in memory, ipc(2) as well; x32 has x86-64's numbers with one bit more.
_X86_64, _I386, _AARCH64, _ARM = 0xC000003E, 0x40000003, 0xC00000B7, 0x40000028
_NUMBERS = {
    _X86_64: (9, 10, 329, 30, 25),
    _I386: (192, 125, 380, 397, 163),
    _AARCH64: (222, 226, 288, 196, 216),
    _ARM: (192, 125, 394, 305, 163),
}
_OLD_MMAP = 90
_X32 = 0x40000000
_MACHINES = {"x86_64": (_X86_64, _I386), "aarch64": (_AARCH64, _ARM)}

_LOAD, _EQUAL, _ABOVE, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x54, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_PROT_WRITE, _PROT_EXEC = 2, 4
_MAP_TYPE, _MAP_PRIVATE, _MAP_ANONYMOUS = 0xF, 2, 0x20
_SHM_EXEC = 0o100000


def program(machine: str, ways: Iterable[str], limit: int | None) -> bytes:
    """Return the filter as ``struct sock_filter[]``.

    Args:
        machine: "x86_64" or "aarch64", as ``os.uname().machine`` says.
        ways: Of `FILTER`, `EXECMEM`, `WRITE` and `GAIN`.
        limit: Bytes of the largest mapping, or None.

    Raises:
        KeyError: Another architecture.
    """
    wanted = frozenset(ways)
    rules: list[Rule] = [(_LOAD, 0, 0, _ARCHITECTURE)]
    for architecture in _MACHINES[machine]:
        block = _block(architecture, wanted, limit)
        rules += [(_EQUAL, 0, len(block), architecture), *block]
    rules.append(_allow())
    return b"".join(struct.pack("=HBBI", *rule) for rule in rules)


def _block(architecture: int, ways: frozenset[str], limit: int | None) -> list[Rule]:
    mmap, mprotect, pkey_mprotect, shmat, mremap = _NUMBERS[architecture]
    answers = {
        mmap: _mapped(ways, limit),
        mprotect: _protected(ways),
        shmat: _attached(ways),
        mremap: _larger(2, limit),
    }
    answers[pkey_mprotect] = answers[mprotect]
    rules: list[Rule] = [(_LOAD, 0, 0, _NUMBER)]
    if architecture == _X86_64:
        rules.append((_AND, 0, 0, ~_X32 & 0xFFFFFFFF))
    if architecture == _I386:
        rules += [(_EQUAL, 0, 1, _OLD_MMAP), _refused(errno.EPERM)]
    for number, answer in answers.items():
        if answer:
            rules += [(_EQUAL, 0, len(answer) + 1, number), *answer, _allow()]
    return [*rules, _allow()]


def _mapped(ways: frozenset[str], limit: int | None) -> list[Rule]:
    """``mmap(address, length, protection, flags, …)``."""
    rules: list[Rule] = []
    for way, number in ((FILTER, errno.EPERM), (WRITE, errno.EACCES)):
        if way in ways:
            both = _PROT_WRITE | _PROT_EXEC
            rules += [_low(2), (_AND, 0, 0, both), (_EQUAL, 0, 1, both), _refused(number)]
    if EXECMEM in ways:
        rules += [
            _low(2),
            (_ANY_BIT, 0, 7, _PROT_EXEC),
            _low(3),
            (_ANY_BIT, 4, 0, _MAP_ANONYMOUS),
            (_AND, 0, 0, _MAP_TYPE),
            (_EQUAL, 0, 3, _MAP_PRIVATE),
            _low(2),
            (_ANY_BIT, 0, 1, _PROT_WRITE),
            _refused(errno.EACCES),
        ]
    return rules + _larger(1, limit)


def _protected(ways: frozenset[str]) -> list[Rule]:
    """``mprotect(address, length, protection)``."""
    number = errno.EPERM if FILTER in ways else errno.EACCES
    return [_low(2), (_ANY_BIT, 0, 1, _PROT_EXEC), _refused(number)] if ways & {FILTER, GAIN} else []


def _attached(ways: frozenset[str]) -> list[Rule]:
    """``shmat(id, address, flags)``."""
    number = errno.EPERM if FILTER in ways else errno.EACCES
    return [_low(2), (_ANY_BIT, 0, 1, _SHM_EXEC), _refused(number)] if ways & {FILTER, EXECMEM, WRITE} else []


def _larger(place: int, limit: int | None) -> list[Rule]:
    """ENOMEM where an argument, of 64 bits, is above the limit."""
    if limit is None:
        return []
    high, low = limit >> 32, limit & 0xFFFFFFFF
    return [
        _high(place),
        (_ABOVE, 3, 0, high),
        (_EQUAL, 0, 3, high),
        _low(place),
        (_ABOVE, 0, 1, low),
        _refused(errno.ENOMEM),
    ]


def _low(place: int) -> Rule:
    """Load the lower half of an argument (all these architectures are little-endian)."""
    return _LOAD, 0, 0, _ARGUMENTS + 8 * place


def _high(place: int) -> Rule:
    return _LOAD, 0, 0, _ARGUMENTS + 8 * place + 4


def _refused(number: int) -> Rule:
    return _RETURN, 0, 0, _REFUSE | number


def _allow() -> Rule:
    return _RETURN, 0, 0, _ALLOW
