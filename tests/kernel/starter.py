"""Plan and start commands inside of environments, as whoever runs this: ``python -I starter.py < JOB > ANSWERS``.

The tests run it directly, and once more as an ordinary user, so that one run tests both ways into an environment:
root becomes the profile's uid for good, and an ordinary user is only shown as it.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pytest_envguard import launcher
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.profile import Profile
from pytest_envguard.prepare import plans_for
from pytest_envguard.profiles import load_catalogue

LIMIT = 100  # seconds that one run may take


def main() -> None:
    """Read a job, do all its runs at the same time, write what each of them answered."""
    job: dict[str, Any] = json.load(sys.stdin)
    if job.get("leader") and os.getsid(0) != os.getpid():
        os.setsid()  # so that the terminal which a run gets as standard input becomes the controlling one
    for name in ("PYTEST_ENVGUARD", "PYTEST_ENVGUARD_HARNESS"):  # of the environment that made us an ordinary user
        os.environ.pop(name, None)
    job["keyring"] = _own_keyring()
    with ThreadPoolExecutor(len(job["runs"])) as pool:
        answers = list(pool.map(lambda run: _answer(job, run), job["runs"]))
    json.dump(answers, sys.stdout)


def _own_keyring() -> int:
    """Give this process and its children a session keyring, as a login does; return its number (-1: there is none)."""
    keyctl = {"x86_64": 250, "aarch64": 219}.get(os.uname().machine)
    return int(ctypes.CDLL(None).syscall(keyctl, 1, None)) if keyctl else -1


def _answer(job: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    plan = _plan(job, run)
    environ = {**os.environ, **run["environ"]}
    passed = [os.open(path, os.O_RDONLY) for path in run["descriptors"]]
    started = time.monotonic()
    with open(run["stdin"], "rb") if "stdin" in run else open(os.devnull, "rb") as stdin:
        done = subprocess.run(
            _words(plan, job, run, passed),
            stdin=stdin,
            capture_output=True,
            cwd=job["project"],
            env=environ,
            pass_fds=passed,
            timeout=LIMIT,
            check=False,
        )
    for descriptor in passed:
        os.close(descriptor)
    return {
        "code": done.returncode,
        "out": done.stdout.decode(errors="replace"),
        "err": done.stderr.decode(errors="replace"),
        "seconds": time.monotonic() - started,
        "how": "host" if plan.is_host else plan.script["identity"]["how"],  # type: ignore[index]
        "notes": list(plan.notes),
    }


def _plan(job: dict[str, Any], run: dict[str, Any]) -> Plan:
    if "values" in run:
        lists = {name: tuple(value) for name, value in run["values"].items() if isinstance(value, list)}
        profile = Profile(run["profile"], values={**run["values"], **lists})
    else:
        profile = load_catalogue(None, sys.version_info[:2]).one(run["profile"])
    (plan,) = plans_for([profile], job["project"], job["further"])
    return plan


def _words(plan: Plan, job: dict[str, Any], run: dict[str, Any], passed: list[int]) -> list[str]:
    told = {**run["told"], "passed": passed, "keyring": job["keyring"]}
    words = [sys.executable, "-I", "-S", *run["words"], json.dumps(told)]
    return words if plan.is_host else launcher.command_line(plan.script) + words


if __name__ == "__main__":
    main()
