"""Where namespaces are forbidden: what was a way around the answers once, and stays closed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import ANSWERED, FORBID, HERE, Run, Starter

TRICKS = {
    "a link to a descriptor": "EROFS",
    "a link to the descriptors": "EROFS",
    "a link to the process": "EROFS",
    "a link to a link": "EROFS",
    "openat2 in another root": "ENOSYS",
    "chroot": "EPERM",
    "mprotect of a file behind memory": "EACCES",
    "mprotect of a removed file": "EACCES",
    "a datagram to no family": "ENETUNREACH",
    "two datagrams, one inside": "ENETUNREACH",
    "a message at the end of memory": "EFAULT",
    "packets": "EPERM",
}
VALUES = {"root": "read-only", "tmp": "private", "tmp_exec": False, "network": "none"}
KNOWN = """
import json, pwd
from pytest_envguard.seccomp import trial
for uid in (0, 2**32 - 7):
    try:
        pwd.getpwuid(uid)
    except KeyError:
        pass
print(json.dumps(trial.answers()))
"""


@pytest.mark.parametrize("who", ANSWERED)
def test_ways_around_the_answers_are_closed(who: str, starters: Callable[..., Starter]) -> None:
    """Links to a process's own descriptors, other roots, memory and addresses in disguise are judged for what they are."""
    starter = starters(who, "/tmp")
    folder = starter.project / "tricks"
    (folder / "tmp").mkdir(parents=True)
    (folder / "file").write_text("content\n")
    (folder / "file").chmod(0o666)
    starter.give(folder)
    told = {
        "project": str(starter.project),
        "folder": str(folder),
        "scratch": f"/tmp/envguard-tricks-{who}-{os.getpid()}",
    }
    (answer,) = starter.run([Run("tricks", (str(HERE / "tricks.py"),), told, values=VALUES)])
    subprocess.run(["rm", "-rf", told["scratch"]], check=True)
    assert answer.json() == TRICKS | {"the project moved": "EBUSY"}
    assert sorted(path.name for path in folder.rglob("*")) == ["file", "tmp"]


def test_a_process_that_knows_its_users_already_can_try(answering: None) -> None:
    """The C library doesn't ask a daemon again that it has once not found; the trial asks in a process of its own."""
    words = [sys.executable, FORBID, "docker", sys.executable, "-c", KNOWN]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert json.loads(done.stdout or "0") == ["", ""], done.stderr


def test_the_trial_leaves_nothing(answering: None) -> None:
    """What is tried is a folder in the root that is never made."""
    assert not Path("/envguard-trial").exists()
