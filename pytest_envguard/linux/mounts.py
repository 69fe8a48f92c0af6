"""File systems: what is read-only, what is a fresh tmpfs, what is put back, which files are replaced."""

from __future__ import annotations

import os
import stat

from pytest_envguard.linux import syscalls as call


def private() -> None:
    """Cut this mount namespace off: no mount made here may propagate to the machine."""
    call.mount("none", "/", None, call.MS_REC | call.MS_PRIVATE)


def readonly_everywhere() -> None:
    """Make every mount read-only, sub-mounts too.

    Remounting ``/`` alone leaves ``/dev``, ``/proc``, ``/home`` … writable, and ``remount,ro`` without ``bind``
    would flip the superblock for the whole machine. ``mount_setattr`` changes the mounts of this namespace only.
    """
    call.mount_setattr(call.AT_FDCWD, "/", recursive=True, add=call.MOUNT_ATTR_RDONLY)


def no_execution(paths: list[str]) -> None:
    """Let no file be executed or mapped so on any mount, but below ``paths``, as far as they are there."""
    held = {path: take(path) for path in dict.fromkeys(map(os.path.realpath, paths)) if os.path.isdir(path)}
    call.mount_setattr(call.AT_FDCWD, "/", recursive=True, add=call.MOUNT_ATTR_NOEXEC)
    for path, tree in held.items():
        put(tree, path, readonly=False)


def change(path: str, *, readonly: bool | None = None, noexec: bool | None = None) -> None:
    """Change the flags of the one mount on ``path``."""
    add = clear = 0
    for wanted, flag in ((readonly, call.MOUNT_ATTR_RDONLY), (noexec, call.MOUNT_ATTR_NOEXEC)):
        add |= flag if wanted else 0
        clear |= flag if wanted is False else 0
    call.mount_setattr(call.AT_FDCWD, path, recursive=False, add=add, clear=clear)


def take(path: str) -> int:
    """Hold what is mounted at ``path`` before something covers it; `put` attaches it again."""
    return call.open_tree(path)


def put(tree: int, path: str, *, readonly: bool) -> None:
    """Attach what `take` returned to ``path`` (made where it is missing), then let go of the descriptor.

    Trap: a writable bind below a ``/tmp`` that tests empty would let ``rm -rf /tmp/*`` reach the machine's files.
    """
    if readonly:
        call.mount_setattr(tree, "", recursive=True, add=call.MOUNT_ATTR_RDONLY)
    if not os.path.lexists(path):
        if stat.S_ISDIR(os.fstat(tree).st_mode):
            os.makedirs(path, 0o755)
        else:
            os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    call.move_mount(tree, path)
    os.close(tree)


def tmpfs(path: str, *, size: int | None, mode: int, executable: bool, label: str = "tmpfs") -> None:
    """Cover ``path`` with an empty tmpfs of ``size`` bytes (None: the kernel's default, half of the memory)."""
    flags = call.MS_NOSUID | call.MS_NODEV | (0 if executable else call.MS_NOEXEC)
    # Trap: a bare number is bytes to the kernel, and it rounds up to whole pages.
    options = f"mode={mode:o}" + (f",size={size}" if size is not None else "")
    call.mount(label, path, "tmpfs", flags, options)


def replace_files(contents: dict[str, str], staging: str, covered: bool) -> None:
    """Put generated files over existing ones, for this namespace only.

    A bind mount needs a source that lies in a mounted file system, and nothing may be left on the disk: the files are
    written to a tmpfs that covers the folder ``staging`` for the moment and lives on only through the binds. If the
    folder is ``covered`` later anyway, the tmpfs stays below: to detach it would cost a grace period of the kernel's.
    """
    # The target may be a symbolic link (`/etc/resolv.conf` usually is): the mount goes on what it points to.
    targets = {os.path.realpath(path): text.encode() for path, text in contents.items() if os.path.exists(path)}
    if targets:
        _replace(targets, staging, covered=covered)


def _replace(targets: dict[str, bytes], staging: str, *, covered: bool) -> None:
    """Do what `replace_files` says; ``targets`` are resolved paths."""
    size = (1 << 20) + sum(map(len, targets.values()))
    call.mount("envguard", staging, "tmpfs", call.MS_NOSUID | call.MS_NODEV, f"mode=755,size={size}")
    trees = {}
    for number, (path, content) in enumerate(targets.items()):
        source = f"{staging}/{number}"
        descriptor = os.open(source, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644)  # `open` would cost 50 µs
        os.write(descriptor, content)
        os.fchmod(descriptor, 0o644)
        os.close(descriptor)
        trees[path] = call.open_tree(source)
    if not covered:
        call.umount(staging)
    for path, tree in trees.items():
        put(tree, path, readonly=True)


def add_to_files(paths: list[str], text: str) -> None:
    """Put over each of these files what it has and ``text`` behind it, for this namespace only; not where there is none."""
    targets = {}
    for path in paths:
        try:
            with open(path, "rb") as file:
                content = file.read()
        except OSError:
            continue
        targets[os.path.realpath(path)] = content + b"\n" * (not content.endswith(b"\n")) + text.encode()
    if targets:
        _replace(targets, "/tmp", covered=False)


def hide(path: str) -> None:
    """Cover ``path`` with nothing: an empty folder, or for a file or socket the null device (mode 000 for both)."""
    if os.path.isdir(path):
        call.mount("envguard", path, "tmpfs", call.MS_NOSUID | call.MS_NODEV | call.MS_NOEXEC, "mode=000,size=4k")
    elif os.path.lexists(path):
        put(call.open_tree("/dev/null"), os.path.realpath(path), readonly=True)


def procfs(style: str) -> None:
    """Mount a ``/proc`` that shows the new process namespace.

    ``style`` is "plain" (`readonly_everywhere` and `change` decide whether it's writable) or "container": writable as
    runc leaves it, but with ``/proc/sys`` and its like read-only and the folders that Docker masks hidden.
    """
    flags = call.MS_NOSUID | call.MS_NODEV | call.MS_NOEXEC
    try:
        call.mount("proc", "/proc", "proc", flags)
    except PermissionError:
        # Inside of an environment whose /proc is read-only the kernel allows no other kind.
        call.mount("proc", "/proc", "proc", flags | call.MS_RDONLY)
    if style == "container":
        for name in READ_ONLY_IN_CONTAINERS:
            if os.path.exists(f"/proc/{name}"):
                put(call.open_tree(f"/proc/{name}"), f"/proc/{name}", readonly=True)
        for name in _MASKED_BY_DOCKER:
            if os.path.exists(f"/proc/{name}"):
                hide(f"/proc/{name}")


def processes_only() -> int:
    """Return a descriptor of a writable ``/proc`` that is attached nowhere and shows processes, but no ``/proc/sys``.

    Inside of an environment that may not mount one, it's a copy of the present one.
    """
    attributes = call.MOUNT_ATTR_NOSUID | call.MOUNT_ATTR_NODEV | call.MOUNT_ATTR_NOEXEC
    try:
        return call.detached_mount("proc", {"subset": "pid"}, attributes)  # Linux 5.8
    except PermissionError:
        return take("/proc")


# moby's DefaultLinuxSpec (ReadonlyPaths), below /proc.
READ_ONLY_IN_CONTAINERS = ("bus", "fs", "irq", "sys", "sysrq-trigger")
# moby's DefaultLinuxSpec (MaskedPaths); a masked file reads as empty, a masked folder is empty.
_MASKED_BY_DOCKER = (
    "acpi",
    "asound",
    "interrupts",
    "kcore",
    "keys",
    "latency_stats",
    "sched_debug",
    "scsi",
    "timer_list",
    "timer_stats",
)
