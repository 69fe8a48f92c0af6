"""Manifests: a SHA-256 for each file, in the format of ``sha256sum``, so that ``cd DIR && sha256sum -c FILE`` checks it too."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.modelfolder import FolderFinding
from pytest_envguard.modelfolder import reading
from pytest_envguard.modelfolder.hashing import Sum, Task, sums_of
from pytest_envguard.modelfolder.opened import Opened, is_document
from pytest_envguard.modelfolder.wording import error, listed, shown, size_of, warning

_LINE = re.compile(rb"(?P<escaped>\\?)(?P<sum>[0-9a-fA-F]{64}) [ *](?P<name>[^\n]+)")
_LARGEST = 32_000_000
_MOST_LINES = 2 * reading.MOST_ENTRIES
_ESCAPES = {b"\\\\": b"\\", b"\\n": b"\n", b"\\r": b"\r"}


class Manifest(NamedTuple):
    """What a manifest says.

    Attributes:
        sums: Path in the folder to its SHA-256 in hexadecimal.
        bad: Lines that say nothing, from 1, and why.
    """

    sums: dict[str, str]
    bad: tuple[tuple[int, str], ...] = ()


def write_manifest(folder: Path, file: Path, say: Callable[[str], None] | None = None) -> int:
    """Write the sums of all files in ``folder`` into ``file``, whole or not at all, and return their number.

    What git and the hub's client keep for themselves (.git, .cache/huggingface) is left out, and the manifest itself.

    Raises:
        EnvguardError: The folder can't be listed, a file in it can't be read, or the manifest can't be written.
    """
    try:
        tree = reading.tree_of(os.path.abspath(folder))
    except OSError as failed:
        raise EnvguardError(
            f"{shown(str(folder))} can't be listed: {failed.strerror}", "give it a model's folder"
        ) from failed
    if tree.cut or tree.unlisted:
        raise EnvguardError(
            f"{shown(str(folder))} can't be listed completely: {shown(_why(tree))}",
            "a manifest that leaves files out would be worse than none: mend that first",
        )
    own = os.path.realpath(file)
    paths = [one for one in tree.entries if one.kind == reading.FILE]
    tasks = {
        one.path: Task(os.path.join(tree.root, one.path), one.size)
        for one in paths
        if os.path.realpath(os.path.join(tree.root, one.path)) != own
    }
    sums = sums_of(tasks.values(), say)
    for path, task in tasks.items():
        if problem := sums[task].problem:
            raise EnvguardError(
                f"{shown(path)} can't be hashed: {problem}", "nothing was written: a manifest is of all files"
            )
    _written(file, b"".join(_line(path, sums[task].hex) for path, task in sorted(tasks.items())))
    return len(tasks)


write = write_manifest


def _why(tree: reading.Tree) -> str:
    return "it has too many names" if tree.cut else f"{tree.unlisted[0][0]}: {tree.unlisted[0][1]}"


def _line(path: str, digest: str) -> bytes:
    """Return a line as coreutils 9 writes it: a name with a newline is escaped, and a backslash before the line says so."""
    name = os.fsencode(path)
    plain = name
    for escape, char in _ESCAPES.items():
        name = name.replace(char, escape)
    return (b"\\" if name != plain else b"") + digest.encode() + b"  " + name + b"\n"


def _written(file: Path, data: bytes) -> None:
    try:
        descriptor, beside = tempfile.mkstemp(
            dir=os.path.dirname(os.path.abspath(file)), prefix=".envguard-", suffix=".tmp"
        )
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                os.fchmod(stream.fileno(), 0o666 & ~_umask())
            os.replace(beside, file)
        except BaseException:
            os.unlink(beside)
            raise
    except OSError as failed:
        hint = "choose a place that may be written: --manifest FILE"
        raise EnvguardError(f"the manifest {shown(str(file))} can't be written: {failed.strerror}", hint) from failed


def _umask() -> int:
    found = os.umask(0o077)
    os.umask(found)
    return found


def read_manifest(file: Path) -> Manifest:
    """Return what a manifest says.

    Raises:
        EnvguardError: It can't be read, or is no manifest at all.
    """
    try:
        data = reading.beginning(os.fspath(file), _LARGEST + 1)
    except OSError as failed:
        hint = "write one first: envguard model DIR --manifest FILE"
        raise EnvguardError(f"the manifest {shown(str(file))} can't be read: {failed.strerror}", hint) from failed
    if len(data) > _LARGEST or data.count(b"\n") > _MOST_LINES:
        raise EnvguardError(
            f"the manifest {shown(str(file))} has more than {size_of(_LARGEST)}",
            "is it one? its lines are those of sha256sum",
        )
    sums: dict[str, str] = {}
    bad: list[tuple[int, str]] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip() or line.startswith(b"#"):
            continue
        name, digest, problem = _parsed(line)
        if problem:
            bad.append((number, problem))
        elif sums.setdefault(name, digest) != digest:
            bad.append((number, f"{shown(name)} is in it twice, with two sums"))
    if bad and not sums:
        hint = "its lines are those of sha256sum: SUM, two blanks, the path in the folder"
        raise EnvguardError(f"{shown(str(file))} is no manifest: line {bad[0][0]}: {bad[0][1]}", hint)
    return Manifest(sums, tuple(bad))


def _parsed(line: bytes) -> tuple[str, str, str]:
    found = _LINE.fullmatch(line.removesuffix(b"\r"))
    if not found:
        return "", "", "it isn't a sum, two blanks and a path"
    name = found["name"]
    if found["escaped"]:
        name = re.sub(rb"\\.", lambda one: _ESCAPES.get(one[0], one[0]), name)
    path = os.path.normpath(os.fsdecode(name))
    if os.path.isabs(path) or path.startswith("..") or "\0" in path:
        return "", "", f"{shown(path)} isn't in the folder"
    return path, found["sum"].decode().lower(), ""


def tasks_of(opened: Opened, manifest: Manifest) -> dict[str, Task]:
    """Return what has to be hashed to check a manifest, by path in the folder."""
    found = {path: opened.file(path) for path in manifest.sums}
    return {path: Task(opened.absolute(path), one.size) for path, one in found.items() if one is not None}


def findings(opened: Opened, manifest: Manifest, file: Path, sums: dict[Task, Sum]) -> list[FolderFinding]:
    """Compare a manifest with the folder.

    Args:
        opened: The folder.
        manifest: What it should be.
        file: Where that is from.
        sums: What the files have.
    """
    name = shown(file.name)
    found = [
        error("bad-manifest", f"{file.name}:{number}", what, "that line checks nothing")
        for number, what in manifest.bad
    ]
    tasks = tasks_of(opened, manifest)
    for path, wanted in manifest.sums.items():
        if path not in tasks:
            found.append(
                error("missing-file", path, f"{name} names it, and it isn't there", "", "copy the folder again")
            )
        elif sums[tasks[path]].problem:
            what = f"it couldn't be hashed: {sums[tasks[path]].problem}"
            found.append(error("not-hashed", path, what, f"whether it is what {name} says isn't known"))
        elif sums[tasks[path]].hex != wanted:
            found.append(_different(path, wanted, sums[tasks[path]].hex, name))
    return found + _unnamed(opened, manifest, file)


def _different(path: str, wanted: str, got: str, source: str) -> FolderFinding:
    return error(
        "wrong-hash",
        path,
        f"its SHA-256 is {got[:12]}…, and {source} says {wanted[:12]}…",
        "it isn't the file that the manifest was written of",
        "copy it again; or, where the change was meant, write the manifest again",
    )


def _unnamed(opened: Opened, manifest: Manifest, file: Path) -> list[FolderFinding]:
    own = os.path.realpath(file)
    more = [
        one.path
        for one in opened.files()
        if one.path not in manifest.sums
        and not is_document(one.path)
        and os.path.realpath(opened.absolute(one.path)) != own
    ]
    if not more:
        return []
    return [
        warning(
            "unnamed-file",
            more[0],
            f"{shown(file.name)} doesn't name {listed(more)}",
            "nothing says where that is from; loaders may take it",
            "remove it, or write the manifest again",
        )
    ]
