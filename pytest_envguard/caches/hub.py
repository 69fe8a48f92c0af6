"""A cache of models in the layout of huggingface_hub, made of a folder or by huggingface_hub itself.

``models--ORG--NAME/refs/main`` names a commit, ``snapshots/COMMIT/…`` has its files, each a relative link into ``blobs``,
whose names are the hub's own hashes: git's for small files, SHA-256 for large ones. ``.no_exist/COMMIT/…`` has an
empty file for each one that somebody asked for and that the repository doesn't have, so nobody asks again.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from pytest_envguard.caches import writing
from pytest_envguard.caches.packages import numbers
from pytest_envguard.errors import EnvguardError
from pytest_envguard.origins.repositories import MAIN, Entry

HUB = "hub"  # below HF_HOME
_MOST_FILES = 100_000
# What transformers and sentence-transformers ask for and can do without (transformers/utils/__init__.py and
# tokenization_utils_base.py of 4.33.3, 4.57.6 and 5.23.0, sentence_transformers/util of 5.1).
_OPTIONAL = (
    "adapter_config.json", "added_tokens.json", "audio_tokenizer_config.json", "chat_template.jinja", "chat_template.json",
    "config.json", "config_sentence_transformers.json", "generation_config.json", "merges.txt", "model.safetensors",
    "model.safetensors.index.json", "modules.json", "preprocessor_config.json", "processor_config.json",
    "pytorch_model.bin", "pytorch_model.bin.index.json", "sentence_bert_config.json", "sentencepiece.bpe.model",
    "special_tokens_map.json", "spiece.model", "tekken.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json",
    "video_preprocessor_config.json", "vocab.json", "vocab.txt",
)  # fmt: skip
_COMMIT = re.compile("[0-9a-f]{40}")
_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_NAME = re.compile(f"(?:{_PART}/)?{_PART}")
_NOT_CARRIED = frozenset((".git", ".cache", ".no_exist"))


class Snapshot(NamedTuple):
    """A commit of a repository, as files of this machine.

    Attributes:
        name: Such as "org/name".
        commit: 40 hexadecimal digits.
        ref: The branch or tag that names it; "" for none.
        entries: The files.
        complete: Whether these are all that the repository has.
    """

    name: str
    commit: str
    ref: str
    entries: tuple[Entry, ...]
    complete: bool = True


def is_name(text: str) -> bool:
    """Whether ``text`` can be the name of a repository (huggingface_hub/utils/_validators.py)."""
    return bool(_NAME.fullmatch(text)) and "--" not in text and ".." not in text and not text.endswith(".git")


def folder_name(name: str) -> str:
    """Return what the hub's cache calls the folder of a model."""
    return "--".join(("models", *name.split("/")))


def snapshot_folder(cache: Path, snapshot: Snapshot) -> Path:
    """Return the folder of a cache in which the files of ``snapshot`` lie."""
    return cache / folder_name(snapshot.name) / "snapshots" / snapshot.commit


def cached_identity(folder: Path) -> tuple[str, str]:
    """Return name and commit of a folder that is a snapshot in a cache itself; empty texts for any other."""
    *_, repository, snapshots, commit = ("", "", *folder.parts)
    if snapshots != "snapshots" or not _COMMIT.fullmatch(commit) or not repository.startswith("models--"):
        return "", ""
    return repository.removeprefix("models--").replace("--", "/"), commit


def snapshot_of(folder: Path, name: str, revision: str, include: Sequence[str], commit: str = "") -> Snapshot:
    """Return what a folder is to become.

    Args:
        folder: A model's files.
        name: Of the repository.
        revision: A branch, a tag or a commit; "" for `MAIN`.
        include: Patterns of paths; without any, all files.
        commit: Of a folder that has one; else it follows from the content.

    Raises:
        EnvguardError: There is nothing in it, or something that can't be carried.
    """
    files = _files(folder)
    entries = tuple(entry for entry in files if not include or any(fnmatchcase(entry.path, one) for one in include))
    if not entries:
        what = f"no file of {folder} matches {' or '.join(include)}" if files else f"{folder} has no files"
        raise EnvguardError(what, "give a folder with config.json and the files of a tokenizer or a model")
    if revision and _COMMIT.fullmatch(revision):
        return Snapshot(name, revision, "", entries, len(entries) == len(files))
    return Snapshot(name, commit or _hash(entries), revision or MAIN, entries, len(entries) == len(files))


def _hash(entries: Sequence[Entry]) -> str:
    """Return a commit that is the same for the same content; `origins` serves the folder under it as well."""
    made = hashlib.sha1(usedforsecurity=False)
    for entry in entries:
        made.update(f"{entry.path}\0{entry.oid}\n".encode("utf-8", "surrogateescape"))
    return made.hexdigest()


def _files(folder: Path) -> list[Entry]:
    """Return the files of a folder; links to files are their content, wherever that lies.

    Raises:
        EnvguardError: A link that leads nowhere or to a folder, something else than a file, or too many files.
    """
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _NOT_CARRIED)
        for name in (*sorted(names), *(name for name in folders if Path(place, name).is_symlink())):
            file = Path(place, name)
            _check(file)
            found.append(Entry(file.relative_to(folder).as_posix(), str(file)))
        if len(found) > _MOST_FILES:
            raise EnvguardError(f"{folder} has more than {_MOST_FILES} files", "give the folder of one model")
    return sorted(found)


def _check(file: Path) -> None:
    shown = ascii(str(file))[1:-1]
    if file.is_file():
        if not os.access(file, os.R_OK):
            raise EnvguardError(f"{shown} can't be read", "it belongs to another user; `chmod a+r` lets you")
        return
    if not file.is_symlink():
        what, hint = "is neither a file nor a folder", "remove it"
    elif file.is_dir():
        what, hint = "is a link to a folder, which a hub's repository can't have", "put the folder itself there"
    else:
        what, hint = f"is a link to {os.readlink(file)!a}, which is not there", "put the file there, or remove the link"  # noqa: PTH115  # as text
    raise EnvguardError(f"{shown} {what}", hint)


def lay_out(snapshot: Snapshot, cache: Path, *, links: bool, say: Callable[[str], None]) -> None:
    """Make a repository of the cache.

    Args:
        snapshot: What goes into it.
        cache: An empty folder.
        links: Whether the files of a snapshot are links; else they are the files, as the hub has it on a system without.
        say: Told what is copied.

    Raises:
        EnvguardError: There's not enough room.
    """
    size = sum(entry.size for entry in snapshot.entries)
    writing.check_room(cache, size)
    done = 0
    for entry in snapshot.entries:
        say(f"copying {entry.path!a} ({done * 100 // max(size, 1)} % of all is done)")
        _put(entry, cache / folder_name(snapshot.name), snapshot.commit, links=links)
        done += entry.size


def finish(snapshot: Snapshot, cache: Path, transformers: str) -> None:
    """Add what names the commit and what is not in it, and let everybody read all of it.

    Args:
        snapshot: What lies in the cache.
        cache: Its folder.
        transformers: The version that is installed, "" for none.
    """
    repository = cache / folder_name(snapshot.name)
    present = {entry.path for entry in snapshot.entries}
    for name in _OPTIONAL if snapshot.complete else ():
        if name not in present:
            _write(repository / ".no_exist" / snapshot.commit / name, "")
    if snapshot.ref:
        _write(repository / "refs" / snapshot.ref, snapshot.commit)
    # Such releases take a cache without it for one of 4.21, and warn of it at every import (transformers/utils/hub.py of
    # 4.33.3 and 4.48.3; not in 4.57.6). Nobody else is given it: `hf cache ls` takes it for a mistake.
    if (4, 22) <= numbers(transformers) < (4, 57):
        _write(cache / "version.txt", "1")
    writing.open_to_all(cache)


def _put(entry: Entry, repository: Path, commit: str, *, links: bool) -> None:
    target = repository / "snapshots" / commit / entry.path
    target.parent.mkdir(parents=True, exist_ok=True)
    if not links:
        shutil.copyfile(entry.file, target)
        return
    blob = repository / "blobs" / (entry.sha256 if entry.large else entry.oid)
    blob.parent.mkdir(exist_ok=True)
    if not blob.exists():
        shutil.copyfile(entry.file, blob)
    target.symlink_to(os.path.relpath(blob, target.parent))


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def check_revision(revision: str) -> None:
    """Refuse what can't be the name of a branch, a tag or a commit.

    Raises:
        EnvguardError: It can't.
    """
    parts = revision.split("/")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]*", revision) or {"", ".", ".."} & set(parts):
        raise EnvguardError(
            f"`{ascii(revision)[1:-1]}`: no branch, tag or commit has such a name",
            "for example `main`, `v1.0`, or the 40 digits of a commit",
        )
