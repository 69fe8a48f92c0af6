"""Lines that a test's process has run, for whatever coverage measurement is under way in pytest.

The process can't write coverage's file, which may lie where everything is read-only: its data goes back as bytes.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest


def _measuring() -> Any:
    """Return the measurement of this process, None if there is none."""
    coverage = sys.modules.get("coverage")
    return coverage.Coverage.current() if coverage else None


def begin(config: pytest.Config) -> Any:
    """In a fork: let the measurement go on in memory."""
    plugin: Any = config.pluginmanager.get_plugin("_cov")
    if hasattr(plugin, "pid"):
        plugin.pid = os.getpid()  # pytest-cov before version 7 would begin another one, with a file
    measurement = _measuring()
    if measurement is not None:
        from coverage import CoverageData

        # coverage has no public way to change the place of its data while it measures.
        data = CoverageData(no_disk=True)
        measurement._data = data  # noqa: SLF001
        measurement._collector.use_data(data, measurement.config.context)  # noqa: SLF001
    return measurement


def settings() -> dict[str, Any] | None:
    """Return what a fresh interpreter needs to measure the same; None if nothing is measured."""
    measurement = _measuring()
    if measurement is None:
        return None
    config = measurement.config
    named = {"source": config.source, "omit": config.run_omit, "include": config.run_include}
    return {"branch": config.branch, "config_file": config.config_file or True, **named}


def start(settings: dict[str, Any] | None) -> Any:
    """In a fresh interpreter: measure in memory, by what `settings` returned outside."""
    if settings is None:
        return None
    from coverage import Coverage

    measurement = Coverage(data_file=None, **settings)
    measurement.start()
    return measurement


def end(measurement: Any) -> bytes:
    """Return what was measured since `begin`, b"" if nothing was."""
    if measurement is None:
        return b""
    measurement.stop()
    data: bytes = measurement.get_data().dumps()
    return data


def merge(data: bytes) -> None:
    """Add what a test's process has sent to the measurement of this one."""
    measurement = _measuring()
    if data and measurement is not None:
        from coverage import CoverageData

        received = CoverageData(no_disk=True)
        received.loads(data)
        measurement.get_data().update(received)
