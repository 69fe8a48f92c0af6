"""What of mappings an environment refuses, by audit event: those of `mmap.mmap` that are too large, and nothing else."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_envguard.audit.refusing import refused

if TYPE_CHECKING:
    from pytest_envguard.audit.refusing import Refused


class Mappings:
    """The check of one environment.

    Attributes:
        limit: Bytes of the largest mapping.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def make(self, descriptor: Any, length: Any, _access: Any, offset: Any) -> Refused | None:
        """``mmap(2)``; a length of 0 stands for the rest of the file. How it may be used isn't announced."""
        if length == 0:
            with suppress(OSError):  # the system says it
                length = os.fstat(descriptor).st_size - offset
        return refused(errno.ENOMEM) if length > self.limit else None
