"""A ``/dev`` of its own: the usual nodes, and a shared-memory folder of a given size or none.

Inherited mounts are locked inside a user namespace, so ``/dev/shm`` cannot be unmounted there (EINVAL), and removing
the folder from a shared devtmpfs would remove it for the whole machine. A new ``/dev`` has neither problem, and
multiprocessing then gets glibc's own answer for a missing ``/dev/shm``.
"""

from __future__ import annotations

import os

from pytest_envguard.linux import mounts
from pytest_envguard.linux import syscalls as call

# Numbers of the kernel's admin-guide/devices.rst.
NODES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}


def build(*, shm: str, shm_size: int | None, shm_exec: bool, make_nodes: bool, mode: int = 0o755) -> None:
    """Cover ``/dev``. ``shm`` is "absent", "private" (a tmpfs of ``shm_size`` bytes) or "host" (the machine's own).

    ``make_nodes`` makes the device nodes, which nobody may in a user namespace; there they are bound from the machine's.
    It is left writable for root; `seal` makes it read-only. Its ``mode`` is runc's, unless the process itself would own it.
    """
    outer = {} if make_nodes else _open_nodes()
    host_shm = mounts.take("/dev/shm") if shm == "host" and os.path.isdir("/dev/shm") else None
    # 64 MiB, 0755: what runc mounts (moby DefaultLinuxSpec).
    call.mount("envguard", "/dev", "tmpfs", call.MS_NOSUID | call.MS_NOEXEC, f"mode={mode:o},size=64m")
    if make_nodes:
        _make_nodes()
    else:
        _bind_nodes(outer)
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


def _open_nodes() -> dict[str, int]:
    return {name: os.open(f"/dev/{name}", os.O_PATH | os.O_CLOEXEC) for name in NODES if os.path.exists(f"/dev/{name}")}


def _bind_nodes(outer: dict[str, int]) -> None:
    """Bind the machine's nodes, read-only: that guards their owner and mode, and the devices work all the same."""
    for name, node in outer.items():
        os.close(os.open(f"/dev/{name}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
        call.mount(f"/proc/self/fd/{node}", f"/dev/{name}", None, call.MS_BIND)
        os.close(node)
    call.mount_setattr(call.AT_FDCWD, "/dev", recursive=True, add=call.MOUNT_ATTR_RDONLY)
    mounts.change("/dev", readonly=False)


def _make_nodes() -> None:
    before = os.umask(0)
    for name, (major, minor) in NODES.items():
        os.mknod(f"/dev/{name}", 0o020666, os.makedev(major, minor))
    os.umask(before)


def seal() -> None:
    """Make the ``/dev`` that `build` made read-only, but not what is mounted on ``/dev/shm``."""
    mounts.change("/dev", readonly=True)
    mounts.change("/dev/pts", readonly=True)
