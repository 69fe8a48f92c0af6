"""Filling a folder with encodings or with a model: what the command and the fixtures have in common."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_envguard.caches import hub, writing
from pytest_envguard.caches.candidates import read_whole
from pytest_envguard.caches.encodings import Encoding, EncodingFile
from pytest_envguard.caches.mismatch import mismatch
from pytest_envguard.caches.packages import version
from pytest_envguard.caches.sources import Found, gather
from pytest_envguard.errors import EnvguardError

Say = Callable[[str], None]
_PRESENT = "was there"


class Written(NamedTuple):
    """A file of an encoding in its folder.

    Attributes:
        file: Which one.
        size: Bytes.
        origin: Where it comes from, for people; that it was there already.
    """

    file: EncodingFile
    size: int
    origin: str


class Model(NamedTuple):
    """A model in a cache.

    Attributes:
        home: The folder for HF_HOME; the cache is in it.
        snapshot: What is in there, as it was found: its entries are the sources of a folder that was copied.
        size: Bytes of all files.
        origin: Where it comes from, for people.
        linked: Whether the files of a snapshot are links.
        new: Whether something was not there before.
    """

    home: Path
    snapshot: hub.Snapshot
    size: int
    origin: str
    linked: bool
    new: bool

    @property
    def revision(self) -> str:
        """What code has to ask for."""
        return self.snapshot.ref or self.snapshot.commit


def seed_encodings(
    encodings: Sequence[Encoding],
    folder: Path,
    given: Sequence[str],
    say: Say,
    *,
    force: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> list[Written]:
    """Put the files of ``encodings`` into ``folder``, under the names that tiktoken looks for.

    Args:
        encodings: Which ones.
        folder: Where to; what is right in there stays.
        given: As of `sources.gather`.
        say: Told what takes long.
        force: Replace what differs.
        environ: The environment variables.

    Raises:
        EnvguardError: A file can't be had, or isn't what tiktoken expects, or differs from one that is there. Nothing was
            written then.
    """
    from pytest_envguard.caches.downloading import download

    files = list(dict.fromkeys(file for encoding in encodings for file in encoding.files))
    present = {file: content for file in files if (content := _present(file, folder, force=force)) is not None}
    found = gather([file for file in files if file not in present], given, environ, download, say)
    _write({file.cached_name: one.content for file, one in found.items()}, folder, say, force=force)
    for file in present:
        writing.let_read(folder / file.cached_name)
    found |= {file: Found(content, _PRESENT) for file, content in present.items()}
    return [Written(file, len(found[file].content), found[file].origin) for file in files]


def _present(file: EncodingFile, folder: Path, *, force: bool) -> bytes | None:
    """Return the content of a file that is right in ``folder`` already, None where there's none.

    Raises:
        EnvguardError: It's there, and wrong.
    """
    path = folder / file.cached_name
    if not file.sha256 or not path.exists():
        return None
    try:
        content = read_whole(path)
    except OSError as error:
        raise EnvguardError(f"{path} is there already and can't be read: {error.strerror}", "remove it") from None
    if file.is_right(content):
        return content
    if force:
        return None
    raise EnvguardError(
        mismatch(file, content, str(path)),
        "nothing was written; `--force` replaces it (tiktoken 0.6.0 and later delete such a file and download it again)",
    )


def _write(contents: Mapping[str, bytes], folder: Path, say: Say, *, force: bool) -> None:
    if not contents:
        return
    with writing.staging(folder, say) as place:
        for name, content in contents.items():
            (place / name).write_bytes(content)
        writing.open_to_all(place)
        writing.merge(place, folder, force=force)


def seed_model(
    source: str,
    home: Path,
    say: Say,
    *,
    name: str = "",
    revision: str = "",
    include: Sequence[str] = (),
    copies: bool = False,
    force: bool = False,
) -> Model:
    """Put a model into the cache ``home/hub``, from a folder or from the hub.

    Args:
        source: A folder, or the name of a repository on the hub.
        home: What HF_HOME is to name.
        say: Told what takes long.
        name: What code calls a folder; "" where the folder is a snapshot in a cache itself.
        revision: A branch, a tag or a commit; "" for the default one.
        include: Patterns of paths; without any, all files.
        copies: Make no links.
        force: Replace what differs.

    Raises:
        EnvguardError: A mistake in what was asked for, or the model can't be had. Nothing was written then.
    """
    if revision:
        hub.check_revision(revision)
    folder = Path(source).expanduser()
    local = _snapshot(folder, name or _own_name(folder, source), home, revision, include) if folder.is_dir() else None
    if local is None:
        _check_remote(source, name)
    with writing.staging(home, say) as place:
        linked = not copies and _has_links(place)
        cache = place / hub.HUB
        cache.mkdir()
        if local is None:
            from pytest_envguard.caches.hub_download import fetch

            snapshot = fetch(source, revision, include, cache, links=linked, say=say)
        else:
            hub.lay_out(local, cache, links=linked, say=say)
            snapshot = local
        hub.finish(snapshot, cache, version("transformers"))
        size = sum(entry.size for entry in snapshot.entries)
        new = writing.merge(cache, home / hub.HUB, force=force, last="refs")
    first = (
        hub.snapshot_folder(home / hub.HUB, snapshot) / snapshot.entries[0].path
    )  # what was there already stays as it is
    return Model(home, snapshot, size, str(folder) if local else "the hub", first.is_symlink(), new)


def _own_name(folder: Path, source: str) -> str:
    """Return the name that a folder has by itself: as a snapshot in a cache, or as it was given; "" for none."""
    known, _ = hub.cached_identity(folder.absolute())
    return known or (source if hub.is_name(source) and "/" in source else "")


def _snapshot(folder: Path, name: str, home: Path, revision: str, include: Sequence[str]) -> hub.Snapshot:
    if not name:
        raise EnvguardError(
            f"{ascii(str(folder))[1:-1]} is a folder: what does the code call this model?",
            "say it with `--as ORG/NAME`, as from_pretrained gets it",
        )
    if not hub.is_name(name):
        raise EnvguardError(
            f"`{ascii(name)[1:-1]}`: no repository of the hub can have such a name",
            "ORG/NAME, of letters, digits, `.`, `_` and `-`",
        )
    if home.resolve().is_relative_to(folder.resolve()):
        raise EnvguardError(f"`--to {home}` lies in {folder}, which is to be copied", "choose a folder elsewhere")
    _, commit = hub.cached_identity(folder.absolute())
    return hub.snapshot_of(folder, name, revision, include, commit)


def _check_remote(source: str, name: str) -> None:
    shown = ascii(source)[1:-1]
    if not hub.is_name(source):
        raise EnvguardError(
            f"`{shown}` is no folder here, and no name that a repository of the hub can have",
            "give a folder that is there, or a name such as `sentence-transformers/all-MiniLM-L6-v2`",
        )
    if name:
        raise EnvguardError(
            f"`--as` names a folder, and `{shown}` is none here", "leave it out to download from the hub"
        )


def _has_links(place: Path) -> bool:
    """Whether the file system has symbolic links; where it has none, the hub's own clients make copies."""
    link = place / "link"
    try:
        link.symlink_to("target")
    except OSError:
        return False
    link.unlink()
    return True
