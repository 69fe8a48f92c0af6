"""Repositories of a hub in a folder: which there are, their revisions, and what lies in them.

Two layouts are understood, of models, of datasets and of spaces::

    ORG/NAME/config.json                       datasets/ORG/NAME/data.csv      written by hand; `main`
    ORG/NAME@REVISION/config.json                                              another branch, tag or commit
    models--ORG--NAME/snapshots/COMMIT/…       datasets--ORG--NAME/snapshots/…  the cache of `huggingface_hub`

A file ``.gated`` in a repository that is written by hand makes it one that only clients with a token can read.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import NamedTuple

from pytest_envguard.origins.files import digest, within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = ("models", "datasets", "spaces")
MAIN = "main"
_GATED = ".gated"
_UNSEEN = frozenset((".git", ".cache", ".no_exist", _GATED))
_LARGE = 10 << 20  # bytes from which the hub stores a file apart
# The patterns that the hub writes into the .gitattributes of a new repository.
_LARGE_NAMES = re.compile(
    r".*\.(7z|arrow|bin|bz2|ckpt|ftz|gz|h5|joblib|lfs\..*|mlmodel|model|msgpack|npy|npz|onnx|ot|parquet|pb|pickle|pkl|pt|"
    r"pth|rar|safetensors|tar|tflite|tgz|wasm|xz|zip|zst)|.*tfevents.*"
)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class Entry(NamedTuple):
    """A file of a repository.

    Attributes:
        path: In the repository.
        file: On this machine.
    """

    path: str
    file: str

    @property
    def size(self) -> int:
        """Bytes."""
        return os.stat(self.file).st_size

    @property
    def large(self) -> bool:
        """Whether the hub stores it apart (git LFS) and sends clients elsewhere for it."""
        return bool(_LARGE_NAMES.fullmatch(os.path.basename(self.path))) or self.size >= _LARGE

    @property
    def oid(self) -> str:
        """What git names its content by; for a large file, for that of the pointer to it."""
        if not self.large:
            return digest(self.file, "git")
        pointer = self.pointer
        return hashlib.sha1(b"blob %d\0" % len(pointer) + pointer, usedforsecurity=False).hexdigest()

    @property
    def pointer(self) -> bytes:
        """What git has in the place of a large file."""
        text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {self.size}\n"
        return text.encode()

    @property
    def sha256(self) -> str:
        """The hash of its content."""
        return digest(self.file, "sha256")


class Repository(NamedTuple):
    """One revision of a repository.

    Attributes:
        kind: One of `KINDS`.
        name: Such as "ORG/NAME".
        folder: Where its files lie.
        commit: Its hash; "" where it follows from the files.
        root: Folder that no file may lie outside of.
    """

    kind: str
    name: str
    folder: str
    commit: str
    root: str

    def file(self, names: list[str]) -> Entry | None:
        """Return the file that ``names`` lead to."""
        if not names or _UNSEEN & set(names):
            return None
        relative = os.path.relpath(self.folder, self.root)
        file = within(self.root, [*([] if relative == "." else relative.split(os.sep)), *names])
        return Entry("/".join(names), file) if file else None

    def entries(self) -> list[Entry]:
        """Return all files, by path."""
        return sorted(filter(None, map(self.file, self._paths())))

    def _paths(self) -> Iterator[list[str]]:
        for place, folders, files in os.walk(self.folder):
            folders[:] = [name for name in folders if name not in _UNSEEN]
            below = os.path.relpath(place, self.folder)
            names = [] if below == "." else below.split(os.sep)
            yield from ([*names, name] for name in files)

    def hash(self) -> str:
        """Return the commit: the same for the same content, wherever it lies."""
        if self.commit:
            return self.commit
        made = hashlib.sha1(usedforsecurity=False)
        for entry in self.entries():
            made.update(f"{entry.path}\0{entry.oid}\n".encode())
        return made.hexdigest()

    @property
    def gated(self) -> bool:
        """Whether only clients with a token may read it."""
        return os.path.exists(os.path.join(self.folder, _GATED))


def revisions(folder: str, kind: str, name: str) -> dict[str, Repository]:
    """Return the revisions that a repository has in ``folder``, by the name of a branch, a tag or a commit; `MAIN` first.

    Nothing, if there is no such repository.
    """
    parts = name.split("/")
    if len(parts) > 2 or not all(_NAME.fullmatch(part) for part in parts):
        return {}
    cached = os.path.join(folder, "--".join((kind, *parts)))
    if os.path.isdir(cached):
        return _cached(folder, kind, name, cached)
    place = os.path.join(folder, *([] if kind == "models" else [kind]), *parts)
    found = {MAIN: Repository(kind, name, place, "", folder)} if _has_files(place) else {}
    parent, own = os.path.split(place)
    for sibling in _listed(parent):
        revision = sibling[len(own) + 1 :]
        if sibling.startswith(f"{own}@") and revision:
            commit = revision if re.fullmatch("[0-9a-f]{40}", revision) else ""
            found[revision] = Repository(kind, name, os.path.join(parent, sibling), commit, folder)
    return found


def _has_files(place: str) -> bool:
    """Whether ``place`` is a repository, and no organisation that has some."""
    return any(os.path.isfile(os.path.join(place, name)) for name in _listed(place))


def _listed(place: str) -> list[str]:
    try:
        return sorted(os.listdir(place))
    except OSError:
        return []


def _cached(folder: str, kind: str, name: str, cached: str) -> dict[str, Repository]:
    snapshots = os.path.join(cached, "snapshots")
    commits = {
        commit: Repository(kind, name, os.path.join(snapshots, commit), commit, folder) for commit in _listed(snapshots)
    }
    found = {}
    for place, _, names in os.walk(os.path.join(cached, "refs")):
        for ref in names:
            path = os.path.join(place, ref)
            with open(path, encoding="ascii", errors="replace") as file:
                commit = file.read().strip()
            if commit in commits:
                found[os.path.relpath(path, os.path.join(cached, "refs"))] = commits[commit]
    if MAIN not in found and len(commits) == 1:
        found[MAIN] = next(iter(commits.values()))
    return {**found, **commits}


def revision(known: dict[str, Repository], wanted: str) -> Repository | None:
    """Return the revision that is called ``wanted``: a name, or (the beginning of) a commit."""
    if wanted in known:
        return known[wanted]
    if not re.fullmatch("[0-9a-f]{7,40}", wanted):
        return None
    return next((one for one in known.values() if one.hash().startswith(wanted)), None)
