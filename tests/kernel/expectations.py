"""What every operation should come to in every profile, and why where that is not what was measured on the real thing.

The facts were measured on Linux 6.18 with glibc 2.36: read-only, noexec and ordinary mounts, Docker's default
specification under runc 1.1.5, systemd 252, and network namespaces. A row whose `departs` isn't empty says where a
profile differs from them and why.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

LAMBDAS = ("lambda", "lambda-image")
PODS = ("container", "kubernetes")
READ_ONLY = (*LAMBDAS, *PODS, "systemd")
OFFLINE = ("offline", "offline-drop", "offline-refuse", "offline-nxdomain")
AS_THEY_ARE = ("cloudrun", *OFFLINE)  # identity and file system stay the host's
PROFILES = (*READ_ONLY, "openshift", *AS_THEY_ARE)

HOST = "as on the host"  # compared with what the same operation comes to without any environment
UNASKED = "not asked"


@dataclass(frozen=True)
class Row:
    """One operation.

    Attributes:
        operation: Its name in `observe`.
        expected: Profile to what is seen there; `UNASKED` for those that are missing.
        mapped: What differs where an ordinary user is only shown as the profile's uid (ownership is approximated).
        departs: Where and why the expectation isn't what was measured on the real thing.
    """

    operation: str
    expected: Mapping[str, str]
    mapped: Mapping[str, str] = field(default_factory=dict)
    departs: str = ""

    def of(self, profile: str, how: str) -> str:
        """Return the expectation for one profile and way to the identity (see `pytest_envguard.linux.identity`)."""
        if how == "mapped" and profile in self.mapped:
            return self.mapped[profile]
        return self.expected.get(profile, UNASKED)


def _for(profiles: tuple[str, ...], answer: str) -> dict[str, str]:
    return dict.fromkeys(profiles, answer)


OWN = "where the uid is only shown, the starter's files look like the process's own, and their modes let it in"


def _files(operation: str, read_only: str, dac: str, departs: str = "", mapped_read_only: str = "") -> Row:
    """An operation in a folder of the starter's (0755): on a read-only mount, by owner and mode alone, as it is."""
    expected = {**_for(READ_ONLY, read_only), "openshift": dac, **_for(AS_THEY_ARE, HOST)}
    mapped = _for(READ_ONLY, mapped_read_only) if mapped_read_only else {}
    if dac != HOST:
        mapped["openshift"] = HOST
        departs = "; ".join(filter(None, (departs, f"openshift: {OWN}")))
    return Row(operation, expected, mapped, departs)


EXISTING = (
    "of a file that exists and isn't truncated, the kernel asks for the permission before the mount: EACCES for a file "
    "of root's (measured here; the facts say EROFS, which holds where the file's mode lets the process write)"
)

FILES = (
    #      operation                                 read-only mount               root's folder, 0755
    _files("create a file", "EROFS", "EACCES"),
    _files("open a file to write, all may write it", "EROFS", HOST),
    _files("open a file to append, all may write it", "EROFS", HOST),
    _files("open a file r+, all may write it", "EROFS", HOST),
    _files("open a file 'w'", "EROFS", "EACCES"),
    _files("open a file 'a'", "EACCES", "EACCES", EXISTING, mapped_read_only="EROFS"),
    _files("open a file 'r+'", "EACCES", "EACCES", EXISTING, mapped_read_only="EROFS"),
    _files("open a file that exists 'x'", "EEXIST", "EEXIST"),
    _files("open O_RDONLY|O_CREAT, exists", "ok", "ok"),
    _files("mkdir", "EROFS", "EACCES"),
    _files("mkdir, exists", "EEXIST", "EEXIST"),
    _files("makedirs exist_ok, exists", "ok", "ok"),
    _files("unlink", "EROFS", "EACCES"),
    _files("unlink, missing", "EROFS", "ENOENT"),
    Row("rename from /tmp", {**_for((*READ_ONLY, "openshift", "cloudrun"), "EXDEV"), **_for(OFFLINE, HOST)}),
    _files("chmod", "EROFS", "EPERM"),
    _files("utime", "EROFS", "EPERM"),
    _files("os.access W_OK", "False", "False"),
    _files("statvfs says read-only", "True", "False"),
    _files("import a module", "imported, not cached", "imported, not cached"),
    _files("py_compile", "EROFS", "EACCES"),
    _files("logging.FileHandler", "EROFS", "EACCES"),
    _files("tempfile in the folder", "EROFS", "EACCES"),
    _files("sqlite: read", "ok", "ok"),
    _files(
        "sqlite: read, WAL",
        "unable to open database file",
        "attempt to write a readonly database",
        "openshift: not among the facts; measured here",
    ),
    _files("sqlite: write", "attempt to write a readonly database", "attempt to write a readonly database"),
    _files("flock", "ok", "ok"),
    _files("mkfifo", "EROFS", "EACCES"),
    _files("bind AF_UNIX", "EROFS", "EACCES"),
    _files("the project: execve a program", "ok", "ok"),
    _files("the project: execve a script", "ok", "ok"),
)

CONFINED = (*READ_ONLY, "openshift")  # another uid, no capabilities


def _order(operation: str, read_only: str, dac: str, departs: str = "") -> Row:
    return Row(operation, {**_for(READ_ONLY, read_only), "openshift": dac, **_for(AS_THEY_ARE, HOST)}, {}, departs)


ORDER = (
    # Permission to search a folder is asked for before the mount; permission to write is asked for after it.
    _order("closed folder: open", "EACCES", "EACCES"),
    _order("closed folder: create", "EACCES", "EACCES"),
    _order("root's folder: create", "EROFS", "EACCES"),
    _order("root's folder: mkdir", "EROFS", "EACCES"),
    _order("root's folder: chmod", "EROFS", "EPERM"),
    _order("root's folder: os.access W_OK", "False", "False"),
)

# With fs.protected_hardlinks, as every distribution sets it, nobody links another's file which they can't write.
try:
    with open("/proc/sys/fs/protected_hardlinks", encoding="ascii") as _file:
        PROTECTED = "EPERM" if _file.read().strip() == "1" else "EACCES"
except OSError:
    PROTECTED = "EPERM"


def _call(operation: str, read_only: str, dac: str, mapped_read_only: str = "") -> Row:
    departs = f"{OWN}, so that only the mount refuses" if mapped_read_only else ""
    return _files(f"call: {operation}", read_only, dac, departs, mapped_read_only)


CALLS = (
    # What the kernel answered in namespaces: the order of its checks, call by call.
    _call("openat2 to write", "EROFS", HOST),
    _call("openat2 O_CREAT", "EROFS", "EACCES"),
    _call("O_TMPFILE", "EROFS", "EACCES"),
    _call("creat, exists", "EROFS", HOST),
    _call("O_RDONLY|O_TRUNC", "EROFS", HOST),
    _call("O_RDONLY|O_TRUNC, not writable", "EROFS", "EACCES"),
    _call("a folder to write", "EISDIR", HOST),
    _call("a folder O_CREAT", "EISDIR", HOST),
    _call("a file O_WRONLY|O_DIRECTORY", "ENOTDIR", HOST),
    _call("a missing file to write", "ENOENT", HOST),
    _call("RENAME_NOREPLACE, exists", "EROFS", HOST),
    _call("rename onto itself", "EROFS", HOST),
    _call("rename, missing", "EROFS", HOST),
    _call("rename of .", "EBUSY", HOST),
    _call("link", "EROFS", PROTECTED),
    _call("link, exists", "EEXIST", HOST),
    _call("link, missing", "ENOENT", HOST),
    _call("link of a folder", "EROFS", HOST),
    _call("link of an open file", "EROFS", PROTECTED),
    _call("symlink", "EROFS", "EACCES"),
    _call("symlink, exists", "EEXIST", HOST),
    _call("mkfifo, exists", "EEXIST", HOST),
    _call("mkdir in a missing folder", "ENOENT", HOST),
    _call("mkdir in a file", "ENOTDIR", HOST),
    _call("mkdir of .", "EEXIST", HOST),
    _call("rmdir of a file", "EROFS", "EACCES"),
    _call("rmdir of .", "EINVAL", HOST),
    _call("rmdir of ..", "ENOTEMPTY", HOST),
    _call("rmdir, not empty", "EROFS", "EACCES"),
    _call("unlink of a folder", "EROFS", "EACCES"),
    _call("unlink of .", "EISDIR", HOST),
    _call("fchmod, open to read", "EROFS", "EPERM"),
    _call("fchown, open to read", "EROFS", HOST),
    _call("futimens, open to read", "EROFS", "EPERM"),
    _call("futimens now, open to read", "EROFS", "EACCES"),
    _call("utime now, all may write it", "EROFS", HOST),
    _call("utime, missing", "ENOENT", HOST),
    _call("chmod, missing", "ENOENT", HOST),
    _call("fsetxattr, open to read", "EROFS", HOST),
    _call("setxattr", "EROFS", HOST),
    _call("removexattr", "EROFS", HOST),
    _call("truncate", "EACCES", "EACCES", mapped_read_only="EROFS"),
    _call("truncate, all may write it", "EROFS", HOST),
    _call("truncate of a folder", "EISDIR", HOST),
    _call("ftruncate, open to read", "EINVAL", HOST),
    _call("FS_IOC_SETFLAGS, open to read", "EROFS", "EPERM"),
    _call("os.access R_OK", "True", HOST),
    _call("os.access W_OK, missing", "False", HOST),
    _call("os.access X_OK", "True", HOST),
    _call("os.access W_OK, a device", "True", HOST),
    _call("to write, through ..", "EROFS", HOST),
    _call("to write, through the working folder", "EROFS", HOST),
    _call("to write, through a descriptor of the folder", "EROFS", HOST),
    _call("to write, through /proc/self/fd", "EROFS", HOST),
    _call("to write, through /proc/thread-self/fd", "EROFS", HOST),
    _call("to write, through /proc/PID/fd", "EROFS", HOST),
    _call("to write, through /dev/fd", "EROFS", HOST),
    _call("to write, /dev/stdout", "EACCES", "EACCES", mapped_read_only="ok"),
    _call("to write, a link to /dev/null", "ok", HOST),
    _call("to write, a link O_NOFOLLOW", "ELOOP", HOST),
    _call("O_CREAT, a link that leads nowhere", "EROFS", "EACCES"),
    _call("O_CREAT|O_EXCL, a link that leads nowhere", "EEXIST", HOST),
    _call("O_CREAT, a link to itself", "ELOOP", HOST),
    _call("unlink of a link that leads nowhere", "EROFS", "EACCES"),
    _call("O_CREAT, a name too long", "ENAMETOOLONG", HOST),
    _call("mkdir, a name too long", "ENAMETOOLONG", HOST),
    _call("mkdir, a path too long", "ENAMETOOLONG", HOST),
    _call("no name to write", "ENOENT", HOST),
    _call("a slash behind a file to write", "ENOTDIR", HOST),
    _call("a slash behind a new file", "EISDIR", HOST),
    _call("mkdir with a slash", "EROFS", "EACCES"),
    _call("symlink with a slash", "ENOENT", HOST),
    _call("unlink with a slash", "EROFS", HOST),
    _call("rename with a slash", "EROFS", HOST),
    _call("openat at address 1", "EFAULT", HOST),
    _call("mkdirat at address 0", "EFAULT", HOST),
    _call("a path across two pages", "EROFS", HOST),
    _call("a path without an end", "EFAULT", HOST),
    _call("a path that ends with the memory", "EROFS", HOST),
    _call("threads at the same time", "EROFS", "EACCES"),
    _call("to write, through a link from /tmp", "EROFS", HOST),
    _call("O_CREAT, a link from /tmp that leads nowhere", "EROFS", "EACCES"),
    Row(
        "call: setxattr of root's own",
        {**_for(READ_ONLY, "EROFS"), **_for(("openshift", *AS_THEY_ARE), "EPERM")},
    ),
    Row("call: link from /tmp", {**_for(READ_ONLY, "EROFS"), **_for(("openshift", "cloudrun"), "EXDEV")}),
    Row("call: io_uring_setup", _for(PROFILES, HOST)),
)

NOEXEC = "failed to map segment from shared object"


def _execution(operation: str, noexec: str, ordinary: str = "ok") -> Row:
    """An operation in /tmp, which only the container mounts noexec."""
    others = tuple(profile for profile in (*CONFINED, "cloudrun") if profile != "container")
    return Row(f"/tmp: {operation}", {"container": noexec, **_for(others, ordinary), **_for(OFFLINE, HOST)})


EXECUTION = (
    #          operation                       noexec     otherwise
    _execution("create", "ok"),
    _execution("execve a program", "EACCES"),
    _execution("execve a script", "EACCES"),
    _execution("sh script", "ok"),
    _execution("python script", "ok"),
    _execution("dlopen", NOEXEC),
    _execution("import an extension module", NOEXEC),
    _execution("mmap PROT_EXEC", "EPERM"),
    _execution("mprotect PROT_EXEC", "EACCES"),
    _execution("execveat a descriptor", "EACCES"),
    _execution("posix_spawn", "EACCES"),
    _execution("subprocess", "PermissionError: EACCES", "0"),
    _execution("a script elsewhere, its interpreter here", "EACCES"),
    _execution("ld.so program", "exit 127"),
    _execution("os.access X_OK", "False", "True"),
    _execution("statvfs says noexec", "True", "False"),
    Row("anonymous memory, writable and executable", _for(PROFILES, "ok")),
    Row("execve of a memfd", _for(PROFILES, "ok")),
)

PLACES = (
    Row("/tmp: size", _for(LAMBDAS, "512 MiB")),
    Row("/tmp: mode", {**_for((*LAMBDAS, "container", "systemd", "openshift"), "1777"), "kubernetes": "0777"}),
    Row("/tmp: more than its size", _for(LAMBDAS, "ENOSPC")),
    Row("/var/tmp: create a file", {**_for((*LAMBDAS, *PODS), "EROFS"), **_for(("systemd", "openshift"), "ok")}),
    Row("/dev/shm: more than its size", _for((*PODS, "openshift"), "ENOSPC")),
    Row(
        "/dev/shm: execve a program",
        {**_for(LAMBDAS, "ENOENT"), **_for((*PODS, "openshift"), "EACCES"), "systemd": "ok"},
    ),
    Row("/dev: create a file", {**_for(LAMBDAS, "EROFS"), **_for(PODS, "EACCES")}),
    Row("/dev/null, zero, full, urandom work", _for(PROFILES, "ok")),
    Row(
        "/proc/sys: open to write",
        _for((*LAMBDAS, *PODS), "EACCES"),
        departs="the facts' EROFS is root's; the file's mode is asked for before the mount (see FILES)",
    ),
    Row(
        "/proc/self: open to write",
        {**_for(LAMBDAS, "EROFS"), **_for((*PODS, "systemd", "openshift"), "ok")},
        departs="lambda: how Lambda mounts /proc isn't recorded; it is taken to be read-only as all else",
    ),
    Row("/proc/1/environ: open", _for(CONFINED, "EACCES")),
    Row("/proc/interrupts: bytes", _for(PODS, "0")),
)

_GLIBC = (os.confstr("CS_GNU_LIBC_VERSION") or "glibc 2.34").split()[-1]
_SINCE_2_34 = tuple(map(int, _GLIBC.split("."))) >= (2, 34)
ABSENT = "ENOENT" if _SINCE_2_34 else "ENOSYS"
SEMLOCK = ("Lock", "Queue", "SimpleQueue", "Pool", "Value", "ProcessPoolExecutor", "SharedMemory")
GLIBC = (
    "a lock without /dev/shm is refused by the C library: ENOENT from glibc 2.34 on, before ENOSYS, unless it finds "
    "another tmpfs in the mount table; the C library is the host's"
)
WITH_SHM = (*PODS, "systemd", "openshift")

MULTIPROCESSING = (
    *(Row(f"multiprocessing.{name}", {**_for(LAMBDAS, ABSENT), **_for(WITH_SHM, "ok")}, {}, GLIBC) for name in SEMLOCK),
    Row("multiprocessing.RawArray", {**_for(LAMBDAS, "ENOENT"), **_for(WITH_SHM, "ok")}),
    *(Row(f"multiprocessing.{name}", _for(CONFINED, "ok")) for name in ("Pipe", "Process", "Manager")),
)
SHM_FULL = Row("multiprocessing.Lock, /dev/shm full", _for((*PODS, "openshift"), "ENOSPC"))

NO_ENTRY = "KeyError: getpwuid(): uid not found: {uid}"
NO_NAME = "OSError: No username set in the environment" if sys.version_info >= (3, 13) else NO_ENTRY
UIDS = {**_for(LAMBDAS, "993:990"), "container": "1000:1000", "kubernetes": "1000:0"}
UIDS |= {"openshift": "1000680000:0", "systemd": "61184:61184"}
NO_HOME = "RuntimeError: Could not determine home directory."

IDENTITY = (
    Row("uid:gid", UIDS),
    Row("effective uid:gid", UIDS),
    Row("further groups", _for(CONFINED, "[]")),
    Row("HOME", {**_for((*LAMBDAS, "systemd"), "unset"), **_for((*PODS, "openshift"), "/"), **_for(AS_THEY_ARE, HOST)}),
    Row("USER", {**_for((*LAMBDAS, *PODS, "openshift"), "unset"), "systemd": "envguard"}),
    Row("TZ", {"lambda": ":UTC", "lambda-image": ":/etc/localtime"}),
    Row(
        "pwd.getpwuid",
        {**_for(LAMBDAS, "sbx_user1051"), **_for((*PODS, "systemd"), NO_ENTRY), "openshift": "1000680000"},
    ),
    Row(
        "getpass.getuser",
        {**_for(LAMBDAS, "sbx_user1051"), **_for(PODS, NO_NAME), "openshift": "1000680000", "systemd": "envguard"},
        departs="systemd: USER and LOGNAME are set, which are asked before the passwd entry",
    ),
    Row(
        "os.path.expanduser('~')",
        {**_for(LAMBDAS, "/home/sbx_user1051"), **_for((*PODS, "openshift"), "/"), "systemd": "~"},
    ),
    Row("Path.home", {**_for(LAMBDAS, "/home/sbx_user1051"), **_for((*PODS, "openshift"), "/"), "systemd": NO_HOME}),
    Row(
        "site.getuserbase",
        {
            **_for(LAMBDAS, "/home/sbx_user1051/.local"),
            **_for((*PODS, "openshift"), "/.local"),
            "systemd": "~/.local",
        },
    ),
    Row(
        "makedirs('~/.envguard-cache')",
        {**_for((*LAMBDAS, *PODS), "EROFS"), "openshift": "EACCES", "systemd": "a folder called ~"},
    ),
    Row("os.getlogin", _for(CONFINED, "OSError: ENXIO")),
    Row(
        "owner of the project's files",
        _for(CONFINED, "0"),
        {profile: UIDS[profile].split(":")[0] for profile in CONFINED},
        f"deployed files are root's; {OWN}",
    ),
    Row("capabilities and no_new_privs", _for(CONFINED, "none, 1")),
    Row(
        "chown to root",
        _for(CONFINED, "EPERM"),
        _for(CONFINED, "EINVAL"),
        "where the uid is only shown, no other uid exists: EINVAL instead of EPERM",
    ),
    Row(
        "setuid(0)",
        _for(CONFINED, "EPERM"),
        _for(CONFINED, "EINVAL"),
        "where the uid is only shown, no other uid exists: EINVAL instead of EPERM",
    ),
)

LIMITED_FILES = (*LAMBDAS, *PODS, "systemd")
NO_FILE, NO_PROCESS = "OSError: EMFILE", "BlockingIOError: EAGAIN"
HARD = "1024/{hard}"  # 524288, or the starter's own hard limit where that is lower and can't be raised

LIMITS = (
    Row(
        "RLIMIT_NOFILE",
        {**_for(LAMBDAS, "1024/1024"), **_for((*PODS, "systemd"), HARD)},
        departs="raising a hard limit needs CAP_SYS_RESOURCE: without it the starter's own stays where it is lower",
    ),
    Row("RLIMIT_NPROC", _for(LAMBDAS, "742/742")),
    Row("RLIMIT_STACK, soft", _for(LAMBDAS, str(8 << 20))),
    Row("open with no descriptor left", _for(LIMITED_FILES, NO_FILE)),
    Row("subprocess with no descriptor left", _for(LIMITED_FILES, NO_FILE)),
)
PROCESSES = (
    Row("thread with no process left", {"lambda": "RuntimeError: can't start new thread"}),
    Row("fork with no process left", {"lambda": NO_PROCESS}),
    Row("subprocess with no process left", {"lambda": NO_PROCESS}),
)


def _network(operation: str, none: str, drop: str, refuse: str, nxdomain: str, *, departs: str = "") -> Row:
    expected = {"container": none, "offline": none, "offline-drop": drop}
    expected |= {"offline-refuse": refuse, "offline-nxdomain": nxdomain}
    return Row(operation, expected, {}, departs)


GONE, REFUSED, SILENT = "ENETUNREACH", "ECONNREFUSED", "TimeoutError: timed out"  # without an errno
SENT, NOBODYS = "2 messages of 3 and 3 bytes", "EADDRNOTAVAIL"
ROUTE = "refuse: every address is a local one where nobody listens; the facts' EPERM is the answer of a firewall"

NETWORK = (
    #        operation                              none  drop              refuse   nxdomain
    _network("tcp connect with a time-out", GONE, SILENT, REFUSED, GONE),
    _network("tcp connect without a time-out, one retry", GONE, "ETIMEDOUT, late", REFUSED, GONE),
    _network("connect_ex, not blocking", GONE, "EINPROGRESS", "EINPROGRESS", GONE),
    _network("udp sendto", GONE, "ok", "ok", GONE, departs=ROUTE),
    _network("tcp connect with a time-out, IPv6", GONE, SILENT, REFUSED, GONE),
    _network("udp sendto, IPv6", GONE, "ok", "ok", GONE, departs=ROUTE),
    _network("udp sendmsg", GONE, "3", "3", GONE, departs=ROUTE),
    _network("udp sendmmsg", GONE, SENT, SENT, GONE, departs=ROUTE),
    _network("udp connect and send", GONE, "ok", "ok", GONE, departs=ROUTE),
    _network("bind to an address that is nobody's", NOBODYS, NOBODYS, "ok", NOBODYS, departs=ROUTE),
    _network("bind to 127.0.0.1", "ok", "ok", "ok", "ok"),
    _network("bind to 0.0.0.0", "ok", "ok", "ok", "ok"),
    _network("tcp connect, IPv4 written as IPv6", GONE, SILENT, REFUSED, GONE),
    _network("a closed port on loopback, written as IPv6", REFUSED, REFUSED, REFUSED, REFUSED),
    _network("a closed port on 0.0.0.0", REFUSED, REFUSED, REFUSED, REFUSED),
    _network("own server on an AF_UNIX path", "ok", "ok", "ok", "ok"),
    _network("own AF_UNIX datagram", "ok", "ok", "ok", "ok"),
    _network("a closed port on loopback", REFUSED, REFUSED, REFUSED, REFUSED),
    _network("own server on 127.0.0.1", "ok", "ok", "ok", "ok"),
    _network("own server on ::1", "ok", "ok", "ok", "ok"),
    _network("own server on an abstract AF_UNIX name", "ok", "ok", "ok", "ok"),
    _network("getaddrinfo localhost", "ok", "ok", "ok", "ok"),
    _network("getaddrinfo of an address", "ok", "ok", "ok", "ok"),
    _network(
        "getaddrinfo of a name",
        "EAI_AGAIN at once",
        "EAI_AGAIN after 10 s",
        "EAI_AGAIN at once",
        "EAI_NONAME at once",
    ),
)

# The facts' "mounted read-only" of /dev/shm, too. A read-only root and nothing else, entered by root: EROFS is for
# uid 0 as well.
READ_ONLY_ROOT = {
    "create a file": "EROFS",
    "closed folder: create": "EROFS",
    "root's folder: create": "EROFS",
    "chmod": "EROFS",
    "multiprocessing.Lock": "EROFS",
    "multiprocessing.SharedMemory": "EROFS",
}

ROWS = (*FILES, *ORDER, *CALLS, *EXECUTION, *PLACES, *MULTIPROCESSING, *IDENTITY, *LIMITS, *NETWORK)
SLOW = ("getaddrinfo of a name", "offline-drop")  # 10 s: two tries of 5 s


@dataclass(frozen=True)
class Miss:
    """Where calls that are answered (no namespaces) come to something else than the same calls in namespaces.

    Attributes:
        operation: Its name in `observe`.
        answered: Profile to what is seen.
        why: What the mechanism can't do.
        rootly: Whether this is only so where root itself plays the profile's user.
    """

    operation: str
    answered: Mapping[str, str]
    why: str
    rootly: bool = False


# Where another uid is only shown, the deployment's own answer is given, although the namespace's is another (see mapped).
ANSWERED_AS_DEPLOYED = ("chown to root", "setuid(0)")
_MASKED = "files below /proc that a container masks can be read: opening to read isn't looked at"
_RINGS = "a ring makes calls that no filter sees, so there is none"
_ROOTS = "root plays the user, and what belongs to root is its own where the root isn't read-only"
_STANDS_IN = "the machine's own /tmp stands in, with the machine's own mode"
_FOREIGN = "an address of another machine is none to bind to, as behind a real firewall; in namespaces all are local"
_UNASKED_NAMES = "no resolver can be put in place of the machine's, and the one that is there can't be reached"

MISSES = (
    Miss("call: io_uring_setup", _for(PROFILES, "ENOSYS"), _RINGS),
    Miss("/proc/interrupts: bytes", _for(PODS, "16"), _MASKED),
    Miss("/tmp: mode", {"kubernetes": "1777"}, _STANDS_IN),
    Miss("root's folder: create", {"openshift": "ok"}, _ROOTS, rootly=True),
    Miss("root's folder: mkdir", {"openshift": "ok"}, _ROOTS, rootly=True),
    Miss("root's folder: chmod", {"openshift": "ok"}, _ROOTS, rootly=True),
    Miss("root's folder: os.access W_OK", {"openshift": "True"}, _ROOTS, rootly=True),
    Miss("makedirs('~/.envguard-cache')", {"openshift": "ok"}, _ROOTS, rootly=True),
    Miss("bind to an address that is nobody's", {"offline-refuse": "EADDRNOTAVAIL"}, _FOREIGN),
    Miss("getaddrinfo of a name", {"offline-nxdomain": "EAI_AGAIN at once"}, _UNASKED_NAMES),
)
