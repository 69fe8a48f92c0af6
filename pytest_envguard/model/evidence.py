"""What a failure left behind that says why: the exceptions, who overwrote which variable, what was measured there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

EVIDENCE = "envguard_evidence"  # attribute of a failed test's reports: nested lists, which can be sent

NOEXEC = "noexec"
ADDRESS_SPACE = "address space"
SECCOMP = "seccomp"
WRITE_XOR_EXECUTE = "write xor execute"


class Frame(NamedTuple):
    """One call in a traceback.

    Attributes:
        module: Dotted name, such as "tiktoken.load" or "multiprocessing.synchronize"; "" where there is none.
        place: File and line as of a refusal: "tiktoken/load.py:78" of a library, from its root of the project.
        function: Name of the function, "<module>" while it was imported.
    """

    module: str
    place: str
    function: str

    @property
    def library(self) -> str:
        """Top-level package, the standard library's too."""
        return self.module.partition(".")[0]


class Raised(NamedTuple):
    """One exception of those that led to a failure.

    Attributes:
        kind: Name of its class with the module, of a builtin without: "OSError", "requests.exceptions.ConnectionError".
        bases: Plain names of the class and of all that it inherits from, such as ("FileNotFoundError", "OSError", …).
        message: Its text, at most 2,000 characters.
        error: Name of its errno, such as "EROFS"; "" without one.
        path: The file that it names as an attribute; "" where it names none.
        frames: The calls that it came through, the innermost first, at most 40.
    """

    kind: str
    bases: tuple[str, ...]
    message: str
    error: str = ""
    path: str = ""
    frames: tuple[Frame, ...] = ()


class Overwritten(NamedTuple):
    """An environment variable that code of the process has set.

    Attributes:
        variable: Its name.
        value: What it was set to; "" of one whose name looks secret.
        before: What it was before; None where it wasn't set.
        library: Top-level package of the code that did it; "" for the project itself.
        place: File and line of that code.
    """

    variable: str
    value: str
    before: str | None
    library: str
    place: str


class Fact(NamedTuple):
    """Something that was measured in the process when the test had failed.

    Attributes:
        name: `NOEXEC` (a folder that a message names lies on a mount without execution), `ADDRESS_SPACE` (RLIMIT_AS is
            set), `SECCOMP` (a filter that isn't this plugin's is active) or `WRITE_XOR_EXECUTE` (MDWE, systemd's
            MemoryDenyWriteExecute).
        subject: What it is about, such as the folder or the limit in bytes.
    """

    name: str
    subject: str


class Evidence(NamedTuple):
    """All that one failed phase of a test, or the import of its file, left behind.

    Attributes:
        raised: The exceptions: the one that was reported first, then its causes and contexts.
        overwritten: Variables that code has set since the process began, each with who did it last.
        facts: What was measured.
        variables: Variables of the process whose value is a path, a switch such as HF_HUB_OFFLINE, or that name a cache:
            none that look secret.
        mentions: Top-level packages that the failing line of the test, or the functions it calls in the project, name.
        output: End of what the test printed or logged, at most 4,000 characters.
    """

    raised: tuple[Raised, ...] = ()
    overwritten: tuple[Overwritten, ...] = ()
    facts: tuple[Fact, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    mentions: tuple[str, ...] = ()
    output: str = ""

    @classmethod
    def read(cls, sent: Sequence[Any]) -> Evidence:
        """Return what `sendable` made lists of."""
        raised, overwritten, facts, variables, mentions, output = sent
        return cls(
            tuple(_raised(fields) for fields in raised),
            tuple(Overwritten(*fields) for fields in overwritten),
            tuple(Fact(*fields) for fields in facts),
            tuple((name, text) for name, text in variables),
            tuple(mentions),
            output,
        )

    def sendable(self) -> list[Any]:
        """Return it as nested lists of texts."""
        return [_listed(field) for field in self]

    def variable(self, name: str) -> str | None:
        """Return the value of a variable, None where it isn't set (or isn't one of those that are kept)."""
        return dict(self.variables).get(name)


def _raised(fields: Sequence[Any]) -> Raised:
    kind, bases, message, error, path, frames = fields
    return Raised(kind, tuple(bases), message, error, path, tuple(Frame(*frame) for frame in frames))


def _listed(value: Any) -> Any:
    if isinstance(value, str) or value is None:
        return value
    assert isinstance(value, Iterable)
    return [_listed(part) for part in value]


_SECRET_WORDS = frozenset(
    (
        "auth",
        "cookie",
        "credential",
        "credentials",
        "dsn",
        "key",
        "keys",
        "pass",
        "private",
        "secret",
        "session",
        "token",
        "tokens",
    )
)
_SECRET_PARTS = ("apikey", "passw", "passphrase", "secret")


def looks_secret(variable: str, value: str = "") -> bool:
    """Whether the value of an environment variable must not reach a report: by its name, or by a password in an address."""
    name = variable.lower()
    if not _SECRET_WORDS.isdisjoint(name.split("_")) or any(part in name for part in _SECRET_PARTS):
        return True
    return re.search(r"://[^/@\s]+:[^/@\s]+@", value) is not None
