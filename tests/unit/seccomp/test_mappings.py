"""Which mappings are refused, by running the filter as the kernel would."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest

from pytest_envguard.seccomp import mappings
from pytest_envguard.seccomp.mappings import EXECMEM, FILTER, GAIN, WRITE

PASSES, REFUSED = 0x7FFF0000, 0x00050000
EPERM, EACCES, ENOMEM = (REFUSED | number for number in (errno.EPERM, errno.EACCES, errno.ENOMEM))
X32 = 0x40000000
R, W, X = 1, 2, 4
SHARED, PRIVATE, ANONYMOUS = 1, 2, 0x20
MIB = 1 << 20
# Of each program's architecture: the machine, AUDIT_ARCH_…, the headers' names for it.
PROGRAMS = {
    "x86-64": ("x86_64", 0xC000003E, ("asm/unistd_64.h",), 0),
    "x32": ("x86_64", 0xC000003E, ("asm/unistd_x32.h",), X32),
    "i386": ("x86_64", 0x40000003, ("asm/unistd_32.h",), 0),
    "aarch64": ("aarch64", 0xC00000B7, ("asm-generic/unistd.h",), 0),
    "arm": ("aarch64", 0x40000028, (), 0),
}
CALLS = ("mmap", "mprotect", "pkey_mprotect", "shmat", "mremap")


def run(program: bytes, architecture: int, number: int, arguments: tuple[int, ...]) -> int:
    """Return what classic BPF comes to on ``struct seccomp_data``."""
    words = [word & (2**64 - 1) for word in arguments] + [0] * (6 - len(arguments))
    data = struct.pack("=IIQ6Q", number, architecture, 0, *words)
    rules = list(struct.iter_unpack("=HBBI", program))
    at, loaded = 0, 0
    while True:
        code, true, false, value = rules[at]
        at += 1
        if code == 0x06:
            return int(value)
        if code == 0x20:
            (loaded,) = struct.unpack_from("=I", data, value)
        elif code == 0x54:
            loaded &= value
        else:
            held = {0x15: loaded == value, 0x25: loaded > value, 0x45: bool(loaded & value)}[code]
            at += true if held else false


class Filter:
    """A filter, asked by one kind of program."""

    def __init__(self, kind: str, *ways: str, limit: int | None = None) -> None:
        machine, self.architecture, _, self._bit = PROGRAMS[kind]
        self._numbers = dict(zip(CALLS, mappings._NUMBERS[self.architecture], strict=True))
        self.program = mappings.program(machine, ways, limit)

    def __call__(self, name: str, *arguments: int) -> int:
        """Return what becomes of a call."""
        return run(self.program, self.architecture, self._numbers[name] | self._bit, arguments)

    def mmap(self, protection: int, flags: int, length: int = 4096) -> int:
        """Return what becomes of a mapping."""
        return self("mmap", 0, length, protection, flags, -1, 0)


kinds = pytest.mark.parametrize("kind", PROGRAMS)


# What each way answers: memory or a private file that is written and executed, memory to execute, a shared file that is
# written and executed, mprotect to execute, shared memory of System V to execute.
ANSWERS = {
    FILTER: (EPERM, PASSES, EPERM, EPERM, EPERM),
    WRITE: (EACCES, PASSES, EACCES, PASSES, EACCES),
    EXECMEM: (EACCES, EACCES, PASSES, PASSES, EACCES),
    GAIN: (PASSES, PASSES, PASSES, EACCES, PASSES),
}


@kinds
@pytest.mark.parametrize("way", ANSWERS)
def test_each_way_refuses_what_it_stands_for(kind: str, way: str) -> None:
    """Of any program on the machine; data, and files to execute, pass under each."""
    asked = Filter(kind, way)
    written, anonymous, shared_file, gained, attached = ANSWERS[way]
    assert [asked.mmap(R | W | X, PRIVATE | ANONYMOUS), asked.mmap(R | W | X, PRIVATE)] == [written, written]
    assert [asked.mmap(R | X, flags | ANONYMOUS) for flags in (PRIVATE, SHARED)] == [anonymous, anonymous]
    assert asked.mmap(R | W | X, SHARED) == shared_file
    assert [asked(name, 0, 4096, R | X) for name in ("mprotect", "pkey_mprotect")] == [gained, gained]
    assert asked("shmat", 1, 0, 0o100000) == attached
    passing = [asked.mmap(R | X, PRIVATE), asked.mmap(R | X, SHARED), asked.mmap(R | W, PRIVATE | ANONYMOUS)]
    passing += [asked.mmap(0, PRIVATE | ANONYMOUS, 1 << 40), asked("mremap", 0, 4096, 1 << 40)]
    passing += [asked("mprotect", 0, 4096, R | W), asked("pkey_mprotect", 0, 4096, 0), asked("shmat", 1, 0, 0)]
    assert set(passing) == {PASSES}


@kinds
def test_the_filter_s_answer_comes_before_the_others(kind: str) -> None:
    """Where both stand in a profile the kernel, too, asks the filter first."""
    asked = Filter(kind, FILTER, EXECMEM, WRITE, GAIN)
    assert [asked.mmap(R | W | X, PRIVATE | ANONYMOUS), asked("mprotect", 0, 1, X), asked("shmat", 1, 0, 0o100000)] == [
        EPERM
    ] * 3
    assert asked.mmap(R | X, PRIVATE | ANONYMOUS) == EACCES


@kinds
@pytest.mark.parametrize("limit", [4096, MIB, (1 << 32) - 1, 1 << 32, (3 << 32) + 5])
def test_what_is_larger_than_the_limit_is_refused(kind: str, limit: int) -> None:
    """All 64 bits of a length count, and of a mapping that grows the new one."""
    asked = Filter(kind, limit=limit)
    for length, answer in (
        (1, PASSES),
        (limit, PASSES),
        (limit + 1, ENOMEM),
        (limit + (1 << 32), ENOMEM),
        ((1 << 63) + 1, ENOMEM),
        (2**64 - 1, ENOMEM),
    ):
        assert asked.mmap(R, PRIVATE, length) == answer
        assert asked("mremap", 0, 2**63, length) == answer
    assert asked("mprotect", 0, 2**40, R | X) == PASSES


@kinds
def test_the_limit_holds_beside_the_ways(kind: str) -> None:
    """What isn't refused for its use is for its size."""
    asked = Filter(kind, FILTER, EXECMEM, limit=MIB)
    for protection, flags in (
        (R, PRIVATE),
        (R | X, PRIVATE),
        (R | X, SHARED),
        (R | W, PRIVATE | ANONYMOUS),
        (R | W, SHARED),
    ):
        assert [asked.mmap(protection, flags, length) for length in (MIB, MIB + 1)] == [PASSES, ENOMEM]


def test_the_old_call_of_i386_is_refused() -> None:
    """Its arguments lie in memory, where no filter can look."""
    _, architecture, _, _ = PROGRAMS["i386"]
    assert run(mappings.program("x86_64", [FILTER], None), architecture, 90, ()) == EPERM


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_all_else_passes(machine: str) -> None:
    """Other calls, and programs of architectures that this machine can't run."""
    program = mappings.program(machine, [FILTER, EXECMEM, WRITE, GAIN], MIB)
    for _, architecture, _, bit in PROGRAMS.values():
        assert {run(program, architecture, number | bit, (2**64 - 1,) * 6) for number in (0, 3, 500)} == {PASSES}
    assert run(program, 0x12345678, 9, (0, 2**40, 7, 0x22)) == PASSES


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_jump_lands_in_the_program(machine: str) -> None:
    """The kernel would not take the filter otherwise."""
    rules = list(struct.iter_unpack("=HBBI", mappings.program(machine, [FILTER, EXECMEM, WRITE, GAIN], MIB)))
    jumps = [
        (at, max(true, false)) for at, (code, true, false, _) in enumerate(rules) if code not in (0x06, 0x20, 0x54)
    ]
    assert [at for at, furthest in jumps if at + 1 + furthest >= len(rules)] == []
    assert rules[-1][0] == 0x06


@pytest.mark.parametrize("kind", [kind for kind, (_, _, headers, _) in PROGRAMS.items() if headers])
def test_numbers_are_those_of_the_headers(kind: str) -> None:
    """As far as they are installed here."""
    _, architecture, headers, _ = PROGRAMS[kind]
    folders = (Path("/usr/include/x86_64-linux-gnu"), Path("/usr/include"))
    found = next((path for folder in folders for header in headers if (path := folder / header).exists()), None)
    if found is None:
        pytest.skip(f"there is no {headers[0]}")
    defined = dict(
        re.findall(r"(?m)^#define __NR(?:3264)?_(\w+)\s+(?:\(__X32_SYSCALL_BIT \+ )?(\d+)\)?$", found.read_text())
    )
    names = ["mmap2" if kind == "i386" and name == "mmap" else name for name in CALLS]
    assert [int(defined[name]) for name in names if name in defined] == [
        number for name, number in zip(names, mappings._NUMBERS[architecture], strict=True) if name in defined
    ]


def test_another_architecture_has_none() -> None:
    """It is named, so that the reason can be said."""
    with pytest.raises(KeyError, match="riscv64"):
        mappings.program("riscv64", [FILTER], None)
