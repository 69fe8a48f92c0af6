"""Something that a program wanted to do and was not allowed to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

REFUSALS = "envguard_refusals"  # attribute of a test's reports: a list of lists, which can be sent


class Refusal(NamedTuple):
    """One operation that the system refused, and who tried it.

    Attributes:
        operation: What was tried, as Python's audit events name it: "open", "os.mkdir", "socket.connect", …
        target: Path or address, as it was given; "" where there is none.
        error: Name of the errno, such as "EROFS", or of the resolver's error, such as "EAI_AGAIN".
        library: Top-level package of the code that tried, the standard library looked through; "" for the program itself.
        place: File and line of that code, such as "/app/cache.py:12".
        times: How often it happened.
        phase: Of a test: "setup", "call", "teardown"; "import" while its module was collected; "" where there is none.
        process: Command line of the process that tried, where it's another one than the test's; else "".
    """

    operation: str
    target: str
    error: str
    library: str
    place: str
    times: int = 1
    phase: str = ""
    process: str = ""

    def __str__(self) -> str:
        words = f"{self.operation} {self.target}".rstrip()
        author = ", ".join(filter(None, (self.library, self.place, self.process and f"process `{self.process}`")))
        by = f" ({author})" if author else ""
        return f"{words}: {self.error}{by}" + (f", {self.times} times" if self.times > 1 else "")


def grouped(refusals: Iterable[Refusal]) -> tuple[Refusal, ...]:
    """Return each refusal once with the sum of its times, in the order in which they first happened."""
    counts: dict[Refusal, int] = {}
    for refusal in refusals:
        once = refusal._replace(times=1)
        counts[once] = counts.get(once, 0) + refusal.times
    return tuple(once._replace(times=times) for once, times in counts.items())
