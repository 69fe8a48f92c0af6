"""What is told, and how a part of the work is measured."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any

from pytest_envguard.modelfolder.inside.guard import Guard

MOST_TEXT = 100_000  # characters of anything that is told


class Channel:
    """The way back, once standard output is somebody else's."""

    def __init__(self) -> None:
        self._descriptor = os.dup(1)
        os.set_inheritable(self._descriptor, False)
        os.dup2(2, 1)

    def tell(self, event: str, **facts: object) -> None:
        """Write one line."""
        data = json.dumps({"event": event, **facts}, default=str).encode("ascii", "replace") + b"\n"
        while data:
            data = data[os.write(self._descriptor, data) :]


class Absent(Exception):  # noqa: N818  # it says what is missing
    """A package that isn't installed."""


def stage(channel: Channel, name: str, work: Callable[[], Any]) -> Any:
    """Do one part of the work and tell how long it took, or why it failed; returns what it returns, None if it failed."""
    channel.tell("begins", stage=name)
    began = time.monotonic()
    Guard.loading = True
    try:
        result = work()
    except Absent as absent:
        channel.tell("absent", stage=name, package=str(absent))
        return None
    except Exception as error:  # noqa: BLE001  # whatever a library raises is what is to be told
        channel.tell("failed", stage=name, **_told(error))
        return None
    finally:
        Guard.loading = False
    channel.tell("ended", stage=name, seconds=time.monotonic() - began, memory=_peak())
    return result


def _told(error: BaseException) -> dict[str, Any]:
    import traceback

    chain: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(chain) < 5:
        chain.append(f"{type(seen).__name__}: {seen}"[:MOST_TEXT])
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    whole = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return {"type": type(error).__name__, "message": str(error)[:MOST_TEXT], "chain": chain, "trace": whole[-20_000:]}


def _peak() -> int:
    """Return the most bytes that this process had in memory at once, 0 where the system doesn't say so."""
    try:
        with open("/proc/self/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return 0


def version(module: Any) -> str:
    """Return a library's own version, "" where it doesn't say."""
    return str(getattr(module, "__version__", ""))
