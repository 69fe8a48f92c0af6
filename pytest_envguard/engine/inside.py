"""What the plugin does inside of an environment: prove it, keep pytest's own files out of it, measure."""

from __future__ import annotations

import json
import os
import resource
from typing import Any

import pytest

from pytest_envguard.capturing import capture_in_memory
from pytest_envguard.linux import identity, probe

NO_BASETEMP = "/nonexistent/envguard"  # what xdist is told instead of a folder on the host
SHELTER = "PYTEST_ENVGUARD_SHELTER"  # the folder for coverage's data, or ""; set for the first process only
PROC = "PYTEST_ENVGUARD_PROC"  # descriptor of a writable /proc, for environments inside of this one
BROKEN = 4  # exit status of a worker that was stopped by a broken promise


def shelter_pytest() -> None:
    """Keep pytest's capture files and coverage's data out of the simulated file systems."""
    if descriptor := os.environ.pop(PROC, ""):
        os.set_inheritable(int(descriptor), False)  # for pytest alone: what tests start must not reach it
        identity.reach_proc(int(descriptor))
    coverage_folder = os.environ.pop(SHELTER)
    if coverage_folder:
        os.environ["COVERAGE_FILE"] = f"{coverage_folder}/.coverage"
    capture_in_memory()


class Inside:
    """Plugin object of a process in an environment.

    Attributes:
        promises: What the plan promised; see `pytest_envguard.linux.probe`.
        peak_tmp: Most bytes seen in ``/tmp`` after a test.
    """

    def __init__(self, config: pytest.Config, promises: str) -> None:
        self.promises: dict[str, Any] = json.loads(promises)
        self.peak_tmp = 0
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

    def pytest_runtest_logfinish(self) -> None:
        """Look how full ``/tmp`` is, where it's the environment's own."""
        if "tmp" in self.promises:
            status = os.statvfs("/tmp")
            self.peak_tmp = max(self.peak_tmp, (status.f_blocks - status.f_bfree) * status.f_frsize)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell the controller what was used."""
        peaks = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        _output(session.config).update(peak_memory=max(peaks) * 1024, peak_tmp=self.peak_tmp)


def _output(config: pytest.Config) -> dict[str, Any]:
    output: dict[str, Any] = getattr(config, "workeroutput", {})
    return output.setdefault("envguard", {})  # type: ignore[no-any-return]
