"""What a hub's client noted of the files that it downloaded: sums and sizes, to compare the files with."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from pytest_envguard.model.modelfolder import FolderFinding
from pytest_envguard.modelfolder import documents, reading
from pytest_envguard.modelfolder.hashing import GIT, SHA256, Sum, Task
from pytest_envguard.modelfolder.links import in_hub_cache
from pytest_envguard.modelfolder.opened import Opened
from pytest_envguard.modelfolder.wording import error, warning

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA1 = re.compile(r"[0-9a-f]{40}")
_LARGEST = 4096  # bytes of a .metadata file; they have about 150
_KEPT = os.path.join(".cache", "huggingface")


class Noted(NamedTuple):
    """What is noted of a file.

    Attributes:
        path: In the folder.
        algorithm: `hashing.SHA256`, or `hashing.GIT` for a file that the hub keeps in git itself.
        hex: The sum.
        at: When the file was as noted, seconds; infinite where it isn't said, as for what is never written to.
        commit: Of the repository; "" where it isn't said.
        source: Where it is noted, in words.
    """

    path: str
    algorithm: str
    hex: str
    at: float
    commit: str
    source: str


def noted(opened: Opened) -> list[Noted]:
    """Return what is noted beside a folder of ``hf download --local-dir`` and in the names of a cache's blobs."""
    found = [one for entry in opened.files() if (one := _of_metadata(opened, entry.path)) is not None]
    named = {one.path for one in found}
    for entry in opened.files():
        if entry.link and in_hub_cache(entry) and entry.path not in named:
            name = os.path.basename(entry.link)
            if algorithm := _algorithm(name):
                found.append(Noted(entry.path, algorithm, name, float("inf"), _commit(opened), "its blob's name"))
    return found


def _commit(opened: Opened) -> str:
    name = os.path.basename(opened.tree.root)
    return name if _SHA1.fullmatch(name) else ""


def _algorithm(name: str) -> str:
    """Return what an ETag is: SHA-256 of a file in LFS, git's sum of another (huggingface_hub, _local_folder.py)."""
    return SHA256 if _SHA256.fullmatch(name) else GIT if _SHA1.fullmatch(name) else ""


def _of_metadata(opened: Opened, path: str) -> Noted | None:
    file = os.path.join(opened.tree.root, _KEPT, "download", f"{path}.metadata")
    try:
        lines = reading.beginning(file, _LARGEST).decode("ascii").split("\n")
        commit, etag, at = lines[0].strip(), lines[1].strip(), float(lines[2])
    except (OSError, ValueError, IndexError):
        return None
    algorithm = _algorithm(etag)
    return Noted(path, algorithm, etag, at, commit, "the hub's metadata in .cache/huggingface") if algorithm else None


def tasks_of(opened: Opened, known: list[Noted]) -> dict[Noted, Task]:
    """Return what has to be hashed to compare."""
    found = {one: opened.file(one.path) for one in known}
    return {one: Task(opened.absolute(one.path), file.size, one.algorithm) for one, file in found.items() if file}


def findings(tasks: dict[Noted, Task], sums: dict[Task, Sum], opened: Opened) -> Iterator[FolderFinding]:
    """Compare what was noted with the files' sums."""
    for one, task in tasks.items():
        got = sums.get(task, Sum())
        if got.problem:
            what = f"it couldn't be hashed: {got.problem}"
            yield error("not-hashed", one.path, what, f"whether it is what {one.source} says isn't known")
        elif got.hex and got.hex != one.hex:
            yield _different(one, got.hex, changed=_changed(opened, one))


def _changed(opened: Opened, one: Noted) -> bool:
    """Return whether a file was written to after it was noted; the client allows a second, too (_local_folder.py)."""
    file = opened.file(one.path)
    return file is not None and file.modified - 1 > one.at


def _different(one: Noted, got: str, *, changed: bool) -> FolderFinding:
    kind = "SHA-256" if one.algorithm == SHA256 else "git blob's sum"
    what = f"its {kind} is {got[:12]}…, and {one.source} says {one.hex[:12]}…"
    if changed:
        return warning(
            "changed-file",
            one.path,
            f"{what}; it was changed after the download",
            "it isn't what the repository has: meant, or not?",
            "download it again where it wasn't meant",
        )
    return error("wrong-hash", one.path, what, "it isn't what was downloaded", "download it again")


def sizes(opened: Opened, known: list[Noted]) -> Iterator[FolderFinding]:
    """Compare the files' sizes with the listing of the repository that newer clients keep (huggingface_hub, _tree_cache.py).

    That costs no hashing, and finds what was cut short.
    """
    for commit in sorted({one.commit for one in known if _SHA1.fullmatch(one.commit)}):
        listing = _listing(opened, commit)
        for one in known:
            file = opened.file(one.path)
            size = _size(listing.get(one.path.replace(os.sep, "/")))
            if one.commit == commit and file and size is not None and file.size != size and not _changed(opened, one):
                yield _other_size(one.path, file.size, size)


def _other_size(path: str, here: int, there: int) -> FolderFinding:
    return error(
        "wrong-size",
        path,
        f"it has {here:,} bytes, and in the repository {there:,}",
        "the download or the copy of it isn't whole" if here < there else "it isn't the repository's file any more",
        "download it again",
    )


def _listing(opened: Opened, commit: str) -> dict[str, Any]:
    beside = os.path.join(opened.tree.root, _KEPT, "trees", f"{commit}.json")
    cached = os.path.join(
        os.path.dirname(os.path.dirname(os.path.realpath(opened.tree.root))), "trees", f"{commit}.json"
    )
    for path in (beside, cached):
        try:
            size = os.stat(path).st_size
        except OSError:
            continue
        found = documents.json_file(path, size).object()
        files = found.get("files")
        if found.get("format_version") == 1 and isinstance(files, dict):
            return files
    return {}


def _size(noted_: Any) -> int | None:
    size = noted_.get("size") if isinstance(noted_, dict) else None
    return size if type(size) is int else None
