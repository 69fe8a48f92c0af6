"""A refusal, as the audit hook raises it."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any, NamedTuple


class Refused(NamedTuple):
    """What a check found.

    Attributes:
        target: What the operation was about, as text.
        name: The errno's name; of a failed name look-up the EAI_ name.
        error: What Python would have raised.
    """

    target: str
    name: str
    error: Exception


def refused(number: int, *paths: Any, named: bool = True) -> Refused:
    """Return the refusal with the names that `os` would give it: the caller's own objects, in its order.

    Args:
        number: The errno.
        paths: What the operation was about; of two the second is the one to be made.
        named: Whether this call of Python's puts the names into its error.
    """
    first, *second = paths if named and paths else (None,)
    # `None` as a file name is shown, so that it must not be passed.
    words = () if first is None else (first, None, *second)
    return Refused(
        as_text(paths[-1]) if paths else "",
        errno.errorcode[number].removeprefix("WSA"),
        OSError(number, os.strerror(number), *words),
    )


def as_text(target: Any) -> str:
    """Return how ``target`` (a path, an address, a number) is shown."""
    if isinstance(target, tuple):  # host and port, of IPv6 two more
        return ":".join(map(str, target[:2]))
    return os.fsdecode(target) if isinstance(target, (str, bytes)) else str(target)


def loaded(name: str, attribute: str) -> Any:
    """Return what a C module has, if the module is there already.

    Importing from within an audit hook could wait for a lock that another thread holds until its own import goes on.
    """
    return getattr(sys.modules.get(name), attribute, None)
