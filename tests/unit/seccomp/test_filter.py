"""Which system calls wait, by running the filter as the kernel would."""

from __future__ import annotations

import errno
import os
import struct

import pytest

from pytest_envguard.seccomp import filter as traps
from pytest_envguard.seccomp.numbers import ARCHITECTURES, numbers

MACHINES = tuple(ARCHITECTURES)
ALL = (
    traps.CHANGE,
    traps.EXECUTE,
    traps.CONNECT,
    traps.SEND,
    traps.ASK,
    traps.FILL,
    traps.IDENTITY,
    traps.NAME,
    traps.SEAL,
)
PASSES, WAITS, KILLED = 0x7FFF0000, 0x7FC00000, 0x80000000
REFUSED = 0x00050000
LARGE_POINTER = 0x7F00_0000_0000  # its lower half is zero
# Calls that wait under a condition only; all others of the table wait always, or are refused.
CONDITIONAL = "open openat ioctl mmap mprotect pkey_mprotect access faccessat faccessat2 sendto write pwrite64 socket"
REFUSED_CALLS = (
    "io_uring_setup chroot pivot_root mount umount2 setns open_by_handle_at move_mount fsmount mount_setattr"
)


def run(program: bytes, architecture: int, number: int, arguments: tuple[int, ...] = ()) -> int:
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
            continue
        held = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}[code]
        at += true if held else false


class Filter:
    """A filter for one architecture."""

    def __init__(self, machine: str, *groups: str, strict: bool = True) -> None:
        self.machine = machine
        self.program = traps.program(machine, groups or ALL, strict=strict)

    def __call__(self, name: str, *arguments: int) -> int:
        """Return what becomes of a call."""
        return run(self.program, ARCHITECTURES[self.machine], numbers(self.machine)[name], arguments)


@pytest.fixture(params=MACHINES)
def full(request: pytest.FixtureRequest) -> Filter:
    """The filter with all groups."""
    return Filter(request.param)


def test_every_call_of_the_table_waits_or_is_refused(full: Filter) -> None:
    """No number of the table is forgotten by the groups."""
    always = set(numbers(full.machine)) - set(CONDITIONAL.split()) - set(REFUSED_CALLS.split()) - {"unshare"}
    assert [name for name in sorted(always) if full(name) != WAITS] == []


@pytest.mark.parametrize("machine", MACHINES)
def test_who_leaves_for_other_mounts_is_noticed(machine: str) -> None:
    """Where only a list is kept, a process may enter an environment of its own; its paths are looked up there."""
    listing = Filter(machine, traps.LEAVE, strict=False)
    assert (listing("setns"), listing("unshare"), listing("chroot")) == (WAITS, WAITS, PASSES)


def test_second_ways_are_refused_at_once(full: Filter) -> None:
    """io_uring does not exist, and another root can't be had."""
    answers = {name: full(name) for name in REFUSED_CALLS.split()}
    assert answers.pop("io_uring_setup") == REFUSED | errno.ENOSYS
    assert set(answers.values()) == {REFUSED | errno.EPERM}


@pytest.mark.parametrize(
    ("flags", "answer"),
    [
        (os.O_RDONLY, PASSES),
        (os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_DIRECTORY, PASSES),
        (os.O_WRONLY, WAITS),
        (os.O_RDWR, WAITS),
        (os.O_WRONLY | os.O_RDWR, WAITS),
        (os.O_RDONLY | os.O_CREAT, WAITS),
        (os.O_RDONLY | os.O_TRUNC, WAITS),
        (0o20000000, WAITS),  # O_TMPFILE without O_DIRECTORY
    ],
)
def test_opening_waits_if_it_could_change_something(full: Filter, flags: int, answer: int) -> None:
    """Opening to read passes; writing, making and truncating wait, by whatever call."""
    assert full("openat", -100, LARGE_POINTER, flags) == answer
    if "open" in numbers(full.machine):
        assert full("open", LARGE_POINTER, flags) == answer


@pytest.mark.parametrize("name", ["mprotect", "pkey_mprotect"])
@pytest.mark.parametrize(("protection", "answer"), [(3, PASSES), (4, WAITS), (7, WAITS)])
def test_protecting_waits_if_executable(full: Filter, name: str, protection: int, answer: int) -> None:
    """Only PROT_EXEC is looked at."""
    assert full(name, LARGE_POINTER, 4096, protection) == answer


@pytest.mark.parametrize(
    ("protection", "flags", "answer"), [(1, 2, PASSES), (5, 2, WAITS), (5, 0x22, PASSES), (7, 1, WAITS)]
)
def test_mapping_waits_if_it_is_an_executable_file(full: Filter, protection: int, flags: int, answer: int) -> None:
    """Anonymous memory may be executable; files are looked at."""
    assert full("mmap", 0, 4096, protection, flags, 3, 0) == answer


@pytest.mark.parametrize("pointer", [1, LARGE_POINTER, 2**32 + 1])
def test_sending_waits_if_there_is_an_address(full: Filter, pointer: int) -> None:
    """An address whose lower, or upper, half is zero is one, too."""
    assert full("sendto", 3, LARGE_POINTER, 1, 0, pointer, 16) == WAITS
    assert full("sendto", 3, LARGE_POINTER, 1, 0, 0, 0) == PASSES


@pytest.mark.parametrize(("size", "answer"), [(0, PASSES), (traps.LARGE - 1, PASSES), (traps.LARGE, WAITS)])
def test_writing_waits_if_it_is_much(full: Filter, size: int, answer: int) -> None:
    """Small writes cost nothing."""
    assert full("write", 3, LARGE_POINTER, size) == answer
    assert full("pwrite64", 3, LARGE_POINTER, size, 0) == answer


@pytest.mark.parametrize(("mode", "answer"), [(0, PASSES), (4, PASSES), (2, WAITS), (1, WAITS), (7, WAITS)])
def test_asking_waits_if_it_is_about_writing_or_executing(full: Filter, mode: int, answer: int) -> None:
    """access(F_OK) and access(R_OK) pass."""
    assert full("faccessat", -100, LARGE_POINTER, mode) == answer
    assert full("faccessat2", -100, LARGE_POINTER, mode, 0) == answer


def test_few_ioctls_wait(full: Filter) -> None:
    """Those that change a file which is open to read; a terminal's TCGETS passes."""
    assert [full("ioctl", 3, number, LARGE_POINTER) for number in traps.CHANGING_IOCTLS] == [WAITS] * 4
    assert full("ioctl", 3, 0x5401, LARGE_POINTER) == PASSES


@pytest.mark.parametrize(("family", "answer"), [(1, PASSES), (2, PASSES), (10, PASSES), (17, REFUSED | errno.EPERM)])
def test_packets_past_all_addresses_are_refused(full: Filter, family: int, answer: int) -> None:
    """AF_PACKET has no address that could be judged."""
    assert full("socket", family, 3, 0) == answer


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(("strict", "answer"), [(True, KILLED), (False, PASSES)])
def test_programs_of_another_architecture_are_killed_when_strict(machine: str, strict: bool, answer: int) -> None:
    """Nobody would judge the calls of a program of 32 bits, whose numbers are others."""
    program = traps.program(machine, ALL, strict=strict)
    for foreign in (0x40000003, 0x40000028, *(set(ARCHITECTURES.values()) - {ARCHITECTURES[machine]})):
        assert run(program, foreign, 5) == answer


@pytest.mark.parametrize(("strict", "answer"), [(True, KILLED), (False, PASSES)])
def test_x32_is_another_architecture(strict: bool, answer: int) -> None:
    """The bit 0x40000000 makes another call table out of x86-64's."""
    program = traps.program("x86_64", ALL, strict=strict)
    assert run(program, ARCHITECTURES["x86_64"], 0x40000000 | 2, (LARGE_POINTER, os.O_RDONLY)) == answer


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("group", ALL)
def test_what_no_group_names_passes(machine: str, group: str) -> None:
    """read, close, and all that is in no group cost nothing."""
    program = traps.program(machine, [group], strict=True)
    for number in (0, 3) if machine == "x86_64" else (63, 57):
        assert run(program, ARCHITECTURES[machine], number) == PASSES


@pytest.mark.parametrize("machine", MACHINES)
def test_every_jump_lands_in_the_program(machine: str) -> None:
    """The kernel would not take the filter otherwise; and it has at most 4096 rules."""
    rules = list(struct.iter_unpack("=HBBI", traps.program(machine, ALL, strict=True)))
    jumps = [(at, max(true, false)) for at, (code, true, false, _) in enumerate(rules) if code != 0x06]
    ends = [at for at, furthest in jumps if at + 1 + furthest >= len(rules)]
    assert (ends, len(rules) < 4096, rules[-1][0]) == ([], True, 0x06)


@pytest.mark.parametrize("machine", MACHINES)
def test_who_makes_links_waits_where_none_can_be_made(machine: str) -> None:
    """Nothing else does but whoever hands rules over; io_uring, which makes links too, does not exist."""
    linking = Filter(machine, traps.LINKS, traps.LEAVE, strict=False)
    waiting = {name for name in numbers(machine) if linking(name) == WAITS}
    assert waiting == {"symlink", "symlinkat", "setns", "unshare"} & set(numbers(machine))
    assert linking("io_uring_setup") == REFUSED | errno.ENOSYS
    assert [linking("ioctl", -1, number) for number in (traps.HAND_OVER, *traps.CHANGING_IOCTLS)] == [WAITS] + [
        PASSES
    ] * 4
    assert linking("link") == PASSES if machine == "x86_64" else linking("linkat") == PASSES


@pytest.mark.parametrize(
    ("machine", "architecture", "links"),
    [
        ("x86_64", 0x40000003, (83, 304)),
        ("x86_64", 0xC000003E, (1073741912, 1073742090)),
        ("aarch64", 0x40000028, (83, 331)),
    ],
    ids=["i386", "x32", "arm"],
)
def test_programs_of_32_bits_make_no_links_either(machine: str, architecture: int, links: tuple[int, int]) -> None:
    """They are refused at once, and all else that they do passes; where their calls are judged, they are killed."""
    bit = 0x40000000 if architecture == ARCHITECTURES[machine] else 0
    program = traps.program(machine, [traps.LINKS, traps.CHANGE], strict=False)
    assert [run(program, architecture, number) for number in links] == [REFUSED | errno.EPERM] * 2
    assert run(program, architecture, 425 | bit) == REFUSED | errno.ENOSYS
    assert {run(program, architecture, number | bit) for number in (0, 3, 9, 39)} == {PASSES}
    strict = traps.program(machine, [traps.LINKS, traps.CHANGE], strict=True)
    assert {run(strict, architecture, number) for number in links} == {KILLED}


@pytest.mark.parametrize("machine", MACHINES)
def test_a_list_of_refusals_lets_32_bits_pass(machine: str) -> None:
    """Where links can be made, nothing of other architectures is looked at."""
    program = traps.program(machine, [traps.CHANGE, traps.EXECUTE], strict=False)
    assert {run(program, foreign, 83) for foreign in (0x40000003, 0x40000028)} == {PASSES}
