"""uv: where it is, how it's run, and what it means when it fails."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from pytest_envguard.errors import EnvguardError

NOT_RESOLVABLE = "not resolvable"
OFFLINE = "offline"
NOT_BUILT = "not built"
NO_DISK = "no disk"
NO_INTERPRETER = "no interpreter"

# Variables that would turn uv to another environment than the one it's told, or make it do what a build does itself.
_OTHERS = (
    "CONDA_PREFIX",
    "PYTHONHOME",
    "PYTHONPATH",
    "UV_COMPILE_BYTECODE",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON",
    "UV_REQUIRE_HASHES",
    "UV_SYSTEM_PYTHON",
    "VIRTUAL_ENV",
)
_TAIL = 20  # lines of a build's output; a compiler says what it misses at the end
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_DECORATION = re.compile(r"^\s*(?:[×╰├│─▶]+\s*)*(?:(?:error|cause|Caused by|hint): )?")
_VERSIONS = re.compile(r"[\w.-]+(?:\[[\w,.-]*\])?(?:[<>=!~]=?[^\s<>=!~]+)+")
# In uv's own words, what a build printed left out. The first that matches is meant.
_MEANINGS = (
    (NO_DISK, r"No space left on device|Disk quota exceeded|os error (?:28|122)\b"),
    (
        OFFLINE,
        r"network (?:connectivity )?(?:was|is) disabled|Failed to (?:fetch|download)|error sending request|in the cache and",
    ),
    (NOT_RESOLVABLE, r"No solution found|requirements are unsatisfiable"),
    (
        NOT_BUILT,
        r"[Ff]ailed to build|[Bb]uild backend|Failed to (?:install|prepare|read metadata)|hash mismatch|Hash mismatch",
    ),
    (
        NO_INTERPRETER,
        r"No interpreter found|Failed to inspect Python interpreter|No virtual environment or system Python",
    ),
)


class Failure(NamedTuple):
    """Why uv didn't do what it was asked for.

    Attributes:
        kind: One of those above, "" for a mistake in what it was given.
        reason: Its own sentences, without decoration; behind a failed build's the last lines that it printed.
    """

    kind: str
    reason: str


class UvError(Exception):
    """uv ended with a failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


def find() -> str:
    """Return uv's path: of the package in the running environment, else on PATH.

    Raises:
        EnvguardError: There is none.
    """
    try:
        from uv import find_uv_bin

        return os.fsdecode(find_uv_bin())
    except (ImportError, FileNotFoundError):
        pass
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if not found:
        raise EnvguardError("cells are built by uv, which isn't here", "pip install 'pytest-envguard[matrix]'")
    return found


class Uv:
    """uv, as one run uses it.

    Attributes:
        program: Its path.
        environ: The variables that it's run with.
        flags: Options of every resolution, which no variable stands for.
        folder: Where it's run: there it reads the project's own settings of it.
    """

    def __init__(self, program: str, environ: Mapping[str, str], folder: Path, flags: tuple[str, ...] = ()) -> None:
        self.program = program
        self.environ = {
            **{name: value for name, value in environ.items() if name not in _OTHERS},
            "NO_COLOR": "1",
            "UV_NO_PROGRESS": "1",
        }
        self.flags = flags
        self.folder = folder
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    @property
    def fingerprint(self) -> str:
        """What changes with uv's version."""
        found = Path(self.program).stat()
        return f"{self.program} {found.st_size} {found.st_mtime_ns}"

    def compile(self, requirements: str, *options: str) -> str:
        """Resolve requirements, in the format of a requirements file, and return what uv prints.

        Raises:
            UvError: It can't.
        """
        return self.run("pip", "compile", "-", *self.flags, *options, given=requirements)

    def run(self, *arguments: str, given: str = "", environ: Mapping[str, str] | None = None) -> str:
        """Run uv to its end and return what it prints.

        Args:
            arguments: Of its command line.
            given: Its standard input.
            environ: Other variables than `self.environ`.

        Raises:
            UvError: It ended with a failure, or `stop` was called.
        """
        with self._lock:
            if self._stopped:
                raise UvError(Failure("", "stopped"))
            process = subprocess.Popen(
                [self.program, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                cwd=self.folder,
                env=dict(self.environ if environ is None else environ),
                start_new_session=True,  # Ctrl-C is for pytest, which stops it then
                preexec_fn=die_with_parent(),  # noqa: PLW1509  # one call into libc, looked up before
            )
            self._running.add(process)
        try:
            out, err = process.communicate(given)
        except BaseException:
            _kill(process)
            process.wait()  # or it would still write while somebody cleans up
            raise
        finally:
            with self._lock:
                self._running.discard(process)
        if process.returncode:
            raise UvError(classify(err) if err.strip() else Failure("", f"uv ended with {process.returncode}"))
        return out

    def stop(self) -> None:
        """End all that is running, and don't begin anything more."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                _kill(process)


def _kill(process: subprocess.Popen[str]) -> None:
    """End a process and all that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


@lru_cache
def die_with_parent() -> Callable[[], object] | None:
    """Return what a new process calls so that it's killed when the thread that has started it ends; None where nothing can be."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: in the new process another thread's lock may be held for ever
    number = ctypes.c_int(1), ctypes.c_ulong(signal.SIGKILL)  # PR_SET_PDEATHSIG, linux/prctl.h
    return lambda: prctl(*number)


def classify(text: str) -> Failure:
    """Return what uv's standard error means.

    Older ones draw a tree of causes (``× … ╰─▶ …``) or write ``Caused by: …``, later ones ``cause: …``.
    """
    lines = [_COLOUR.sub("", line).rstrip() for line in text.splitlines()]
    lines = [
        line
        for line in lines
        if not re.match(r"\s*(warning: |Resolved |Using Python |Downloading |Building |Prepared )", line)
    ]
    own, printed = _apart(lines)
    said = "\n".join(own)
    kind = next((kind for kind, pattern in _MEANINGS if re.search(pattern, said)), "")
    reason = _sentences(own, kind)
    if printed:
        reason = "\n".join([reason.removesuffix(".") + ":", *printed[-_TAIL:]])
    return Failure(kind, reason)


def _apart(lines: list[str]) -> tuple[list[str], list[str]]:
    """Return uv's own lines and those that a build printed: below ``[stdout]`` and ``[stderr]``, as far to the right as these."""
    own: list[str] = []
    printed: list[str] = []
    margin: int | None = None  # of the heading above
    for line in lines:
        bare = line.lstrip(" │")
        if re.fullmatch(r"\[std(out|err)\]", bare):
            margin = len(line) - len(bare)
        elif margin is None or bare.startswith("hint: ") or (bare and len(line) - len(bare) < margin):
            margin = None
            own.append(line)
        elif bare:
            printed.append(line[margin:])
    return own, printed


def _sentences(lines: list[str], kind: str) -> str:
    """Return uv's lines as sentences: each ``Because …`` and each hint is one, what is wrapped is put together."""
    sentences: list[list[str]] = []
    for line in lines:
        bare = _DECORATION.sub("", line).strip()
        if not bare:
            continue
        begins = re.match(r"\s*(?:[×╰├]\S*\s|error: |cause: |Caused by: |hint: )", line) or re.match(
            r"And because |hint: ", bare
        )
        if begins or not sentences:
            sentences.append([bare])
        elif _VERSIONS.fullmatch(bare) and _VERSIONS.fullmatch(sentences[-1][-1]):
            sentences[-1][-1:] = [f"{sentences[-1][-1]},", bare]
        else:
            sentences[-1].append(bare)
    shown = [" ".join(parts) for parts in sentences]
    if kind in {NOT_RESOLVABLE, OFFLINE} and len(shown) > 1 and shown[0].startswith("No solution found"):
        shown = shown[1:]  # which is what the kind says
    closed = kind in {NOT_RESOLVABLE, OFFLINE} and shown and shown[0].startswith("Because")
    if closed:
        return " ".join(sentence if sentence.endswith((".", "!", "?")) else f"{sentence}." for sentence in shown)
    return ": ".join(sentence.removesuffix(".") for sentence in shown) + "."
