"""Which processes carry a word on their command line: how tests see what a run has left behind."""

from __future__ import annotations

import os
import time
from pathlib import Path


def carrying(mark: str) -> list[str]:
    """Return the command lines of all processes that carry ``mark``, this one and zombies left out."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if mark.encode() in words and int(entry.name) != os.getpid():
                found.append(words.replace(b"\0", b" ").decode(errors="replace")[:200])
    return found


def left_over(mark: str, patience: float = 10.0) -> list[str]:
    """Wait until no process carries ``mark``; return those that still do after ``patience`` seconds."""
    end = time.monotonic() + patience
    while (left := carrying(mark)) and time.monotonic() < end:
        time.sleep(0.02)
    return left
