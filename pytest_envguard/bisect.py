"""`envguard bisect`: the first release of a package with which tests fail, found by running them in real cells."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from packaging.version import Version

from pytest_envguard.errors import EnvguardError
from pytest_envguard.matrix.search import Search, Trial

_ITS_OWN = ("not resolvable", "not built")  # states of a cell that another release may not have
_RAN = {"passed", "xfailed", "xpassed"}
_NO_TEST = 5  # pytest.ExitCode.NO_TESTS_COLLECTED
_ENDINGS = {4: "pytest doesn't run with these arguments"}
_ROOM = 150  # characters of a reason
_TAIL = 8  # lines of pytest's
_PATIENCE = 20.0  # seconds that pytest gets to end after Ctrl-C; its workers and uv end with it


class Question(NamedTuple):
    """What is searched for.

    Attributes:
        package: Normalised name.
        good: A release with which the tests pass.
        bad: One with which they fail; an older one where a mend is searched for.
        profile: Selection of ``--envguard``, "" for the host.
        axes: What holds in every cell, as ``--envguard-versions`` has it.
        arguments: Further ones of pytest's.
    """

    package: str
    good: str
    bad: str
    profile: str
    axes: tuple[str, ...]
    arguments: tuple[str, ...]

    @property
    def mended(self) -> bool:
        """Whether the good one is the newer one."""
        return Version(self.good) > Version(self.bad)

    def words(self, version: str) -> list[str]:
        """Return pytest's arguments for one release."""
        profile = [f"--envguard={self.profile}"] if self.profile else []
        axes = [f"--envguard-versions={axis}" for axis in (f"{self.package}=={version}", *self.axes)]
        return [*profile, *axes, *self.arguments]


class Found(NamedTuple):
    """What a run with one release showed.

    Attributes:
        trial: Good if all tests passed, bad if one failed, skipped if there's no such cell.
        reason: Why it's bad or skipped, in one line.
        test: The first test that failed.
        packages: Normalised name to version of what was installed.
    """

    trial: Trial
    reason: str = ""
    test: str = ""
    packages: Mapping[str, str] = {}


class Result(NamedTuple):
    """Where the change is.

    Attributes:
        suspects: Releases, oldest first; the change came with one of them. The last one has been run.
        before: The last release before them.
        found: What each run showed, by release.
    """

    suspects: tuple[str, ...]
    before: str
    found: Mapping[str, Found]


Try = Callable[[str], Found]
Say = Callable[[str], None]  # writes text as it is, without a line's end


def row(releases: Iterable[str], good: str, bad: str) -> list[str]:
    """Return the releases between two ends and the ends themselves, in the order of versions."""
    return [str(version) for version in sorted({Version(one) for one in (*releases, good, bad)})]


def find(question: Question, releases: Sequence[str], run: Try, say: Say) -> Result:
    """Return where the change is, with both ends tried first and every step said.

    Args:
        question: What is searched for.
        releases: Those between the ends, oldest first, both included.
        run: Runs the tests with one release.
        say: Where the steps are shown.

    Raises:
        EnvguardError: An end isn't what the user said of it.
    """
    state = Search(len(releases))
    found: dict[str, Found] = {}

    def step(version: str) -> Found:
        done = len(found)
        about = max(done, 2) + state.steps_left  # the ends are steps, too
        say(f"step {done + 1} of about {about}: {question.package} {version} … ")
        start = time.monotonic()
        try:
            found[version] = run(version)
        except BaseException:
            say("\n")
            raise
        say(_outcome(found[version]) + f" ({time.monotonic() - start:.1f} s")
        return found[version]

    for version, expected in ((question.good, Trial.GOOD), (question.bad, Trial.BAD)):
        seen = step(version)
        say(")\n" if expected is Trial.GOOD else f"; {_releases(len(state.suspects) - 1)} between them)\n")
        if seen.trial is not expected:
            raise _unexpected(question, version, expected, seen)
    while (place := state.next()) is not None:
        seen = step(releases[place])
        trial = _turned(seen.trial) if question.mended else seen.trial
        state = state.after(place, trial)
        say(f"; {_releases(len(state.suspects))} left)\n")
    return Result(tuple(releases[place] for place in state.suspects), releases[state.good], found)


def _turned(trial: Trial) -> Trial:
    """Return the trial as the search sees it where the older end is the bad one."""
    return {Trial.GOOD: Trial.BAD, Trial.BAD: Trial.GOOD}.get(trial, trial)


def _outcome(found: Found) -> str:
    if found.trial is Trial.GOOD:
        return "passes"
    return f"{'fails' if found.trial is Trial.BAD else 'skipped'}: {found.reason}"


def _releases(number: int) -> str:
    return f"{number} release{'s' * (number != 1)}"


def _unexpected(question: Question, version: str, expected: Trial, seen: Found) -> EnvguardError:
    name = f"{question.package} {version}"
    option = "--good" if expected is Trial.GOOD else "--bad"
    if seen.trial is Trial.SKIPPED:
        hint = f"name another release with `{option}`"
        if "as-of" not in "".join(question.axes):
            hint += ", or try `--versions as-of=release`: every release with the dependencies of its day"
        return EnvguardError(f"{name} ({option}) can't be tried: {seen.reason}", hint)
    command = f"see `{shlex.join(['pytest', *question.words(version)])}`"
    if expected is Trial.GOOD:
        return EnvguardError(
            f"{name} was said to be good, but fails: {seen.reason}", f"name another one with `--good`; {command}"
        )
    return EnvguardError(f"{name} was said to be bad, but passes", f"name another one with `--bad`; {command}")


def result_text(question: Question, result: Result) -> str:
    """Return what was found, as text: the release, what else changed with it, and how to see both sides."""
    package, last = question.package, result.suspects[-1]
    old, new = ("fails", "passes") if question.mended else ("passes", "fails")
    where = f" in {question.profile}" if question.profile else ""
    if len(result.suspects) == 1:
        lines = [f"{package} {last} is the first release with which it {new}{where}; with {result.before} it {old}."]
    else:
        hidden = [f"  {package} {version}: {result.found[version].reason}" for version in result.suspects[:-1]]
        lines = [
            f"The first release with which it {new}{where} is {package} {last} or one that can't be tried:",
            *hidden,
        ]
    failing = result.found[result.before if question.mended else last]
    lines += [f"  {failing.test}", f"  {failing.reason}"] if failing.test else []
    said = result.found[question.bad].reason
    if failing.reason != said and _kind(failing.reason) != _kind(said):
        lines += [f"  with {question.bad} it fails otherwise: {said}"]
    lines += _others(question, result)
    sides = [(f"{old}:", result.before), (f"{new}:", last)]
    return "\n".join(
        [*lines, "", *(f"{word:<8}{shlex.join(['pytest', *question.words(version)])}" for word, version in sides)]
    )


def _kind(reason: str) -> str:
    return reason.partition(":")[0]


def _others(question: Question, result: Result) -> list[str]:
    """A release brings its dependencies along: say which, for it may be one of them."""
    before, after = result.found[result.before].packages, result.found[result.suspects[-1]].packages
    changes = []
    for name in sorted({*before, *after} - {question.package}):
        old, new = before.get(name), after.get(name)
        if old != new:
            changes.append(f"{name} {old or 'absent'} -> {new or 'absent'}")
    if not changes:
        return []
    return ["", "With it changed, so that it may be one of these:", *(f"  {change}" for change in changes)]


def pytest_with(question: Question, project: Path) -> Try:
    """Return what runs pytest in ``project`` with one release of the package, in a virtual environment of its own."""

    def run(version: str) -> Found:
        with tempfile.TemporaryDirectory(prefix="envguard-bisect-") as folder:
            report, log = Path(folder, "report.json"), Path(folder, "log")
            words = [*question.words(version), "--envguard-baseline=never", f"--envguard-report={report}"]
            code = _run_to_its_end([sys.executable, "-m", "pytest", *words], project, log)
            printed = log.read_text(encoding="utf-8", errors="replace")
            return judge(code, read_report(report), printed, f"{question.package} {version}")

    return run


def read_report(path: Path) -> Mapping[str, Any]:
    """Return what pytest reports of a run; empty if it didn't get that far."""
    try:
        report: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return report


def judge(code: int, report: Mapping[str, Any], printed: str, name: str) -> Found:
    """Return what a run of pytest says about a release.

    Args:
        code: Its exit code.
        report: Its JSON report, empty if there is none.
        printed: What it printed.
        name: Of package and release, for messages.

    Raises:
        EnvguardError: The run says nothing about the release: no test ran, or something else is in the way.
    """
    cells = report.get("cells", [])
    for cell in cells:
        if cell["state"] in _ITS_OWN:
            return Found(Trial.SKIPPED, f"{cell['state']}: {_one_line(cell['reason'])}")
        if cell["state"] != "ready":
            raise EnvguardError(
                f"{name} can't be tried: {cell['state']}: {cell['reason']}", "mend this, then search again"
            )
    packages = cells[0]["packages"] if cells else {}
    tests = report.get("tests", [])
    for test in tests:
        for failure in test.get("failures", {}).values():
            return Found(Trial.BAD, _one_line(failure["message"]), test["nodeid"], packages)
    words = [word for test in tests for word in test["outcomes"].values()]
    if code == 0 and _RAN & set(words):
        return Found(Trial.GOOD, packages=packages)
    if code == 0 and words:
        return Found(Trial.SKIPPED, "all tests are skipped there", packages=packages)
    stopped = [reason for environment in report.get("environments", []) for reason in environment["stopped"]]
    if code == 1 and stopped:
        return Found(Trial.BAD, _one_line("; ".join(stopped)), packages=packages)
    if code == _NO_TEST:
        raise EnvguardError(
            f"{name}: pytest finds no test with these arguments", "`pytest --collect-only -q` lists them all"
        )
    ending = _ENDINGS.get(code, f"pytest ended with exit code {code}")
    raise EnvguardError("\n".join(filter(None, (f"{name}: {ending}", *_said(printed)))))


def _one_line(text: str) -> str:
    """Return ``text`` without line ends, and only as much of it as a step has room for."""
    joined = " ".join(text.split())
    return joined if len(joined) <= _ROOM else f"{joined[: _ROOM - 1]}…"


def _said(printed: str) -> list[str]:
    """Return what pytest said last, its errors if it named any."""
    lines = [line for line in printed.splitlines() if line.strip() and not re.fullmatch("=+ .* =+", line)]
    errors = [line for line in lines if re.search(r"^ERROR(?!: usage)|^E  |\berror: ", line)]
    return [f"  {line}" for line in (errors or lines)[-_TAIL:]]


def _run_to_its_end(words: Sequence[str], folder: Path, log: Path) -> int:
    """Run a program and return its exit code; Ctrl-C ends it as it ends pytest, and is passed on."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        with _terminated_as_interrupted():
            return process.wait()
    except KeyboardInterrupt:
        _end(process)
        raise
    finally:
        if process.poll() is None:
            _end(process)


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, so that nothing is left then either."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt pytest once, as a terminal would; whoever is impatient and presses again ends it at once."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(_PATIENCE)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
