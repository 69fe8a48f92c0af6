"""pytest's side of a test in an environment of its own: start its process, pass on what it sends, say how it ended."""

from __future__ import annotations

import os
import signal
import time
from contextlib import nullcontext
from functools import partial
from typing import Any

import pytest

from pytest_envguard.endings import describe
from pytest_envguard.errors import EnvguardError
from pytest_envguard.item import coverage, inside, temporary, threads
from pytest_envguard.item.channel import Channel
from pytest_envguard.item.environments import environments
from pytest_envguard.item.fork import Child, fork
from pytest_envguard.item.reports import receive_warning, set_failed_subtests, unable_to_return
from pytest_envguard.item.request import FRESH_HINT, FRESH_ONLY, Request, timeout
from pytest_envguard.model.evidence import EVIDENCE
from pytest_envguard.model.exits import OUT_OF_MEMORY
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.profile import Profile
from pytest_envguard.model.verdict import OWN_ENVIRONMENT

_GRACE = 5.0  # seconds that a test's fixtures have to end after Ctrl-C
_PROMPT = 0.5  # seconds in which a process that got the terminal's Ctrl-C as well shows it
_DUMPING = 0.1  # seconds in which a process writes its stacks; nothing says when it has
_MOST_FRAMES = 20
_MOST_BYTES = 1 << 20
_PROVEN = pytest.StashKey[dict[int, object]]()  # keeps the scripts: an id means nothing once its object is gone


class Attempt:
    """One test in one environment; how its process is started is said by the two kinds below."""

    _allowance = 0.0  # seconds that do not count

    def __init__(self, item: pytest.Item, request: Request, profile: Profile, plan: Plan) -> None:
        self._item = item
        self._request = request
        self._profile = profile
        self._plan = plan
        self._phase = "setup"  # what the test's process is doing
        self._ending: tuple[str, Any] = ("", None)
        self._evidence: list[Any] | None = None  # of the import of the test's file, in an interpreter of its own
        self._started = time.perf_counter()

    def run(self) -> None:
        """Run the test and report it as pytest reports any other.

        Raises:
            KeyboardInterrupt: The test was interrupted.
            pytest.exit.Exception: The test asked for the end of the session.
        """
        _flush(self._item.config)
        crash_log = os.memfd_create("envguard-crash", os.MFD_CLOEXEC)
        try:
            code = self._run(crash_log)
            stacks = os.pread(crash_log, _MOST_BYTES, 0).decode(errors="replace")
        except EnvguardError as error:
            self._fail(str(error))
            return
        finally:
            os.close(crash_log)
        self._conclude(code, stacks)

    def _run(self, crash_log: int) -> int:
        """Start the test's process, follow it, and return how it ended."""
        raise NotImplementedError

    def _unproven(self) -> bool:
        """Whether no test of this process has shown yet that the plan's promises hold."""
        return id(self._plan.script) not in self._item.config.stash.setdefault(_PROVEN, {})

    # -- while it runs -------------------------------------------------------------------------------------------------

    def _follow(self, child: Child) -> int:
        """Pass on what the test's process sends, and return how it ended."""
        seconds = timeout(self._item.config, self._request)
        if seconds:
            child.receiver.deadline = time.monotonic() + seconds + self._allowance
        try:
            for kind, value in child.receiver.messages():
                self._hear(child, kind, value)
        except TimeoutError:
            self._stop(child, f"it did not end within {seconds:g} s")
        except pytest.fail.Exception as error:  # pytest-timeout's signal arrives here, where it finds pytest waiting
            self._stop(child, str(error))
        except KeyboardInterrupt:
            self._interrupt(child)
            child.wait()
            raise
        except BaseException:  # a plugin's hook failed
            child.kill()
            child.wait()
            raise
        return child.wait()

    def _hear(self, child: Child, kind: str, value: Any) -> None:
        config = self._item.config
        if kind == "report":
            self._report(value)
        elif kind == "unreadable":
            self._fail(unable_to_return("a report", value))
        elif kind == "warning":
            receive_warning(value)
        elif kind == "coverage":
            self._merge(value)
        elif kind == "subtests":
            set_failed_subtests(self._item, value)
        elif kind == "debugging":
            child.receiver.deadline = None
        elif kind == "evidence":
            self._evidence = value
        elif kind == "stop":
            self._item.session.shouldstop, self._item.session.shouldfail = value
        elif kind == "column":
            _continue_line(config, value)
        else:
            self._ending = (kind, value)

    def _report(self, report: pytest.TestReport) -> None:
        self._item.config.stash.setdefault(_PROVEN, {})[id(self._plan.script)] = self._plan.script
        if type(report) is pytest.TestReport:
            self._phase = "call" if report.when == "setup" and report.passed else "teardown"
        self._log(report)

    def _merge(self, data: bytes) -> None:
        """Add the lines that the test's process has run to the measurement of this one."""
        coverage.merge(data)

    def _log(self, report: Any) -> None:
        setattr(report, OWN_ENVIRONMENT, self._plan.name)
        self._item.ihook.pytest_runtest_logreport(report=report)

    def _stop(self, child: Child, why: str) -> None:
        """End a test that hangs, after a look at where it hangs."""
        process = child.inner()
        if child.dumps and process is not None:
            os.kill(process, inside.DUMP)
            time.sleep(_DUMPING)
        child.kill()
        self._ending = ("hung", why)

    def _interrupt(self, child: Child) -> None:
        """Let the test's own fixtures end: Ctrl-C in a terminal has reached its process as well, a plain kill has not."""
        try:
            for patience in (_PROMPT, _GRACE):
                child.receiver.deadline = time.monotonic() + patience
                try:
                    for kind, value in child.receiver.messages():
                        self._hear(child, kind, value)
                except TimeoutError:
                    process = child.inner()
                    if patience == _PROMPT and process is not None:
                        os.kill(process, signal.SIGINT)
                else:
                    return
        finally:
            child.kill()

    # -- after it ------------------------------------------------------------------------------------------------------

    def _conclude(self, code: int, stacks: str) -> None:
        kind, value = self._ending
        if kind == "interrupted":
            raise KeyboardInterrupt
        if kind == "exit":
            raise pytest.exit.Exception(*value)
        if kind == "internal":
            self._fail(value)
        elif kind == "broken":
            self._fail(
                f"`{self._plan.name}` is not what was promised on this machine: {value}\nhint: see `envguard doctor`"
            )
        elif kind == "hung":
            self._fail(f"the test hung: {value}", stacks)
        elif kind != "done":
            self._fail(describe(code, self._plan, "the test"), stacks)

    def _fail(self, reason: str, stacks: str = "") -> None:
        """Report that the test failed in the phase that it had reached."""
        item = self._item
        for name, output in zip(("stdout", "stderr"), self._captured(), strict=True):
            item.add_report_section(self._phase, name, output)
        text = "\n\n".join(filter(None, (f"{reason} [{self._plan.name}]", _test_frames(stacks))))
        phase: Any = self._phase
        call = pytest.CallInfo.from_call(lambda: pytest.fail(text, pytrace=False), when=phase)
        report = item.ihook.pytest_runtest_makereport(item=item, call=call)
        report.duration = time.perf_counter() - self._started
        if place := getattr(report.longrepr, "reprcrash", None):
            place.path, place.lineno = str(item.path), (item.location[1] or 0) + 1  # not this file
        vars(report).pop(EVIDENCE, None)  # of this process, which isn't the one that failed
        if self._evidence:
            setattr(report, EVIDENCE, self._evidence)
        self._log(report)

    def _captured(self) -> tuple[str, str]:
        """Return what the test has written to standard output and error, where it was captured."""
        raise NotImplementedError


class ForkedAttempt(Attempt):
    """The test in a fork of this process, which joins an environment out of the pool."""

    def _run(self, crash_log: int) -> int:
        config, plan = self._item.config, self._plan
        if plan.script["trapped"] and plan.script["namespaces"]:
            # Whoever answers must be a process inside, which a fork of pytest is too late to be.
            raise EnvguardError(
                f"`{plan.name}` is enforced by namespaces in one part and at the system call in another here, which no fork can join",
                "give the test an interpreter of its own: `fresh=True`",
            )
        if plan.script.get("moved"):
            raise EnvguardError(FRESH_ONLY, FRESH_HINT)
        made = environments(config)
        threads.warn_about(self._item)
        temporary.make(self._item, plan)
        temporary.open_to_others(config, plan)
        inside.forwarding(config)
        init = made.take(plan)
        task = inside.Task(
            self._item,
            self._request,
            self._profile,
            plan,
            self._unproven(),
            inside.Variables.of(plan.script),
            os.getcwd(),
            crash_log,
        )
        code, over_memory = 0, False
        try:
            admit = partial(made.admit, init, plan)
            channel = Channel.open(in_turns=_writes_to_terminal(config))
            try:
                child = fork(plan.script, init, admit, partial(inside.run, task), channel)
            except OSError as error:
                raise _not_started(error) from None
            code = self._follow(child)
        finally:
            over_memory = made.give_back(init, killed=code == -signal.SIGKILL)
        return OUT_OF_MEMORY if over_memory else code

    def _captured(self) -> tuple[str, str]:
        # pytest captures into a file that both processes have open: what a crash left there can still be read.
        capture = self._item.config.pluginmanager.get_plugin("capturemanager")
        return tuple(capture.read_global_capture()) if capture is not None else ("", "")


def _not_started(error: OSError) -> EnvguardError:
    return EnvguardError(
        f"the test's own process could not be started: {error.strerror or error}",
        "the limit of processes or of memory is reached outside of the environment",
    )


def tear_down(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End what lives in this process and the next test doesn't need; pytest would do so in the test's own teardown."""
    state = item.session._setupstate  # noqa: SLF001  # no public way
    if item.session.shouldfail or item.session.shouldstop:
        nextitem = None
    needed = nextitem.listchain() if nextitem else []
    if list(state.stack) == needed[: len(state.stack)]:
        return
    capture = item.config.pluginmanager.get_plugin("capturemanager")
    with capture.item_capture("teardown", item) if capture else nullcontext():
        call = pytest.CallInfo.from_call(
            lambda: state.teardown_exact(nextitem), when="teardown", reraise=pytest.exit.Exception
        )
    if call.excinfo is not None:
        report = item.ihook.pytest_runtest_makereport(item=item, call=call)
        item.ihook.pytest_runtest_logreport(report=report)


def _flush(config: pytest.Config) -> None:
    """Write out what is buffered, or both processes would."""
    inside.flush_streams()
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.flush()


def _writes_to_terminal(config: pytest.Config) -> bool:
    """Whether a test writes to the terminal while it runs, besides its outcome: then both take turns."""
    shows = any(config.getoption(name, False) for name in ("setupshow", "setuponly", "setupplan", "log_cli_level"))
    logs = config.pluginmanager.hasplugin("logging") and config.getini("log_cli")
    return bool(shows or logs or config.getoption("capture", "") == "no")


def _continue_line(config: pytest.Config, line: str) -> None:
    """Go on behind what the test's process has written to the terminal (`--setup-show`, live logs)."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter._tw._current_line = line  # noqa: SLF001  # only the look depends on it


def _test_frames(stacks: str) -> str:
    """Return what faulthandler wrote, each stack only as far down as the frames are the test's and not pytest's."""
    kept: list[str] = []
    harness = False
    for line in stacks.splitlines():
        frame = line.startswith("  File ")
        harness = frame and (harness or "/_pytest/" in line or "/pluggy/" in line)
        if not harness:
            kept.append(line)
    return "\n".join(kept[:_MOST_FRAMES]).strip()
