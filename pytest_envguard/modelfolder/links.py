"""Links that lead nowhere, in circles, or out of the folder."""

from __future__ import annotations

import os
from collections.abc import Iterator

from pytest_envguard.model.modelfolder import FolderFinding
from pytest_envguard.modelfolder import reading
from pytest_envguard.modelfolder.opened import Opened, is_document
from pytest_envguard.modelfolder.reading import Entry
from pytest_envguard.modelfolder.wording import error, listed, note, shown, warning


def in_hub_cache(entry: Entry) -> bool:
    """Return whether a link leads to a blob, as in a snapshot of the hub's cache (huggingface_hub, file_download.py)."""
    parts = entry.link.split("/")
    return len(parts) >= 2 and parts[-2] == "blobs" and ".." in parts


def findings(opened: Opened) -> Iterator[FolderFinding]:
    """Check all links."""
    root = os.path.realpath(opened.tree.root)
    outside: list[Entry] = []
    for entry in opened.tree.entries:
        if entry.link:
            if entry.kind in {reading.DANGLING, reading.LOOP, reading.UNKNOWN}:
                yield _broken(entry)
            elif (found := _of_good(opened, entry, root)) is None:
                continue
            elif found == _OUTSIDE:
                outside.append(entry)
            else:
                yield _circle(entry)
        elif entry.kind == reading.SPECIAL:
            yield _special(entry)
        elif entry.kind == reading.UNKNOWN:
            yield error("unreadable", entry.path, "the system doesn't say what it is", "", "look at it with `stat`")
    yield from _outside(outside)


_OUTSIDE = "outside"
_CIRCLE = "circle"


def _of_good(opened: Opened, entry: Entry, root: str) -> str | None:
    target = os.path.realpath(opened.absolute(entry.path))
    if entry.kind == reading.FOLDER:
        here = os.path.realpath(os.path.dirname(opened.absolute(entry.path)))
        if here == target or here.startswith(target.rstrip("/") + "/"):
            return _CIRCLE
    return None if target.startswith(root.rstrip("/") + "/") else _OUTSIDE


def _broken(entry: Entry) -> FolderFinding:
    if ".git/annex/objects/" in entry.link:
        what, remedy = "its content isn't here: git-annex has only its name", "run `git annex get` in the repository"
    elif entry.kind == reading.LOOP:
        what, remedy = f"it is a link in a circle (to {shown(entry.link)})", "replace it by the file"
    elif entry.kind == reading.UNKNOWN:
        what, remedy = f"it can't be followed to {shown(entry.link)}", "look at it with `namei -l`"
    elif in_hub_cache(entry):
        what = f"it leads to {shown(entry.link)}, which isn't there"
        remedy = "copy the whole models--… folder with its blobs, or only the snapshot with `cp -rL`, or download again"
    else:
        what, remedy = f"it leads to {shown(entry.link)}, which isn't there", "copy the file in its place (`cp -L`)"
    kind = "link-loop" if entry.kind == reading.LOOP else "dangling-link"
    make = warning if is_document(entry.path) else error
    return make(kind, entry.path, what, "what opens it is told that there is no such file", remedy)


def _circle(entry: Entry) -> FolderFinding:
    return warning(
        "link-loop",
        entry.path,
        f"it leads to a folder that it is in ({shown(entry.link)})",
        "what copies or hashes the folder and follows links doesn't come to an end",
        "remove it",
    )


def _special(entry: Entry) -> FolderFinding:
    return warning(
        "special-file",
        entry.path,
        "it is a FIFO, a socket or a device",
        "what reads every file of the folder waits for it for ever, or can't copy it",
        "remove it",
    )


def _outside(entries: list[Entry]) -> Iterator[FolderFinding]:
    cached = [entry for entry in entries if in_hub_cache(entry)]
    if cached:
        count = "1 file is a link" if len(cached) == 1 else f"{len(cached)} files are links"
        yield note(
            "cache-links",
            cached[0].path,
            f"{count} to blobs beside the snapshot, as in every hub cache",
            "when only this folder is copied or mounted, they lead nowhere",
            "copy the whole models--… folder, or this one with `cp -rL`",
        )
    for entry in entries:
        if not in_hub_cache(entry):
            absolute = " by an absolute path" if os.path.isabs(entry.link) else ""
            yield warning(
                "outside-link",
                entry.path,
                f"it leads out of the folder{absolute}, to {shown(entry.link)}",
                "when only this folder is copied or mounted, it leads nowhere",
                "put the file itself here (`cp -L`)",
            )


def unlisted(opened: Opened) -> Iterator[FolderFinding]:
    """Say which folders couldn't be looked into, and whether there was more than is looked at."""
    for path, reason in opened.tree.unlisted:
        yield error("unreadable", path, f"it can't be listed: {reason}", "what is in it wasn't checked", "chmod u+rx")
    if opened.tree.cut:
        yield warning(
            "too-much",
            "",
            f"there are more names in it than are looked at ({reading.MOST_ENTRIES:,}), or they are nested too deeply",
            "what was left out wasn't checked",
            "point at the folder of the model itself",
        )


def unreadable(opened: Opened) -> Iterator[FolderFinding]:
    """Say which files can't be opened by whoever checks them."""
    found = [entry.path for entry in opened.files() if not os.access(opened.absolute(entry.path), os.R_OK)]
    if found:
        yield error(
            "unreadable",
            found[0],
            f"you may not read {listed(found)}",
            "their content wasn't checked, and your processes can't load it",
            "chmod a+r, or check as the user who may",
        )
