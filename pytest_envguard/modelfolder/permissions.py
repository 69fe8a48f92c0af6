"""Whether somebody else, the user of a profile, may read what is in the folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from pytest_envguard.model.modelfolder import FolderFinding, Reader
from pytest_envguard.modelfolder import reading
from pytest_envguard.modelfolder.opened import Opened, is_document
from pytest_envguard.modelfolder.reading import Entry
from pytest_envguard.modelfolder.wording import error, listed, note, shown, warning

_READ, _SEARCH = 4, 1


def allowed(mode: int, uid: int, gid: int, reader: Reader) -> int:
    """Return the bits (4 read, 2 write, 1 execute or search) that a reader has, as path_resolution(7) says.

    Args:
        mode: Permission bits.
        uid: Owner.
        gid: Group.
        reader: Who it's about; groups besides its own aren't known.
    """
    if reader.uid == uid:
        return mode >> 6 & 7
    return (mode >> 3 if reader.gid == gid else mode) & 7


def findings(opened: Opened) -> Iterator[FolderFinding]:
    """Check the folder, all in it, and the folders that it is in, against the reader; root may read anything."""
    reader = opened.reader
    if reader is None or reader.uid == 0:
        return
    folders = [_itself(opened.tree.root), *(one for one in opened.tree.entries if one.kind == reading.FOLDER)]
    closed = [one for one in folders if one is not None and not _may(opened, one, reader, _READ | _SEARCH)]
    for one in closed:
        yield _closed(one, reader)
    hidden = [one for one in opened.files() if not _may(opened, one, reader, _READ)]
    needed = [one for one in hidden if not is_document(one.path)]
    if needed:
        yield _hidden(needed, reader, needed=True)
    if rest := [one for one in hidden if is_document(one.path)]:
        yield _hidden(rest, reader, needed=False)
    yield from _above(opened.tree.root, reader)


def _itself(path: str) -> Entry | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return Entry("", reading.FOLDER, 0, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)


def _may(opened: Opened, entry: Entry, reader: Reader, wanted: int) -> bool:
    """Return whether all of it is allowed; True where an access control list decides, which isn't read."""
    if allowed(entry.mode, entry.uid, entry.gid, reader) & wanted == wanted:
        return True
    return _has_list(opened.absolute(entry.path))


def _has_list(path: str) -> bool:
    try:
        return "system.posix_acl_access" in os.listxattr(path)
    except (OSError, AttributeError):  # a file system without them, or a system without the call
        return False


def _state(entry: Entry) -> str:
    return f"mode {entry.mode:04o}, owner {entry.uid}:{entry.gid}"


def _closed(entry: Entry, reader: Reader) -> FolderFinding:
    bits = allowed(entry.mode, entry.uid, entry.gid, reader)
    lacks = "enter" if not bits & _SEARCH else "list"
    return error(
        "not-readable-there",
        entry.path,
        f"{'the folder' if not entry.path else 'this folder'} has {_state(entry)}",
        f"in {shown(reader.environment)} the process is {reader.uid}:{reader.gid}, and may not {lacks} it",
        "chmod a+rx, or give it to that user or group",
    )


def _hidden(entries: list[Entry], reader: Reader, *, needed: bool) -> FolderFinding:
    first = entries[0]
    others = f" ({len(entries)} files: {listed([one.path for one in entries])})" if len(entries) > 1 else ""
    finding = error if needed else warning
    return finding(
        "not-readable-there",
        first.path,
        f"it has {_state(first)}{others}",
        f"in {shown(reader.environment)} the process is {reader.uid}:{reader.gid}, and may not read it"
        + _known(entries),
        "chmod -R a+rX, or give the folder to that user or group",
    )


def _known(entries: list[Entry]) -> str:
    """Return who is known to make files like that: safetensors issue 782 (run: 0.7.0 writes 0644 and 0.8.0 0600)."""
    if any(one.path.endswith(".safetensors") and one.mode == 0o600 for one in entries):
        return "; safetensors 0.8.0 saves with mode 0600, whatever the umask is"
    return ""


def _above(root: str, reader: Reader) -> Iterator[FolderFinding]:
    """Folders above say something about this place only: the model is copied or mounted elsewhere there, or isn't."""
    above = os.path.dirname(os.path.realpath(root))
    closed = []
    while True:
        try:
            found = os.stat(above)
        except OSError:
            break
        if not allowed(found.st_mode, found.st_uid, found.st_gid, reader) & _SEARCH and not _has_list(above):
            closed.append((above, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid))
        if above == os.path.dirname(above):
            break
        above = os.path.dirname(above)
    for path, mode, uid, gid in closed:
        yield note(
            "closed-above",
            "",
            f"{shown(path)}, which it is in, has mode {mode:04o}, owner {uid}:{gid}",
            f"in {shown(reader.environment)} the process is {reader.uid}:{reader.gid}: at this place it can't reach the folder",
            "put it elsewhere, or open that folder (chmod a+x); nothing to do where it is copied to another place",
        )
