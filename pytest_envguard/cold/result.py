"""What a cold start was like, in figures and as a user reads it."""

from __future__ import annotations

from typing import NamedTuple

from pytest_envguard.model.dimensions import show_size
from pytest_envguard.model.refusal import Refusal

_TAIL = 20  # lines of standard error that a failure shows
_SHOWN_CODE = 60  # characters of the code in a line about it
_SHOWN_REFUSALS = 10


class ColdStartFailed(AssertionError):  # noqa: N818  # it is a test's failure, not a mistake
    """The code did not end well, or not within what it was given."""

    __module__ = "pytest_envguard.cold"  # its public place, which pytest shows


class Limit(NamedTuple):
    """What the code may take, as ``within`` says.

    Attributes:
        name: The budget's name; "" where seconds were given.
        seconds: Longest time.
        memory: Bytes that the environment gives to the process and all its children, None where nothing is limited.
    """

    name: str
    seconds: float
    memory: int | None = None

    def __str__(self) -> str:
        text = f"{self.name}, {self.seconds:g} s" if self.name else f"{self.seconds:g} s"
        if self.memory is not None:
            return f"{text} and {show_size(self.memory)}"
        if self.name:
            text += ' (no memory size was given, so memory was not limited: `memory="1024M"` does)'
        return text


class ColdStart(NamedTuple):
    """What became of code in a fresh interpreter.

    Attributes:
        code: The code.
        environment: Name of the environment that it ran in; "host" for none.
        seconds: From the start of the interpreter to the end of the code, as Lambda counts its init phase. What
            happens afterwards (exit handlers, threads that are waited for) isn't counted, nor is entering the environment.
        peak_memory: Most bytes in memory at once, of the process or of the largest child that it waited for. Where the
            process was killed or left by ``os._exit``, what was seen up to 0.02 s before.
        exit: Exit code; negative for a signal, as with `subprocess` (-9 where it was killed for memory or time).
        ending: How it ended, as a sentence.
        output: What it and its children wrote to standard output.
        errors: What it and its children wrote to standard error.
        refusals: What the system refused it, also where the code caught the error; see `Refusal`. In an environment, what
            native code and other programs were refused follows what Python's own calls were. Elsewhere only those are
            seen, and of them none of asyncio's connections, or while a debugger or a coverage traces. That Python can't
            keep a compiled module isn't counted.
        traceback: The code's own, "" if it raised nothing.
        limit: What ``within`` asked for, None without it.
    """

    code: str
    environment: str
    seconds: float
    peak_memory: int
    exit: int
    ending: str
    output: str = ""
    errors: str = ""
    refusals: tuple[Refusal, ...] = ()
    traceback: str = ""
    limit: Limit | None = None

    @property
    def late(self) -> bool:
        """Whether it took longer than ``within`` allows."""
        return self.limit is not None and self.seconds > self.limit.seconds

    @property
    def note(self) -> str:
        """What it was, in a line of a report."""
        allowed = f"; allowed: {self.limit}" if self.limit else ""
        return f"`{_shortened(self.code)}` in {self.environment}: {self.ending}{allowed}"

    def check(self) -> ColdStart:
        """Return this result if the code ended with exit code 0 and within its limit.

        Raises:
            ColdStartFailed: With the code's own traceback, how it ended, the end of its standard error and its refusals.
        """
        __tracebackhide__ = True
        if self.exit != 0 or self.late:
            raise ColdStartFailed(str(self))
        return self

    def __repr__(self) -> str:
        return f"<ColdStart {_shortened(self.code)!r} in {self.environment}: {self.ending}, {self._figures()}>"

    def __str__(self) -> str:
        blocks = [f"`{_shortened(self.code)}` in {self.environment}: {self._verdict()}", self.traceback.rstrip("\n")]
        blocks.append(self._figures() + (f"; allowed: {self.limit}" if self.limit else ""))
        if self.refusals:
            blocks.append("refused:\n" + "\n".join(f"  {line}" for line in _listed(self.refusals)))
        if own := self._own_errors():
            blocks.append("standard error ends with:\n" + "\n".join(f"  {line}" for line in own[-_TAIL:]))
        return "\n".join(filter(None, blocks))

    def _verdict(self) -> str:
        if self.limit is None or not self.late:
            return self.ending
        late = f"took {self.seconds:.2f} s, longer than the {self.limit.seconds:g} s that are allowed"
        return late if self.exit == 0 else f"{self.ending}; {late}"

    def _figures(self) -> str:
        return f"{self.seconds:.2f} s, peak memory {show_size(self.peak_memory)}"

    def _own_errors(self) -> list[str]:
        """What stands in standard error besides the traceback, which the interpreter prints there as well."""
        first, end = self.traceback.partition("\n")[0], len(self.errors)
        for _ in range(self.traceback.count(first) if first else 0):  # of a chain of errors, each has such a line
            end = max(self.errors.rfind(first, 0, end), 0)
        return self.errors[:end].splitlines()


def _shortened(code: str) -> str:
    """Return the first line of the code, or what fits of it."""
    line, *more = code.strip().splitlines()
    if more or len(line) > _SHOWN_CODE:
        line = line[: _SHOWN_CODE - 2].rstrip() + " …"
    return line


def _listed(refusals: tuple[Refusal, ...]) -> list[str]:
    shown = [str(refusal) for refusal in refusals[:_SHOWN_REFUSALS]]
    more = len(refusals) - len(shown)
    return [*shown, f"… and {more} more"] if more else shown
