"""Who sets which environment variable, heard of as it happens."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from types import FrameType
from typing import Any

from pytest_envguard.blame import HARNESS, author
from pytest_envguard.evidence.frames import module_of
from pytest_envguard.evidence.texts import is_secret, plain, short_value
from pytest_envguard.hearing import listen
from pytest_envguard.model.evidence import Overwritten

_MOST_OVERWRITTEN = 100

_set: dict[tuple[str, str], tuple[str, str | None, str]] = {}  # variable and library to value, value before, place
_first: dict[str, str] = {}  # the variables when the process began
_begun = False
_RESTORES = frozenset(("undo", "_unpatch_dict"))  # of pytest's `MonkeyPatch`, of `unittest.mock.patch.dict`


def begin() -> None:
    """From now on note who sets which variable; once in a process."""
    global _begun  # noqa: PLW0603  # there is one environment in a process
    if _begun:
        return
    _begun = True
    _first.update(os.environ)
    listen("os.putenv", _hear)


def _hear(arguments: tuple[Any, ...]) -> None:
    if arguments[0] != b"PYTEST_CURRENT_TEST":
        with suppress(Exception):  # or it would be raised where the variable is set
            _note(os.fsdecode(arguments[0]), os.fsdecode(arguments[1]))


def _note(variable: str, value: str) -> None:
    before = os.environ.get(variable)  # the event comes first
    who = _who(sys._getframe(3))  # noqa: SLF001  # audit hooks have no other way: past `_hear`, and `hearing`'s
    if who is None:
        return
    library, place = who
    if value == before and not library:
        return  # but a library may have done it before, in the process that this one has its variables from
    earlier = _set.pop((variable, library), None)
    if earlier is not None and earlier[0] == before:
        before = earlier[1]  # what it was before this library began
    _set[variable, library] = (value, before, place)


def _who(frame: FrameType | None) -> tuple[str, str] | None:
    """Return library and place of the code that sets a variable: None for pytest itself, and where it's only put back.

    A test's `monkeypatch` acts for the test, as the standard library does for whoever calls it.
    """
    while frame is not None and frame.f_code.co_name not in _RESTORES:
        module = module_of(frame)
        top = module.partition(".")[0]
        if module != "_pytest.monkeypatch":
            if top in HARNESS:
                return None
            if top not in sys.stdlib_module_names:
                who = author(((frame.f_code.co_filename, frame.f_lineno),), "")
                return None if who[0] in HARNESS else who
        frame = frame.f_back
    return None


def overwritten(root: str) -> tuple[Overwritten, ...]:
    """Return what was set since the process began: all by libraries, by the project what still holds."""
    found = []
    for (variable, library), (value, before, place) in tuple(_set.items()):
        now = os.environ.get(variable)
        if now is None or (not library and (value == _first.get(variable) or value != now)):
            continue  # it was put back
        secret = is_secret(variable, value) or is_secret(variable, before or "")
        shown = "" if secret else short_value(value)
        shown_before = None if before is None else "" if secret else short_value(before)
        where = place if library else place.removeprefix(f"{root}/")
        found.append(Overwritten(plain(variable), shown, shown_before, library, plain(where)))
    return tuple(found[-_MOST_OVERWRITTEN:])
