"""The operations of `tests.unit.fake.operations`, done under the audit hook; with ``shapes``, whole errors instead.

As a program (``python -m tests.unit.audit.attempts ABOVE UID KIND``, KIND being "answers" or "shapes", and "mounted" behind it for the
kernel's own answers) it prints what came out.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from pytest_envguard.audit import hook
from pytest_envguard.linux import mounts, network
from pytest_envguard.linux import syscalls as call
from tests.unit.fake import operations

CLOSED = ("ro", "other")


def rules(above: str, **further: Any) -> dict[str, Any]:
    """Return what the mounts that `operations.main` makes forbid."""
    table = [["/", False, False, None], [above, False, False, None]]
    table += [[f"{above}/{name}", name in CLOSED, name == "ro", None] for name in (*CLOSED, "rw", "small")]
    return {"mounts": table, **further}


def prepare(above: str, uid: int, mounted: bool, build: Callable[[str], None]) -> None:
    """Make ``above`` a file system with four folders, filled by ``build``; mounts of their own if ``mounted``."""
    os.umask(0o022)
    call.unshare(call.CLONE_NEWNS | call.CLONE_NEWNET)
    mounts.private()
    # Under the hook the system's own answer is another one, so that it can't be taken for the hook's.
    network.configure("none" if mounted else "refuse")
    call.mount("tmpfs", above, "tmpfs", 0, "mode=755")
    os.chdir(above)
    for name in (*CLOSED, "rw", "small"):
        os.mkdir(f"{above}/{name}")
        if mounted:
            size = f",size={operations.SIZE}" if name == "small" else ""
            call.mount("tmpfs", f"{above}/{name}", "tmpfs", 0, f"mode=755{size}")
    os.chmod(f"{above}/small", 0o1777)
    build(above)
    for name in CLOSED if mounted else ():
        mounts.change(f"{above}/{name}", readonly=True, noexec=name == "ro")
    if uid:
        os.setgroups([])
        os.setgid(operations.GID)
        os.setuid(uid)


def build_operations(above: str) -> None:
    """Make the files of every operation."""
    for mount in (*CLOSED, "rw"):
        for name in operations.all_operations():
            operations.build(f"{above}/{mount}/{name}")


def build_shapes(above: str) -> None:
    """Make files, a program, a script and an extension module on a mount that is read-only and noexec."""
    import _ctypes

    for mount in ("ro", "rw"):
        operations.build(f"{above}/{mount}/at")
    at = f"{above}/ro/at"
    shutil.copy(str(_ctypes.__file__), f"{at}/_extension.so")
    shutil.copy(shutil.which("true") or "", f"{at}/true")
    pathlib.Path(f"{at}/script").write_text(f"#!{at}/true\n", encoding="ascii")
    pathlib.Path(f"{above}/rw/at/script").write_text(f"#!{at}/true\n", encoding="ascii")
    os.chmod(f"{at}/script", 0o755)
    os.chmod(f"{above}/rw/at/script", 0o755)
    database = sqlite3.connect(f"{at}/database")
    database.execute("create table t(x)")
    database.close()


def shapes(above: str) -> dict[str, Any]:
    """Return, of every way in which Python is refused something, the whole error."""
    os.chdir(f"{above}/ro/at")
    at, rw, path = f"{above}/ro/at", f"{above}/rw/at", pathlib.Path(f"{above}/ro/at")
    folder, program = os.open(at, os.O_RDONLY), os.open(f"{at}/true", os.O_RDONLY)
    import ctypes

    tried: dict[str, Callable[[], object]] = {
        "open": lambda: open(f"{at}/new", "w", encoding="ascii").close(),
        "open bytes": lambda: open(b"new", "wb").close(),
        "open Path": lambda: open(path / "file", "a", encoding="ascii").close(),
        "open relative": lambda: open("../at/link", "r+b").close(),
        "os.open": lambda: os.open("new", os.O_CREAT),
        "os.open through a descriptor's link": lambda: os.open("/proc/self/cwd/file", os.O_WRONLY),
        "Path.write_text": lambda: (path / "new").write_text("x", encoding="ascii"),
        "mkdir": lambda: os.mkdir(path / "new"),
        "mkdir in a folder": lambda: os.mkdir("new", dir_fd=folder),
        "makedirs": lambda: os.makedirs(path / "new" / "below"),
        "rmdir": lambda: os.rmdir("folder/full"),
        "unlink missing": lambda: os.unlink(b"missing"),
        "rename": lambda: os.rename("file", b"new"),
        "rename across": lambda: os.rename("file", f"{rw}/new"),
        "replace across": lambda: os.replace(pathlib.Path(rw, "file"), "new"),
        "link": lambda: os.link("file", path / "new"),
        "link across": lambda: os.link("file", f"{rw}/new"),
        "symlink": lambda: os.symlink("file", path / "new"),
        "truncate": lambda: os.truncate("file", 0),
        "ftruncate": lambda: os.ftruncate(folder, 0),
        "chmod": lambda: os.chmod(path / "file", 0o600),
        "fchmod": lambda: os.fchmod(folder, 0o700),
        "chown": lambda: os.chown("link", 0, 0),
        "lchown": lambda: os.lchown("link", 0, 0),
        "fchown": lambda: os.fchown(folder, -1, -1),
        "utime": lambda: os.utime("file"),
        "utime of a number": lambda: os.utime(folder),
        "setxattr": lambda: os.setxattr("file", "user.x", b"1"),
        "setxattr of a number": lambda: os.setxattr(folder, "user.x", b"1"),
        "removexattr": lambda: os.removexattr(b"file", "user.x"),
        "bind": lambda: socket.socket(socket.AF_UNIX).bind("socket"),
        "bind to a file": lambda: socket.socket(socket.AF_UNIX).bind("file"),
        "execv": lambda: os.execv(f"{at}/true", ["x"]),
        "execve": lambda: os.execve(path / "true", ["x"], {}),
        "execve of a number": lambda: os.execve(program, ["x"], {}),
        "execvp": lambda: os.execvpe("true", ["x"], {"PATH": at}),
        "posix_spawn": lambda: os.posix_spawn(b"./true", ["x"], {}),
        "posix_spawn of a script": lambda: os.posix_spawn(f"{at}/script", ["x"], {}),
        "a script elsewhere with a program here": lambda: subprocess.run([f"{rw}/script"]).returncode,
        "Popen": lambda: subprocess.run([f"{at}/true"]),
        "Popen bytes": lambda: subprocess.run([b"./true"]),
        "Popen in a folder": lambda: subprocess.run(["./true"], cwd=at),
        "Popen of a text file": lambda: subprocess.run(["./file"]),
        "Popen of nothing": lambda: subprocess.run(["./missing"]),
        "Popen along PATH": lambda: subprocess.run(["true"], env={"PATH": f"{above}:{at}"}),
        "Popen further along PATH": lambda: subprocess.run(["true"], env={"PATH": f"{at}:/bin:/usr/bin"}).returncode,
        "a program read by another": lambda: subprocess.run(["/bin/sh", "-c", ". ./file"], stderr=-3).returncode != 126,
        "dlopen": lambda: ctypes.CDLL(f"{at}/_extension.so"),
        "dlopen relative": lambda: ctypes.CDLL("./_extension.so"),
        "dlopen of a text file": lambda: ctypes.CDLL("./file"),
        "import": lambda: _imported(f"{at}/_extension.so"),
        "sqlite new": lambda: sqlite3.connect("new"),
        "sqlite new, as a URI": lambda: sqlite3.connect(f"file://localhost{at}/new%20one?cache=private", uri=True),
        "sqlite in memory": lambda: sqlite3.connect(":memory:").execute("select 1").fetchone(),
        "sqlite reading": lambda: sqlite3.connect(path / "database").execute("select count(*) from t").fetchone(),
        "connect": lambda: socket.socket().connect(("192.0.2.1", 9)),
        "connect by name": lambda: socket.socket().connect(("example.invalid", 9)),
        "connect, IPv6": lambda: socket.socket(socket.AF_INET6).connect(("2001:db8::1", 9)),
        "create_connection": lambda: socket.create_connection(("192.0.2.1", 9), 1),
        "sendto": lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 9)),
        "sendmsg": lambda: socket.socket(type=socket.SOCK_DGRAM).sendmsg([b"x"], [], 0, ("192.0.2.1", 9)),
        "connect, UDP": lambda: socket.socket(type=socket.SOCK_DGRAM).connect(("192.0.2.1", 9)),
        "getaddrinfo": lambda: socket.getaddrinfo("example.invalid", 80),
        "gethostbyname": lambda: socket.gethostbyname("example.invalid"),
        "gethostbyname_ex": lambda: socket.gethostbyname_ex("example.invalid"),
        "gethostbyaddr": lambda: socket.gethostbyaddr("192.0.2.1"),
        "gethostbyaddr of a name": lambda: socket.gethostbyaddr("example.invalid"),
        "getnameinfo": lambda: socket.getnameinfo(("192.0.2.1", 80), 0),
        "localhost": lambda: socket.gethostbyname("localhost"),
        "a literal address": lambda: socket.getaddrinfo("192.0.2.1", 80)[0][4],
        "a literal address, IPv6": lambda: socket.getaddrinfo("2001:db8::1", 80)[0][4],
        "no host": lambda: bool(socket.getaddrinfo(None, 80)),
    }
    return {name: _shape(attempt) for name, attempt in tried.items()}


def _imported(file: str) -> object:
    loader = importlib.machinery.ExtensionFileLoader("package._extension", file)
    spec = importlib.util.spec_from_loader("package._extension", loader)
    assert spec
    return importlib.util.module_from_spec(spec).__name__


def _shape(attempt: Callable[[], object]) -> Any:
    try:
        found = attempt()
    except Exception as error:  # noqa: BLE001  # all of it is the answer
        names = ("filename", "filename2", "name", "path", "sqlite_errorcode", "sqlite_errorname")
        return [type(error).__name__, repr(error), str(error), *(repr(getattr(error, name, "-")) for name in names)]
    return repr(found)


def main() -> None:
    """Try what the command line asks for."""
    above, uid, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    mounted = "mounted" in sys.argv[4:]
    prepare(above, uid, mounted, build_operations if kind == "answers" else build_shapes)
    told: list[tuple[str, str, str]] = []
    if not mounted:
        hook.install(rules(above, network="none"), lambda *words: told.append(words))
    found = operations.answers(above) if kind == "answers" else shapes(above)
    json.dump({"found": found, "told": told}, sys.stdout)


if __name__ == "__main__":
    main()
