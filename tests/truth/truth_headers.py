"""What the headers of the cases say, and what they would say on this machine."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

FIRST = "the first failing test"

# Condition in the headers: the words behind `--envguard=`. What isn't shipped stands in profiles.toml.
CONDITIONS = {
    "host": "host",
    "roroot": "readonly_root",
    "noexec": "noexec_tmp",
    "nonet": "offline",
    "offline": "offline",
    "noshm": "no_shm",
    "nohome": "no_home",
    "openshift": "arbitrary_uid",
    "lambda": "lambda_without_entry",
    "lambdapw": "lambda",
    "container": "container_without_home",
    "docker": "container:tmp_size=64M",
}

# Those under which `/tmp` stays the machine's (the host itself aside).
KEEPING_TMP = ("nonet", "offline", "noshm", "nohome", "openshift")

_TOKEN = re.compile(
    r"(?P<kind>pass|skip|fail|error@\w+|crash|hang|nothing)"
    r"(?::(?P<error>[^:]+))?(?::(?P<errno>E[A-Z0-9]+|errno-?\d+|rc-?\d+))?(?::(?P<path>.+))?"
)


@dataclass(frozen=True)
class Token:
    """How a test ended, as the headers write it.

    Attributes:
        kind: "pass", "skip", "fail", "error@setup" (or teardown, collect), "crash", "hang", or "nothing": no result came.
        error: Exception class with its module, or the signal of a crash.
        errno: Name of the errno, or "rc" and an exit status.
        path: In a header: a pattern in which `{home}`, `{proj}` and `*` are placeholders.
    """

    kind: str
    error: str = ""
    errno: str = ""
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> Token:
        """Return the token that ``text`` is.

        Raises:
            ValueError: It isn't one.
        """
        match = _TOKEN.fullmatch(text)
        if not match:
            raise ValueError(f"not a token: {text!r}")
        return cls(**{name: value or "" for name, value in match.groupdict().items()})

    def __str__(self) -> str:
        return ":".join(part for part in (self.kind, self.error, self.errno, self.path) if part)

    def allows(self, seen: Token, places: Mapping[str, str]) -> bool:
        """Whether ``seen`` is what this token of a header says; ``places`` fills its placeholders."""
        if self.kind == seen.kind == "hang":
            return True
        if (self.kind, self.error, self.errno) != (seen.kind, seen.error, seen.errno):
            return False
        pattern = self.path
        for name, path in places.items():
            pattern = pattern.replace(f"{{{name}}}", path)
        return not pattern or fnmatch.fnmatchcase(seen.path, pattern)


@dataclass(frozen=True)
class Case:
    """A file of tests and what its header says.

    Attributes:
        path: The file.
        packages: Distributions that it imports.
        prepare: Shell commands that run first, unrestricted.
        env: Variables that are set.
        timeout: Seconds after which it counts as hanging.
        truth: Test to condition to token; `FIRST` where the file has only one test and no line of its own for it.
    """

    path: Path
    packages: tuple[str, ...]
    prepare: tuple[str, ...]
    env: Mapping[str, str]
    timeout: int
    truth: Mapping[str, Mapping[str, Token]]

    @property
    def name(self) -> str:
        """Name of the file without its ending."""
        return self.path.stem

    def conditions(self) -> list[str]:
        """Return the conditions that its header knows, in the order of `CONDITIONS`."""
        known = {condition for tokens in self.truth.values() for condition in tokens}
        return [condition for condition in CONDITIONS if condition in known]


def read_case(path: Path) -> Case:
    """Return the case in ``path``."""
    lines = [line.removeprefix("# ") for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("# ")]
    header = [(name, value) for name, colon, value in (line.partition(": ") for line in lines) if colon]
    packages = [word.strip() for value in _values(header, "packages") for word in value.split(",")]
    tests = {name.removeprefix("truth."): _tokens(value) for name, value in header if name.startswith("truth.")}
    return Case(
        path=path,
        packages=tuple(re.split(r"[=<>~!\[ ]", word)[0] for word in packages if word != "stdlib"),
        prepare=_values(header, "prepare"),
        env=dict(pair.split("=", 1) for value in _values(header, "env") for pair in value.split()),
        timeout=int((*_values(header, "timeout"), "60")[0]),
        truth=tests or {FIRST: _tokens(_values(header, "truth")[0])},
    )


def _values(header: Iterable[tuple[str, str]], wanted: str) -> tuple[str, ...]:
    return tuple(value for name, value in header if name == wanted)


def _tokens(text: str) -> dict[str, Token]:
    pairs = (word.split("=", 1) for word in text.split())
    return {condition: Token.parse(token) for condition, token in pairs if condition in CONDITIONS}


# -- another interpreter, another user ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Caller:
    """Who runs the cases, as far as their results depend on it.

    Attributes:
        version: The interpreter's.
        distributions: What it has installed, in lower case with hyphens.
        dbm: Which of the optional modules behind `dbm` it has.
        root: Whether root runs them.
    """

    version: tuple[int, int]
    distributions: frozenset[str]
    dbm: tuple[str, ...]
    root: bool

    def lacks(self, case: Case) -> list[str]:
        """Return the distributions that ``case`` imports and that aren't installed."""
        return [name for name in case.packages if name.lower().replace("_", "-") not in self.distributions]


@dataclass(frozen=True)
class Adaptation:
    """A token that another caller gets from the very same kernel, with no plugin at work.

    The truth was measured as root with a Python 3.11 or 3.12 that has no `dbm` module in C; each of these was measured
    again, by the same commands, for the caller that it speaks of.
    """

    test: str
    measured: str
    here: str
    applies: Callable[[Caller], bool]


def _keeps_shelves_with(module: str) -> Callable[[Caller], bool]:
    return lambda caller: caller.version < (3, 13) and caller.dbm[:1] == (module,)


ADAPTATIONS = (
    # Without CAP_DAC_OVERRIDE the mode of /proc/version (0444) decides.
    Adaptation(
        "ok_fail_everywhere::test_proc_write_refused",
        "pass",
        "fail:PermissionError:EACCES:/proc/version",
        lambda caller: not caller.root,
    ),
    # Python 3.13 turns the KeyError into an OSError without errno.
    Adaptation(
        "id_stdlib::test_getuser",
        "fail:KeyError",
        "fail:OSError",
        lambda caller: caller.version >= (3, 13),
    ),
    # shelve takes the first of these that the interpreter has: dbm.sqlite3 (new in 3.13), gdbm, ndbm, dbm.dumb.
    Adaptation(
        "nat_py_open_write::test_shelve",
        "fail:OSError:EROFS:shelf.dat",
        "fail:OSError:EROFS:shelf",
        lambda caller: caller.version >= (3, 13),
    ),
    *(
        Adaptation(
            "nat_py_open_write::test_shelve",
            "fail:OSError:EROFS:shelf.dat",
            f"fail:{module}.error:EROFS:shelf",
            _keeps_shelves_with(module),
        )
        for module in ("_gdbm", "_dbm")
    ),
)


def expected(case: Case, test: str, token: Token, caller: Caller) -> Token:
    """Return ``token``, or what stands in its place for ``caller``."""
    for adaptation in ADAPTATIONS:
        same = adaptation.test == f"{case.name}::{test}" and adaptation.measured == str(token)
        if same and adaptation.applies(caller):
            return Token.parse(adaptation.here)
    return token
