"""Proof from inside: every promise of a plan is tried by the process that it was made to.

Runs as a function in a worker and as a program before the first worker starts::

    python -I -S probe.py PROMISES      prints the broken ones as a JSON list
"""

from __future__ import annotations

import errno
import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


_PATIENCE = 10.0  # seconds in which a server that is there answers


def broken(promises: dict[str, Any]) -> list[str]:
    """Return one sentence for every promise that doesn't hold here."""
    found: list[str] = []
    for name, promised in promises.items():
        try:
            found += _CHECKS[name](promised)
        except OSError as error:
            found.append(f"{name}: the check itself failed: {error}")
    return found


def _readonly(folders: list[str]) -> list[str]:
    found = []
    for folder in folders:
        trial = os.path.join(folder, ".envguard-probe")
        try:
            os.mkdir(trial)
        except OSError as error:
            if error.errno != errno.EROFS:
                found.append(f"root: mkdir in {folder}: expected EROFS, got {errno.errorcode.get(error.errno or 0)}")
        else:
            os.rmdir(trial)
            found.append(f"root: {folder} is writable")
    return found


def _tmp(promised: dict[str, Any]) -> list[str]:
    found = []
    status = os.statvfs("/tmp")
    page = os.sysconf("SC_PAGE_SIZE")
    size, mode = promised["size"], promised["mode"]
    if size is not None and abs(status.f_blocks * status.f_frsize - size) >= page:
        found.append(f"tmp: {status.f_blocks * status.f_frsize} bytes, promised {size}")
    present = os.stat("/tmp").st_mode & 0o7777
    if mode is not None and present != mode:
        found.append(f"tmp: mode {present:o}, promised {mode:o}")
    return found + _executes("/tmp", promised["exec"])


def _executes(folder: str, promised: object) -> list[str]:
    """Really execute a file there: X_OK and the mount's flag are only what the kernel says about it."""
    trial = f"{folder}/.envguard-probe-{os.getpid()}"
    with open(trial, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\nexit 0\n")
    try:
        os.chmod(trial, 0o755)
        # Not fork: the worker has threads, and from 3.12 on Python warns about it, into the user's summary.
        child = os.posix_spawn(trial, [trial], {})
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except PermissionError:
        code = errno.EACCES
    finally:
        os.unlink(trial)
    expected = 0 if promised else errno.EACCES
    if code == expected:
        return []
    return [f"{folder}: a file in it {'ran' if code == 0 else f'did not run ({code})'}, promised the contrary"]


def _shm(promised: dict[str, Any]) -> list[str]:
    if promised["state"] == "absent":
        return ["shm: /dev/shm exists"] if os.path.lexists("/dev/shm") else []
    status = os.statvfs("/dev/shm")
    if promised["size"] is not None and status.f_blocks * status.f_frsize != promised["size"]:
        return [f"shm: {status.f_blocks * status.f_frsize} bytes, promised {promised['size']}"]
    return _executes("/dev/shm", promised["exec"])


def _ids(promised: list[int]) -> list[str]:
    present = [os.getuid(), os.getgid()]
    effective = [os.geteuid(), os.getegid()]
    if present == effective == promised:
        return []
    return [f"uid: {present} (effective {effective}), promised {promised}"]


def _user(promised: str) -> list[str]:
    import pwd

    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = ""
    return [] if name == promised else [f"user: passwd entry {name!r}, promised {promised!r}"]


def _capabilities(_promised: str) -> list[str]:
    with open("/proc/self/status", encoding="ascii") as file:
        fields = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    found = [f"capabilities: {name} is {fields[name]}" for name in ("CapEff", "CapPrm") if int(fields[name], 16)]
    if fields["NoNewPrivs"] != "1":
        found.append("capabilities: no_new_privs is not set")
    return found


def _network(promised: str) -> list[str]:
    import socket

    names = [name for _, name in socket.if_nameindex()]
    if names != ["lo"]:
        # No connect is tried: it would leave this machine.
        return [f"network: interfaces {names}, promised only `lo`"]
    expected = {"drop": errno.EINPROGRESS, "refuse": errno.ECONNREFUSED}.get(promised, errno.ENETUNREACH)
    found = []
    with socket.socket() as client:
        client.setblocking(False)
        code = client.connect_ex(("192.0.2.1", 9))  # TEST-NET-1: nobody's address
        if code == errno.EINPROGRESS and promised == "refuse":
            client.settimeout(1)
            code = client.connect_ex(("192.0.2.1", 9))
    if code != expected:
        found.append(f"network: connect gives {errno.errorcode.get(code, code)}, promised {errno.errorcode[expected]}")
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        if client.connect_ex(server.getsockname()):
            found.append("network: loopback does not work")
    return found


def _connections(promised: str) -> list[str]:
    """Tell from a socket that a datagram would be sent by: to connect one sends nothing, whatever enforces this."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        try:
            client.connect(("192.0.2.1", 9))  # TEST-NET-1: nobody's address
            code = 0
        except OSError as error:
            code = error.errno or -1
        if promised in ("none", "nxdomain"):
            if code == errno.ENETUNREACH:
                return []
            return [f"network: connect gives {errno.errorcode.get(code, code)}, promised ENETUNREACH"]
        peer = client.getpeername()[0] if code == 0 else errno.errorcode.get(code, code)
    return [] if peer == "127.0.0.1" else [f"network: a connection led to {peer}, promised to nowhere"]


def _limits(promised: dict[str, int]) -> list[str]:
    import resource

    found = []
    for name, soft in promised.items():
        present = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0]
        if present != soft:
            found.append(f"limits: {name} is {present}, promised {soft}")
    return found


def _environ(promised: dict[str, Any]) -> list[str]:
    found = [
        f"env: {name} is {os.environ.get(name)!r}, promised {value!r}"
        for name, value in promised["set"].items()
        if os.environ.get(name) != value
    ]
    for pattern in promised["unset"]:
        prefix = pattern[:-1] if pattern.endswith("*") else None
        found += [
            f"env: {name} is set, promised that it isn't"
            for name in os.environ
            if name not in promised["set"]
            and (name == pattern or (prefix is not None and name.startswith(prefix)))
            # Python 3.7 and later export LC_CTYPE themselves where the locale is unknown (PEP 538).
            and name != "LC_CTYPE"
        ]
    return found


def _hostname(promised: str) -> list[str]:
    present = os.uname().nodename
    return [] if present == promised else [f"hostname: {present}, promised {promised}"]


def _cpus(promised: int) -> list[str]:
    present = len(os.sched_getaffinity(0))
    return [] if present == promised else [f"cpus: {present}, promised {promised}"]


def _hidden(paths: list[str]) -> list[str]:
    return [f"hidden: {path} can be listed" for path in paths if os.path.isdir(path) and os.access(path, os.R_OK)]


def _project(promised: dict[str, Any]) -> list[str]:
    """Look for the project where it's shown, and where it mustn't be."""
    try:
        node = os.stat(promised["at"]).st_ino
    except OSError as error:
        return [f"cwd: {promised['at']}: {error.strerror}"]
    found = [] if node == (promised["node"] or node) else [f"cwd: {promised['at']} is not the project"]
    for folder in promised["gone"]:
        kept = {path[len(folder) :].split("/")[1] for path in promised["kept"] if path.startswith(folder + "/")}
        try:
            seen = set(os.listdir(folder))
        except (FileNotFoundError, PermissionError):
            continue
        if not kept or not seen <= kept:
            found.append(f"cwd: {folder} is still there")
    return found


def _symlinks(_promised: bool) -> list[str]:
    """Try to make one wherever that's usual: where nothing can be made, no link can either."""
    for folder in ("/tmp", "/var/tmp", "/dev/shm", os.getcwd(), "/"):
        trial = os.path.join(folder, f".envguard-probe-{os.getpid()}")
        try:
            os.symlink("nowhere", trial)
        except OSError:
            continue
        os.unlink(trial)
        return [f"symlinks: one could be made in {folder}, promised that none can"]
    return []


def _executable_mappings(promised: dict[str, Any]) -> list[str]:
    import ctypes
    import mmap

    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    page = mmap.PAGESIZE

    def mapped(protection: int) -> int:
        """Return the address of new memory; errno is 0 if there is any."""
        ctypes.set_errno(0)
        words = ctypes.c_size_t(page), protection, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, ctypes.c_long(0)
        return libc.mmap(None, *words) or 0

    code, data = mmap.PROT_READ | mmap.PROT_EXEC, mmap.PROT_READ | mmap.PROT_WRITE
    found = {}
    for name, protection in (("writable", code | data), ("anonymous", code), ("gained", data)):
        address = mapped(protection)
        if name == "gained":
            libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(page), code)
        found[name] = ctypes.get_errno()
        if name == "gained" or not found[name]:
            libc.munmap(ctypes.c_void_p(address), ctypes.c_size_t(page))
    broken = [
        f"executable_mappings: {name} memory: {errno.errorcode.get(number, 'allowed')}, promised {promised[name] or 'that it is'}"
        for name, number in found.items()
        if errno.errorcode.get(number, "") != promised[name]
    ]
    if promised["files"] and not os.statvfs("/").f_flag & os.ST_NOEXEC:
        broken.append("executable_mappings: files below / can be executed, promised that they can't")
    return broken


def _mmap_limit(promised: int) -> list[str]:
    import mmap

    for size, allowed in ((promised, True), (promised + 1, False)):
        try:
            # Nothing that would have to be there: only room for it.
            mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE, prot=0).close()
        except OSError as error:
            if error.errno != errno.ENOMEM or allowed:
                return [f"mmap_limit: {size} bytes: {errno.errorcode.get(error.errno or 0)}, promised {promised} bytes"]
        except OverflowError:
            return []  # more than there are addresses
        else:
            if not allowed:
                return [f"mmap_limit: {size} bytes can be mapped, promised {promised}"]
    return []


_NORESERVE = 0x4000  # MAP_NORESERVE, which `mmap` knows from Python 3.11 on


def _origins(promised: dict[str, Any]) -> list[str]:
    """Look up each host, connect to it and have its certificate checked as Python's own clients do; ask for nothing."""
    import socket
    import ssl

    found = []
    for host, address in promised["addresses"].items():
        try:
            known = {str(info[4][0]) for info in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)}
            if known != {address}:
                found.append(f"origins: {host} leads to {', '.join(sorted(known))}, promised {address}")
                continue
            with socket.create_connection((host, 443), timeout=_PATIENCE) as client:
                ssl.create_default_context().wrap_socket(client, server_hostname=host).close()
        except OSError as error:
            found.append(f"origins: {host}: {error}")
    return found


def _trusted(bundles: list[str]) -> list[str]:
    """Every bundle that was there has a certificate more than the machine's: it's a mount of its own."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        mounted = {line.split(" ")[4].replace("\\040", " ") for line in file}
    shown = [path for path in bundles if os.path.isfile(path)]
    return [f"origins: {path} was not replaced" for path in shown if os.path.realpath(path) not in mounted]


_CHECKS: dict[str, Callable[[Any], list[str]]] = {
    "readonly": _readonly,
    "tmp": _tmp,
    "shm": _shm,
    "ids": _ids,
    "user": _user,
    "capabilities": _capabilities,
    "network": _network,
    "origins": _origins,
    "trusted": _trusted,
    "connections": _connections,
    "limits": _limits,
    "environ": _environ,
    "hostname": _hostname,
    "cpus": _cpus,
    "hidden": _hidden,
    "symlinks": _symlinks,
    "executable_mappings": _executable_mappings,
    "mmap_limit": _mmap_limit,
    "project": _project,
}


if __name__ == "__main__":
    json.dump(broken(json.loads(sys.argv[1])), sys.stdout)
