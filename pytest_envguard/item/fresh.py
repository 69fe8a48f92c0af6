"""A test in a fresh interpreter: nothing was imported, no thread was started, no locale was set outside.

The interpreter runs pytest on the test's file, with the options of the session; imports and all fixtures happen inside.
"""

from __future__ import annotations

import faulthandler
import marshal
import os
import pickle
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

import pytest

from pytest_envguard import evidence, launcher
from pytest_envguard.capturing import capture_in_memory
from pytest_envguard.item import coverage, inside, temporary
from pytest_envguard.item.channel import Channel, Receiver
from pytest_envguard.item.fork import Child
from pytest_envguard.item.request import Request, enter, timeout
from pytest_envguard.item.runner import Attempt
from pytest_envguard.linux import identity, probe
from pytest_envguard.matrix import activation
from pytest_envguard.model.evidence import EVIDENCE
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.profile import Profile
from pytest_envguard.model.relocation import Move
from pytest_envguard.prepare import move_planner
from pytest_envguard.relocated import correct_kept_files, coverage_outside, tell_outside

# Nothing is imported from the working folder: what earlier tests have left there (a `pickle.py`) isn't meant.
_START = (
    "import sys; sys.path[:] = filter(None, sys.path); import pickle; "
    "sys.path[:] = (told := pickle.load(open({0}, 'rb')))['path']; from {1} import main; main(told)"
)
# What would select, report, distribute or measure in the one test's own session.
_PLAIN_OPTIONS: dict[str, Any] = {
    "envguard": "off",
    "envguard_versions": ["off"],
    "envguard_report": None,
    "envguard_audit": None,
    "envguard_hosts": None,
    "envguard_fix": None,
    "numprocesses": None,
    "dist": "no",
    "tx": [],
    "usepdb": False,
    "trace": False,
    "keyword": "",
    "markexpr": "",
    "deselect": None,
    "lf": False,
    "failedfirst": False,
    "newfirst": False,
    "stepwise": False,
    "collectonly": False,
    "setuponly": False,
    "setupshow": False,
    "setupplan": False,
    "maxfail": 0,
    "xmlpath": None,
    "cov_source": [],
    "continue_on_collection_errors": False,
}


class _Told(NamedTuple):
    """What the interpreter is told besides pytest's own options.

    Attributes:
        nodeid: The test.
        promises: What a probe must find before anything of the test is imported.
        channel: Where messages go.
        crash_log: Descriptor for stacks.
        output: Descriptors of files in memory that pytest captures into: standard output and error.
        seconds: When to write the stacks of a test that hangs; 0 for never.
        coverage: Settings of the measurement that is under way, None if there is none.
        explains: Whether a failure leaves its evidence behind, as it does around this test.
    """

    nodeid: str
    request: Request
    profile: Profile
    promises: dict[str, Any]
    channel: Channel
    crash_log: int
    output: tuple[int, int]
    seconds: float
    coverage: dict[str, Any] | None
    explains: bool


# -- outside -----------------------------------------------------------------------------------------------------------


class FreshAttempt(Attempt):
    """The test in an interpreter of its own, which a launcher starts inside of the environment."""

    _allowance = 1.0  # the interpreter starts, and when the time is over it writes its stacks itself

    def run(self) -> None:
        """See `Attempt`."""
        self._output = (os.memfd_create("stdout"), os.memfd_create("stderr"))
        self._before_capture = os.memfd_create("before-capture")
        try:
            super().run()
        finally:
            for descriptor in (*self._output, self._before_capture):
                os.close(descriptor)

    def _run(self, crash_log: int) -> int:
        return self._follow(self._start(crash_log))

    def _start(self, crash_log: int) -> Child:
        plan, item = self._plan, self._item
        channel = Channel.open()
        read, write = os.pipe2(os.O_CLOEXEC)
        seconds = timeout(item.config, self._request)
        told = _Told(
            item.nodeid,
            self._request,
            self._profile,
            dict(plan.promises),
            channel,
            crash_log,
            self._output,
            seconds,
            _named_inside(coverage.settings(), Move.of(plan.script) or _NO_MOVE),
            bool(getattr(item.config.pluginmanager.get_plugin("envguard-inside"), "promises", None)),
        )
        cell = plan.cell
        words = [cell.python if cell else sys.executable, "-c", _START.format(read, __name__)]
        environ = {**os.environ, **activation.host_variables(cell)} if cell and plan.is_host else None
        if not plan.is_host:
            words = launcher.command_line(dict(plan.script)) + words
        # What is written before pytest captures is shown where the test dies; a debugger or `-s` wants the terminal.
        visible = item.config.getoption("capture", "") == "no"
        output = None if visible else self._before_capture
        inherited = (*channel.descriptors(), read, crash_log, *self._output, *identity.reached_proc())
        process = subprocess.Popen(words, pass_fds=inherited, stdout=output, stderr=output, env=environ)
        os.close(read)
        with open(write, "wb") as file, suppress(BrokenPipeError):  # it has ended already; how is said below
            path = activation.search_path(sys.path, cell) if cell else sys.path
            move = Move.of(plan.script) or _NO_MOVE
            file.write(pickle.dumps({"path": list(map(move.path, path)), "task": told, **_session(item, plan)}))
        descriptor = os.pidfd_open(process.pid)
        process.returncode = 0  # it's waited for by its process id
        return Child(process.pid, not plan.is_host, False, Receiver(channel, descriptor), channel, descriptor)

    def _report(self, report: pytest.TestReport) -> None:
        if move := Move.of(self._plan.script):
            tell_outside(report, move)
        super()._report(report)

    def _merge(self, data: bytes) -> None:
        move = Move.of(self._plan.script)
        super()._merge(coverage_outside(data, move) if data and move else data)

    def _captured(self) -> tuple[str, str]:
        out, err, before = map(_content, (*self._output, self._before_capture))
        return out, before + err


def _content(descriptor: int) -> str:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")


def _session(item: pytest.Item, plan: Plan) -> dict[str, Any]:
    """Return what another interpreter needs to collect the same test."""
    config = item.config
    travels = _is_builtin if plan.cell else _is_plain
    settings = {name: value for name, value in vars(config.option).items() if travels(value)}
    settings.pop("file_or_dir", None)  # the file is told apart
    plugins = [*settings.get("plugins", ()), "no:terminal", "no:xdist", "no:stepwise"]
    options = {**settings, **_PLAIN_OPTIONS, "plugins": plugins, "basetemp": temporary.for_fresh(item, plan)}
    move = Move.of(plan.script)
    if move is None:
        return {"options": options, "file": str(item.path), "moved": None}
    options = {**_named_inside(options, move), "rootdir": move.target}
    return {"options": options, "file": move.path(str(item.path)), "moved": move.sendable()}


_NO_MOVE = Move((), "")


def _named_inside(value: Any, move: Move) -> Any:
    """Return options with the project's paths as they are inside."""
    if isinstance(value, str):
        return move.word(value)
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(_named_inside(one, move) for one in value)
    return {name: _named_inside(one, move) for name, one in value.items()} if type(value) is dict else value


def _is_plain(value: object) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001  # a class's own __reduce__ may raise anything
        return False
    return True


def _is_builtin(value: Any) -> bool:
    """Whether another environment, which may lack the plugin that ``value`` comes from, can read it."""
    try:
        marshal.dumps(value)
    except ValueError:
        return False
    return True


# -- inside ------------------------------------------------------------------------------------------------------------


def main(told: dict[str, Any]) -> NoReturn:
    """Run the one test, in this interpreter that has just started, and end."""
    task: _Told = told["task"]
    channel = task.channel
    faulthandler.enable(task.crash_log, all_threads=True)
    if task.seconds:
        faulthandler.dump_traceback_later(task.seconds, file=task.crash_log)
    if broken := probe.broken(task.promises):
        channel.send("broken", "; ".join(broken))
        os._exit(0)
    if told["moved"]:
        correct_kept_files()
    capture_in_memory(task.output)  # which the parent can read after a crash
    measurement = coverage.start(task.coverage)
    if task.explains:
        evidence.begin()
    from _pytest.config import Config

    config = Config.fromdictargs(told["options"], [told["file"]])
    config.pluginmanager.register(_OneTest(config, task, channel, measurement), "envguard-one-test")
    try:
        config.hook.pytest_cmdline_main(config=config)
    except BaseException as error:  # noqa: BLE001  # the parent reports it
        channel.send("internal", f"pytest could not run in a fresh interpreter: {error}")
    os._exit(0)


class _OneTest:
    """Plugin object of the fresh interpreter: picks the test out of its file, runs it, and ends."""

    def __init__(self, config: pytest.Config, task: _Told, channel: Channel, measurement: Any) -> None:
        self._config = config
        self._task = task
        self._channel = channel
        self._measurement = measurement
        self._errors: list[str] = []

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Take up the role that a fork takes up after it has joined."""
        move_planner(config, self._task.profile)
        enter(config, self._task.profile.name, self._task.request)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Send what a file that can't be imported leaves behind."""
        report = yield
        self._leave_evidence(report, getattr(report, "call", None))
        if found := vars(report).get(EVIDENCE):
            self._channel.send("evidence", found)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put what a failure leaves behind into its report."""
        report = yield
        self._leave_evidence(report, call)
        return report

    def _leave_evidence(self, report: Any, call: Any) -> None:
        if self._task.explains:
            evidence.leave(report, call, str(self._config.rootpath), evidence.promised_noexec(self._task.promises))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what went wrong while the test's file was imported: in the environment, that is what failed."""
        if report.failed:
            self._errors.append(report.longreprtext)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave the one test."""
        items[:] = [item for item in items if item.nodeid == self._task.nodeid]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> NoReturn:
        """Run it, and skip the end of the session, which writes caches and reports."""
        faulthandler.enable(self._task.crash_log, all_threads=True)  # pytest has enabled it for standard error
        if self._errors:
            self._channel.send("internal", "\n\n".join(self._errors))
        elif not session.items:
            self._channel.send("internal", f"{self._task.nodeid} was not found in a fresh interpreter")
        else:
            inside.forwarding(self._config).begin(self._channel)
            inside.run_test(session.items[0], self._channel, self._measurement)
        os._exit(0)

    def pytest_internalerror(self, excrepr: object) -> None:
        """Tell the parent what went wrong in pytest itself."""
        self._channel.send("internal", str(excrepr))
