"""The project at another place: what lies around it is shown anew, with it in the one folder and without it in the other.

A mount needs a folder to be mounted on, and none may be made on the machine's own disk: the deepest folder that exists is
covered by a tmpfs, and all that was in it is put back, entry by entry. In the same way a name vanishes: it isn't put back.
"""

from __future__ import annotations

import os

from pytest_envguard.linux import mounts
from pytest_envguard.linux import syscalls as call


def relocate(source: str, target: str, vanishes: bool, kept: list[str], files: dict[str, str]) -> None:
    """Show the folder ``source`` at ``target``.

    Args:
        source: An existing folder.
        target: Where to; made where it's missing, with mode 0755 and root's where that is possible.
        vanishes: Whether nothing is left at ``source``.
        kept: Folders in ``source`` that are shown at their own places all the same.
        files: Texts to put over existing files, which name the one place and shall name the other.
    """
    before = os.umask(0o022)
    tree = call.open_tree(source)
    if vanishes:
        held = {path: call.open_tree(path) for path in kept}
        _show_anew(os.path.dirname(source), without=os.path.basename(source))
        for path, own in held.items():
            mounts.put(own, path, readonly=False)
    if not os.path.isdir(target):
        deepest = os.path.dirname(target)
        while not os.path.isdir(deepest):
            deepest = os.path.dirname(deepest)
        _show_anew(deepest, folder=target)
    mounts.put(tree, target, readonly=False)
    os.umask(before)
    if files:
        mounts.replace_files(files, "/tmp", covered=False)


def _show_anew(path: str, *, without: str = "", folder: str = "") -> None:
    """Cover ``path`` with a tmpfs that has all the same entries but the one ``without``, and a new ``folder`` in it."""
    status = os.stat(path)
    old = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    with os.scandir(path) as found:
        entries = [(entry.name, os.readlink(entry.path) if entry.is_symlink() else "") for entry in found]
    new = call.detached_mount("tmpfs", {"mode": "755"}, call.MOUNT_ATTR_NOSUID | call.MOUNT_ATTR_NODEV)
    call.move_mount(new, path)
    if path == "/":
        # Whoever joins this mount namespace later is led to what lies on top. This process has to go there itself.
        os.fchdir(new)
        os.chroot(".")
    os.fchdir(old)  # it is covered, and reached by no path
    for name, link in entries:
        if name == without:
            continue
        if link:
            os.symlink(link, os.path.join(path, name))
        else:
            mounts.put(call.open_tree(name), os.path.join(path, name), readonly=False)
    if folder:
        os.makedirs(folder, 0o755)
    os.chdir("/")
    os.close(old)
    os.close(new)
    _own(path, status)


def _own(path: str, status: os.stat_result) -> None:
    """Give a new folder the owner and mode of the one that it covers; where its owner doesn't exist, nobody may write to it."""
    mode = status.st_mode & 0o7777
    try:
        os.chown(path, status.st_uid, status.st_gid)
    except OSError:
        mode &= ~0o222
    os.chmod(path, mode)
