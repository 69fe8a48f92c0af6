"""Attempts to write to, execute on or connect to the host: what is tried, and what the kernel should answer.

Imported by the test for its tables, and run inside of an environment for the attempts themselves::

    python -I -S attempts.py JOB       prints, for every attempt of the job, what was answered

Every attempt is harmless even where no environment protects the host: it touches only files that the test made, names
that do not exist, signal 0, and addresses that are nobody's (RFC 5737, RFC 3849). Still none is made before
`confined` has seen that this process is in namespaces of its own and has no capabilities.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

OK = "ok"
EROFS, EACCES, EPERM, EXDEV, EBADF = "EROFS", "EACCES", "EPERM", "EXDEV", "EBADF"
EINVAL, ENOENT, ESRCH, ENOSYS = "EINVAL", "ENOENT", "ESRCH", "ENOSYS"
# unshare(CLONE_NEWUSER) itself: no more namespaces, forbidden by a sysctl or a security module, too deeply nested.
NO_NAMESPACE = ("ENOSPC", "EPERM", "EACCES", "EUSERS")
READ_BACK = "unchanged"  # the call may succeed: what counts is that the host's file is as it was

# C: attempts.c NAME -> the answers that are right; the file system's answer EROFS where nothing else is said. ---------


def _all(names: str, *right: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(names.split(), right)


_BY_NUMBER = "kill_host pidfd_of_host priority_of_host limits_of_host ptrace_host"
_IN_PROC = "processes of the host in /proc"
# They name a process of the host by its number, which tells something only where no process inside has the same one.
BY_NUMBER = frozenset([*(f"C: {name}" for name in _BY_NUMBER.split()), f"python: {_IN_PROC}"])

CALLS: dict[str, tuple[str, ...]] = {
    **_all(
        "open_create open_write open_truncate open_truncate_read_only open_append open_both open_unnamed creat_new "
        "open_by_openat2 open_below_a_descriptor reopen_through_proc truncate_through_proc "
        "mkdir_new mknod_fifo mknod_file link_new link_open_file symlink_new rename_within rename_exchange "
        "unlink_file rmdir_empty bind_unix truncate_file chmod_file fchmod_file chown_file fchown_file lchown_link "
        "utimensat_file futimens_file setxattr_file fsetxattr_file removexattr_file",
        EROFS,
    ),
    "open_by_io_uring": (EROFS, EPERM, ENOSYS),  # EPERM: kernel.io_uring_disabled
    "fchmodat2_file": (EROFS, ENOSYS),  # Linux 6.6
    # The mount of a name is asked for before the file is: two mounts, so no rename and no link, whatever their flags.
    "rename_out": (EXDEV,),
    "rename_in": (EXDEV,),
    "rename_over": (EXDEV,),
    "link_out": (EXDEV,),
    # A descriptor that is open to read writes nothing, on any mount.
    "ftruncate_read_only": (EINVAL,),
    "fallocate_read_only": (EBADF, "EOPNOTSUPP"),
    "sendfile_to_read_only": (EBADF,),
    "write_read_only": (EBADF,),
    "copy_file_range_to_read_only": (EBADF, EXDEV),
    "splice_to_read_only": (EBADF,),
    "clone_to_read_only": (EBADF, EXDEV, "EOPNOTSUPP"),
    "flags_of_read_only": (EROFS, "ENOTTY", "EOPNOTSUPP"),  # the file system may know no flags
    "mmap_shared": (EACCES,),
    "mprotect_shared": (EACCES,),
    "own_memory_over_private_mapping": (READ_BACK,),
    # Another process's root needs the right to trace it, and init has more capabilities than this process.
    "open_through_init": (EACCES, EPERM),
    "open_by_handle": (EPERM,),
    **_all(
        "remount_writable remount_root_writable mount_tmpfs bind_folder umount_folder pivot_root_here chroot_scratch "
        "fsopen_tmpfs open_tree_clone mount_setattr_writable unshare_mounts host_name swap_on account block_device "
        "character_device",
        EPERM,
    ),
    # With all capabilities in a user namespace of its own: mounts that came from a stronger one are locked.
    "own_namespace_then_write": (EROFS, *NO_NAMESPACE),
    "own_namespace_then_remount": (EPERM, *NO_NAMESPACE),
    "own_namespace_then_remount_project": (EPERM, EINVAL, *NO_NAMESPACE),  # EINVAL: the folder is no mount
    "own_namespace_then_mount_setattr": (EPERM, *NO_NAMESPACE),
    "own_namespace_then_umount_tmp": (EINVAL, *NO_NAMESPACE),
    "own_namespace_then_look_below_covers": (EINVAL, *NO_NAMESPACE),
    "own_namespace_then_bind_and_write": (EROFS, *NO_NAMESPACE),
    "own_namespace_then_device": (EPERM, *NO_NAMESPACE),
    "own_namespace_then_chroot_out": (EROFS, *NO_NAMESPACE),
    "own_namespace_then_handle": (EPERM, *NO_NAMESPACE),
    **_all(
        "setns_mounts setns_user setns_network setns_processes setns_by_pidfd own_namespace_then_setns ptrace_init "
        "take_descriptor_of_init write_memory_of_init",
        EPERM,
        EACCES,
    ),
    **_all(_BY_NUMBER, ESRCH),
    "load_module": (EPERM, ENOSYS),
    "host_shared_memory": (ENOENT, ENOSYS),
}

# Shell: what is run with `sh -c` in the folder of sentinels ("$S" is scratch). ----------------------------------------

SHELL: dict[str, tuple[str, tuple[str, ...]]] = {
    "redirect to a new file": ("echo reached > new", (EROFS,)),
    "redirect over a file": ("echo reached > file", (EROFS,)),
    "append to a file": ("echo reached >> file", (EROFS,)),
    "redirect through /dev/fd": ("exec 3< file; echo reached > /dev/fd/3", (EROFS,)),
    "cp": ("cp other new", (EROFS,)),
    "cp over": ("cp other file", (EROFS,)),
    "mv within": ("mv file new", (EROFS,)),
    # mv copies where a rename is EXDEV, and then can't remove what it copied, or can't make the copy.
    "mv out": ('mv file "$S/mv"', (EROFS,)),
    "mv in": ('echo reached > "$S/in"; mv "$S/in" new', (EROFS,)),
    "ln": ("ln file new", (EROFS,)),
    "ln -s": ("ln -s file new", (EROFS,)),
    "ln -sf": ("ln -sf file other", (EROFS,)),
    "touch a new file": ("touch new", (EROFS,)),
    "touch a file": ("touch -d 2001-01-01 file", (EROFS,)),
    "dd": ("dd if=/dev/zero of=file bs=1 count=1 conv=notrunc", (EROFS,)),
    "tar -x": ('tar -cf "$S/tar" other && tar -xf "$S/tar" --overwrite -C empty', (EROFS,)),
    "mkdir -p": ("mkdir -p new/below", (EROFS,)),
    "mkfifo": ("mkfifo new", (EROFS,)),
    "chmod": ("chmod 0600 file", (EROFS,)),
    "chmod -R": ("chmod -R go= .", (EROFS,)),
    "chown": ('chown "$(id -u)" file', (EROFS,)),
    "truncate": ("truncate -s 0 file", (EROFS,)),
    "install": ("install -m 0755 other new", (EROFS,)),
    "sed -i": ("sed -i s/sentinel/reached/ file", (EROFS,)),
    "tee": ("echo reached | tee file", (EROFS,)),
    "rm": ("rm -f file", (EROFS,)),
    "rm -rf of what is put back": ('rm -rf "$PWD"', (EROFS, "EBUSY")),
    "rmdir": ("rmdir empty", (EROFS,)),
    "mktemp": ("mktemp ./new.XXXXXX", (EROFS,)),
    "mount": ("mount --bind . empty", (EPERM, "exit 1", "exit 32", "exit 127")),
}

# Python inside: each is a function of the folder of sentinels and what the test told. ---------------------------------

Told = dict[str, Any]  # what the test hands in as JSON
Action = Callable[[str, Told], object]
PYTHON: dict[str, tuple[Action, tuple[str, ...]]] = {}
NETWORK: dict[str, tuple[Action, tuple[str, ...]]] = {}


def attempt(name: str, *right: str) -> Callable[[Action], Action]:
    """Enter a function into `PYTHON` with the answers that are right."""

    def enter(function: Action) -> Action:
        PYTHON[name] = (function, right)
        return function

    return enter


@attempt("write_text", EROFS)
def _write_text(folder: str, _told: Told) -> None:
    with open(f"{folder}/new", "w", encoding="ascii") as file:
        file.write("reached")


@attempt("tempfile in the folder", EROFS)
def _temporary(folder: str, _told: Told) -> None:
    tempfile.NamedTemporaryFile(dir=folder, delete=False).close()


@attempt("os.makedirs", EROFS)
def _makedirs(folder: str, _told: Told) -> None:
    os.makedirs(f"{folder}/new/below")


@attempt("os.replace from /tmp", EXDEV)
def _replace(folder: str, told: Told) -> None:
    with open(f"{told['scratch']}/replace", "w", encoding="ascii") as file:
        file.write("reached")
    os.replace(file.name, f"{folder}/file")


@attempt("shutil.move from /tmp", EROFS)
def _move(folder: str, told: Told) -> None:
    with open(f"{told['scratch']}/move", "w", encoding="ascii") as file:
        file.write("reached")
    shutil.move(file.name, f"{folder}/new")


@attempt("shutil.rmtree of what is put back", EROFS)
def _rmtree(folder: str, _told: Told) -> None:
    shutil.rmtree(folder)


@attempt("shutil.copytree", EROFS)
def _copytree(folder: str, _told: Told) -> None:
    shutil.copytree(f"{folder}/empty", f"{folder}/new")


@attempt("os.setxattr", EROFS)
def _setxattr(folder: str, _told: Told) -> None:
    os.setxattr(f"{folder}/file", "user.reached", b"yes")


@attempt("open of a file of the host's /tmp", ENOENT)
def _covered(_folder: str, told: Told) -> None:
    with open(f"{told['covered']}/file", "a", encoding="ascii") as file:
        file.write("reached")


@attempt("a new file at a path of the host's /tmp", READ_BACK)
def _covered_new(_folder: str, told: Told) -> None:
    os.makedirs(told["covered"], exist_ok=True)
    with open(f"{told['covered']}/new", "w", encoding="ascii") as file:
        file.write("reached")


@attempt("a new file in /dev/shm", READ_BACK, ENOENT, EACCES)
def _shared_memory(_folder: str, told: Told) -> None:
    with open(f"/dev/shm/{told['token']}", "w", encoding="ascii") as file:
        file.write("reached")


@attempt("a new node in /dev", EROFS, EACCES, OK)  # ok where the profile's uid is only shown: it owns its own new /dev
def _device(_folder: str, told: Told) -> None:
    os.close(os.open(f"/dev/{told['token']}", os.O_CREAT | os.O_WRONLY))


@attempt("disks in /dev", ENOENT)
def _disks(_folder: str, _told: Told) -> None:
    found = [name for name in os.listdir("/dev") if os.path.exists(f"/sys/class/block/{name}")]
    if not found:
        raise FileNotFoundError(errno.ENOENT, "no disk in /dev")


@attempt("write to /proc/sys", EROFS, EACCES)
def _sysctl(_folder: str, _told: Told) -> None:
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))


@attempt("open /proc/sysrq-trigger", EROFS, EACCES, ENOENT)
def _sysrq(_folder: str, _told: Told) -> None:
    os.close(os.open("/proc/sysrq-trigger", os.O_WRONLY))  # opened only: a letter written to it acts at once


@attempt("open /sys to write", EROFS, EACCES, ENOENT)
def _sys(_folder: str, _told: Told) -> None:
    os.close(os.open("/sys/kernel/profiling" if os.path.exists("/sys/kernel/profiling") else "/sys/new", os.O_WRONLY))


@attempt("a new control group", EROFS, EACCES)
def _control_group(_folder: str, told: Told) -> None:
    top = "/sys/fs/cgroup"
    below = next((f"{top}/{name}" for name in ("memory", "unified", "") if os.path.isdir(f"{top}/{name}")), top)
    made = os.path.join(below, told["token"])
    os.mkdir(made)
    os.rmdir(made)


@attempt(_IN_PROC, ENOENT)
def _process(_folder: str, told: Told) -> None:
    os.stat(f"/proc/{told['host']}")


@attempt("descriptors that lead to the host", "none")
def _descriptors(_folder: str, told: Told) -> str:
    found = [number for number in told["inherited"] if _leads_out(number, told)]
    return f"descriptors {found}" if found else "none"


def _leads_out(number: int, told: Told) -> bool:
    status = os.fstat(number)
    return number > 2 and status.st_dev in told["devices"]


@attempt("a program with the set-user-id bit", "own", ENOENT)
def _set_user_id(_folder: str, told: Told) -> str:
    done = subprocess.run([told["setuid"], "print_user", "-", "-", "0"], stdout=subprocess.PIPE, check=True)
    return "own" if int(done.stdout) == os.getuid() else f"uid {done.stdout.decode()}"


@attempt("the session keyring", "own", ENOSYS, EACCES, "ENOKEY", EPERM)
def _keyring(_folder: str, told: Told) -> str:
    done = subprocess.run([told["calls"], "session_keyring", "-", "-", "0"], stdout=subprocess.PIPE, check=False)
    if done.returncode:
        return errno.errorcode[done.returncode]
    return "the host's" if int(done.stdout) == told["keyring"] else "own"


def _rust(told: Told, program: str, *words: str) -> object:
    if not told[program]:
        return f"skip: {program} is not installed"
    cache = os.path.join(told["scratch"], program)
    environ = {"PATH": os.environ["PATH"], "LC_ALL": "C", "RUFF_CACHE_DIR": cache, "UV_CACHE_DIR": cache}
    return _command([told[program], *words], environ | {"UV_HTTP_RETRIES": "0", "HOME": told["scratch"]})


@attempt("ruff format (Rust)", EROFS)
def _ruff_format(folder: str, told: Told) -> object:
    return _rust(told, "ruff", "format", "--isolated", f"{folder}/code.py")


@attempt("ruff check --fix (Rust)", EROFS)
def _ruff_fix(folder: str, told: Told) -> object:
    return _rust(told, "ruff", "check", "--isolated", "--select=F401", "--fix", f"{folder}/code.py")


@attempt("ruff's cache (Rust)", EROFS)
def _ruff_cache(folder: str, told: Told) -> object:
    return _rust(told, "ruff", "check", "--isolated", "--exit-zero", f"--cache-dir={folder}/new", f"{folder}/code.py")


@attempt("uv venv (Rust)", EROFS)
def _uv_venv(folder: str, told: Told) -> object:
    return _rust(told, "uv", "venv", "--no-config", "--offline", "--python", sys.executable, f"{folder}/new")


@attempt("uv init (Rust)", EROFS)
def _uv_init(folder: str, told: Told) -> object:
    words = ("init", "--no-config", "--offline", "--no-workspace", "--bare", "--vcs=none", "--python", sys.executable)
    return _rust(told, "uv", *words, f"{folder}/empty")


# Network: only where `lo` is the one interface. -----------------------------------------------------------------------

_TEST_NET = ("192.0.2.1", 9)  # RFC 5737: nobody's addresses; port 9 discards
_TEST_NET_3 = ("203.0.113.1", 80)
_TEST_NET_6 = ("2001:db8::1", 80)  # RFC 3849
PATIENCE = 0.3  # seconds: where packets are dropped, nothing is heard for longer

# What a connect to a foreign address is answered, by the state of the network.
FOREIGN = ("foreign",)
FOREIGN_ANSWERS = {
    "none": ("ENETUNREACH",),
    "nxdomain": ("ENETUNREACH",),
    "drop": ("timed out", "EINPROGRESS"),
    "refuse": ("ECONNREFUSED",),
}
SENT_ANSWERS = {**FOREIGN_ANSWERS, "drop": (OK,), "refuse": (OK, "ECONNREFUSED")}  # UDP tells nobody
SENT = ("sent",)


def network(name: str, *right: str) -> Callable[[Action], Action]:
    """Enter a function into `NETWORK` with the answers that are right."""

    def enter(function: Action) -> Action:
        NETWORK[name] = (function, right)
        return function

    return enter


def _connect(family: int, address: Any, text: str, kind: int = socket.SOCK_STREAM, protocol: int = 0) -> None:
    with socket.socket(family, kind, protocol) as client:
        client.settimeout(PATIENCE)
        client.connect(address)
        client.sendall(text.encode())


@network("tcp to a listener on the host's loopback", "ECONNREFUSED")
def _loopback(_folder: str, told: Told) -> None:
    _connect(socket.AF_INET, ("127.0.0.1", told["tcp"]), "loopback")


@network("tcp to a listener on the host's own address", *FOREIGN)
def _own_address(_folder: str, told: Told) -> object:
    if told["address"] == "127.0.0.1":
        return "skip: the host has no address but loopback"
    _connect(socket.AF_INET, (told["address"], told["tcp"]), "own address")
    return None


@network("udp to a listener on the host's loopback", OK, "ECONNREFUSED")
def _loopback_udp(_folder: str, told: Told) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"loopback udp", ("127.0.0.1", told["udp"]))


@network("an abstract AF_UNIX listener of the host", "ECONNREFUSED")
def _abstract(_folder: str, told: Told) -> None:
    _connect(socket.AF_UNIX, "\0" + told["token"], "abstract")


@network("mptcp to a listener on the host's loopback", "ECONNREFUSED", "EPROTONOSUPPORT", "ENOPROTOOPT", "EINVAL")
def _multipath(_folder: str, told: Told) -> None:
    _connect(socket.AF_INET, ("127.0.0.1", told["tcp"]), "mptcp", protocol=262)


@network("tcp fast open to a listener on the host's loopback", "ECONNREFUSED", "EOPNOTSUPP")
def _fast_open(_folder: str, told: Told) -> None:
    with socket.socket() as client:
        client.sendto(b"fast open", socket.MSG_FASTOPEN, ("127.0.0.1", told["tcp"]))


@network("tcp to TEST-NET-1", *FOREIGN)
def _tcp(_folder: str, _told: Told) -> None:
    _connect(socket.AF_INET, _TEST_NET, "")


@network("tcp to TEST-NET-3", *FOREIGN)
def _tcp_3(_folder: str, _told: Told) -> None:
    _connect(socket.AF_INET, _TEST_NET_3, "")


@network("tcp to a documentation address of IPv6", *FOREIGN, "EAFNOSUPPORT", "EADDRNOTAVAIL")
def _tcp_6(_folder: str, _told: Told) -> None:
    _connect(socket.AF_INET6, _TEST_NET_6, "")


@network("udp to TEST-NET-1", *SENT)
def _udp(_folder: str, _told: Told) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", _TEST_NET)


@network("multicast", *SENT)
def _multicast(_folder: str, _told: Told) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", ("224.0.0.1", 9))


@network("a raw ICMP packet", EPERM, *SENT)
def _raw(_folder: str, _told: Told) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as client:
        client.sendto(b"\x08\x00\xf7\xff\x00\x00\x00\x00", _TEST_NET)


@network("a packet socket's interfaces", EPERM, "lo")
def _packet(_folder: str, _told: Told) -> str:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW):
        return " ".join(name for _, name in socket.if_nameindex())


@network("a new route by netlink", EPERM)
def _route(_folder: str, _told: Told) -> None:
    header = (28).to_bytes(4, sys.byteorder) + (24).to_bytes(2, sys.byteorder) + (0x405).to_bytes(2, sys.byteorder)
    route = bytes([socket.AF_INET, 0, 0, 0, 254, 3, 253, 1]) + bytes(4)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as client:
        client.send(header + (1).to_bytes(4, sys.byteorder) + bytes(4) + route)
        code = -int.from_bytes(client.recv(4096)[16:20], sys.byteorder, signed=True)
    if code:
        raise OSError(code, os.strerror(code))


# By design: no namespace cuts AF_VSOCK (measured on Linux 6.18), and a virtual machine reaches its own host by it.
# A connect could ask that host something, so none is made.
@network("AF_VSOCK", OK, EPERM, "EAFNOSUPPORT")
def _vsock(_folder: str, _told: Told) -> None:
    socket.socket(socket.AF_VSOCK).close()


@network("a network namespace of its own", "ENETUNREACH", *NO_NAMESPACE)
def _own_network(_folder: str, told: Told) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(0x10000000 | 0x40000000):
        raise OSError(ctypes.get_errno(), "unshare")
    _connect(socket.AF_INET, ("127.0.0.1", told["tcp"]), "own network namespace")


@network("bash's /dev/tcp", "ECONNREFUSED", "exit 127")
def _bash(_folder: str, told: Told) -> object:
    if not shutil.which("bash"):
        return "skip: bash is not installed"
    return _command(["bash", "-c", f"echo bash > /dev/tcp/127.0.0.1/{told['tcp']}"], {"LC_ALL": "C"})


@network("urllib through a proxy on the host", "ECONNREFUSED")
def _proxy(_folder: str, told: Told) -> None:
    import urllib.error
    import urllib.request

    handler = urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{told['tcp']}"})
    try:
        urllib.request.build_opener(handler).open("http://envguard.invalid/urllib", timeout=PATIENCE)
    except urllib.error.URLError as error:
        raise error.reason if isinstance(error.reason, OSError) else error from None


@network("uv asking an index on the host (Rust)", "ECONNREFUSED", "exit 2")
def _uv_index(_folder: str, told: Told) -> object:
    index = f"http://127.0.0.1:{told['tcp']}/uv"
    words = ("pip", "install", "--no-config", "--index-url", index, "--target", told["scratch"] + "/uv-target")
    return _rust(told, "uv", *words, "--python", sys.executable, "envguard-no-such-project")


@network("setns to the network of init", EPERM, EACCES, "lo")
def _init_network(_folder: str, _told: Told) -> str:
    library = ctypes.CDLL(None, use_errno=True)
    held = os.open("/proc/1/ns/net", os.O_RDONLY)
    if library.setns(held, 0):
        raise OSError(ctypes.get_errno(), "setns")
    return " ".join(name for _, name in socket.if_nameindex())


# What only a namespace separates from the host. Where calls are answered one by one instead, it stays shared, and the
# plan says so: processes, loopback, shared memory, and the machine's own /tmp and /dev, which stand in for private ones.
# Races are no attempts, either: who rewrites a path between the answer and the kernel's own look at it (seccomp_unotify(2))
# gets through, so that no hostile code is held by answers.
SHARED = frozenset(
    [
        *(f"C: {name}" for name in (*_BY_NUMBER.split(), "host_shared_memory", "ptrace_init", "setns_by_pidfd")),
        *(f"C: {name}" for name in ("write_memory_of_init", "take_descriptor_of_init", "open_through_init")),
        *(
            f"python: {name}"
            for name in (
                _IN_PROC,
                "open of a file of the host's /tmp",
                "a new file at a path of the host's /tmp",
                "a new file in /dev/shm",
                "disks in /dev",
                "descriptors that lead to the host",
                "the session keyring",
            )
        ),
        *(f"network: {name}" for name in NETWORK if "loopback" in name or "proxy" in name or "index" in name),
        "network: an abstract AF_UNIX listener of the host",
        "network: bash's /dev/tcp",
    ]
)

# Running them. --------------------------------------------------------------------------------------------------------


def confined(told: Told) -> None:
    """Make no attempt at all where the environment isn't there."""
    if told["answered"]:
        _answered_one_by_one(told)
        return
    for kind in ("mnt", "pid") if told["files"] else ("mnt", "net"):
        assert os.readlink(f"/proc/self/ns/{kind}") != told["namespaces"][kind], f"the host's own {kind} namespace"
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        assert not any(" shared:" in line for line in file), "mounts propagate to the host"
    with open("/proc/self/status", encoding="ascii") as file:
        effective = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))
    assert not effective & (1 << 21 | 1 << 12), "CAP_SYS_ADMIN or CAP_NET_ADMIN is there"
    if told["files"]:
        assert not effective, f"capabilities are there: {effective:x}"
    if told["network"]:
        names = [name for _, name in socket.if_nameindex()]
        assert names == ["lo"], f"interfaces {names}: an attempt could leave this machine"


def _answered_one_by_one(told: Told) -> None:
    if told["files"]:
        assert answered(lambda: os.mkdir(f"{told['project']}/never made")) == EROFS, "nobody answers"
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall(425, 0, None)  # io_uring_setup, which would say EFAULT
    assert ctypes.get_errno() == errno.ENOSYS, "nobody answers"


def _errno_of(text: str) -> str:
    """Return the errno whose text a program printed last, "" if none."""
    known = {os.strerror(number): name for number, name in errno.errorcode.items() if number != errno.ENOENT}
    places = {text.rfind(message): name for message, name in known.items() if message in text}
    return places[max(places)] if places else ""


def _command(words: list[str], environ: dict[str, str], folder: str | None = None) -> str:
    done = subprocess.run(words, cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    said = done.stderr.decode(errors="replace")
    if done.returncode == 0:
        # Some programs warn and go on: what they could not do is in what they say.
        return _errno_of(said) or OK
    return _errno_of(said) or f"exit {done.returncode}: {said.strip()[-300:]}"


def answered(action: Callable[[], object]) -> str:
    """Return what ``action`` came to, from a child process of its own: "ok", an errno's name, or what it returned."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(20)
            os.write(write, _outcome(action).encode()[:4000])
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        told = file.read().decode(errors="replace")
    os.waitpid(child, 0)
    return told or "no answer"


def _outcome(action: Callable[[], object]) -> str:
    try:
        result = action()
    except TimeoutError as error:
        return "timed out" if error.errno is None else "ETIMEDOUT"
    except shutil.Error as error:
        return _errno_of(str(error)) or str(error)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    except Exception as error:  # noqa: BLE001  # whatever it was, it is the answer
        return f"{type(error).__name__}: {error}"
    return OK if result is None else str(result)


def _call(told: Told, name: str, folder: str) -> str:
    done = subprocess.run([told["calls"], name, folder, told["scratch"], str(told["host"])], check=False)
    code = done.returncode
    return OK if code == 0 else errno.errorcode.get(code, f"exit {code}")


def _shell(told: Told, command: str, folder: str) -> str:
    environ = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "S": told["scratch"]}
    return _command(["sh", "-c", command], environ, folder)


def _each(told: Told) -> dict[str, dict[str, str]]:
    """Return what every attempt was answered, by its name and the kind of folder it was made in."""
    answers: dict[str, dict[str, str]] = {}
    for name, folders in told["folders"].items():
        answers[name] = {kind: _one(told, name, folder) for kind, folder in folders.items()}
    return answers


def _one(told: Told, name: str, folder: str) -> str:
    told["scratch"] = tempfile.mkdtemp(dir="/tmp")  # what an attempt before has left must not matter
    try:
        return _made(told, name, folder)
    finally:
        shutil.rmtree(told["scratch"], ignore_errors=True)


def _made(told: Told, name: str, folder: str) -> str:
    language, _, short = name.partition(": ")
    if language == "C":
        return _call(told, short, folder) if told["calls"] else "skip: gcc is not installed"
    if language == "sh":
        return _shell(told, SHELL[short][0], folder)
    function = {**PYTHON, **NETWORK}[short][0]
    return answered(lambda: function(folder, told))


def main() -> None:
    """Make the attempts of the job and print their answers."""
    told: Told = json.loads(sys.argv[-1])
    told["inherited"] = [int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")]
    confined(told)
    started = time.monotonic()
    answers = _each(told)
    json.dump({"answers": answers, "seconds": time.monotonic() - started}, sys.stdout)


if __name__ == "__main__":
    main()
