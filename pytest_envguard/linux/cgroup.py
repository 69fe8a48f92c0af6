"""A memory cgroup of its own, where the caller may make one: version 2 where it's delegated, version 1 as root.

The kernel then does what platforms do: it kills with SIGKILL at the limit, and it counts what lies in a tmpfs.
"""

from __future__ import annotations

import itertools
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_FILES: dict[int, tuple[str, dict[str, str | None], str]] = {
    # version: limit, further settings that not every kernel has, where the kills are counted
    1: ("memory.limit_in_bytes", {"memory.memsw.limit_in_bytes": None}, "memory.oom_control"),
    2: ("memory.max", {"memory.swap.max": "0", "memory.oom.group": "1"}, "memory.events"),
}


class Group:
    """A cgroup that was made for one environment.

    It's handled through descriptors that were opened before any namespace was entered: inside, its files are
    read-only, and a write is judged by who opened the file.
    """

    def __init__(self, folder: str, version: int, limit: int) -> None:
        self._parent = os.open(os.path.dirname(folder), os.O_PATH | os.O_CLOEXEC)
        self._name = os.path.basename(folder)
        limit_file, settings, counter = _FILES[version]
        os.mkdir(folder)
        try:
            _write(f"{folder}/{limit_file}", str(limit))
            self._members = os.open(f"{folder}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
        except OSError:
            os.rmdir(folder)
            raise
        for name, value in settings.items():
            try:
                _write(f"{folder}/{name}", value or str(limit))
            except OSError:  # swap accounting is off
                continue
        self._counter = os.open(f"{folder}/{counter}", os.O_RDONLY | os.O_CLOEXEC)

    def take(self, pid: int) -> None:
        """Move the process ``pid`` in, before it starts others."""
        os.write(self._members, str(pid).encode())

    def killed(self) -> bool:
        """Whether the kernel has killed anybody in it for memory."""
        lines = os.pread(self._counter, 4096, 0).decode().splitlines()
        return any(line.startswith("oom_kill ") and line.split()[1] != "0" for line in lines)

    def remove(self) -> None:
        """Remove it; its last process must have ended."""
        os.rmdir(self._name, dir_fd=self._parent)


def make(limit: int) -> Group:
    """Make a cgroup that may use ``limit`` bytes.

    Raises:
        OSError: There is no memory cgroup in which the caller may make one; the last answer of the kernel.
    """
    refused = OSError(2, "there is no memory cgroup here")
    for version, folder in _places():
        try:
            _remove_abandoned(folder)
            return Group(f"{folder}/envguard-{os.getpid()}-{next(_numbers)}", version, limit)
        except OSError as error:
            refused = error
    raise OSError(refused.errno, f"mkdir in a memory cgroup: {refused.strerror}")


_numbers = itertools.count()


def _remove_abandoned(folder: str) -> None:
    """Remove what was left by makers that were killed before they could."""
    for name in os.listdir(folder):
        words = name.split("-")
        if words[0] == "envguard" and len(words) == 3 and not os.path.exists(f"/proc/{words[1]}"):
            try:
                os.rmdir(f"{folder}/{name}")
            except OSError:  # somebody else's, or still in use
                pass


def _places() -> Iterator[tuple[int, str]]:
    """Where a cgroup could be made: below one's own in version 1; beside one's own in version 2.

    (In version 2 a cgroup that has processes can't give controllers to groups below it: "no internal processes".)
    """
    with open("/proc/self/cgroup", encoding="ascii") as file:
        own = [line.rstrip("\n").split(":", 2) for line in file]
    for _, controllers, path in own:
        if "memory" in controllers.split(","):
            yield 1, f"/sys/fs/cgroup/memory{path.rstrip('/')}"
        elif not controllers:
            for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
                beside = root + os.path.dirname(path).rstrip("/")
                if _gives_memory(beside):
                    yield 2, beside


def _gives_memory(folder: str) -> bool:
    try:
        with open(f"{folder}/cgroup.subtree_control", encoding="ascii") as file:
            return "memory" in file.read().split()
    except OSError:
        return False


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
