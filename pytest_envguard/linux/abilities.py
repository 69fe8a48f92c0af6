"""What the kernel allows here: the whole sequence, tried in a child that ends right after.

Trying ``unshare`` alone proves nothing: on Ubuntu 24.04 it succeeds and the write of the uid map, or the mount, fails
afterwards (AppArmor's restriction of unprivileged user namespaces).
"""

from __future__ import annotations

import errno
import os
import warnings

from pytest_envguard.linux import cgroup, devices, execution, identity, mounts, network
from pytest_envguard.linux import syscalls as call

USER = "user namespace"
MOUNT = "mount namespace"
TMPFS = "tmpfs"
READ_ONLY = "read-only mounts"
PROCESS = "process namespace"
NETWORK = "network namespace"
HOST_NAME = "host name"
DEVICES = "device folder"
CGROUP = "memory cgroup"
SECCOMP = "system call filter"  # these two are tried by `seccomp.trial`
USERS = "passwd entries"
NAMES = (USER, MOUNT, TMPFS, READ_ONLY, DEVICES, NETWORK, HOST_NAME, PROCESS, CGROUP)
# What few environments ask for; answered only where it works, so that nobody is told to mend what nobody needs.
MDWE = "write xor execute"
FILTER = "refusing filter"
LISTENER = "answering filter"
FURTHER = (MDWE, FILTER, LISTENER)


def is_privileged() -> bool:
    """Whether this process has CAP_SYS_ADMIN, CAP_SETUID and CAP_SETGID, as root outside of a container has."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            line = next(line for line in file if line.startswith("CapEff:"))
    except (OSError, StopIteration):
        return False
    wanted = 1 << 21 | 1 << 7 | 1 << 6
    return int(line.split()[1], 16) & wanted == wanted


class Probing:
    """A child that tries everything, while its parent may do something else.

    Attributes:
        privileged: Whether it may do without a user namespace.
    """

    def __init__(self) -> None:
        self.privileged = is_privileged()
        self._answer, tell = os.pipe2(os.O_CLOEXEC)
        with warnings.catch_warnings():
            # Python 3.12 and later warn where other threads run. The child makes system calls and ends.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._child = os.fork()
        if self._child == 0:
            try:
                os.close(self._answer)
                _try_all(self.privileged, tell)
            finally:
                os._exit(0)
        os.close(tell)

    def answers(self) -> dict[str, str]:
        """Return, for each of `NAMES`, "" if it works here or the kernel's answer; what was not reached says so.

        Of `FURTHER`, those that work.
        """
        told = b""
        while chunk := os.read(self._answer, 4096):
            told += chunk
        os.close(self._answer)
        os.waitpid(self._child, 0)
        answers = dict(line.split("\t", 1) for line in told.decode().splitlines())
        needed = {name: answers.get(name, "not reached: an earlier step failed") for name in NAMES}
        return {**needed, **{name: "" for name in FURTHER if answers.get(name) == ""}}


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def _try_all(privileged: bool, tell: int) -> None:
    uid, gid = os.getuid(), os.getgid()

    def tried(name: str, action: Callable[..., None], *arguments: object, **options: object) -> bool:
        try:
            action(*arguments, **options)
        except OSError as error:
            os.write(tell, f"{name}\t{error.strerror or error}\n".encode())
            return False
        os.write(tell, f"{name}\t\n".encode())
        return True

    tried(CGROUP, _own_cgroup)
    tried(FILTER, execution.refuse, execution.NOTHING)
    tried(LISTENER, _own_listener)
    tried(MDWE, execution.deny_write_execute)
    if privileged:
        os.write(tell, f"{USER}\t\n".encode())
    elif not tried(USER, _own_user_namespace, uid, gid):
        return
    if not tried(MOUNT, _own_mounts):
        return
    tried(TMPFS, mounts.tmpfs, "/tmp", size=1 << 20, mode=0o1777, executable=False)
    tried(READ_ONLY, mounts.readonly_everywhere)
    tried(DEVICES, devices.build, shm="private", shm_size=1 << 20, shm_exec=False, make_nodes=False)
    tried(NETWORK, _own_network)
    tried(HOST_NAME, _own_host_name)
    tried(PROCESS, _own_processes)


def _own_user_namespace(uid: int, gid: int) -> None:
    call.unshare(call.CLONE_NEWUSER)
    identity.map_self(uid, gid, uid, gid)


def _own_mounts() -> None:
    call.unshare(call.CLONE_NEWNS)
    mounts.private()


def _own_network() -> None:
    call.unshare(call.CLONE_NEWNET)
    network.configure("none")


def _own_host_name() -> None:
    call.unshare(call.CLONE_NEWUTS)
    call.sethostname("envguard")


def _own_listener() -> None:
    try:
        os.close(execution.listen(execution.NOTHING))
    except OSError as error:
        # Where somebody listens already, it's he who is asked to answer; see `seccomp.handover`.
        if error.errno != errno.EBUSY:
            raise


def _own_cgroup() -> None:
    """Not needed: where there is none, a watchdog takes its place."""
    cgroup.make(1 << 30).remove()


def _own_processes() -> None:
    """A process namespace needs its own ``/proc``, which a container that masks parts of ``/proc`` refuses to mount."""
    call.unshare(call.CLONE_NEWPID | call.CLONE_NEWIPC)
    answer, tell = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        try:
            mounts.procfs("plain")
        except OSError as error:
            os.write(tell, f"{error.errno}\t{error.strerror}".encode())
        finally:
            os._exit(0)
    os.close(tell)
    told = os.read(answer, 4096).decode()
    os.waitpid(child, 0)
    if told:
        number, text = told.split("\t", 1)
        raise OSError(int(number), text)
