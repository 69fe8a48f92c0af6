"""A ``/dev`` of its own: the usual nodes, and a shared-memory folder of a given size or none.

Inherited mounts are locked inside a user namespace, so ``/dev/shm`` cannot be unmounted there (EINVAL), and removing
the folder from a shared devtmpfs would remove it for the whole machine. A new ``/dev`` has neither problem, and
multiprocessing then gets glibc's own answer for a missing ``/dev/shm``.
"""

from __future__ import annotations

import os

from pytest_envguard.linux import mounts
from pytest_envguard.linux import syscalls as call

NODES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}


def build(*, shm: str, shm_size: int | None, shm_exec: bool, mode: int = 0o755) -> None:
    """Cover ``/dev``. ``shm`` is "absent", "private" (a tmpfs of ``shm_size`` bytes) or "host" (the machine's own).

    It is left writable for root; `seal` makes it read-only. Its ``mode`` is runc's, unless the process itself would own it.
    """
    nodes = {name: mounts.take(f"/dev/{name}") for name in NODES if os.path.exists(f"/dev/{name}")}
    host_shm = mounts.take("/dev/shm") if shm == "host" and os.path.isdir("/dev/shm") else None
    # 64 MiB, 0755: what runc mounts (moby DefaultLinuxSpec).
    call.mount("envguard", "/dev", "tmpfs", call.MS_NOSUID | call.MS_NOEXEC, f"mode={mode:o},size=64m")
    for name, tree in nodes.items():
        # Device nodes stay usable on a read-only mount: the flag guards the file system, not the device.
        mounts.put(tree, f"/dev/{name}", readonly=True)
    for name, target in LINKS.items():
        os.symlink(target, f"/dev/{name}")
    os.mkdir("/dev/pts", 0o755)
    call.mount("devpts", "/dev/pts", "devpts", call.MS_NOSUID | call.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    os.symlink("pts/ptmx", "/dev/ptmx")
    if shm == "private":
        os.mkdir("/dev/shm", 0o1777)
        mounts.tmpfs("/dev/shm", size=shm_size, mode=0o1777, executable=shm_exec, label="shm")
    elif host_shm is not None:
        mounts.put(host_shm, "/dev/shm", readonly=False)


def seal() -> None:
    """Make the ``/dev`` that `build` made read-only, but not what is mounted on ``/dev/shm``."""
    mounts.change("/dev", readonly=True)
    mounts.change("/dev/pts", readonly=True)
