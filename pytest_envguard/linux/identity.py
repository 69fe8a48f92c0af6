"""Who the process is: uid, gid, user-namespace maps, capabilities.

Three ways, most exact first (the plan says which one a run has):

- *real*: root becomes the profile's uid. The files stay root's, as a deployment's files do.
- *subordinate*: ``newuidmap`` maps the caller to 0 and a subordinate id to the profile's uid: the caller's files look
  like root's, and the process doesn't own them.
- *mapped*: the caller itself is shown as the profile's uid. Its own files then look like the process's own.
"""

from __future__ import annotations

import errno
import os

from pytest_envguard.linux import syscalls as call

# What root keeps where a profile doesn't change the identity: Docker's default set (moby caps/defaults.go), as bits of
# <linux/capability.h>. All that could undo an environment (SYS_ADMIN, NET_ADMIN, SYS_PTRACE, raw devices) is not in it.
ORDINARY_CAPABILITIES = sum(1 << bit for bit in (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 29, 31))


_proc: int | None = None


def reach_proc(descriptor: int) -> None:
    """Write maps through this descriptor of a ``/proc``: where the visible one is read-only, nobody could nest."""
    global _proc  # noqa: PLW0603  # one process, one way
    _proc = descriptor


def reached_proc() -> list[int]:
    """Return the descriptor that `reach_proc` was told, for another process to be told; nothing if there is none."""
    return [] if _proc is None else [_proc]


def map_self(uid: int, gid: int, outer_uid: int, outer_gid: int) -> None:
    """In a new user namespace: show the caller as ``uid``:``gid``. Needs no privilege and no helper program."""
    proc = "/proc" if _proc is None else f"/proc/self/fd/{_proc}"
    _write(f"{proc}/self/setgroups", "deny")
    _write(f"{proc}/self/uid_map", f"{uid} {outer_uid} 1")
    _write(f"{proc}/self/gid_map", f"{gid} {outer_gid} 1")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    except OSError as error:
        raise OSError(error.errno, f"write({path}, {text!r}): {error.strerror}") from None
    finally:
        os.close(descriptor)


def become(uid: int, gid: int) -> None:
    """Take the ids for good, with no supplementary group."""
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def drop_bounding(keep: int) -> None:
    """Take every capability that isn't in ``keep`` out of the bounding set, so that no exec can give it back.

    An ordinary user may not (EPERM), and need not: no_new_privs keeps an exec from giving anything.
    """
    for bit in range(64):
        try:
            if not keep >> bit & 1:
                call.prctl(call.PR_CAPBSET_DROP, bit)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.EPERM):  # EINVAL: the kernel knows no capability of this number
                return
            raise


def drop_capabilities(keep: int) -> None:
    """Give up the process's capabilities except ``keep``, and any way to win privileges by exec (no_new_privs)."""
    call.prctl(call.PR_CAP_AMBIENT, call.PR_CAP_AMBIENT_CLEAR_ALL)
    call.capset(keep)
    call.prctl(call.PR_SET_NO_NEW_PRIVS, 1)
