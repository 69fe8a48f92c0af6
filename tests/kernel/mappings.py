"""Try symbolic links and mappings; run inside of environments, and where a real mechanism answers.

python mappings.py links FOLDER READ_ONLY        both have a file called ``file``
python mappings.py linkless                      the same on mqueue, a file system without links, in namespaces
python mappings.py code FILE [mdwe]              after PR_SET_MDWE, if asked for
python mappings.py sizes LIMIT FILE
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = LIBC.mremap.restype = ctypes.c_void_p
R, W, X = mmap.PROT_READ, mmap.PROT_WRITE, mmap.PROT_EXEC
PRIVATE, SHARED, ANONYMOUS = mmap.MAP_PRIVATE, mmap.MAP_SHARED, mmap.MAP_ANONYMOUS
FAILED = 2**64 - 1


def named(call: Callable[[], object]) -> str:
    """Return the errno's name that a call fails with, "" if it doesn't."""
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return ""


# -- links -------------------------------------------------------------------------------------------------------------


def links(at: str, readonly: str) -> dict[str, str]:
    """Return what comes of making a link in many ways, and of as many mistakes."""
    new = f"new-{os.getpid()}"
    tried = {
        "new": ("a", f"{at}/{new}"),
        "there is a file": ("a", f"{at}/file"),
        "in nothing": ("a", f"{at}/no/{new}"),
        "in a file": ("a", f"{at}/file/{new}"),
        "with a slash": ("a", f"{at}/{new}/"),
        "a dot": ("a", f"{at}/."),
        "two dots": ("a", f"{at}/.."),
        "the root": ("a", "/"),
        "an empty target": ("", f"{at}/{new}"),
        "an empty target, there is a file": ("", f"{at}/file"),
        "an empty path": ("a", ""),
        "a long name": ("a", f"{at}/" + "x" * 256),
        "a long target": ("a" * 5000, f"{at}/file"),
        "a long path": ("a", f"{at}/" + "x/" * 2500),
        "read-only": ("a", f"{readonly}/{new}"),
        "read-only, there is a file": ("a", f"{readonly}/file"),
        "read-only, with a slash": ("a", f"{readonly}/{new}/"),
    }
    found = {name: named(lambda words=words: os.symlink(*words)) for name, words in tried.items()}
    folder, file = os.open(at, os.O_RDONLY), os.open(f"{at}/file", os.O_RDONLY)
    found["by a descriptor"] = named(lambda: os.symlink("a", new, dir_fd=folder))
    found["by a descriptor, there is a file"] = named(lambda: os.symlink("a", "file", dir_fd=folder))
    found["by a file's descriptor"] = named(lambda: os.symlink("a", new, dir_fd=file))
    os.close(folder)
    found["by a closed descriptor"] = named(lambda: os.symlink("a", new, dir_fd=folder))
    found["without memory"] = _answer(LIBC.symlink(ctypes.c_void_p(8), f"{at}/file".encode()))
    os.chmod(at, 0o555)
    found["in a closed folder"] = named(lambda: os.symlink("a", f"{at}/{new}"))
    os.chmod(at, 0o755)
    return found


def _answer(result: int) -> str:
    return errno.errorcode[ctypes.get_errno()] if result == -1 else ""


def linkless() -> dict[str, str]:
    """Mount a message queue file system, which knows no links, and give every capability up."""
    from pytest_envguard.linux import identity, mounts
    from pytest_envguard.linux import syscalls as call

    uid, gid = os.getuid(), os.getgid()
    call.unshare(call.CLONE_NEWUSER | call.CLONE_NEWNS | call.CLONE_NEWIPC)
    identity.map_self(uid, gid, uid, gid)
    mounts.private()
    call.mount("mqueue", "/dev/mqueue" if os.path.isdir("/dev/mqueue") else "/mnt", "mqueue", 0)
    at, readonly = ("/dev/mqueue" if os.path.isdir("/dev/mqueue") else "/mnt"), "/tmp"
    os.close(os.open(f"{at}/file", os.O_CREAT | os.O_RDWR, 0o644))
    call.mount(at, readonly, None, call.MS_BIND)
    mounts.change(readonly, readonly=True)
    identity.drop_capabilities(0)
    return links(at, readonly)


def others(at: str) -> dict[str, Any]:
    """Return what other programs and calls come to, and what has to work still."""
    path = f"{at}/by-c".encode()
    found: dict[str, Any] = {
        "C": [_answer(LIBC.symlink(b"a", path)), _answer(LIBC.symlinkat(b"a", -100, path))],
        "a child": subprocess.run(["ln", "-s", "a", f"{at}/by-ln"], capture_output=True).returncode,
        "its child": subprocess.run(["sh", "-c", f"ln -s a {at}/by-sh || exit 7"], capture_output=True).returncode,
        "io_uring": _answer(LIBC.syscall(ctypes.c_long(425), 1, ctypes.create_string_buffer(120))),
    }
    os.link(f"{at}/file", f"{at}/hard")
    os.mkdir(f"{at}/folder")
    found["hard links"] = os.stat(f"{at}/hard").st_nlink
    found["a link that is there"] = os.path.realpath("/dev/fd") != "/dev/fd"
    answers: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(named(lambda: os.symlink("a", f"{at}/{n}"))))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found["threads"] = sorted(set(answers))
    found["left"] = sorted(name for name in os.listdir(at) if os.path.islink(f"{at}/{name}"))
    return found


# -- memory ------------------------------------------------------------------------------------------------------------


def mapped(protection: int, flags: int, descriptor: int = -1, length: int = 4096) -> tuple[int, str]:
    """Return the address of a new mapping and "", or 0 and the errno's name."""
    address = LIBC.mmap(None, ctypes.c_size_t(length), protection, flags, descriptor, ctypes.c_long(0))
    return (0, errno.errorcode[ctypes.get_errno()]) if address in (None, FAILED) else (address, "")


def protected(before: int, flags: int, after: int, descriptor: int = -1) -> str:
    """Return what comes of another protection for a new mapping."""
    address, refused = mapped(before, flags, descriptor)
    return refused or _answer(LIBC.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(4096), after))


def code(path: str) -> dict[str, str]:
    """Return what comes of executable mappings of memory and of a file."""
    file = os.open(path, os.O_RDONLY)
    memory = os.memfd_create("code")
    os.write(memory, bytes(4096))
    anonymous = PRIVATE | ANONYMOUS
    found = {
        "data": mapped(R | W, anonymous)[1],
        "memory to execute": mapped(R | X, anonymous)[1],
        "memory to write and execute": mapped(R | W | X, anonymous)[1],
        "shared memory to write and execute": mapped(R | W | X, SHARED | ANONYMOUS)[1],
        "written memory": protected(R | W, anonymous, R | X),
        "read memory": protected(R, anonymous, R | X),
        "a file": mapped(R | X, PRIVATE, file)[1],
        "a file to write and execute": mapped(R | W | X, PRIVATE, file)[1],
        "a file, later": protected(R, PRIVATE, R | X, file),
        "a file, again": protected(R | X, PRIVATE, R | X, file),
        "a file without a name": mapped(R | X, SHARED, memory)[1],
        "a file without a name to write and execute": mapped(R | W | X, SHARED, memory)[1],
    }
    child = f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r}); import mappings as m; print(m.mapped(7, 34)[1])"
    command = ["sh", "-c", 'exec "$0" -I -c "$1"', sys.executable, child]
    found["a child of another program"] = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return found


def sizes(limit: int, path: str) -> dict[str, str]:
    """Return what comes of mappings around the limit."""
    file = os.open(path, os.O_RDONLY)
    anonymous = PRIVATE | ANONYMOUS | 0x4000  # MAP_NORESERVE
    small, _ = mapped(R, anonymous)
    moved = [
        LIBC.mremap(ctypes.c_void_p(small), ctypes.c_size_t(4096), ctypes.c_size_t(size), 1)
        for size in (limit + 1, limit)
    ]
    found = {
        "as large": mapped(R, anonymous, length=limit)[1],
        "larger": mapped(R, anonymous, length=limit + 1)[1],
        "much larger": mapped(R, anonymous, length=limit << 20)[1],
        "a larger file": mapped(R, PRIVATE, file, length=limit + 1)[1],
        "grown": "" if moved[0] not in (None, FAILED) else "ENOMEM",
        "grown to it": "" if moved[1] not in (None, FAILED) else "ENOMEM",
        "room only": mapped(0, anonymous, length=limit + 1)[1],
    }
    thread = threading.Thread(target=lambda: found.setdefault("a thread", ""))
    thread.start()
    thread.join()
    child = f"import mmap; mmap.mmap(-1, {limit + 1})"
    said = subprocess.run([sys.executable, "-I", "-S", "-c", child], capture_output=True, text=True).stderr
    found["a child"] = "".join(said.strip().splitlines()[-1:])
    return found


if __name__ == "__main__":
    verb, *words = sys.argv[1:]
    if verb == "links":
        at, readonly, *_ = words
        os.makedirs(at, exist_ok=True)
        open(f"{at}/file", "w").close()
        print(json.dumps([links(at, readonly), others(at)]))
    elif verb == "linkless":
        print(json.dumps(linkless()))
    elif verb == "code":
        if "mdwe" in words:
            assert LIBC.prctl(65, ctypes.c_ulong(1), 0, 0, 0) == 0, "before Linux 6.3"
        print(json.dumps(code(words[0])))
    else:
        print(json.dumps(sizes(int(words[0]), words[1])))
