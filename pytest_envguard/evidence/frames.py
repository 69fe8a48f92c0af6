"""The calls that an exception came through, and whose they are."""

from __future__ import annotations

import sys
from types import FrameType

from pytest_envguard.blame import HARNESS, author
from pytest_envguard.evidence.texts import plain
from pytest_envguard.model.evidence import Frame

Call = tuple[FrameType, int]
"""A frame and the line that it had reached."""


def calls_of(error: BaseException) -> list[Call]:
    """Return the calls that an exception came through, the innermost first, without the harness's.

    What the harness calls of the standard library to reach the project (`importlib`, `unittest`) is its own as well.
    """
    found: list[Call] = []
    own = False
    trace = error.__traceback__
    while trace is not None:
        own = _is_harness(trace.tb_frame) or (own and trace.tb_next is not None and _is_standard(trace.tb_frame))
        if not own:
            found.append((trace.tb_frame, trace.tb_lineno or 0))
        trace = trace.tb_next
    return found[::-1]


def _is_standard(frame: FrameType) -> bool:
    return module_of(frame).partition(".")[0] in sys.stdlib_module_names


def _is_harness(frame: FrameType) -> bool:
    return module_of(frame).partition(".")[0] in HARNESS or frame.f_code.co_filename.startswith("<frozen importlib")


def module_of(frame: FrameType) -> str:
    """Return the dotted name of the module whose code a frame runs, "" where it has none."""
    name = frame.f_globals.get("__name__")
    return name if isinstance(name, str) else ""


def frame_of(call: Call, root: str) -> Frame:
    """Return what is told of a call; files of the project are named from its ``root``."""
    frame, line = call
    _, place = author(((frame.f_code.co_filename, line),), root)
    return Frame(plain(module_of(frame)), plain(place), frame.f_code.co_name)
