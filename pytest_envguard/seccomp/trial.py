"""Whether user notification works here: a child is put under a filter and refused something."""

from __future__ import annotations

import errno
import os
import select
import signal
import sys

from pytest_envguard.linux import processes
from pytest_envguard.seccomp.supervisor import enforce

_TRIAL = "/envguard-trial"  # never made
_USER, _UID = "envguard-trial", 2**32 - 7
_PATIENCE = 20  # seconds; a few milliseconds are enough
_RULES = {
    "mounts": [["/", True, False, None]],
    "absent": [],
    "network": None,
    "nameservers": [],
    "daemons": [],
    "closed": [],
    "passwd": f"{_USER}:x:{_UID}:{_UID}::/:/bin/false\n",
    "ids": None,
    "hostname": None,
    "symlinks": True,
}
_NOBODY = 3
_ASK = f"""
import pwd, sys
try:
    sys.exit(pwd.getpwuid({_UID}).pw_name != {_USER!r})
except KeyError:
    sys.exit({_NOBODY})
"""


def answers() -> tuple[str, str]:
    """Return, for errors and for passwd entries, "" if they can be answered here, otherwise what the kernel said."""
    told, tell = os.pipe2(os.O_CLOEXEC)
    child = processes.fork()
    if child == 0:
        try:
            os.write(tell, "\n".join(_tried()).encode())
        finally:
            os._exit(0)
    os.close(tell)
    # Whoever forks beside other threads may hand on a lock that nobody will ever release.
    ready, _, _ = select.select([told], [], [], _PATIENCE)
    if not ready:
        os.kill(child, signal.SIGKILL)
    found = os.read(told, 4096).decode().split("\n")
    os.close(told)
    os.waitpid(child, 0)
    return (found[0], found[1]) if len(found) == 2 else ("the trial ended without an answer", "not reached")


def _tried() -> tuple[str, str]:
    try:
        enforce(_RULES)
    except KeyError as error:
        return f"not built for this architecture ({error.args[0]})", "not reached"
    except OSError as error:
        return str(error.strerror), "not reached"
    try:
        os.mkdir(_TRIAL)
    except OSError as error:
        if error.errno == errno.EROFS:
            return "", _tried_user()
        return f"answered {errno.errorcode.get(error.errno or 0)} instead of EROFS", "not reached"
    os.rmdir(_TRIAL)
    return "a call went through unjudged", "not reached"


def _tried_user() -> str:
    """Ask in a program of its own.

    Trap: a C library that has once found no daemon, which this process may have had reason to, does not try again.
    """
    child = processes.fork()
    if child == 0:
        try:
            os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", _ASK])
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == _NOBODY:
        return "the C library of this machine does not ask a name service"
    return "the C library found another user" if code else ""
