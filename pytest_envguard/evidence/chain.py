"""What was raised, and what led to it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from pytest_envguard.blame import HARNESS
from pytest_envguard.evidence.frames import calls_of, frame_of
from pytest_envguard.evidence.texts import hidden, plain, secrets_of, shortened
from pytest_envguard.model.evidence import Raised

_MOST_RAISED = 12
_MOST_FRAMES = 40
_LONGEST_MESSAGE = 2000


def raised_of(error: BaseException, root: str) -> tuple[Raised, ...]:
    """Return ``error`` and what led to it, each exception once; files of the project are named from its ``root``."""
    secrets = secrets_of(os.environ)
    return tuple(
        Raised(
            _kind(type(one)),
            tuple(base.__name__ for base in type(one).__mro__ if base is not object),
            shortened(hidden(_message(one), secrets), _LONGEST_MESSAGE),
            _error_name(one),
            hidden(_path(one), secrets),
            tuple(frame_of(call, root) for call in calls_of(one)[:_MOST_FRAMES]),
        )
        for one in chain_of(error)
    )


def chain_of(error: BaseException) -> list[BaseException]:
    """Return ``error``, then what each was raised of, as deep as it goes before the next."""
    while str(type(error).__module__).partition(".")[0] in HARNESS and error.__cause__ is not None:
        error = error.__cause__  # pytest's own around what happened while a file was imported: the same text again
    found: list[BaseException] = []
    waiting = [error]
    while waiting and len(found) < _MOST_RAISED:
        one = waiting.pop()
        if not any(one is known for known in found):
            found.append(one)
            waiting.extend(reversed(_led_to(one)))
    return found


def _led_to(error: BaseException) -> list[BaseException]:
    """Return the exceptions that one carries with it (as urllib3's and requests' do), its members, and its cause."""
    carried = [
        *_several(attribute(error, "args")),
        attribute(error, "reason"),
        *_several(attribute(error, "exceptions")),
    ]
    carried.append(error.__cause__ if error.__suppress_context__ else error.__cause__ or error.__context__)
    return [one for one in carried if isinstance(one, BaseException)]


def _several(value: object) -> Iterable[object]:
    return value if isinstance(value, tuple | list) else ()


def attribute(error: BaseException, name: str) -> Any:
    """Return an attribute, None where there is none: a property of somebody's may raise anything."""
    try:
        return getattr(error, name, None)
    except Exception:  # noqa: BLE001  # see above
        return None


def _kind(which: type) -> str:
    module = str(which.__module__)
    return which.__qualname__ if module == "builtins" else f"{module}.{which.__qualname__}"


def _message(error: BaseException) -> str:
    try:
        return plain(str(error))
    except Exception as failure:  # noqa: BLE001  # of a class whose text can't be had
        return f"(no text: {type(failure).__name__})"


def _error_name(error: BaseException) -> str:
    """Return the name of an errno or of the resolver's error.

    Trap: OpenSSL's and the old resolver's numbers stand in the same attribute, and are no errno.
    """
    number = attribute(error, "errno")
    if not isinstance(error, OSError) or not isinstance(number, int):
        return ""
    import socket

    if isinstance(error, socket.gaierror):
        return _resolver_errors().get(number, "")
    if isinstance(error, socket.herror) or any(base.__name__ == "SSLError" for base in type(error).__mro__):
        return ""
    return errno.errorcode.get(number, "")


def _resolver_errors() -> dict[int, str]:
    import socket

    return {getattr(socket, name): name for name in dir(socket) if name.startswith("EAI_")}


def _path(error: BaseException) -> str:
    names = (
        ("filename", "filename2") if isinstance(error, OSError) else ("path",) if isinstance(error, ImportError) else ()
    )
    for name in names:
        value = attribute(error, name)
        with suppress(Exception):  # a path of somebody's own
            text = "" if value is None or isinstance(value, int) else plain(os.fsdecode(value))
            if text and "://" not in text:  # urllib's `HTTPError` keeps its address there
                return text
    return ""
