"""What is measured when something has failed."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_envguard.evidence.facts import facts_of
from pytest_envguard.model.evidence import Fact, Raised

linux = pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
UNMAPPED = "failed to map segment from shared object"


@pytest.fixture
def forbidding() -> str:
    """A folder on a mount that nothing may be executed on."""
    with open("/proc/self/mounts", encoding="utf-8") as file:
        folders = [line.split()[1] for line in file]
    found = [folder for folder in folders if os.path.isdir(folder) and os.statvfs(folder).f_flag & os.ST_NOEXEC]
    return found[0] if found else pytest.skip("every mount of this machine lets programs be executed")


def raised(message: str, error: str = "", path: str = "", kind: str = "ImportError") -> list[Raised]:
    return [Raised(kind, (kind,), message, error, path)]


@linux
def test_a_folder_that_forbids_execution_is_a_fact(forbidding: str) -> None:
    """That of a file which an exception or the output names, or the folder around it that exists."""
    fact = (Fact("noexec", forbidding),)
    assert facts_of(raised(f"{forbidding}/x/y/a.so: {UNMAPPED}"), "") == fact
    assert facts_of(raised(f"a.so: {UNMAPPED}", path=f"{forbidding}/a b/a.so"), "") == fact
    assert facts_of(raised("failed", kind="CalledProcessError"), f"x: {forbidding}/a.so: {UNMAPPED}\n") == fact
    assert facts_of(raised(f"{forbidding}/x/y/a.so: cannot open shared object file"), "") == ()


@pytest.mark.parametrize("text", [f"/usr/lib/a.so: {UNMAPPED}", f"libz.so.1: {UNMAPPED}", "[Errno 30] no: '/x'"])
def test_another_folder_is_not_to_blame(text: str) -> None:
    """The same text comes from a limit of memory and from a filter."""
    assert facts_of(raised(text), "", ["/tmp"]) == ()


def test_a_program_is_refused_where_only_python_is_told(tmp_path: Path) -> None:
    """Where an audit hook enforces, the mount knows nothing; a file without an x is refused everywhere."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for found, output in (
        (raised("[Errno 13] Permission denied", "EACCES", str(program), "PermissionError"), ""),
        (raised("exit 126", kind="CalledProcessError"), f"sh: 1: {program}: Permission denied\n"),
    ):
        assert facts_of(found, output, [str(tmp_path)]) == (Fact("noexec", str(tmp_path)),)
        assert facts_of(found, output, [str(tmp_path / "other")]) == ()
    program.chmod(0o644)
    assert facts_of(found, output, [str(tmp_path)]) == ()


@linux
def test_a_limit_of_address_space_is_a_fact() -> None:
    """It gives the same text as a noexec mount."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 45, hard))
    try:
        limited = facts_of(raised(f"/usr/lib/a.so: {UNMAPPED}"), "")
        none = facts_of(raised("[Errno 2] no", "ENOENT"), "")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert (limited, none) == ((Fact("address space", str(1 << 45)),), ())
    assert facts_of(raised(f"/usr/lib/a.so: {UNMAPPED}"), "") == ()


CALLS = """
import ctypes, struct, sys
from pytest_envguard import evidence
from pytest_envguard.evidence.facts import facts_of
from pytest_envguard.model.evidence import Raised
libc = ctypes.CDLL(None, use_errno=True)
evidence.begin()
if sys.argv[1] == "seccomp":
    code = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0x7FFF0000))
    program = ctypes.create_string_buffer(struct.pack("@HP", 1, ctypes.addressof(code)))
    failed = libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program, 0, 0)
elif sys.argv[1] == "mdwe":
    failed = libc.prctl(65, 1, 0, 0, 0)
else:
    failed = 0
told = Raised("PermissionError", (), "cannot allocate executable memory")
print("impossible" if failed else [fact.name for fact in facts_of([told], "")])
"""


@linux
@pytest.mark.parametrize(("which", "facts"), [("seccomp", ["seccomp"]), ("mdwe", ["write xor execute"]), ("none", [])])
def test_what_else_forbids_code_is_a_fact(which: str, facts: list[str]) -> None:
    """A filter that came after this plugin's own, systemd's MemoryDenyWriteExecute; by default neither."""
    done = subprocess.run([sys.executable, "-c", CALLS, which], capture_output=True, text=True, check=True)
    if done.stdout.strip() == "impossible":
        pytest.skip("this kernel can't")
    assert done.stdout.strip() == str(facts)
