"""What may be a file of an encoding, in a file, a folder or a wheel: by its name in a cache, its own name, or its size."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pytest_envguard.caches.encodings import EncodingFile
from pytest_envguard.errors import EnvguardError

MOST = 64 << 20  # bytes of a file that is read; the largest public one has 3.6 million
_MOST_ENTRIES = 200_000  # of a folder or an archive


class Candidate(NamedTuple):
    """Content that may be what is wanted.

    Attributes:
        content: All of it.
        origin: Where it is, for people.
        files: What it may be.
        named: Whether its name says so, or the user: if it's something else, that is worth an error.
    """

    content: bytes
    origin: str
    files: tuple[EncodingFile, ...]
    named: bool


def is_archive(path: Path) -> bool:
    """Whether a file is a wheel, or another zip archive."""
    return path.suffix in (".whl", ".zip") or zipfile.is_zipfile(path)


def in_file(path: Path, files: Sequence[EncodingFile], wanted: Sequence[EncodingFile]) -> Iterator[Candidate]:
    """Return a file that the user has named, whatever it's called.

    Args:
        path: The file.
        files: What it may be.
        wanted: Those of ``files`` that are asked for; of the others some are made.

    Raises:
        EnvguardError: It can't be read, or is none of ``files``, of which there are several.
    """
    try:
        content = read_whole(path)
    except OSError as error:
        raise EnvguardError(f"{path} can't be read: {error.strerror}") from None
    by_name = [file for file in files if path.name in (file.cached_name, file.name)]
    by_content = [file for file in files if file.sha256 and file.is_right(content)]
    meant = by_content or by_name or (list(wanted) if len(wanted) == 1 else [])
    if not meant:
        names = ", ".join(file.name for file in wanted)
        raise EnvguardError(
            f"{path}: none of {names} has this name or this content",
            "give a file for each of them, or a package or a wheel that has them",
        )
    yield Candidate(content, str(path), tuple(meant), named=True)


def in_folder(folder: Path, files: Sequence[EncodingFile], *, deep: bool = True) -> Iterator[Candidate]:
    """Return what lies in a folder, and with ``deep`` in those below it."""
    count = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(folders) if deep else []
        for name in sorted(names):
            count += 1
            if count > _MOST_ENTRIES:
                return
            candidate = _of_folder(Path(place, name), files)
            if candidate is not None:
                yield candidate


def _of_folder(path: Path, files: Sequence[EncodingFile]) -> Candidate | None:
    try:
        size = path.stat().st_size
        meant, named = _meant(path.name, size, files)
        return Candidate(read_whole(path), str(path), meant, named) if meant else None
    except OSError:  # it is gone, or somebody else's
        return None


def in_archive(path: Path, files: Sequence[EncodingFile]) -> Iterator[Candidate]:
    """Return what lies in a wheel.

    Raises:
        EnvguardError: It's broken.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist()[:_MOST_ENTRIES]:
                meant, named = _meant(PurePosixPath(member.filename).name, member.file_size, files)
                if meant and member.file_size <= MOST and not member.is_dir():
                    with archive.open(member) as stream:
                        content = stream.read(MOST + 1)
                    yield Candidate(content, f"{path}, {member.filename!a}".replace("'", ""), meant, named)
    except (OSError, zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        raise EnvguardError(f"{path} is no wheel that can be read: {error}", "get it again") from None


def _meant(name: str, size: int, files: Sequence[EncodingFile]) -> tuple[tuple[EncodingFile, ...], bool]:
    """Return which of ``files`` something may be, and whether its name says so."""
    cached = tuple(file for file in files if name == file.cached_name)
    # Where nothing is compared, a name that anybody may give is no proof.
    named = cached or tuple(file for file in files if file.sha256 and name == file.name)
    return (named, True) if named else (tuple(file for file in files if file.sha256 and size == file.size > 0), False)


def read_whole(path: Path) -> bytes:
    """Read a regular file; a pipe is not waited for.

    Raises:
        OSError: It can't be read, or isn't one, or is too large.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    with open(descriptor, "rb") as file:  # noqa: PTH123  # a descriptor
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "not a file")
        if status.st_size > MOST:
            raise OSError(0, f"{status.st_size} bytes are too many for an encoding")
        return file.read(MOST)
