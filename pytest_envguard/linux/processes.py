"""Starting processes beside a thread."""

from __future__ import annotations

import os


def fork() -> int:
    """``fork(2)``.

    Here, because Python 3.12 and later warn of a fork beside another thread, visibly where ``__main__`` does it. The
    thread that answers system calls holds no lock that the child could wait for: it waits in the kernel.
    """
    return os.fork()
