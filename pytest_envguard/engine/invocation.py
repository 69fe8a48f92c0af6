"""This call of pytest as reports tell of it: by whom, where and when; nothing in it that looks secret."""

from __future__ import annotations

import os
import platform
import time

import pytest

import pytest_envguard
from pytest_envguard.report.commandline import shown_command
from pytest_envguard.report.summary import Invocation


def invocation(config: pytest.Config, begun: float, interrupted: str) -> Invocation:
    """Return what is known of this call.

    Args:
        config: pytest's.
        begun: When it began, in seconds since 1970.
        interrupted: Why it ended before its end, "" if it didn't.
    """
    system = platform.uname()
    return Invocation(
        version=pytest_envguard.__version__,
        project=config.rootpath.name,
        command=shown_command(("pytest", *map(str, config.invocation_params.args))),
        begun=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begun)),
        seconds=round(max(0.0, time.time() - begun), 3),
        interrupted=interrupted,
        python=platform.python_version(),
        pytest=pytest.__version__,
        system=f"{system.system} {system.release} {system.machine}",
        processors=len(os.sched_getaffinity(0)),
        memory=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
    )
