"""Memory of this very process: what is held, and the peak."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pytest_envguard.budgets import memory
from pytest_envguard.budgets.memory import PeakWatch, held
from pytest_envguard.errors import EnvguardError

MB = 1 << 20
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is looked at in /proc")


def test_what_is_kept_is_held_and_what_is_dropped_is_not() -> None:
    before = held()
    kept = bytearray(b"x") * (64 * MB)
    with_it = held()
    assert 60 * MB < with_it - before < 70 * MB
    del kept
    assert held() - before < 8 * MB


def test_garbage_is_not_held() -> None:
    before = held()
    ring: list[object] = [bytearray(b"x") * (64 * MB)]
    ring.append(ring)
    del ring
    assert held() - before < 8 * MB


def test_files_that_are_read_are_not_held(tmp_path: os.PathLike[str]) -> None:
    """They are the system's cache, which goes when somebody needs the room."""
    import mmap

    path = os.path.join(tmp_path, "weights")
    with open(path, "wb") as file:
        file.write(b"x" * (32 * MB))
    before = held()
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert sum(mapped[place] for place in range(0, len(mapped), 4096)) > 0
        assert held() - before < 8 * MB


PEAK = """
from pytest_envguard.budgets.memory import PeakWatch, held
big = bytearray(b"x") * (200 << 20)
del big
watch = PeakWatch()
small = bytearray(b"x") * (50 << 20)
del small
peak = watch.peak()
print(held(), peak.size, peak.note)
"""


def test_the_peak_is_that_of_the_time_since_the_watch_began() -> None:
    """What was there before and is gone doesn't count, where the kernel lets a process reset its peak."""
    told = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True).stdout
    now, peak, note = told.split(maxsplit=2)
    if "since the process began" in note:
        pytest.skip("nobody may write to /proc/self/clear_refs here")
    assert int(now) + 40 * MB < int(peak) < int(now) + 180 * MB
    assert note.startswith("VmHWM from the test's setup on; ")


def test_where_the_peak_cannot_be_reset_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_RESET", "/proc/self/there-is-no-such-file")
    peak = PeakWatch().peak()
    assert peak.size > held() // 2
    assert "since the process began" in peak.note


def test_without_proc_growth_is_refused_and_the_peak_is_of_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_ROLLUP", "_STATUS", "_RESET"):
        monkeypatch.setattr(memory, name, "/there/is/no/proc")
    monkeypatch.setattr(memory, "_KEPT", {"/there/is/no/proc": ("Anonymous",)})
    with pytest.raises(EnvguardError, match="how much memory this process holds isn't known"):
        held()
    assert PeakWatch().peak().note == "ru_maxrss since the process began"
