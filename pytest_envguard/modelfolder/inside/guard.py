"""What this process may not do any more: run a folder's own code, unpickle, and where nothing else refuses it, connect."""

from __future__ import annotations

import errno
import os
from typing import Any


class Guard:
    """What this process may not do any more; an audit hook can't be taken away again.

    Attributes:
        folders: Where no code may come from, each with a slash behind it.
        ours: What lies in there and is the interpreter's, each with a slash behind it.
        loading: Whether something of the folder is being read, so that nothing may be unpickled.
        unpickles: Whether it may be all the same.
        network: Whether connections are refused here, because nothing else does.
    """

    folders: tuple[str, ...] = ()
    ours: tuple[str, ...] = ()
    loading = False
    unpickles = False
    network = False


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Hear of what is about to happen (an audit hook), and raise what keeps it from happening."""
    if event == "exec":
        _refuse_code(getattr(arguments[0], "co_filename", ""))
    elif event == "import":
        _refuse_code(arguments[1])
    elif event == "ctypes.dlopen":
        _refuse_code(arguments[0])
    elif event == "pickle.find_class" and Guard.loading and not Guard.unpickles:
        raise RuntimeError(f"envguard: a pickle asks for {arguments[0]}.{arguments[1]}, and unpickling runs code")
    elif Guard.network and event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        if isinstance(arguments[1], tuple):
            raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
    elif Guard.network and event == "socket.getaddrinfo":
        import socket

        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


def _refuse_code(path: object) -> None:
    if not Guard.folders or not isinstance(path, (str, bytes)):
        return
    text = os.fsdecode(path)
    if is_own(text) or (text[:1] == "/" and is_own(os.path.realpath(text))):
        raise RuntimeError(f"envguard: code of the folder's own is not executed: {text}")


def is_own(path: str) -> bool:
    """Whether a path leads to what is the folder's own."""
    return path.startswith(Guard.folders) and not (Guard.ours and path.startswith(Guard.ours))


def modules_folder() -> str:
    """Return where transformers copies a folder's own code to (transformers/utils/hub.py, HF_MODULES_CACHE)."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    home = os.environ.get("HF_HOME") or os.path.join(cache, "huggingface")
    modules = os.environ.get("HF_MODULES_CACHE") or os.path.join(home, "modules")
    return os.path.join(os.path.realpath(os.path.expanduser(modules)), "transformers_modules") + "/"
