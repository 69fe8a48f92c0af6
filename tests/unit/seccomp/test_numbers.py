"""The numbers of system calls are the kernel's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_envguard.seccomp.numbers import ARCHITECTURES, numbers

HEADERS = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    "aarch64": ("/usr/include/asm-generic/unistd.h",),
}


def _defined(machine: str) -> dict[str, int]:
    for header in HEADERS[machine]:
        if Path(header).exists():
            found = re.findall(r"(?m)^#define __NR(?:3264)?_(\w+)\s+(\d+)$", Path(header).read_text())
            return {name: int(number) for name, number in found}
    pytest.skip(f"there is none of {', '.join(HEADERS[machine])}")


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_numbers_are_those_of_the_headers(machine: str) -> None:
    """Every number that the headers know is the table's; they may be older than the table."""
    known = _defined(machine)
    # asm-generic has one name for both widths; and newfstatat goes by the name of its x86 ancestor there.
    names = {"newfstatat": "fstatat"} if machine == "aarch64" else {}
    found = {name: known.get(names.get(name, name)) for name in numbers(machine)}
    wrong = {name: number for name, number in found.items() if number not in (None, numbers(machine)[name])}
    assert wrong == {}
    assert sum(number is not None for number in found.values()) > len(found) - 12


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_no_number_stands_twice(machine: str) -> None:
    """Two names of one number would hide one of them from the supervisor."""
    assert len(set(numbers(machine).values())) == len(numbers(machine))


def test_another_architecture_has_none() -> None:
    """It is named, so that the reason can be said."""
    with pytest.raises(KeyError, match="riscv64"):
        numbers("riscv64")
