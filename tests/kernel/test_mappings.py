"""Symbolic links and mappings that are refused, compared with the real mechanisms, by the kernel and call by call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from pytest_envguard.model.exits import CANNOT_ENTER

from .conftest import ANSWERED, HERE, STARTERS, Run, Starter

PROGRAM = str(HERE / "mappings.py")
EVERYBODY = pytest.mark.parametrize("who", [*STARTERS, *ANSWERED])
LIMIT = 64 << 20
CHANGED = {
    "memory to write and execute",
    "shared memory to write and execute",
    "written memory",
    "read memory",
    "a file to write and execute",
    "a file, later",
    "a file without a name to write and execute",
    "a child of another program",
}
# systemd/systemd src/shared/seccomp-util.c, seccomp_memory_deny_write_execute: EPERM for both in mmap, for X in mprotect.
BY_SYSTEMD_252 = dict.fromkeys((*CHANGED, "a file, again"), "EPERM")
# torvalds/linux security/selinux/hooks.c, file_map_prot_check: EACCES without execmem. Shared files and a file that is
# made executable later are a matter of labels there, and refused here.
WITHOUT_EXECMEM = dict.fromkeys((*CHANGED, "memory to execute"), "EACCES")


def _outside(*words: str) -> Any:
    done = subprocess.run([sys.executable, PROGRAM, *words], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this machine has no such mechanism: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def linkless(namespaces: None) -> dict[str, str]:
    """What a file system without symbolic links really answers."""
    found: dict[str, str] = _outside("linkless")
    return found


@EVERYBODY
def test_links_fail_as_on_a_file_system_without_them(
    who: str, starters: Callable[..., Starter], linkless: dict[str, str]
) -> None:
    """Each mistake has its errno, in the kernel's order; C, children and threads make none, and hard links still work."""
    starter = starters(who)
    (starter.project / "file").touch()
    at = f"/tmp/envguard-links-{who}-{os.getpid()}"
    values = {"symlinks": False, "root": "read-only", "tmp": "private", "capabilities": "none"}
    (answer,) = starter.run([Run("linkless", (PROGRAM, "links", at, str(starter.project)), values=values)])
    found, others = answer.json()
    subprocess.run(["rm", "-rf", at], check=True)
    assert found == linkless
    assert others == {
        "C": ["EPERM", "EPERM"],
        "a child": 1,
        "its child": 7,
        "io_uring": "ENOSYS",
        "hard links": 2,
        "a link that is there": True,
        "threads": ["EPERM"],
        "left": [],
    }


@EVERYBODY
def test_nothing_but_links_is_refused(who: str, starters: Callable[..., Starter]) -> None:
    """In an environment of nothing else, root with its capabilities gets EPERM in a closed folder as well."""
    starter = starters(who)
    at = f"/tmp/envguard-links-{who}-{os.getpid()}"
    (answer,) = starter.run([Run("linkless", (PROGRAM, "links", at, "/proc/self"), values={"symlinks": False})])
    found, others = answer.json()
    subprocess.run(["rm", "-rf", at], check=True)
    assert (found["new"], found["there is a file"], others["left"]) == ("EPERM", "EEXIST", [])
    assert found["in a closed folder"] == ("EPERM" if "root" in who else "EACCES")


@EVERYBODY
def test_memory_is_refused_as_by_what_each_value_stands_for(who: str, starters: Callable[..., Starter]) -> None:
    """PR_SET_MDWE itself, systemd's filter and SELinux's check; files can be executed under each of them."""
    starter = starters(who)
    real = _outside("code", "/bin/true", "mdwe")
    free = _outside("code", "/bin/true")
    wanted = {
        "host": free,
        "mdwe": real,
        "mdwe-filter": free | BY_SYSTEMD_252,
        "no-execmem": free | WITHOUT_EXECMEM,
        "mdwe;no-execmem;mdwe-filter": free | WITHOUT_EXECMEM | BY_SYSTEMD_252,
    }
    runs = [
        Run("mine", (PROGRAM, "code", "/bin/true"), values={"executable_mappings": kinds.split(";"), "timezone": "UTC"})
        for kinds in wanted
    ]
    runs[0] = Run("mine", (PROGRAM, "code", "/bin/true"), values={"timezone": "UTC"})
    answers = [answer.json() for answer in starter.run(runs)]
    assert dict(zip(wanted, answers, strict=True)) == wanted


@EVERYBODY
def test_large_mappings_are_refused(who: str, starters: Callable[..., Starter]) -> None:
    """mmap and mremap above the limit; what is as large, and threads, still work."""
    starter = starters(who)
    (answer,) = starter.run([Run("mine", (PROGRAM, "sizes", str(LIMIT), "/bin/true"), values={"mmap_limit": LIMIT})])
    assert answer.json() == {
        "as large": "",
        "larger": "ENOMEM",
        "much larger": "ENOMEM",
        "a larger file": "ENOMEM",
        "grown": "ENOMEM",
        "grown to it": "",
        "room only": "ENOMEM",
        "a thread": "",
        "a child": "OSError: [Errno 12] Cannot allocate memory",
    }


@pytest.mark.parametrize("who", STARTERS)
def test_a_limit_that_no_interpreter_starts_with_is_said(who: str, starters: Callable[..., Starter]) -> None:
    """It is tried, and what the loader or the interpreter says stands in the one error."""
    starter = starters(who)
    (answer,) = starter.run([Run("mine", ("-c", "print(1)"), values={"mmap_limit": 8192})])
    assert (answer.code, answer.out) == (CANNOT_ENTER, "")
    assert answer.err.startswith("envguard: `mine` could not be entered: `mmap_limit`: ")
    assert "can't start with it: " in answer.err
    assert len(answer.err.splitlines()) == 1


FILES = """
import ctypes, errno, json, mmap, os, shutil, subprocess, sys, _ctypes

def named(call):
    try:
        call()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0) or str(error).rpartition(": ")[2]
    return ""

def mapped(path):
    with open(path, "rb") as file:
        mmap.mmap(file.fileno(), 4096, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_EXEC).close()

at = os.path.join(sys.argv[1], f"files-{os.getpid()}")
os.mkdir(at)
library, program = shutil.copy(_ctypes.__file__ if hasattr(_ctypes, "__file__") else sys.executable, at), shutil.copy("/bin/true", at)
with open(f"{at}/script.py", "w") as file:
    file.write("print(1)")
memory = os.memfd_create("program")
os.write(memory, open("/bin/true", "rb").read())
found = {
    "a program": named(lambda: subprocess.run([program], check=True)),
    "a library": named(lambda: ctypes.CDLL(library)),
    "a mapping": named(lambda: mapped(program)),
    "the system's": named(lambda: subprocess.run(["/bin/true"], check=True)),
    "the interpreter": named(lambda: subprocess.run([sys.executable, f"{at}/script.py"], check=True, stdout=-3)),
    "memory": named(lambda: subprocess.run([f"/proc/self/fd/{memory}"], check=True, pass_fds=[memory])),
    "memory to execute": named(lambda: mmap.mmap(-1, 4096, prot=7)),
    "the system's can be written": named(lambda: open("/usr/.envguard", "w")) == "" and named(lambda: os.unlink("/usr/.envguard")) == "",
}
shutil.rmtree(at)
print(json.dumps(found))
"""


@EVERYBODY
def test_files_are_executed_where_the_deployment_has_them(who: str, starters: Callable[..., Starter]) -> None:
    """As with NoExecPaths=/ of systemd: execve EACCES, mmap EPERM, memory as ever."""
    starter = starters(who)
    values = {"executable_mappings": ["exec-paths"], "root": "read-only", "tmp": "private", "tmp_exec": True}
    (answer,) = starter.run([Run("mine", ("-c", FILES, "/tmp"), values=values)])
    assert (
        answer.json().items()
        >= {
            "a program": "EACCES",
            "a library": "failed to map segment from shared object",
            "a mapping": "EPERM",
            "the system's": "",
            "the interpreter": "",
            "memory": "",
            "memory to execute": "",
            "the system's can be written": False,
        }.items()
    )
