"""What a process inside of an environment sees, operation by operation: ``python -I -S observe.py JOB``.

An observation is a short text: "ok", the name of an errno, or what was seen. `expectations` says what it should be.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import getpass
import glob
import json
import logging
import mmap
import multiprocessing
import os
import pwd
import py_compile
import resource
import secrets
import shutil
import site
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # which -I leaves out

from attempts import answered  # type: ignore[import-not-found]  # run as a program, this is no package

Told = dict[str, Any]
OPERATIONS: dict[str, Callable[[Told], object]] = {}


def operation(name: str) -> Callable[[Callable[[Told], object]], Callable[[Told], object]]:
    """Enter a function of what the test told into `OPERATIONS`."""

    def enter(function: Callable[[Told], object]) -> Callable[[Told], object]:
        OPERATIONS[name] = function
        return function

    return enter


def _open(path: str, flags: int) -> None:
    os.close(os.open(path, flags, 0o644))


# -- writing, in a folder of the starter's own -------------------------------------------------------------------------


def _in(key: str, action: Callable[[str], object]) -> Callable[[Told], object]:
    """Return ``action`` on the folder that ``told[key]`` names."""
    return lambda told: action(told[key])


def _create_and_remove(folder: str) -> None:
    _open(f"{folder}/created", os.O_CREAT | os.O_WRONLY)
    os.unlink(f"{folder}/created")


def _mkdir_and_remove(folder: str) -> None:
    os.mkdir(f"{folder}/made")
    os.rmdir(f"{folder}/made")


def _rename_in(folder: str) -> None:
    with tempfile.NamedTemporaryFile(dir="/tmp", delete=False) as file:
        pass
    try:
        os.rename(file.name, f"{folder}/renamed")
    finally:
        Path(file.name).unlink(missing_ok=True)


def _access(path: str, mode: int) -> bool:
    return os.access(path, mode)


def _import(folder: str) -> str:
    environ = {"PATH": os.defpath, "PYTHONPATH": folder}
    subprocess.run([sys.executable, "-S", "-c", "import module"], env=environ, check=True)
    return "imported, " + ("cached" if os.path.exists(f"{folder}/__pycache__") else "not cached")


def _log(folder: str) -> None:
    logging.FileHandler(f"{folder}/log").close()


def _temporary(folder: str) -> None:
    tempfile.NamedTemporaryFile(dir=folder).close()


def _sqlite(folder: str, name: str, statement: str) -> str:
    import sqlite3

    connection = sqlite3.connect(f"{folder}/{name}")
    try:
        connection.execute(statement).fetchall()
        connection.commit()
    except sqlite3.OperationalError as error:
        return str(error)
    return "ok"


def _lock(folder: str) -> None:
    with open(f"{folder}/file", "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def _bind(folder: str) -> None:
    os.chdir(folder)  # a path of a socket has at most 107 characters
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")


def _compile(folder: str) -> None:
    py_compile.compile(f"{folder}/module.py", cfile=f"{folder}/module.pyc", doraise=True)


_WRITING: dict[str, Callable[[str], object]] = {
    "create a file": _create_and_remove,
    "open a file to write, all may write it": lambda folder: _open(f"{folder}/open", os.O_WRONLY),
    "open a file to append, all may write it": lambda folder: _open(f"{folder}/open", os.O_WRONLY | os.O_APPEND),
    "open a file r+, all may write it": lambda folder: _open(f"{folder}/open", os.O_RDWR),
    "open a file 'w'": lambda folder: open(f"{folder}/file", "w").close(),
    "open a file 'a'": lambda folder: open(f"{folder}/file", "a").close(),
    "open a file 'r+'": lambda folder: open(f"{folder}/file", "r+").close(),
    "open a file that exists 'x'": lambda folder: open(f"{folder}/file", "x").close(),
    "open O_RDONLY|O_CREAT, exists": lambda folder: _open(f"{folder}/file", os.O_RDONLY | os.O_CREAT),
    "mkdir": _mkdir_and_remove,
    "mkdir, exists": lambda folder: os.mkdir(f"{folder}/empty"),
    "makedirs exist_ok, exists": lambda folder: os.makedirs(f"{folder}/empty", exist_ok=True),
    "unlink": lambda folder: os.unlink(f"{folder}/unlinked"),
    "unlink, missing": lambda folder: os.unlink(f"{folder}/missing"),
    "rename from /tmp": _rename_in,
    "chmod": lambda folder: os.chmod(f"{folder}/file", 0o644),
    "utime": lambda folder: os.utime(f"{folder}/file", (1, 1)),
    "os.access W_OK": lambda folder: _access(folder, os.W_OK),
    "statvfs says read-only": lambda folder: bool(os.statvfs(folder).f_flag & os.ST_RDONLY),
    "import a module": _import,
    "py_compile": _compile,
    "logging.FileHandler": _log,
    "tempfile in the folder": _temporary,
    "sqlite: read": lambda folder: _sqlite(folder, "rollback.db", "select * from t"),
    "sqlite: read, WAL": lambda folder: _sqlite(folder, "wal.db", "select * from t"),
    "sqlite: write": lambda folder: _sqlite(folder, "rollback.db", "insert into t values (2)"),
    "flock": _lock,
    "mkfifo": lambda folder: os.mkfifo(f"{folder}/fifo"),
    "bind AF_UNIX": _bind,
}
for _name, _action in _WRITING.items():
    OPERATIONS[_name] = _in("ours", _action)

# Order of checks: a folder that nobody may search, and one that belongs to root.
OPERATIONS["closed folder: open"] = _in("closed", lambda folder: _open(f"{folder}/file", os.O_RDONLY))
OPERATIONS["closed folder: create"] = _in("closed", _create_and_remove)
OPERATIONS["root's folder: create"] = _in("theirs", _create_and_remove)
OPERATIONS["root's folder: mkdir"] = _in("theirs", _mkdir_and_remove)
OPERATIONS["root's folder: chmod"] = _in("theirs", lambda folder: os.chmod(folder, 0o755))
OPERATIONS["root's folder: os.access W_OK"] = _in("theirs", lambda folder: _access(folder, os.W_OK))


# -- system calls as the C library doesn't make them, and paths as nobody writes them ------------------------------------

_LIBRARY = ctypes.CDLL(None, use_errno=True)
_HERE = -100  # AT_FDCWD
_NUMBERS = {
    "x86_64": {"openat": 257, "mkdirat": 258, "renameat2": 316, "execveat": 322, "io_uring_setup": 425, "openat2": 437},
    "aarch64": {"openat": 56, "mkdirat": 34, "renameat2": 276, "execveat": 281, "io_uring_setup": 425, "openat2": 437},
}
_GET_FLAGS, _SET_FLAGS = 0x80086601, 0x40086602  # FS_IOC_GETFLAGS, FS_IOC_SETFLAGS


def _system_call(name: str, *arguments: int | bytes | ctypes.Array[ctypes.c_char]) -> int:
    number = _NUMBERS[os.uname().machine][name]
    words = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    result = int(_LIBRARY.syscall(ctypes.c_long(number), *words))
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def _openat2(path: str, flags: int, mode: int = 0) -> None:
    how = flags.to_bytes(8, "little") + mode.to_bytes(8, "little") + bytes(8)
    os.close(_system_call("openat2", _HERE, os.fsencode(path), how, len(how)))


def _make_by_openat2(folder: str) -> None:
    _openat2(f"{folder}/made", os.O_CREAT | os.O_WRONLY, 0o600)
    os.unlink(f"{folder}/made")


def _mkdir_with_slash(folder: str) -> None:
    os.mkdir(f"{folder}/made/")
    os.rmdir(f"{folder}/made/")


def _rename_without_replacing(folder: str) -> None:
    _system_call("renameat2", _HERE, f"{folder}/file".encode(), _HERE, f"{folder}/open".encode(), 1)


def _opened(name: str, action: Callable[[int], object]) -> Callable[[str], object]:
    """Return ``action`` on the file ``name``, opened to read only."""

    def act(folder: str) -> object:
        number = os.open(f"{folder}/{name}", os.O_RDONLY)
        try:
            return action(number)
        finally:
            os.close(number)

    return act


def _set_flags(number: int) -> None:
    flags = bytearray(8)
    fcntl.ioctl(number, _GET_FLAGS, flags)
    fcntl.ioctl(number, _SET_FLAGS, bytes(flags))


def _link_and_remove(folder: str) -> None:
    os.link(f"{folder}/file", f"{folder}/linked")
    os.unlink(f"{folder}/linked")


def _link_open(number: int) -> None:
    folder = os.path.dirname(os.readlink(f"/proc/self/fd/{number}"))
    old, new = f"/proc/self/fd/{number}".encode(), f"{folder}/linked".encode()
    if _LIBRARY.linkat(_HERE, old, _HERE, new, 0x400):  # AT_SYMLINK_FOLLOW, which os.link does not pass on
        raise OSError(ctypes.get_errno(), "linkat")
    os.unlink(new)


def _symlink_and_remove(folder: str) -> None:
    os.symlink("anywhere", f"{folder}/symbolic")
    os.unlink(f"{folder}/symbolic")


def _by_folder(folder: str) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.close(os.open("open", os.O_WRONLY, dir_fd=number))


def _in_working_folder(folder: str) -> None:
    os.chdir(f"{folder}/empty")
    _open("../open", os.O_WRONLY)


_KEPT: list[mmap.mmap] = []  # memory that would be given back with the object


def _placed(path: str, before_end: int) -> int:
    """Return the address of ``path`` that ends ``before_end`` bytes before memory that isn't there."""
    size = mmap.PAGESIZE
    memory = mmap.mmap(-1, 3 * size)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    _LIBRARY.munmap(ctypes.c_void_p(start + 2 * size), ctypes.c_size_t(size))
    text = os.fsencode(path)
    at = 2 * size - before_end - len(text)
    memory[at : at + len(text)] = text
    _KEPT.append(memory)
    return start + at


def _at_address(address: int) -> None:
    os.close(_system_call("openat", _HERE, address, os.O_WRONLY))


def _across_pages(folder: str) -> None:
    _at_address(_placed(f"{folder}/open", mmap.PAGESIZE - 3))


def _threads(folder: str) -> str:
    seen: set[str] = set()

    def work(number: int) -> None:
        for _ in range(20):
            try:
                _open(f"{folder}/thread {number}", os.O_CREAT | os.O_WRONLY)
                os.unlink(f"{folder}/thread {number}")
            except OSError as error:
                seen.add(errno.errorcode[error.errno or 0])
            else:
                seen.add("ok")

    workers = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return " ".join(sorted(seen))


_CALLING: dict[str, Callable[[str], object]] = {
    "openat2 to write": lambda folder: _openat2(f"{folder}/open", os.O_WRONLY),
    "openat2 O_CREAT": _make_by_openat2,
    "O_TMPFILE": lambda folder: _open(folder, os.O_TMPFILE | os.O_WRONLY),
    "creat, exists": lambda folder: _open(f"{folder}/open", os.O_CREAT | os.O_WRONLY | os.O_TRUNC),
    "O_RDONLY|O_TRUNC": lambda folder: _open(f"{folder}/open", os.O_RDONLY | os.O_TRUNC),
    "O_RDONLY|O_TRUNC, not writable": lambda folder: _open(f"{folder}/file", os.O_RDONLY | os.O_TRUNC),
    "a folder to write": lambda folder: _open(f"{folder}/empty", os.O_WRONLY),
    "a folder O_CREAT": lambda folder: _open(f"{folder}/empty", os.O_RDONLY | os.O_CREAT),
    "a file O_WRONLY|O_DIRECTORY": lambda folder: _open(f"{folder}/open", os.O_WRONLY | os.O_DIRECTORY),
    "a missing file to write": lambda folder: _open(f"{folder}/missing", os.O_WRONLY),
    "RENAME_NOREPLACE, exists": _rename_without_replacing,
    "rename onto itself": lambda folder: os.rename(f"{folder}/file", f"{folder}/file"),
    "rename, missing": lambda folder: os.rename(f"{folder}/missing", f"{folder}/other"),
    "rename of .": lambda folder: os.rename(f"{folder}/.", f"{folder}/other"),
    "link": _link_and_remove,
    "link, exists": lambda folder: os.link(f"{folder}/file", f"{folder}/open"),
    "link, missing": lambda folder: os.link(f"{folder}/missing", f"{folder}/linked"),
    "link of a folder": lambda folder: os.link(f"{folder}/empty", f"{folder}/linked"),
    "link of an open file": _opened("file", _link_open),
    "symlink": _symlink_and_remove,
    "symlink, exists": lambda folder: os.symlink("anywhere", f"{folder}/file"),
    "mkfifo, exists": lambda folder: os.mkfifo(f"{folder}/file"),
    "mkdir in a missing folder": lambda folder: os.mkdir(f"{folder}/missing/below"),
    "mkdir in a file": lambda folder: os.mkdir(f"{folder}/file/below"),
    "mkdir of .": lambda folder: os.mkdir(f"{folder}/."),
    "rmdir of a file": lambda folder: os.rmdir(f"{folder}/file"),
    "rmdir of .": lambda folder: os.rmdir(f"{folder}/."),
    "rmdir of ..": lambda folder: os.rmdir(f"{folder}/.."),
    "rmdir, not empty": os.rmdir,
    "unlink of a folder": lambda folder: os.unlink(f"{folder}/empty"),
    "unlink of .": lambda folder: os.unlink(f"{folder}/."),
    "fchmod, open to read": _opened("file", lambda number: os.fchmod(number, 0o644)),
    "fchown, open to read": _opened("file", lambda number: os.fchown(number, -1, -1)),
    "futimens, open to read": _opened("file", lambda number: os.utime(number, (1, 1))),
    "futimens now, open to read": _opened("file", os.utime),
    "utime now, all may write it": lambda folder: os.utime(f"{folder}/open"),
    "utime, missing": lambda folder: os.utime(f"{folder}/missing"),
    "chmod, missing": lambda folder: os.chmod(f"{folder}/missing", 0o600),
    "fsetxattr, open to read": _opened("open", lambda number: os.setxattr(number, "user.envguard", b"x")),
    "setxattr": lambda folder: os.setxattr(f"{folder}/open", "user.envguard", b"x"),
    "setxattr of root's own": lambda folder: os.setxattr(f"{folder}/file", "trusted.envguard", b"x"),
    "removexattr": lambda folder: os.removexattr(f"{folder}/open", "user.missing"),
    "truncate": lambda folder: os.truncate(f"{folder}/file", 0),
    "truncate, all may write it": lambda folder: os.truncate(f"{folder}/open", 0),
    "truncate of a folder": lambda folder: os.truncate(f"{folder}/empty", 0),
    "ftruncate, open to read": _opened("open", lambda number: os.ftruncate(number, 0)),
    "FS_IOC_SETFLAGS, open to read": _opened("file", _set_flags),
    "os.access R_OK": lambda folder: _access(f"{folder}/file", os.R_OK),
    "os.access W_OK, missing": lambda folder: _access(f"{folder}/missing", os.W_OK),
    "os.access X_OK": lambda folder: _access(f"{folder}/true", os.X_OK),
    "os.access W_OK, a device": lambda _folder: _access("/dev/null", os.W_OK),
    "to write, through ..": lambda folder: _open(f"{folder}/empty/../open", os.O_WRONLY),
    "to write, through the working folder": _in_working_folder,
    "to write, through a descriptor of the folder": _by_folder,
    "to write, through /proc/self/fd": _opened("open", lambda number: _open(f"/proc/self/fd/{number}", os.O_WRONLY)),
    "to write, through /proc/thread-self/fd": _opened(
        "open", lambda number: _open(f"/proc/thread-self/fd/{number}", os.O_WRONLY)
    ),
    "to write, through /proc/PID/fd": _opened(
        "open", lambda number: _open(f"/proc/{os.getpid()}/fd/{number}", os.O_WRONLY)
    ),
    "to write, through /dev/fd": _opened("open", lambda number: _open(f"/dev/fd/{number}", os.O_WRONLY)),
    "to write, /dev/stdout": lambda _folder: _open("/dev/stdout", os.O_WRONLY),
    "to write, a link to /dev/null": lambda folder: _open(f"{folder}/outward", os.O_WRONLY),
    "to write, a link O_NOFOLLOW": lambda folder: _open(f"{folder}/outward", os.O_WRONLY | os.O_NOFOLLOW),
    "O_CREAT, a link that leads nowhere": lambda folder: _open(f"{folder}/dangling", os.O_WRONLY | os.O_CREAT),
    "O_CREAT|O_EXCL, a link that leads nowhere": lambda folder: _open(
        f"{folder}/dangling", os.O_WRONLY | os.O_CREAT | os.O_EXCL
    ),
    "O_CREAT, a link to itself": lambda folder: _open(f"{folder}/loop", os.O_WRONLY | os.O_CREAT),
    "unlink of a link that leads nowhere": lambda folder: os.unlink(f"{folder}/dangling"),
    "O_CREAT, a name too long": lambda folder: _open(f"{folder}/{'x' * 300}", os.O_WRONLY | os.O_CREAT),
    "mkdir, a name too long": lambda folder: os.mkdir(f"{folder}/{'x' * 300}"),
    "mkdir, a path too long": lambda folder: os.mkdir(folder + "/." * 2500 + "/made"),
    "no name to write": lambda _folder: _open("", os.O_WRONLY),
    "a slash behind a file to write": lambda folder: _open(f"{folder}/open/", os.O_WRONLY),
    "a slash behind a new file": lambda folder: _open(f"{folder}/new/", os.O_WRONLY | os.O_CREAT),
    "mkdir with a slash": _mkdir_with_slash,
    "symlink with a slash": lambda folder: os.symlink("anywhere", f"{folder}/symbolic/"),
    "unlink with a slash": lambda folder: os.unlink(f"{folder}/file/"),
    "rename with a slash": lambda folder: os.rename(f"{folder}/file/", f"{folder}/other"),
    "openat at address 1": lambda _folder: _at_address(1),
    "mkdirat at address 0": lambda _folder: _system_call("mkdirat", _HERE, 0, 0o755),
    "a path across two pages": _across_pages,
    "a path without an end": lambda folder: _at_address(_placed(f"{folder}/open", 0)),
    "a path that ends with the memory": lambda folder: _at_address(_placed(f"{folder}/open\0", 0)),
    "threads at the same time": _threads,
}
for _name, _action in _CALLING.items():
    OPERATIONS[f"call: {_name}"] = _in("ours", _action)


@operation("call: io_uring_setup")
def _ring(_told: Told) -> str:
    parameters = ctypes.create_string_buffer(120)
    os.close(_system_call("io_uring_setup", 1, parameters))
    return "ok"


@operation("call: to write, through a link from /tmp")
def _from_tmp(told: Told) -> None:
    os.symlink(f"{told['ours']}/open", f"{told['tmp']}/link")
    try:
        _open(f"{told['tmp']}/link", os.O_WRONLY)
    finally:
        os.unlink(f"{told['tmp']}/link")


@operation("call: O_CREAT, a link from /tmp that leads nowhere")
def _dangling_from_tmp(told: Told) -> None:
    os.symlink(f"{told['ours']}/made by link", f"{told['tmp']}/link")
    try:
        _open(f"{told['tmp']}/link", os.O_WRONLY | os.O_CREAT)
        os.unlink(f"{told['ours']}/made by link")
    finally:
        os.unlink(f"{told['tmp']}/link")


@operation("call: link from /tmp")
def _link_from_tmp(told: Told) -> None:
    os.link(f"{told['tmp']}/own", f"{told['ours']}/linked")
    os.unlink(f"{told['ours']}/linked")


# -- executing: where the files lie in a folder of the environment's own, such as /tmp ---------------------------------


def _program(folder: str) -> str:
    return shutil.copy(os.path.realpath(shutil.which("true") or "/bin/true"), f"{folder}/true")


def _script(folder: str, line: str = "#!/bin/sh\n") -> str:
    path = Path(folder, "script")
    path.write_text(f"{line}exit 0\n")
    path.chmod(0o755)
    return str(path)


def _ran(*words: str) -> str:
    code = subprocess.run(words, stderr=subprocess.DEVNULL, check=False).returncode
    return "ok" if code == 0 else f"exit {code}"


def _python_script(folder: str) -> str:
    path = Path(folder, "script.py")
    path.write_text("")
    return _ran(sys.executable, "-I", "-S", str(path))


def _library(folder: str) -> str:
    with open("/proc/self/maps", encoding="utf-8") as file:
        found = next(line.split()[-1] for line in file if "/libc.so" in line or "/libc-2" in line or "/ld-musl" in line)
    return shutil.copy(found, f"{folder}/library.so")


def _load(folder: str) -> str:
    path = _library(folder)
    try:
        ctypes.CDLL(path)
    except OSError as error:
        return str(error).replace(f"{path}: ", "")
    return "ok"


def _extension(folder: str) -> str:
    import importlib.machinery
    import importlib.util
    import sysconfig

    found = glob.glob(f"{sysconfig.get_path('platstdlib')}/lib-dynload/_json.*.so")
    if not found:
        return "skip: this Python has no extension modules of its own"
    path = shutil.copy(found[0], folder)
    spec = importlib.util.spec_from_file_location("_json", path)
    assert spec
    try:
        importlib.util.module_from_spec(spec)
    except ImportError as error:
        return str(error).replace(f"{path}: ", "")
    return "ok"


def _map(folder: str) -> None:
    with open(_program(folder), "rb") as file:
        mmap.mmap(file.fileno(), 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC).close()


def _dynamic_linker(folder: str) -> str:
    found = glob.glob("/lib64/ld-linux*.so*") + glob.glob("/lib/ld-linux*.so*")
    return _ran(found[0], _program(folder)) if found else "skip: no ld.so of glibc"


def _exec(path: str) -> None:
    os.execv(path, [path])


def _protect(folder: str) -> None:
    number = os.open(_program(folder), os.O_RDONLY)
    _LIBRARY.mmap.restype = ctypes.c_void_p
    arguments = ctypes.c_size_t(4096), mmap.PROT_READ, mmap.MAP_PRIVATE, number, ctypes.c_long(0)
    start = ctypes.c_void_p(_LIBRARY.mmap(None, *arguments))
    if _LIBRARY.mprotect(start, ctypes.c_size_t(4096), mmap.PROT_READ | mmap.PROT_EXEC):
        raise OSError(ctypes.get_errno(), "mprotect")


def _in_child(action: Callable[[], object]) -> str:
    """Return the errno of ``action``, or how the program ended that it became."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            action()
        except OSError as error:
            os.write(write, errno.errorcode[error.errno or 0].encode())
        finally:
            os._exit(1)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        told = file.read().decode()
    _, status = os.waitpid(child, 0)
    return told or ("ok" if status == 0 else f"status {status}")


def _execute_open(folder: str) -> str:
    number = os.open(_program(folder), os.O_RDONLY)
    words = (ctypes.c_char_p * 2)(b"true", None)
    empty = ctypes.cast(words, ctypes.c_void_p).value or 0
    return _in_child(lambda: _system_call("execveat", number, b"", empty, 0, 0x1000))


def _spawn(folder: str) -> str:
    _, status = os.waitpid(os.posix_spawn(_program(folder), ["true"], {}), 0)
    return "ok" if status == 0 else f"status {status}"


def _interpreted(folder: str) -> str:
    number = os.memfd_create("script", 0)
    os.write(number, f"#!{_program(folder)}\n".encode())
    os.set_inheritable(number, True)
    return _executed(f"/proc/self/fd/{number}")


def _executed(path: str) -> str:
    """Execute ``path`` itself: subprocess would say more than the errno."""
    return _in_child(lambda: _exec(path))


_EXECUTING: dict[str, Callable[[str], object]] = {
    "execve a program": lambda folder: _executed(_program(folder)),
    "execve a script": lambda folder: _executed(_script(folder)),
    "sh script": lambda folder: _ran("sh", _script(folder)),
    "python script": _python_script,
    "dlopen": _load,
    "import an extension module": _extension,
    "mmap PROT_EXEC": _map,
    "ld.so program": _dynamic_linker,
    "os.access X_OK": lambda folder: _access(_script(folder), os.X_OK),
    "mprotect PROT_EXEC": _protect,
    "execveat a descriptor": _execute_open,
    "posix_spawn": _spawn,
    "subprocess": lambda folder: _said(lambda: subprocess.run([_program(folder)], check=False).returncode),
    "a script elsewhere, its interpreter here": _interpreted,
    "statvfs says noexec": lambda folder: bool(os.statvfs(folder).f_flag & os.ST_NOEXEC),
    "create": _create_and_remove,
}
for _name, _action in _EXECUTING.items():
    OPERATIONS[f"/tmp: {_name}"] = _in("tmp", _action)


@operation("the project: execve a program")
def _project_program(told: Told) -> str:
    return _executed(f"{told['ours']}/true")


@operation("the project: execve a script")
def _project_script(told: Told) -> str:
    return _executed(f"{told['ours']}/script")


@operation("anonymous memory, writable and executable")
def _anonymous(_told: Told) -> None:
    protection = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, protection).close()


@operation("execve of a memfd")
def _memfd(_told: Told) -> str:
    number = os.memfd_create("program", 0)
    os.write(number, Path(os.path.realpath(shutil.which("true") or "/bin/true")).read_bytes())
    os.set_inheritable(number, True)
    return _executed(f"/proc/self/fd/{number}")


# -- /tmp, /var/tmp, /dev/shm, /dev, /proc -----------------------------------------------------------------------------


@operation("/tmp: size")
def _tmp_size(_told: Told) -> str:
    status = os.statvfs("/tmp")
    return f"{status.f_blocks * status.f_frsize >> 20} MiB"


@operation("/tmp: mode")
def _tmp_mode(_told: Told) -> str:
    return f"{stat.S_IMODE(os.stat('/tmp').st_mode):04o}"


def _fill(folder: str, size: int) -> None:
    with tempfile.TemporaryFile(dir=folder) as file:
        os.posix_fallocate(file.fileno(), 0, size)


@operation("/tmp: more than its size")
def _tmp_full(told: Told) -> None:
    _fill("/tmp", told["beyond_tmp"])


@operation("/dev/shm: more than its size")
def _shm_full(_told: Told) -> None:
    _fill("/dev/shm", 65 << 20)


@operation("/dev/shm: execve a program")
def _shm_program(_told: Told) -> str:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        return _executed(_program(folder))


@operation("/var/tmp: create a file")
def _var_tmp(_told: Told) -> None:
    tempfile.NamedTemporaryFile(dir="/var/tmp").close()


@operation("/dev: create a file")
def _dev(_told: Told) -> None:
    path = f"/dev/envguard-{os.getpid()}"
    _open(path, os.O_CREAT | os.O_WRONLY)
    os.unlink(path)


@operation("/dev/null, zero, full, urandom work")
def _devices(_told: Told) -> str:
    with open("/dev/null", "wb") as null, open("/dev/zero", "rb") as zero, open("/dev/urandom", "rb") as random:
        null.write(zero.read(1) + random.read(1))
    try:
        with open("/dev/full", "wb", buffering=0) as full:
            full.write(b"x")
    except OSError as error:
        return "ok" if error.errno == errno.ENOSPC else str(error)
    return "/dev/full took a byte"


@operation("/proc/sys: open to write")
def _proc_sys(_told: Told) -> None:
    _open("/proc/sys/kernel/hostname", os.O_WRONLY)


@operation("/proc/self: open to write")
def _proc_self(_told: Told) -> None:
    _open("/proc/self/comm", os.O_WRONLY)


@operation("/proc/1/environ: open")
def _proc_init(_told: Told) -> None:
    _open("/proc/1/environ", os.O_RDONLY)


@operation("/proc/interrupts: bytes")
def _masked(_told: Told) -> str:
    with open("/proc/interrupts", "rb") as file:
        return str(len(file.read(16)))


# -- multiprocessing ---------------------------------------------------------------------------------------------------


def _nothing() -> None:
    """Do nothing: the target of a process."""


def _pool(context: Any) -> None:
    with context.Pool(1) as pool:
        pool.map(abs, [-1])


def _executor(context: Any) -> None:
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(1, mp_context=context) as executor:
        executor.submit(abs, -1).result()


def _shared_memory(_context: Any) -> None:
    from multiprocessing.shared_memory import SharedMemory

    made = SharedMemory(create=True, size=16)
    made.close()
    made.unlink()


def _process(context: Any) -> None:
    child = context.Process(target=_nothing)
    child.start()
    child.join()


def _manager(context: Any) -> None:
    with context.Manager() as manager:
        manager.list([1])


_MULTIPROCESSING: dict[str, Callable[[Any], object]] = {
    "Lock": lambda context: context.Lock() and None,
    "Queue": lambda context: context.Queue() and None,
    "SimpleQueue": lambda context: context.SimpleQueue() and None,
    "Pool": _pool,
    "Value": lambda context: context.Value("i", 1) and None,
    "ProcessPoolExecutor": _executor,
    "SharedMemory": _shared_memory,
    "RawArray": lambda context: context.RawArray("i", 4) and None,
    "Pipe": lambda context: context.Pipe() and None,
    "Process": _process,
    "Manager": _manager,
}


def _with_context(action: Callable[[Any], object]) -> Callable[[Told], object]:
    # fork: the other ways to start a child import this module anew, which -S and the child's own start make slow.
    return lambda _told: action(multiprocessing.get_context("fork"))


for _name, _make in _MULTIPROCESSING.items():
    OPERATIONS[f"multiprocessing.{_name}"] = _with_context(_make)


@operation("multiprocessing.Lock, /dev/shm full")
def _lock_when_full(_told: Told) -> None:
    with tempfile.TemporaryFile(dir="/dev/shm") as file:
        os.posix_fallocate(file.fileno(), 0, os.statvfs("/dev/shm").f_bavail * os.statvfs("/dev/shm").f_frsize)
        multiprocessing.get_context("fork").Lock()


# -- identity ----------------------------------------------------------------------------------------------------------


def _said(action: Callable[[], object]) -> str:
    """Return what ``action`` returned, or the exception's name and text."""
    try:
        return str(action())
    except OSError as error:
        return f"{type(error).__name__}: {errno.errorcode.get(error.errno or 0, error)}"
    except Exception as error:  # noqa: BLE001  # whatever it was, it is the observation
        return f"{type(error).__name__}: {error.args[0]}"


OPERATIONS |= {
    "uid:gid": lambda _told: f"{os.getuid()}:{os.getgid()}",
    "effective uid:gid": lambda _told: f"{os.geteuid()}:{os.getegid()}",
    "further groups": lambda _told: str(sorted(set(os.getgroups()) - {os.getgid()})),
    "HOME": lambda _told: os.environ.get("HOME", "unset"),
    "USER": lambda _told: os.environ.get("USER", "unset"),
    "TZ": lambda _told: os.environ.get("TZ", "unset"),
    "pwd.getpwuid": lambda _told: _said(lambda: pwd.getpwuid(os.getuid()).pw_name),
    "getpass.getuser": lambda _told: _said(getpass.getuser),
    "os.path.expanduser('~')": lambda _told: os.path.expanduser("~"),
    "Path.home": lambda _told: _said(Path.home),
    "site.getuserbase": lambda _told: _said(site.getuserbase),
    "owner of the project's files": lambda told: str(os.stat(told["ours"]).st_uid),
}


@operation("os.getlogin")
def _getlogin(_told: Told) -> str:
    if Path("/proc/self/loginuid").exists() and Path("/proc/self/loginuid").read_text() != str(2**32 - 1):
        return "skip: the kernel knows who logged in on this machine"
    return _said(os.getlogin)


@operation("makedirs('~/.envguard-cache')")
def _makedirs_home(_told: Told) -> str | None:
    before = os.getcwd()
    # All profiles run at the same time, and openshift, played by root without namespaces, makes the folder for all to see.
    path = os.path.expanduser(f"~/.envguard-cache-{secrets.token_hex(8)}")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chdir(folder)
        try:
            os.makedirs(path)
            return "a folder called ~" if os.path.isdir("./~") else None
        finally:
            with contextlib.suppress(OSError):  # where the root is writable, it may be the machine's own
                os.rmdir(path)
            os.chdir(before)


@operation("capabilities and no_new_privs")
def _privileges(_told: Told) -> str:
    with open("/proc/self/status", encoding="ascii") as file:
        fields = dict(line.split(":\t") for line in file if ":\t" in line)
    none = all(int(fields[name], 16) == 0 for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"))
    return f"{'none' if none else 'some'}, {fields['NoNewPrivs'].strip()}"


@operation("chown to root")
def _chown(told: Told) -> None:
    os.chown(f"{told['tmp']}/own", 0, 0)


@operation("setuid(0)")
def _setuid(_told: Told) -> None:
    os.setuid(0)


# -- limits ------------------------------------------------------------------------------------------------------------


@operation("RLIMIT_NOFILE")
def _limit_files(_told: Told) -> str:
    return "/".join(map(str, resource.getrlimit(resource.RLIMIT_NOFILE)))


@operation("RLIMIT_NPROC")
def _limit_processes(_told: Told) -> str:
    return "/".join(map(str, resource.getrlimit(resource.RLIMIT_NPROC)))


@operation("RLIMIT_STACK, soft")
def _limit_stack(_told: Told) -> str:
    return str(resource.getrlimit(resource.RLIMIT_STACK)[0])


def _use_up_descriptors() -> list[int]:
    held: list[int] = []
    while len(held) < 2000:
        try:
            held.append(os.dup(0))
        except OSError:
            break
    return held


@operation("open with no descriptor left")
def _no_descriptor(_told: Told) -> str:
    held = _use_up_descriptors()
    outcome = _said(lambda: os.open("/dev/null", os.O_RDONLY))
    for number in held:
        os.close(number)
    return outcome


@operation("subprocess with no descriptor left")
def _no_descriptor_for_child(_told: Told) -> str:
    held = _use_up_descriptors()
    outcome = _said(lambda: subprocess.Popen(["true"], stdout=subprocess.PIPE) and "ok")
    for number in held:
        os.close(number)
    return outcome


def _use_up_processes(told: Told, then: Callable[[], object]) -> str:
    release = threading.Event()
    threading.stack_size(1 << 16)
    threads = []
    outcome = "no limit met"
    for _ in range(told["threads"]):
        thread = threading.Thread(target=release.wait)
        try:
            thread.start()
        except RuntimeError as error:
            outcome = f"RuntimeError: {error}" if then is _nothing else _said(then)
            break
        threads.append(thread)
    release.set()
    for thread in threads:
        thread.join()
    return outcome


@operation("thread with no process left")
def _no_thread(told: Told) -> str:
    return _use_up_processes(told, _nothing)


@operation("fork with no process left")
def _no_fork(told: Told) -> str:
    return _use_up_processes(told, lambda: os.fork() or os._exit(0))


@operation("subprocess with no process left")
def _no_subprocess(told: Told) -> str:
    return _use_up_processes(told, lambda: subprocess.run(["true"], check=False) and "ok")


# -- network: only where `lo` is the one interface, or calls are answered, to addresses that are nobody's -----------------------------------------------------------------

_FOREIGN = ("192.0.2.1", 9)  # RFC 5737: nobody's
_FOREIGN_6 = ("2001:db8::1", 9)  # RFC 3849: nobody's
AT_ONCE = 1.5  # seconds, for machines that have much else to do
TEN = range(9, 14)


def _at_once(action: Callable[[], object]) -> str:
    """Return what `answered` says of ``action``, and whether it took its time."""
    started = time.monotonic()
    outcome = _said_network(action)
    return outcome if time.monotonic() - started < AT_ONCE else f"{outcome}, late"


def _said_network(action: Callable[[], object]) -> str:
    try:
        result = action()
    except socket.gaierror as error:
        names = {value: name for name, value in vars(socket).items() if name.startswith("EAI_")}
        return names.get(error.errno or 0, str(error))
    except OSError as error:
        return errno.errorcode[error.errno] if error.errno else f"{type(error).__name__}: {error}"
    return "ok" if result is None else str(result)


def _tcp(address: tuple[str, int], patience: float | None, attempts: int = 0) -> Callable[[], object]:
    def connect() -> None:
        with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as client:
            if attempts:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, attempts)
            client.settimeout(patience)
            client.connect(address)

    return connect


def _connect_ex() -> str:
    with socket.socket() as client:
        client.setblocking(False)
        return errno.errorcode[client.connect_ex(_FOREIGN)]


def _udp(address: tuple[str, int]) -> Callable[[], object]:
    def send() -> None:
        with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"x", address)

    return send


def _own_server(family: int, address: Any) -> Callable[[], object]:
    def talk() -> None:
        with socket.socket(family) as server, socket.socket(family) as client:
            server.bind(address)
            server.listen(1)
            client.settimeout(2)
            client.connect(server.getsockname())

    return talk


def _closed_port() -> None:
    with socket.socket() as free, socket.socket() as client:
        free.bind(("127.0.0.1", 0))  # bound and not listening: nobody else takes it meanwhile
        client.connect(free.getsockname())


def _message(address: tuple[str, int]) -> Callable[[], object]:
    def send() -> str:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            return str(client.sendmsg([b"x", b"yz"], [], 0, address))

    return send


def _messages() -> str:
    """Send two messages with one call (``sendmmsg``), which only C does."""
    address = socket.AF_INET.to_bytes(2, "little") + _FOREIGN[1].to_bytes(2, "big") + socket.inet_aton(_FOREIGN[0])
    name, text = ctypes.create_string_buffer(address + bytes(8), 16), ctypes.create_string_buffer(b"xyz")
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(text), 3)
    header = [ctypes.addressof(name), 16, ctypes.addressof(vector), 1, 0, 0, 0, 0]
    headers = (ctypes.c_size_t * 16)(*header, *header)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        sent = _LIBRARY.sendmmsg(client.fileno(), headers, 2, 0)
    if sent < 0:
        raise OSError(ctypes.get_errno(), "sendmmsg")
    return f"{sent} messages of {headers[7] & 0xFFFFFFFF} and {headers[15] & 0xFFFFFFFF} bytes"


def _udp_connected() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(_FOREIGN)
        client.send(b"x")


def _bound(address: tuple[str, int]) -> Callable[[], object]:
    def bind() -> None:
        with socket.socket() as server:
            server.bind(address)

    return bind


def _pair_by_path(kind: socket.SocketKind) -> Callable[[], object]:
    def talk() -> None:
        with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX, kind) as server:
            server.bind(f"{folder}/socket")
            with socket.socket(socket.AF_UNIX, kind) as client:
                if kind == socket.SOCK_STREAM:
                    server.listen(1)
                    client.connect(f"{folder}/socket")
                else:
                    client.sendto(b"x", f"{folder}/socket")

    return talk


def _mapped(address: str) -> Callable[[], object]:
    def connect() -> None:
        with socket.socket(socket.AF_INET6) as client:
            client.settimeout(0.2)
            client.connect((f"::ffff:{address}", 9))

    return connect


def _unspecified() -> None:
    with socket.socket() as free, socket.socket() as client:
        free.bind(("127.0.0.1", 0))
        client.connect(("0.0.0.0", free.getsockname()[1]))


NETWORK: dict[str, Callable[[], object]] = {
    "udp sendmsg": _message(_FOREIGN),
    "udp sendmmsg": _messages,
    "udp connect and send": _udp_connected,
    "bind to an address that is nobody's": _bound((_FOREIGN[0], 0)),
    "bind to 127.0.0.1": _bound(("127.0.0.1", 0)),
    "bind to 0.0.0.0": _bound(("0.0.0.0", 0)),
    "tcp connect, IPv4 written as IPv6": _mapped("192.0.2.1"),
    "a closed port on loopback, written as IPv6": _mapped("127.0.0.1"),
    "a closed port on 0.0.0.0": _unspecified,
    "own server on an AF_UNIX path": _pair_by_path(socket.SOCK_STREAM),
    "own AF_UNIX datagram": _pair_by_path(socket.SOCK_DGRAM),
    "tcp connect with a time-out": _tcp(_FOREIGN, 0.2),
    "tcp connect without a time-out, one retry": _tcp(_FOREIGN, None, 1),
    "connect_ex, not blocking": _connect_ex,
    "udp sendto": _udp(_FOREIGN),
    "tcp connect with a time-out, IPv6": _tcp(_FOREIGN_6, 0.2),
    "udp sendto, IPv6": _udp(_FOREIGN_6),
    "a closed port on loopback": _closed_port,
    "own server on 127.0.0.1": _own_server(socket.AF_INET, ("127.0.0.1", 0)),
    "own server on ::1": _own_server(socket.AF_INET6, ("::1", 0)),
    "own server on an abstract AF_UNIX name": _own_server(socket.AF_UNIX, "\0envguard-own-server"),
    "getaddrinfo localhost": lambda: socket.getaddrinfo("localhost", 80) and None,
    "getaddrinfo of an address": lambda: socket.getaddrinfo("192.0.2.1", 80) and None,
}
NAME = "getaddrinfo of a name"


def _lonely() -> bool:
    return [name for _, name in socket.if_nameindex()] == ["lo"]


def _network(name: str, action: Callable[[], object]) -> Callable[[Told], object]:
    def observe(told: Told) -> str:
        if not (_lonely() or told["answered"]):
            return "skip: an interface could leave this machine"
        if ("IPv6" in name or "::1" in name) and not os.path.exists("/proc/net/if_inet6"):
            return "skip: this kernel has no IPv6"
        return _at_once(action)

    return observe


for _name, _do in NETWORK.items():
    OPERATIONS[_name] = _network(_name, _do)


@operation(NAME)
def _resolve(told: Told) -> str:
    if not (_lonely() or told["answered"]):
        return "skip: an interface could leave this machine"
    started = time.monotonic()
    outcome = _said_network(lambda: socket.getaddrinfo("envguard.invalid", 80) and None)
    seconds = time.monotonic() - started
    if seconds < AT_ONCE:
        return f"{outcome} at once"
    return f"{outcome} after {10 if int(seconds) in TEN else round(seconds)} s"


def main() -> None:
    """Observe what the job asks for and print it."""
    told: Told = {"answered": False, **json.loads(sys.argv[-1])}
    if "tmp" in told:
        told["tmp"] = tempfile.mkdtemp(dir="/tmp")
        Path(told["tmp"], "own").touch()
    try:
        seen = {name: answered(lambda name=name: OPERATIONS[name](told)) for name in told["operations"]}
    finally:
        if "tmp" in told:
            shutil.rmtree(told["tmp"], ignore_errors=True)
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
