"""A model from the hub, by the huggingface_hub that is installed: it knows the mirrors, tokens and proxies of its user."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pytest_envguard.caches.hub import Snapshot, folder_name
from pytest_envguard.errors import EnvguardError
from pytest_envguard.origins.repositories import Entry

_LONGEST_REASON = 300  # characters


def fetch(
    name: str, revision: str, include: Sequence[str], cache: Path, *, links: bool, say: Callable[[str], None]
) -> Snapshot:
    """Download a repository into ``cache`` and return what it is.

    Args:
        name: Such as "org/name".
        revision: A branch, a tag or a commit; "" for the default one.
        include: Patterns of paths; without any, all files.
        cache: An empty folder.
        links: As of `hub.lay_out`.
        say: Told what is done.

    Raises:
        EnvguardError: huggingface_hub isn't installed, or its own reason why it can't.
    """
    if find_spec("huggingface_hub") is None:
        raise EnvguardError(
            f"`{name}` is no folder here, and huggingface_hub, which could download it, is not installed",
            "`pip install huggingface_hub` beside this command; or give a folder, and its name with `--as ORG/NAME`",
        )
    hub: Any = importlib.import_module("huggingface_hub")
    say(f"downloading {name} from the hub")
    try:
        snapshot = Path(
            hub.snapshot_download(
                name, revision=revision or None, cache_dir=str(cache), allow_patterns=list(include) or None
            )
        )
    except Exception as error:  # noqa: BLE001  # of several libraries, in every release others
        raise _refused(name, revision, error) from None
    shutil.rmtree(cache / ".locks", ignore_errors=True)
    repository = cache / folder_name(name)
    found = _described(name, repository, snapshot, complete=not include)
    if not links:
        _without_links(found)
        shutil.rmtree(repository / "blobs", ignore_errors=True)
    return found


def _described(name: str, repository: Path, snapshot: Path, *, complete: bool) -> Snapshot:
    refs = repository / "refs"
    named = [file for file in sorted(refs.rglob("*")) if file.is_file() and file.read_text().strip() == snapshot.name]
    ref = named[0].relative_to(refs).as_posix() if named else ""
    files = [Path(place, file) for place, _, names in os.walk(snapshot) for file in names]
    entries = tuple(sorted(Entry(file.relative_to(snapshot).as_posix(), str(file)) for file in files))
    if not entries:
        raise EnvguardError(f"no file of `{name}` matches `--include`", "patterns are of paths: `*.json`, `onnx/*`")
    return Snapshot(name, snapshot.name, ref, entries, complete)


def _without_links(snapshot: Snapshot) -> None:
    for entry in snapshot.entries:
        file = Path(entry.file)
        if file.is_symlink():
            blob = file.resolve()
            file.unlink()
            shutil.copyfile(blob, file)


def _refused(name: str, revision: str, error: Exception) -> EnvguardError:
    """Return the library's reason as one error; what it can be mended with follows from the error's name."""
    kind = type(error).__name__
    reason = " ".join(str(error).split())[:_LONGEST_REASON]
    hints = {
        "RepositoryNotFoundError": "check the name; a private or gated one needs a token (HF_TOKEN)",
        "RevisionNotFoundError": f"check `--revision {revision}`",
        "GatedRepoError": "accept its terms on the hub, and set HF_TOKEN",
        "HFValidationError": "names are ORG/NAME; for a folder check that it is there",
        "OfflineModeIsEnabled": "HF_HUB_OFFLINE is set here: unset it where there is a network",
    }
    offline = "this needs the network; where there is none, give a folder with the files, and `--as ORG/NAME`"
    return EnvguardError(f"`{name}` can't be downloaded by huggingface_hub: {kind}: {reason}", hints.get(kind, offline))
