"""What goes wrong with requests: what the profile asks for, and what a test asks for while it runs."""

from __future__ import annotations

import fnmatch
import threading

from pytest_envguard.model.origin import Fault, read_fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

BODY = frozenset(("cut", "corrupt"))  # faults that need a body to be seen


class _Asked:
    """A fault with what is left of it."""

    def __init__(self, host: str, fault: Fault, path: str) -> None:
        self.host, self.fault, self.path = host, fault, path
        self.left = fault.times or -1

    def hits(self, hosts: Iterable[str], path: str) -> bool:
        return self.left != 0 and self.host in hosts and fnmatch.fnmatchcase(path, self.path)


class Faults:
    """All faults of the hosts; used by many threads at once."""

    def __init__(self) -> None:
        self._asked: list[_Asked] = []
        self._changed = threading.Condition()

    def add(self, host: str, text: str, path: str = "*") -> None:
        """Let ``host`` have a fault, for paths that fit the pattern; `ValueError` where ``text`` isn't one."""
        fault = read_fault(text)
        with self._changed:
            self._asked.append(_Asked(host, fault, path))

    def clear(self) -> None:
        """Have none from here on; requests that hang are let go."""
        self.restore([])

    def kept(self) -> list[_Asked]:
        """Return what is asked for at present, for `restore`."""
        with self._changed:
            return list(self._asked)

    def restore(self, asked: list[_Asked]) -> None:
        """Bring back what `kept` returned, with what is left of each now."""
        with self._changed:
            self._asked = list(asked)
            self._changed.notify_all()

    def take(self, hosts: Iterable[str], path: str, names: Iterable[str]) -> dict[str, Fault]:
        """Return the faults among ``names`` that hit a request, each counted; of several of a name the first."""
        found: dict[str, Fault] = {}
        hosts = tuple(hosts)
        with self._changed:
            for asked in self._asked:
                name = asked.fault.name
                if name in names and name not in found and asked.hits(hosts, path):
                    asked.left -= asked.left > 0
                    found[name] = asked.fault
        return found

    def hang(self, seconds: float | None) -> None:
        """Wait until ``seconds`` are over, or the faults change (None: until then)."""
        with self._changed:
            before = self._asked
            self._changed.wait_for(lambda: self._asked is not before, seconds)
