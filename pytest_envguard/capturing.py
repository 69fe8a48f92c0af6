"""Where pytest captures: in memory, outside of the file systems that are simulated."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import IO


def capture_in_memory(descriptors: Iterable[int] = ()) -> None:
    """Let pytest, which must not have begun to capture, do so in files in memory.

    Trap: pytest captures into a temporary file. In a full ``/tmp``, ``print()`` inside a test would raise ENOSPC, which
    no deployment does.

    Args:
        descriptors: Files to take first, in pytest's order: standard output, standard error.
    """
    # pytest offers no setting for the place of its capture files; a test fills /tmp and prints, so that a pytest in
    # which this name has moved is noticed.
    from _pytest import capture

    given = list(descriptors)

    def next_file(*_arguments: object, **_options: object) -> IO[bytes]:
        descriptor = given.pop(0) if given else os.memfd_create("pytest-capture", os.MFD_CLOEXEC)
        return os.fdopen(descriptor, "wb+", buffering=0)

    if hasattr(capture, "TemporaryFile"):
        capture.TemporaryFile = next_file
