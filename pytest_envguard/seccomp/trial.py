"""Whether user notification works here: a child is put under a filter and refused something."""

from __future__ import annotations

import errno
import os

from pytest_envguard.seccomp.supervisor import Supervisor

_TRIAL = "/envguard-trial"  # never made
_USER, _UID = "envguard-trial", 2**32 - 7
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
}


def answers() -> tuple[str, str]:
    """Return, for errors and for passwd entries, "" if they can be answered here, otherwise what the kernel said."""
    told, tell = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        try:
            os.write(tell, "\n".join(_tried()).encode())
        finally:
            os._exit(0)
    os.close(tell)
    found = os.read(told, 4096).decode().split("\n")
    os.close(told)
    os.waitpid(child, 0)
    return (found[0], found[1]) if len(found) == 2 else ("the trial ended without an answer", "not reached")


def _tried() -> tuple[str, str]:
    try:
        Supervisor(_RULES, enforces=True, ledger=None).start()
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
    import pwd

    try:
        return "" if pwd.getpwuid(_UID).pw_name == _USER else "the C library found another user"
    except KeyError:
        return "the C library of this machine does not ask a name service"
