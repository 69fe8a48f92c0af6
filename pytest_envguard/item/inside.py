"""What the process of a test does: become part of the environment, run the test, send back all that came of it."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import tempfile
import time
import traceback
import warnings
from contextlib import suppress
from typing import Any, NamedTuple

import pytest
from _pytest.runner import runtestprotocol

from pytest_envguard import launcher
from pytest_envguard.item import coverage, pool, temporary
from pytest_envguard.item.channel import Channel
from pytest_envguard.item.reports import failed_subtests, send_report, send_warning
from pytest_envguard.item.request import CHOSEN, Request, enter
from pytest_envguard.linux import identity, probe
from pytest_envguard.linux import syscalls as call
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.profile import Profile
from pytest_envguard.prepare import move_planner

DUMP = signal.SIGRTMAX  # asks for the stacks of all threads; no program uses it


class Variables(NamedTuple):
    """What the environment changes of this process's variables, found out before the fork, where it costs least.

    Attributes:
        gone: Names.
        new: Name to value.
        forget_tempdir: Whether `tempfile` has looked up its folder by variables that are about to change.
    """

    gone: tuple[str, ...]
    new: dict[str, str]
    forget_tempdir: bool

    @classmethod
    def of(cls, script: launcher.Script) -> Variables:
        """Compare with what the plan's ``script`` says."""
        variables = launcher.changed_variables(script)
        new = {name: value for name, value in variables.items() if os.environ.get(name) != value}
        gone = tuple(name for name in os.environ if name not in variables)
        return cls(gone, new, tempfile.tempdir is not None and tempfile.tempdir in _temporary_folders())


class Task(NamedTuple):
    """A test and the environment that it runs in.

    Attributes:
        profile: What `plan` was made for.
        prove: Whether this process must show that the plan's promises hold before it runs the test.
        variables: See there.
        folder: Where pytest works at the moment.
        crash_log: Descriptor of a file in memory for the stacks at a crash.
    """

    item: pytest.Item
    request: Request
    profile: Profile
    plan: Plan
    prove: bool
    variables: Variables
    folder: str
    crash_log: int


def run(task: Task, channel: Channel) -> None:
    """Run the test in this process, which has joined the environment's namespaces."""
    config = task.item.config
    faulthandler.enable(task.crash_log, all_threads=True)
    faulthandler.register(DUMP, task.crash_log, all_threads=True)
    try:
        _restrict(task)
        broken = probe.broken(task.plan.promises) if task.prove else []
    except OSError as error:
        broken = [f"could not be entered: {error.strerror or error}"]
    if broken:
        channel.send("broken", "; ".join(broken))
        return
    move_planner(config, task.profile)
    enter(config, task.profile.name, task.request)
    _keep_to_itself(task.item)
    forwarding(config).begin(channel)
    run_test(task.item, channel, coverage.begin(config))


def _restrict(task: Task) -> None:
    """Take up limits, identity, working folder and variables of the plan."""
    script = task.plan.script
    flags = script["namespaces"]
    if isinstance(flags, int) and flags & call.CLONE_NEWPID:
        # While it may still be opened: for an environment inside of this one, such as `cold_start` asks for.
        identity.reach_proc(os.open(f"/proc/1/fd/{pool.PROC}", os.O_PATH | os.O_CLOEXEC))
    launcher.drop_bounding(script)
    launcher.restrict(script)
    _change_folder(task)
    for name in task.variables.gone:
        del os.environ[name]
    os.environ.update(task.variables.new)
    if "PATH" in os.environ:
        os.environ["PATH"] = launcher.usable_path(script, os.environ["PATH"])
    if "TZ" in task.variables.new or "TZ" in task.variables.gone:
        time.tzset()
    if task.variables.forget_tempdir:
        tempfile.tempdir = None
    if script["rules"]["passwd"] is not None:  # type: ignore[index]  # the plan's
        _let_the_c_library_ask_again(task.plan.promises.get("user"))
    if not temporary.stays_outside(task.plan):
        # The folder that pytest has made outside is read-only here, if it can be seen at all.
        temporary.forget(task.item.config)


_QUESTIONS = 101  # NSS_NSCD_RETRY of glibc's, nscd/nscd-client.h, and one


def _let_the_c_library_ask_again(user: object) -> None:
    """Look a user up until the C library asks for passwd entries, which somebody answers here (`seccomp.users`).

    Trap: where nobody answered outside, it has gone over to the file, and tries again at the hundredth question.
    """
    import pwd

    for _ in range(_QUESTIONS):
        try:
            name = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            name = ""
        if name == user != "":
            return


def _temporary_folders() -> set[str]:
    """The folders that `tempfile` chooses from if nobody tells it one (its documentation lists them)."""
    named = {os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")}
    return {os.path.abspath(name) for name in named if name} | {"/tmp", "/var/tmp", "/usr/tmp"}


def _change_folder(task: Task) -> None:
    """Go back to the working folder: to join a mount namespace leads to its root."""
    folder = str(task.plan.script["folder"])
    if folder == str(task.item.config.invocation_params.dir):
        try:
            os.chdir(task.folder)  # a wider fixture may have changed it
        except OSError:
            pass  # not visible in here
        else:
            return
    os.chdir(folder)


def _keep_to_itself(item: pytest.Item) -> None:
    """Fixtures that live already belong to the parent: nothing here may end them.

    What this process sets up itself is torn down here, because only then something is on these lists. That a fixture is
    made anew if one that it depends on is (with another parameter) stays as it is.
    """
    for finalizers, _ in item.session._setupstate.stack.values():  # noqa: SLF001  # pytest has no public way
        for definition in filter(None, map(_fixture_ended_by, finalizers)):
            own = definition._finalizers  # noqa: SLF001
            own[:] = [finalizer for finalizer in own if _fixture_ended_by(finalizer)]
        finalizers.clear()


def _fixture_ended_by(finalizer: Any) -> Any:
    """Return the fixture whose `finish` a finalizer is, None if it's something else."""
    owner = getattr(getattr(finalizer, "func", None), "__self__", None)
    return owner if isinstance(owner, pytest.FixtureDef) else None


class Forwarding:
    """Plugin object that is idle until, in the process of a test, it takes the place of all others that hear reports.

    It's registered outside, because pytest takes a millisecond to register a plugin.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._channel: Channel | None = None

    def begin(self, channel: Channel) -> None:
        """From here on let reports go to the parent and nowhere else: the other plugins print, count and store them."""
        self._channel = channel
        hook = self._config.hook.pytest_runtest_logreport
        for implementation in hook.get_hookimpls():
            if implementation.plugin is not self:
                hook._remove_plugin(implementation.plugin)  # noqa: SLF001  # `unregister` would take its other hooks too

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Send a report as soon as it's there, so that a crash later doesn't lose it (subtests call this hook too)."""
        if self._channel is not None:
            if self._channel.echo:
                flush_streams()
                self._channel.send("column", _column(self._config))
            if failed := failed_subtests(self._config, report):
                self._channel.send("subtests", failed)
            send_report(report, self._channel)

    def pytest_enter_pdb(self) -> None:
        """Let the parent wait for as long as somebody debugs."""
        if self._channel is not None:
            self._channel.send("debugging")


_FORWARDING = pytest.StashKey[Forwarding]()


def forwarding(config: pytest.Config) -> Forwarding:
    """Return the plugin object of this session, registered."""
    if _FORWARDING not in config.stash:
        config.stash[_FORWARDING] = made = Forwarding(config)
        config.pluginmanager.register(made, "envguard-forwarding")
    return config.stash[_FORWARDING]


def run_test(item: pytest.Item, channel: Channel, measurement: Any) -> None:
    """Run the test and send all that comes of it; ``measurement`` is what `coverage.begin` or `start` returned."""
    if isinstance(item, pytest.Function) and CHOSEN in item.stash:
        item.name = item.originalname  # see `collect.multiply`
    session = item.session
    before = (session.shouldstop, session.shouldfail)
    ending: tuple[str, object] = ("done", None)
    with warnings.catch_warnings(record=True) as caught:
        try:
            # No next test: all that was set up in this process ends in it.
            runtestprotocol(item, nextitem=None)
        except KeyboardInterrupt:
            ending = ("interrupted", None)
            _tear_down(session)
        except pytest.exit.Exception as error:
            ending = ("exit", (error.msg, error.returncode))
            _tear_down(session)
        except BaseException:  # noqa: BLE001  # a plugin's hook failed: the parent says so
            ending = ("internal", traceback.format_exc())
    for message in caught:
        send_warning(message, channel)
    channel.send("coverage", coverage.end(measurement))
    if (session.shouldstop, session.shouldfail) != before:
        channel.send("stop", (session.shouldstop, session.shouldfail))
    flush_streams()  # nobody else will: the process ends without the interpreter's own end
    if channel.echo:
        channel.send("column", _column(item.config))
    channel.send(*ending)


def _tear_down(session: pytest.Session) -> None:
    try:
        session._setupstate.teardown_exact(None)  # noqa: SLF001  # as pytest itself at the end of a session
    except BaseException:  # noqa: BLE001  # pytest's own report of it would be lost as well
        traceback.print_exc()


def _column(config: pytest.Config) -> str:
    """What stands on the terminal's present line, so that the parent's progress goes on behind it."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return str(getattr(reporter._tw, "_current_line", "")) if reporter else ""  # noqa: SLF001  # see `runner`


def flush_streams() -> None:
    """Write out what Python has buffered of standard output and error, and of what pytest captures them with."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with suppress(AttributeError, OSError, ValueError):  # there is none, or it is closed
            stream.flush()  # type: ignore[union-attr]
