"""Who is to blame for a refusal: from what the supervisor and faulthandler have written to a library and a line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from pytest_envguard.model.secrets import without_secrets

Stack = tuple[tuple[str, int], ...]
"""Files and lines, the innermost first."""

# What a call is called among users, where that isn't the kernel's name for it.
_PLAIN = {
    "openat": "open", "openat2": "open", "creat": "open", "mkdirat": "mkdir", "mknodat": "mknod", "unlinkat": "unlink",
    "renameat": "rename", "renameat2": "rename", "linkat": "link", "symlinkat": "symlink", "fchmod": "chmod",
    "fchmodat": "chmod", "fchmodat2": "chmod", "fchown": "chown", "lchown": "chown", "fchownat": "chown",
    "utimensat": "utime", "utimes": "utime", "futimesat": "utime", "execveat": "exec", "execve": "exec", "pwrite64": "write",
    "sendmsg": "send", "sendmmsg": "send", "sendto": "send", "mmap": "map executable", "lsetxattr": "setxattr",
    "fsetxattr": "setxattr", "lremovexattr": "removexattr", "fremovexattr": "removexattr",
}  # fmt: skip
LOOK_UP = "look up"
HARNESS = frozenset(("_pytest", "pytest", "pluggy", "xdist", "execnet", "pytest_envguard", "pytest_cov", "coverage"))
"""Top-level packages that run tests, and are no part of what is tested."""

_LONGEST_COMMAND = 80
_ESCAPE = re.compile(
    r"\\[xuU]((?<=x)[0-9a-f]{2}|(?<=u)[0-9a-f]{4}|(?<=U)00(?:0[0-9a-f]|10)[0-9a-f]{4})"
)  # what isn't ASCII


def plain_name(call: str) -> str:
    """Return what a system call is called among users."""
    return _PLAIN.get(call, call)


def shortened(words: str) -> str:
    """Return a command line that is short enough to be read, without what looks secret."""
    words = without_secrets(words)
    return words if len(words) <= _LONGEST_COMMAND else words[:_LONGEST_COMMAND] + "…"


def frames(text: str) -> Iterator[tuple[str, int]]:
    """Yield file and line of each frame that `faulthandler` has written, the innermost first."""
    for line in text.splitlines():
        if line.startswith('  File "'):
            file, _, rest = line[8:].rpartition('", line ')
            number = rest.split(" ", 1)[0]
            if number.isdigit():
                yield _ESCAPE.sub(lambda found: chr(int(found[1], 16)), file), int(number)


_FOLDERS = ("/site-packages/", "/dist-packages/")
_STANDARD = ("<frozen ", f"{Path(os.__file__).parent}/")
_OURS = f"{Path(__file__).parent}/"


def author(stack: Stack, root: str) -> tuple[str, str]:
    """Return the library that is to blame ("" for the project itself), and file and line in it.

    The standard library acts for others; so the first frame counts that isn't its own. Files of the project are named
    from its ``root`` ("" for their whole path), those of libraries from where they are installed.
    """
    for file, line in stack:
        for folder in _FOLDERS:
            _, found, inside = file.rpartition(folder)
            if found:
                return inside.partition("/")[0].removesuffix(".py"), f"{inside}:{line}"
        if file.startswith(_OURS):  # a copy that is being developed lies in no such folder
            return "pytest_envguard", f"{file}:{line}"
        if not file.startswith(_STANDARD):
            return "", f"{file.removeprefix(f'{root}/') if root else file}:{line}"
    return ("", f"{stack[0][0]}:{stack[0][1]}") if stack else ("", "")
