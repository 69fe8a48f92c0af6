"""What a process can try on files, by name: done to the kernel and to the fake, the answers must be the same.

As a program (``python operations.py FOLDER UID``) it tries everything on real mounts and prints the answers.
"""

from __future__ import annotations

import errno
import json
import os
import pathlib
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable
from typing import NamedTuple

UID, GID = 993, 990
SIZE = 1 << 20


class Folders(NamedTuple):
    """The same files three times, and two of the three read-only; `/` above them is writable for root.

    Attributes:
        ro: On a read-only mount.
        other: On another one.
        rw: On a writable one.
        above: The folder that the mounts are in; `small`, with `SIZE` bytes, is another one.
    """

    ro: str
    other: str
    rw: str
    above: str


Operation = Callable[[Folders], object]
_WRITTEN: dict[str, Operation] = {}


def operation(function: Operation) -> Operation:
    """Add ``function`` under its own name."""
    _WRITTEN[function.__name__] = function
    return function


def build(folder: str) -> None:
    """Make the files of one operation in ``folder``, as root."""
    os.makedirs(f"{folder}/folder/full")
    os.mkdir(f"{folder}/mine")
    os.mkdir(f"{folder}/secret")
    for name in ("file", "private", "own", "sealed", "folder/full/inner", "secret/inner", "mine/foreign"):
        with open(f"{folder}/{name}", "w", encoding="ascii") as file:
            file.write("text")
        os.chmod(f"{folder}/{name}", 0o644)
    os.chmod(f"{folder}/private", 0o600)
    os.chmod(f"{folder}/folder", 0o755)
    os.chmod(f"{folder}/folder/full", 0o755)
    os.chmod(f"{folder}/secret", 0o700)
    os.chmod(f"{folder}/mine", 0o755)
    for name in ("own", "sealed"):
        os.chown(f"{folder}/{name}", UID, GID)
    os.chmod(f"{folder}/sealed", 0)
    os.chown(f"{folder}/mine", UID, GID)
    os.symlink("file", f"{folder}/link")
    os.symlink("nowhere", f"{folder}/dangling")
    os.symlink("turn", f"{folder}/turn")
    os.chmod(folder, 0o1777)


def answers(above: str) -> dict[str, object]:
    """Try everything; each operation has files of its own."""
    found = {}
    for name, function in all_operations().items():
        try:
            found[name] = function(Folders(*(f"{above}/{mount}/{name}" for mount in ("ro", "other", "rw")), above))
        except OSError as error:
            found[name] = errno.errorcode[error.errno or 0]
    return found


def _each(path: str, *functions: Callable[[str], object]) -> list[object]:
    """Try ``functions`` on ``path`` in turn and return every answer."""
    found: list[object] = []
    for function in functions:
        try:
            answer = function(path)
        except OSError as error:
            found.append(errno.errorcode[error.errno or 0])
        else:
            found.append(answer)
    return found


def _opened(path: str, flags: int) -> object:
    os.close(os.open(path, flags, 0o640))
    return "opened"


_NAMES = (
    *("file", "private", "own", "sealed", "missing", "folder", "link", "dangling", "turn", "secret/inner", "file/x"),
    *("no/x", "mine/foreign", "mine/missing", "folder/", "file/", "missing/", ".", "..", "folder/..", "secret/.", ""),
)


def _over_names(function: Callable[[str], object]) -> Operation:
    def over_names(at: Folders) -> object:
        return {
            f"{kind} {name}": _each(f"{folder}/{name}" if name else "", function)
            for kind, folder in (("ro", at.ro), ("rw", at.rw))
            for name in _NAMES
        }

    return over_names


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()


def _written(mode: str) -> Callable[[str], object]:
    def write(path: str) -> object:
        with open(path, mode, encoding="ascii") as file:
            return file.write("more")

    return write


def all_operations() -> dict[str, Operation]:
    """Return every operation. Made anew for each use: a table that kept `os.mkdir` would keep the real one."""
    found = {name: _over_names(function) for name, function in {**_openings(), **_changes()}.items()}
    for function in (os.rename, os.replace, os.link):
        found[function.__name__] = _over_pairs(function)
    found["Path.rename"] = _over_pairs(lambda old, new: pathlib.Path(old).rename(new).name)
    return {**found, **_WRITTEN}


def _openings() -> dict[str, Callable[[str], object]]:
    found: dict[str, Callable[[str], object]] = {"open r": _read}
    for mode in ("r+", "w", "a", "x", "w+", "a+"):
        found[f"open {mode}"] = _written(mode)
        found[f"Path.open {mode}"] = lambda path, mode=mode: pathlib.Path(path).open(mode, encoding="ascii").close()
    for shown, flags in {
        "RDONLY": os.O_RDONLY,
        "WRONLY": os.O_WRONLY,
        "RDWR": os.O_RDWR,
        "CREAT": os.O_RDONLY | os.O_CREAT,
        "CREAT EXCL": os.O_WRONLY | os.O_CREAT | os.O_EXCL,
        "WRONLY TRUNC": os.O_WRONLY | os.O_TRUNC,
        "WRONLY NOFOLLOW": os.O_WRONLY | os.O_NOFOLLOW,
        "DIRECTORY": os.O_RDONLY | os.O_DIRECTORY,
        "TMPFILE": os.O_RDWR | os.O_TMPFILE,
    }.items():
        found[f"os.open {shown}"] = lambda path, flags=flags: _opened(path, flags)
    return found


def _changes() -> dict[str, Callable[[str], object]]:
    return {
        "mkdir": os.mkdir,
        "rmdir": os.rmdir,
        "unlink": os.unlink,
        "remove": os.remove,
        "chmod": lambda path: os.chmod(path, 0o600),
        "chown": lambda path: os.chown(path, -1, -1),
        "chown to root": lambda path: os.chown(path, 0, 0),
        "lchown": lambda path: os.lchown(path, UID, GID),
        "utime": os.utime,
        "utime explicit": lambda path: os.utime(path, (1, 1)),
        "utime of a link": lambda path: os.utime(path, follow_symlinks=False),
        "truncate": lambda path: os.truncate(path, 1),
        "setxattr": lambda path: os.setxattr(path, "user.x", b"1"),
        "symlink": lambda path: os.symlink("target", path),
        "mknod": lambda path: os.mknod(path, 0o600),
        "makedirs": os.makedirs,
        "makedirs exist_ok": lambda path: os.makedirs(path, exist_ok=True),
        "makedirs below": lambda path: os.makedirs(os.path.join(path, "a", "b"), exist_ok=True),
        "access": lambda path: [os.access(path, mode) for mode in (os.F_OK, os.R_OK, os.W_OK, os.X_OK)],
        "Path.touch": lambda path: pathlib.Path(path).touch(),
        "Path.touch exist_ok=False": lambda path: pathlib.Path(path).touch(exist_ok=False),
        "Path.mkdir": lambda path: pathlib.Path(path).mkdir(),
        "Path.mkdir parents": lambda path: pathlib.Path(path, "a", "b").mkdir(parents=True, exist_ok=True),
        "Path.unlink missing_ok": lambda path: pathlib.Path(path).unlink(missing_ok=True),
        "Path.rmdir": lambda path: pathlib.Path(path).rmdir(),
        "Path.write_text": lambda path: pathlib.Path(path).write_text("x", encoding="ascii"),
        "Path.chmod": lambda path: pathlib.Path(path).chmod(0o600),
    }


def _over_pairs(function: Callable[[str, str], object]) -> Operation:
    """Try ``function`` on every source and target within and across the mounts; the target's mount is left unchanged."""

    def over_pairs(at: Folders) -> object:
        kinds = {"ro": at.ro, "other": at.other, "rw": at.rw}
        return {
            f"{one} {source} -> {two} {target}": _each(
                f"{folder}/{source}", lambda path, end=f"{into}/{target}": function(path, end)
            )
            for one, folder in kinds.items()
            for two, into in kinds.items()
            for source in ("missing", "private", "folder", "secret/inner", "no/x", "mine/foreign", ".", "own/")
            for target in ("new", "folder/full", "file", "secret/x", "no/x", "mine/new", "..", "new/")
            if not (one == two == "rw") or target.strip("/") not in ("new", "mine/new")
        }

    return over_pairs


@operation
def rename_onto_itself(at: Folders) -> object:
    """On a read-only mount that, too, is a change."""
    return [_each(f"{folder}/own", lambda path: os.rename(path, path)) for folder in (at.ro, at.rw)]


@operation
def rename_into_itself(at: Folders) -> object:
    """A folder can't be its own."""
    return _each(f"{at.rw}/mine", lambda path: os.rename(path, path + "/below"))


@operation
def move_within(at: Folders) -> object:
    """What a process owns it may move where it may write."""
    os.rename(f"{at.rw}/own", f"{at.rw}/mine/own")
    return sorted(os.listdir(f"{at.rw}/mine"))


@operation
def mount_points(at: Folders) -> object:
    """A folder on which something is mounted can't be removed or moved, not even by root."""
    mount = at.above + "/ro"
    return [
        *_each(mount, os.rmdir, os.unlink, lambda path: os.rename(path, at.above + "/moved")),
        *_each(at.rw + "/own", lambda path: os.rename(path, mount)),
        *_each(mount, os.path.ismount),
    ]


@operation
def remove_folders_upwards(at: Folders) -> object:
    """`removedirs` stops at what it may not remove."""
    os.makedirs(at.rw + "/one/two/three")
    os.removedirs(at.rw + "/one/two/three")
    return [os.path.exists(at.rw + "/one"), os.path.exists(at.rw)]


@operation
def unnamed_file(at: Folders) -> object:
    """`O_TMPFILE`, which `tempfile.TemporaryFile` uses."""
    return [_each(folder, lambda path: _opened(path, os.O_RDWR | os.O_TMPFILE)) for folder in (at.ro, at.rw)]


@operation
def temporary_files(at: Folders) -> object:
    """`tempfile` in a folder of one's choice."""
    with tempfile.NamedTemporaryFile(dir=at.rw) as file:
        mode = stat.filemode(os.stat(file.name).st_mode)
    with tempfile.TemporaryDirectory(dir=at.rw) as folder:
        mode += stat.filemode(os.stat(folder).st_mode)
    return [mode, *_each(at.ro, lambda path: tempfile.mkstemp(dir=path), lambda path: tempfile.mkdtemp(dir=path))]


@operation
def modes_of_new_files(at: Folders) -> object:
    """The umask holds for whatever is made, and opening changes no mode."""
    _opened(at.rw + "/opened", os.O_CREAT | os.O_WRONLY)
    os.mkdir(at.rw + "/made")
    pathlib.Path(at.rw, "touched").touch()
    _written("w")(at.rw + "/written")
    _opened(at.rw + "/file", os.O_RDONLY)
    names = ("opened", "made", "touched", "written", "file")
    return [stat.filemode(os.stat(f"{at.rw}/{name}").st_mode) for name in names]


@operation
def owners(at: Folders) -> object:
    """New files belong to the process, and files that root made to root."""
    _written("w")(at.rw + "/written")
    made, given = os.stat(at.rw + "/written"), os.stat(at.rw + "/file")
    return [made.st_uid == os.getuid() == os.geteuid(), made.st_gid == os.getgid() == os.getegid(), given.st_uid]


@operation
def descriptors(at: Folders) -> object:
    """Through an open file on a read-only mount nothing can be changed either."""
    opened = os.open(at.ro + "/file", os.O_RDONLY)
    found = _each(
        "",
        lambda _: os.fchmod(opened, 0o600),
        lambda _: os.fchown(opened, -1, -1),
        lambda _: os.utime(opened),
        lambda _: os.ftruncate(opened, 0),
        lambda _: os.write(opened, b"x"),
        lambda _: os.fstatvfs(opened).f_flag & os.ST_RDONLY,
    )
    os.close(opened)
    return found


@operation
def relative_to_a_folder(at: Folders) -> object:
    """`dir_fd` leads to the same answers."""
    folder = os.open(at.ro, os.O_RDONLY)
    found = _each(
        "x",
        lambda name: os.mkdir(name, dir_fd=folder),
        lambda name: os.unlink(name, dir_fd=folder),
        lambda name: os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=folder),
        lambda name: os.symlink("to", name, dir_fd=folder),
        lambda _: os.chmod("file", 0o600, dir_fd=folder),
        lambda _: os.access("file", os.W_OK, dir_fd=folder),
    )
    os.close(folder)
    return found


@operation
def attributes(at: Folders) -> object:
    """Extended attributes."""
    os.setxattr(at.rw + "/own", "user.x", b"1")
    return [
        os.listxattr(at.rw + "/own"),
        *_each(
            at.rw + "/own", lambda path: os.removexattr(path, "user.y"), lambda path: os.removexattr(path, "user.x")
        ),
        *_each(at.ro + "/own", lambda path: os.removexattr(path, "user.y")),
    ]


@operation
def pipes(at: Folders) -> object:
    """A named pipe is made like a file."""
    return _each(at.ro, lambda path: os.mkfifo(path + "/new"), lambda path: os.mkfifo(path + "/file"))


@operation
def remove_a_tree(at: Folders) -> object:
    """`shutil.rmtree` ends with the first error of what it meets."""
    made = at.rw + "/tree/below"
    os.makedirs(made)
    _written("w")(made + "/file")
    shutil.rmtree(at.rw + "/tree")
    return [os.path.exists(at.rw + "/tree"), *_each(at.ro + "/folder", shutil.rmtree)]


@operation
def move_out_of_a_read_only_mount(at: Folders) -> object:
    """`shutil.move` copies, can't remove what it copied, and leaves both."""
    found = _each(at.ro + "/file", lambda path: shutil.move(path, at.rw + "/moved"))
    return [found, _read(at.rw + "/moved"), os.path.exists(at.ro + "/file")]


@operation
def move_into_a_read_only_mount(at: Folders) -> object:
    """`shutil.move` can't copy, and leaves what it was to move."""
    found = _each(at.rw + "/file", lambda path: shutil.move(path, at.ro + "/moved"))
    return [found, _read(at.rw + "/file")]


@operation
def copies(at: Folders) -> object:
    """`shutil`'s copies, with and without times and modes."""
    shutil.copytree(at.ro + "/folder", at.rw + "/copied")
    shutil.copy2(at.ro + "/file", at.rw + "/copy")
    return [
        _read(at.rw + "/copied/full/inner"),
        os.stat(at.rw + "/copy").st_mtime == os.stat(at.ro + "/file").st_mtime,
        *_each(
            at.rw + "/file", lambda path: shutil.copy(path, at.ro), lambda path: shutil.copytree(path, at.ro + "/x")
        ),
    ]


@operation
def what_the_mounts_say(at: Folders) -> object:
    """`statvfs` and `disk_usage`: flags, and a size in whole blocks."""
    small = os.statvfs(at.above + "/small")
    usage = shutil.disk_usage(at.above + "/small")
    return [
        [os.statvfs(folder).f_flag & os.ST_RDONLY for folder in (at.ro, at.other, at.rw)],
        small.f_blocks * small.f_frsize,
        usage.total,
        usage.total - usage.used - usage.free,
        small.f_namemax,
        os.stat(at.ro).st_dev == os.stat(at.rw).st_dev,
    ]


@operation
def too_much(at: Folders) -> object:
    """More than the file system holds is ENOSPC, and what is removed can be used again."""
    big = at.above + "/small/big"

    def write(path: str, count: int) -> str:
        with open(path, "wb") as file:
            file.write(bytes(count))
        return "written"

    found = _each(big, lambda path: write(path, 2 * SIZE))
    os.unlink(big)
    found += _each(big, lambda path: write(path, SIZE // 2), lambda path: write(path + "2", SIZE // 2 + 1))
    for name in (big, big + "2"):
        os.unlink(name)
    return [*found, *_each(big, lambda path: write(path, SIZE // 4), os.unlink)]


def main(above: str, uid: int) -> None:
    """Make the mounts in a namespace of this process, become ``uid``, try everything and print the answers."""
    from pytest_envguard.linux import mounts
    from pytest_envguard.linux import syscalls as call

    os.umask(0o022)
    call.unshare(call.CLONE_NEWNS)
    mounts.private()
    call.mount("tmpfs", above, "tmpfs", 0, "mode=755")
    os.chdir(above)  # the mount, so that no relative path leads out of it
    for name, options in {
        "ro": "mode=755",
        "other": "mode=755",
        "rw": "mode=755",
        "small": f"mode=1777,size={SIZE}",
    }.items():
        os.mkdir(f"{above}/{name}")
        call.mount("tmpfs", f"{above}/{name}", "tmpfs", 0, options)
    for mount in ("ro", "other", "rw"):
        for name in all_operations():
            build(f"{above}/{mount}/{name}")
        if mount != "rw":
            mounts.change(f"{above}/{mount}", readonly=True)
    if uid:
        os.setgroups([])
        os.setgid(GID)
        os.setuid(uid)
    json.dump(answers(above), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
