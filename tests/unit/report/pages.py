"""Hand-made plans and runs, and paper to print reports on."""

from __future__ import annotations

from pytest_envguard.model.plan import Enforcement, Plan, Strength
from pytest_envguard.model.verdict import Outcome, Resources, Run

ROOT = Enforcement("root", "read-only root", Strength.KERNEL, "namespaces")
TMP = Enforcement("tmp", "/tmp 512 MiB", Strength.KERNEL, "namespaces")
OWNERSHIP = Enforcement(
    "ownership", "your files look like its own", Strength.APPROXIMATE, "uid map", "no second uid", "x"
)
NETWORK = Enforcement("network", "no network", Strength.NONE, "none", "network namespace: Operation not permitted", "y")

HOST = Plan("host", "this machine, nothing changed")
LAMBDA = Plan("lambda", "AWS Lambda, zip function", (ROOT, TMP), ("the project (/tmp/p) was put back, read-only",))
CONTAINER = Plan("container", "hardened Docker container", (ROOT, OWNERSHIP))
OFFLINE = Plan("offline", "", (NETWORK,))

PASSED = Outcome("passed")
EROFS = Outcome("failed", "OSError: [Errno 30] Read-only file system: '/home/me/.cache/thing'")
UNREACHABLE = Outcome("failed", "OSError: [Errno 101] Network is unreachable")
NO_MODULE = Outcome("error", "ModuleNotFoundError: No module named 'nothing'")


class Paper:
    """Stands where pytest's terminal reporter does: 80 columns, no colours."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write_sep(self, character: str, title: str) -> None:
        """Write a title between two rules, as pytest does."""
        self.lines.append(f" {title} ".center(80, character))

    def write_line(self, line: str, **_colours: bool) -> None:
        """Write one line."""
        self.lines.append(line)

    @property
    def text(self) -> str:
        """All that was written."""
        return "\n".join(self.lines) + "\n" if self.lines else ""


def run(environment: str, seconds: float = 1.5, memory: int = 0, tmp: int = 0, **outcomes: Outcome) -> Run:
    """Return a run; the keyword ``test_a`` stands for the node id ``tests/test_a.py::test_a``."""
    named = {f"tests/{name}.py::{name}": outcome for name, outcome in outcomes.items()}
    return Run(environment, named, Resources(seconds, memory, tmp))
