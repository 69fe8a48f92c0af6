"""What the plugin does inside of an environment: prove it, keep pytest's own files out of it, measure."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Generator
from typing import Any

import pytest

from pytest_envguard import options
from pytest_envguard.capturing import capture_in_memory
from pytest_envguard.engine.refusals import NONE, Watch
from pytest_envguard.engine.sendable import sendable
from pytest_envguard.evidence import leave, promised_noexec
from pytest_envguard.linux import probe
from pytest_envguard.model.refusal import REFUSALS, Refusal, grouped
from pytest_envguard.model.relocation import Move
from pytest_envguard.model.verdict import OWN_ENVIRONMENT
from pytest_envguard.relocated import MOVED, correct_kept_files, tell_outside

NO_BASETEMP = "/nonexistent/envguard"  # what xdist is told instead of a folder on the host
SHELTER = "PYTEST_ENVGUARD_SHELTER"  # the folder for coverage's data, or ""; set for the first process only
PROC = "PYTEST_ENVGUARD_PROC"  # descriptor of a writable /proc, for environments inside of this one
BROKEN = 4  # exit status of a worker that was stopped by a broken promise


def shelter_pytest() -> None:
    """Keep pytest's capture files and coverage's data out of the simulated file systems."""
    if descriptor := os.environ.pop(PROC, ""):
        from pytest_envguard.linux import identity

        os.set_inheritable(int(descriptor), False)  # for pytest alone: what tests start must not reach it
        identity.reach_proc(int(descriptor))
    coverage_folder = os.environ.pop(SHELTER)
    if coverage_folder:
        os.environ["COVERAGE_FILE"] = f"{coverage_folder}/.coverage"
    capture_in_memory()
    if moved := os.environ.pop(MOVED, ""):
        global _move  # noqa: PLW0603  # a process is in one place
        _move = Move(*json.loads(moved))
        correct_kept_files()


_move: Move | None = None


class Inside:
    """Plugin object of a process in an environment.

    Attributes:
        promises: What the plan promised; see `pytest_envguard.linux.probe`.
        peak_tmp: Most bytes seen in ``/tmp`` after a test.
    """

    def __init__(self, config: pytest.Config, promises: str) -> None:
        self.promises: dict[str, Any] = json.loads(promises)
        self.peak_tmp = 0
        self._root = str(config.rootpath)
        self._noexec = promised_noexec(self.promises)
        which = options.value(config, options.REFUSALS)
        self._watch = None
        if self.promises and which != NONE:
            # Names that are looked up, and who starts programs, only Python itself can tell.
            listens = not {"network", "connections"}.isdisjoint(self.promises) or bool(self._noexec)
            self._watch = Watch(which, self._root, listens=listens)
        self._imports: dict[str, tuple[Refusal, ...]] = {}
        self._move = _move if hasattr(config, "workerinput") else None
        if "network" in self.promises and "pytest_rerunfailures" in sys.modules:  # by its entry point, or by -p
            # It would connect to the controller, which it needs for tests that crash only, and end the worker.
            vars(sys.modules["pytest_rerunfailures"])["HAS_PYTEST_HANDLECRASHITEM"] = False
        self._in_cell = bool(getattr(config, "workerinput", {}).get("envguard_cell"))
        # xdist hands down a folder of the controller's, which doesn't exist in the simulated /tmp or belongs to another
        # uid. Without one, `tmp_path` lies where a deployed program's temporary files lie. On the host, the user's
        # own --basetemp holds.
        if self.promises or str(config.option.basetemp).startswith(NO_BASETEMP):
            config.option.basetemp = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Prove the environment before the first test module is imported."""
        broken = probe.broken(self.promises)
        if broken:
            _output(session.config)["broken"] = broken
            pytest.exit("the environment is not what was promised: " + "; ".join(broken), returncode=BROKEN)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Note what was refused while a file was imported; xdist passes on reports of files that failed only."""
        report = yield
        if self.promises:
            leave(report, getattr(report, "call", None), self._root, self._noexec)
        if self._watch is not None and (refusals := self._watch.take("import")):
            self._imports[collector.nodeid] = grouped((*self._imports.get(collector.nodeid, ()), *refusals))
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put what was refused in this phase into its report, and of a failure what it leaves behind."""
        report = yield
        if self.promises:
            leave(report, call, self._root, self._noexec)
        if self._watch is not None and (refusals := self._watch.take(call.when)):
            setattr(report, REFUSALS, [list(refusal) for refusal in refusals])
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """Pass on warnings of a cell's own libraries as the nearest kind that every interpreter knows, and from where they are.

        Trap: xdist imports a warning's class where pytest runs, which ends the run if that has no such package.
        """
        if self._move is not None:
            warning_message.filename = self._move.back(warning_message.filename)
        kind = warning_message.category
        if self._in_cell and kind.__module__ != "builtins" and isinstance(warning_message.message, Warning):
            known = next(one for one in kind.__mro__ if one.__module__ == "builtins")
            warning_message.message = known(f"{kind.__qualname__}: {warning_message.message}")
            warning_message.category = known

    @pytest.hookimpl(wrapper=True)
    def pytest_report_to_serializable(self) -> Generator[None, dict[str, Any] | None, dict[str, Any] | None]:
        """Let a file name's odd byte, in what was refused or in a message, not end the run: it can't be sent as it is."""
        data = yield
        return None if data is None else sendable(data)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Name files as they are called outside."""
        if self._move is not None:
            tell_outside(report, self._move)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Forget what a test's own process has told of itself; name files as they are called outside."""
        if self._move is not None:
            tell_outside(report, self._move)
        if self._watch is not None and hasattr(report, OWN_ENVIRONMENT):
            self._watch.skip()

    def pytest_runtest_logfinish(self) -> None:
        """Look how full ``/tmp`` is, where it's the environment's own."""
        if self.promises.get("tmp", {}).get("mode") is not None:
            status = os.statvfs("/tmp")
            self.peak_tmp = max(self.peak_tmp, (status.f_blocks - status.f_bfree) * status.f_frsize)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell the controller what was used."""
        told = _output(session.config)
        told.update(peak_memory=_peak_memory(), peak_tmp=self.peak_tmp)
        if self._watch is not None:
            told["imports"] = {
                nodeid: sendable([list(refusal) for refusal in found]) for nodeid, found in self._imports.items()
            }
            told["unwatched"] = self._watch.missing


def _peak_memory() -> int:
    """Return the most bytes that this process or one of its children had in memory; 0 where nobody counts (Windows)."""
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _output(config: pytest.Config) -> dict[str, Any]:
    output: dict[str, Any] = getattr(config, "workeroutput", {})
    return output.setdefault("envguard", {})  # type: ignore[no-any-return]
