"""Where a path leads: a walk like the kernel's, with nothing but `lstat` and `readlink`, which raise no audit event."""

from __future__ import annotations

import os
import sys
from collections import deque
from stat import S_ISDIR, S_ISLNK
from typing import NamedTuple

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_MOST_LINKS = 40
_NAMELESS = ("", ".", "..")
_GET_PATH: int = getattr(fcntl, "F_GETPATH", 0)  # macOS
_MOST_PATH = 1024  # bytes that F_GETPATH may write


class Place(NamedTuple):
    """Where a path leads.

    Attributes:
        folder: The folder that it lies in, without symbolic links; "" is the root.
        name: The last component; "" for the root, "." and ".." as they are.
        path: The place itself.
        status: What is there, or None.
        slash: Whether the path ends in a slash, which only a folder may.
        absent: Whether it doesn't exist in the environment, whatever is there.
        lost: Whether the folder that it lies in doesn't, either.
    """

    folder: str
    name: str
    path: str
    status: os.stat_result | None
    slash: bool
    absent: bool = False
    lost: bool = False

    @property
    def nameless(self) -> bool:
        """Whether it is the root, or a folder called `.` or `..`."""
        return self.name in _NAMELESS

    @property
    def is_folder(self) -> bool:
        """Whether a folder is there."""
        return self.status is not None and S_ISDIR(self.status.st_mode)


def walk(path: str | bytes, absent: frozenset[str], base: str = "", *, follow: bool = False) -> Place | None:
    """Walk to what ``path`` names; None where the system itself will say what is wrong on the way.

    Args:
        path: As it was passed.
        absent: Paths that don't exist in the environment, as `comparable` returns them.
        base: The folder that a relative path starts in; "" for the working folder.
        follow: Whether a symbolic link at its end is followed.
    """
    try:
        return _walk(slashed(os.fsdecode(path)), absent, base, follow)
    except (OSError, ValueError):  # ValueError: a null character, or one that no file name can have
        return None


def locate(path: str | bytes, absent: frozenset[str], base: str = "", *, follow: bool = True) -> Place | None:
    """Walk to what ``path`` names, of which a slash at the end makes a folder."""
    slash = slashed(os.fsdecode(path)).endswith("/")
    place = walk(path, absent, base, follow=follow or slash)
    if place is not None and place.slash and place.status is not None and not place.is_folder:
        return None  # ENOTDIR
    return place


def _walk(text: str, absent: frozenset[str], base: str, follow: bool) -> Place | None:
    if not text:
        return None
    below = os.path.splitdrive(text)[1]
    # `os.getcwd` may fail, as the kernel would: the folder is gone.
    drive, whole = os.path.splitdrive(text if below[:1] == "/" else f"{slashed(base or os.getcwd())}/{below}")  # noqa: PTH109
    slash = below.endswith("/") and bool(below.strip("/"))
    last = below.rstrip("/").rpartition("/")[2]
    rest, links, link, at = _components(whole), 0, "", drive
    if last == "..":
        rest.pop()
    status: os.stat_result | None = None
    while rest:
        name = rest.popleft()
        if name == "..":
            os.lstat(at + "/.")  # may it be searched?
            at, status = _above(at, drive), None
            continue
        candidate = f"{at}/{name}"
        if absent and comparable(candidate) in absent:
            return Place(at, name, candidate, None, slash, absent=True, lost=bool(rest))
        try:
            status = os.lstat(candidate)
        except FileNotFoundError:
            # A link of /proc leads to its file although it tells no path of it: a pipe, say.
            if rest or (link and os.path.exists(link)):  # noqa: PTH110  # `os.stat`, and no more
                return None
            return Place(at, name, candidate, None, slash)
        if S_ISLNK(status.st_mode) and (rest or follow):
            links += 1
            if links > _MOST_LINKS:
                return None  # ELOOP
            link = "" if rest else candidate
            target_drive, target = os.path.splitdrive(slashed(os.readlink(candidate)))  # noqa: PTH115
            if target.startswith("/"):
                drive = target_drive or drive
                at = drive
            status = None
            rest.extendleft(reversed(_components(target)))
            continue
        at = candidate
    if last in _NAMELESS:
        os.lstat(at + "/.")
        path = _rooted(_above(at, drive) if last == ".." else at, drive)
        return Place(at, last, path, os.lstat(path), slash)
    path = _rooted(at, drive)
    return Place(_above(at, drive), last, path, status or os.lstat(path), slash)


def folder_of_descriptor(descriptor: int) -> str:
    """Return the path of the open file or folder ``descriptor``; "" where the platform can't tell."""
    try:
        if _GET_PATH:
            return os.fsdecode(fcntl.fcntl(descriptor, _GET_PATH, bytes(_MOST_PATH)).rstrip(b"\0"))
        path = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
    except (OSError, ValueError):
        return ""
    return path if path.startswith("/") else ""


def comparable(path: str) -> str:
    """Return ``path`` as mount points are compared: with slashes, from one root, and on Windows in one case."""
    path = slashed(path)
    return f"/{path.lower().lstrip('/')}" if sys.platform == "win32" else path


def settled(path: str, *, itself: bool = False) -> str:
    """Return the comparable path of a rule: macOS's /tmp is a link to /private/tmp.

    Args:
        path: As the rule has it; "/" is the root of every drive.
        itself: Whether a link at its end is meant itself.
    """
    if itself:
        folder, _, name = slashed(path).rstrip("/").rpartition("/")
        return comparable(f"{settled(folder + '/').rstrip('/')}/{name}")
    return "/" if path == "/" else comparable(os.path.realpath(path))


def slashed(text: str) -> str:
    """Return ``text`` with the separators of POSIX, and without Windows's mark of long paths."""
    if sys.platform != "win32":
        return text
    text = text.replace("\\", "/")
    return text.removeprefix("//?/")


def _components(text: str) -> deque[str]:
    return deque(name for name in text.split("/") if name not in ("", "."))


def _above(at: str, drive: str) -> str:
    return at if at == drive else at.rpartition("/")[0]


def _rooted(at: str, drive: str) -> str:
    return at + "/" if at == drive else at
