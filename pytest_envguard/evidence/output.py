"""What was printed before something failed."""

from __future__ import annotations

import os
from collections.abc import Iterable

from pytest_envguard.evidence.chain import attribute
from pytest_envguard.evidence.texts import LONGEST_SECRET, hidden, plain, secrets_of

_LONGEST_OUTPUT = 4000


def output_of(errors: Iterable[BaseException], sections: Iterable[tuple[str, str]]) -> str:
    """Return the end of what was printed and logged, and of what a program that failed had printed."""
    from subprocess import SubprocessError

    told = [_process_output(error) for error in errors if isinstance(error, SubprocessError)]
    told += [text for title, text in sections if title.startswith("Captured ")]
    tail = plain("\n".join(filter(None, told))[-_LONGEST_OUTPUT - LONGEST_SECRET :])
    return hidden(tail, secrets_of(os.environ))[-_LONGEST_OUTPUT:]


def _process_output(error: BaseException) -> str:
    told = (attribute(error, "stdout"), attribute(error, "stderr"))
    return "\n".join(part.decode(errors="replace") if isinstance(part, bytes) else str(part) for part in told if part)
