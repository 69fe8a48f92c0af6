"""Files that stand for others: pointers of git, pages of errors, nothing at all, and what a broken download left behind."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from pytest_envguard.model.modelfolder import FolderFinding
from pytest_envguard.modelfolder import reading
from pytest_envguard.modelfolder.opened import Opened, is_document
from pytest_envguard.modelfolder.reading import Entry
from pytest_envguard.modelfolder.wording import error, listed, shown, size_of, warning

_LFS = b"version https://git-lfs.github.com/spec/"
_LARGEST_POINTER = 1024  # bytes: git-lfs, docs/spec.md ("Pointer files must be … less than 1024 bytes")
_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|\?xml|error|head|body)\b", re.IGNORECASE)
_LEFT_OVER = (".incomplete", ".part", ".partial", ".crdownload", ".aria2", ".tmp", ".download")
_NO_PAGES = (
    ".json",
    ".safetensors",
    ".bin",
    ".pt",
    ".pth",
    ".ckpt",
    ".model",
    ".spm",
    ".txt",
    ".py",
    ".onnx",
    ".gguf",
    ".h5",
    ".msgpack",
    ".yaml",
    ".yml",
    ".tiktoken",
    ".npz",
    ".npy",
    ".jinja",
)
_MAY_BE_EMPTY = ("__init__.py", ".gitkeep", ".keep", "py.typed", "merges.txt", "requirements.txt")


def findings(opened: Opened) -> Iterator[FolderFinding]:
    """Look at the beginning of every file; those that are something else become rotten in ``opened``."""
    left: list[str] = []
    for entry in opened.files():
        if entry.path.endswith(_LEFT_OVER):
            left.append(entry.path)
            opened.rotten.add(entry.path)
        elif found := _of_file(opened, entry):
            opened.rotten.add(entry.path)
            yield found
    if left:
        yield warning(
            "left-over",
            left[0],
            f"a download or a save wasn't finished: {listed(left)}",
            "the file that it should have become is missing, or is an older one",
            "download again, then remove it",
        )


def _of_file(opened: Opened, entry: Entry) -> FolderFinding | None:
    if not entry.size:
        return _empty(entry.path)
    try:
        start = reading.beginning(opened.absolute(entry.path), _LARGEST_POINTER)
    except OSError:
        return None  # said where files are that can't be read
    if entry.size < _LARGEST_POINTER and start.startswith(_LFS):
        return _pointer(entry.path, start)
    if entry.size < _LARGEST_POINTER and start.startswith(b"/annex/objects/"):
        return error(
            "annex-pointer",
            entry.path,
            "it is a pointer of git-annex and not the file",
            "nothing can be loaded from it",
            "run `git annex get` in the repository that it is from",
        )
    if _PAGE.match(start) and entry.path.lower().endswith(_NO_PAGES):
        return _page(entry, start)
    return None


def _empty(path: str) -> FolderFinding | None:
    if path.endswith(_MAY_BE_EMPTY) or is_document(path) or not path.lower().endswith(_NO_PAGES):
        return None
    return error("empty-file", path, "it has no bytes", "nothing can be loaded from it", "download or copy it again")


def _pointer(path: str, start: bytes) -> FolderFinding:
    size = re.search(rb"^size (\d{1,18})$", start, re.MULTILINE)
    real = f" of {size_of(int(size[1]))}" if size else ""
    return error(
        "lfs-pointer",
        path,
        f"it is a pointer of Git LFS and not the file{real}",
        "git cloned the repository without its large files; loaders fail with messages about headers or pickles",
        "run `git lfs install && git lfs pull` in the repository, or `hf download`",
    )


def _page(entry: Entry, start: bytes) -> FolderFinding:
    title = re.search(rb"<(?:title|code|message)[^>]*>([^<]{1,100})", start, re.IGNORECASE)
    said = shown(title[1].decode("utf-8", "replace").strip(), 100) if title else ""
    kind = "XML" if b"<?xml" in start[:200].lower() or b"<error" in start[:200].lower() else "HTML"
    return error(
        "error-page",
        entry.path,
        f"it is a page of {kind}"
        + (f" ({said})" if said else "")
        + f" and not a {os.path.splitext(entry.path)[1]} file",
        "a server answered with an error or a login, and the answer was saved as the file",
        "download it again; curl needs --fail, and gated models a token",
    )
