"""An environment inside of an environment: the rules are handed to the supervisor that is there already.

The kernel allows one listener in a line of filters. So whoever wants stricter rules for itself and its children asks the
supervisor that it lives under, by a system call that only a supervisor answers.
"""

from __future__ import annotations

import ctypes
import errno
import marshal
import os

from pytest_envguard.linux import syscalls as call
from pytest_envguard.seccomp.filter import HAND_OVER
from pytest_envguard.seccomp.numbers import numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def ask(rules: dict[str, Any]) -> None:
    """Let ``rules`` hold for this process and its children from now on.

    Raises:
        OSError: EBADF without a supervisor; EOPNOTSUPP where it can't enforce them.
    """
    told = marshal.dumps(rules)
    buffer = ctypes.create_string_buffer(told, len(told))
    number = numbers(os.uname().machine)["ioctl"]
    try:
        call.syscall("handing rules over", number, 0xFFFFFFFF, HAND_OVER, ctypes.addressof(buffer), len(told))
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        reason = "the environment around leaves the uid as it is, so none inside of it can show another"
        if not rules.get("ids"):
            reason = "the environment around answers none of the system calls that this one would have to"
        raise OSError(errno.EOPNOTSUPP, reason) from None


def ask_for_no_links() -> None:
    """Let this process and its children make no symbolic links from now on; all else stays as it is.

    Nothing has to be read of this process, which the supervisor can't where it has just left for another user namespace.

    Raises:
        OSError: EBADF without a supervisor; EOPNOTSUPP where it doesn't see them.
    """
    call.syscall("asking for no links", numbers(os.uname().machine)["ioctl"], 0xFFFFFFFF, HAND_OVER, 0, 0)


def told(raw: bytes) -> dict[str, Any]:
    """Return the rules that `ask` has put into its memory."""
    rules: dict[str, Any] = marshal.loads(raw)  # noqa: S302  # of a process that could do no more with it than with ours
    return rules
