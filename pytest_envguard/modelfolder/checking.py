"""All three phases in their order, and what they found together."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.modelfolder import Contents, Reader
from pytest_envguard.modelfolder import judging, semantic
from pytest_envguard.modelfolder.corpus import CORPUS
from pytest_envguard.modelfolder.loading import Loading, Place, Wanted, load
from pytest_envguard.modelfolder.result import Report
from pytest_envguard.modelfolder.static import beside, inspect
from pytest_envguard.modelfolder.wording import in_order, shown

_READ_AND_SEARCH = 5
_SURER = {"outside-vocabulary": "vocabulary-too-large"}  # what a file says, and what loading has shown


class Asked(NamedTuple):
    """What is to be checked of a folder.

    Attributes:
        loads: Whether it is loaded at all.
        wanted: What is loaded.
        tolerance: Code points that may differ after a round trip.
        manifest: File with the SHA-256 of the files, None for none.
        hashes: Whether files are compared with what a hub's client has noted of them.
    """

    loads: bool = True
    wanted: Wanted = Wanted()
    tolerance: int = 0
    manifest: Path | None = None
    hashes: bool = False


def real_folder(given: str | Path) -> Path:
    """Return a folder's absolute path with no links in it.

    Raises:
        EnvguardError: There is no such folder.
    """
    path = Path(given)
    try:
        real = path.expanduser().resolve(strict=True)
        is_folder = real.is_dir()
    except FileNotFoundError:
        raise EnvguardError(f"there is no folder {shown(str(given))}", beside(os.path.abspath(given))) from None
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise EnvguardError(f"{given!s:.300}: {reason}", "name the folder that has config.json in it") from None
    if not is_folder:
        raise EnvguardError(f"{given} is a file, not a model folder", f"its folder is {real.parent}")
    return real


def check(
    folder: str | Path,
    place: Callable[[Path], Place],
    reader: Reader | None,
    asked: Asked,
    say: Callable[[str], None] | None = None,
) -> Report:
    """Check a folder and return what was found.

    Args:
        folder: As the user named it.
        place: Returns where the folder is loaded; asked only if it is.
        reader: Who reads the folder in the deployment; None for who does here.
        asked: What is to be checked.
        say: Told what is going on.

    Raises:
        EnvguardError: No such folder, or an environment that this machine can't enforce.
    """
    real = real_folder(folder)
    where = place(real) if asked.loads else None
    contents = inspect(real, reader=reader, manifest=asked.manifest, hashes=asked.hashes, say=say)
    loading = _loaded(real, where, contents, asked, say)
    texts = {text.name: text.text for text in CORPUS}
    measured = loading.measured
    changes = tuple(
        semantic.changed(trip, texts[trip.name], asked.tolerance)
        for trip in measured.trips
        if trip.name in texts and not trip.failed
    )
    found = (*judging.judge(loading, asked.wanted), *semantic.judge(measured, texts, asked.tolerance))
    known = {finding.kind for finding in found}
    findings = (*(one for one in contents.findings if _SURER.get(one.kind) not in known), *found)
    return Report(
        folder=str(folder),
        environment=where.plan.name if where else reader.environment if reader else "host",
        contents=contents,
        loading=loading,
        semantics=changes,
        findings=in_order(findings),
        notes=where.notes if where else (),
    )


def _loaded(
    folder: Path, place: Place | None, contents: Contents, asked: Asked, say: Callable[[str], None] | None
) -> Loading:
    if place is None:
        return Loading("", skipped="it was asked for the files alone")
    has_tokenizer = bool(contents.tokenizers) or (folder / "tokenizer_config.json").exists()
    reason = _unloadable(folder, place.reader, has_tokenizer=has_tokenizer, asked=asked)
    if reason:
        return Loading(place.plan.name, skipped=reason)
    if say:
        what = "the tokenizer and the model" if asked.wanted.model else "the tokenizer"
        say(f"loading {what} in {place.plan.name}")

    def loaded(there: Place) -> Loading:
        return load(folder, there, asked.wanted, tokenizer=has_tokenizer, architectures=contents.architectures)

    loading = loaded(place)
    if place.control is None or not (loading.measured.failures or loading.ending):
        return loading
    if say:
        say("it failed: trying the same outside of the environment")
    try:
        other = loaded(place.control())
    except EnvguardError:  # then there is nothing to compare with
        return loading
    return loading._replace(elsewhere=not (other.measured.failures or other.ending))


def _unloadable(folder: Path, reader: Reader | None, *, has_tokenizer: bool, asked: Asked) -> str:
    """Return why there is nothing to load, "" if there is."""
    if not has_tokenizer and not asked.wanted.model:
        return "there are no tokenizer's files in it, and the model was not asked for"
    if reader is not None and not _enters(folder, reader):
        # What is needed is shown open to everyone in there, which would hide just that.
        mode = folder.stat().st_mode & 0o7777
        return f"uid {reader.uid} gid {reader.gid} may not enter the folder (mode {mode:04o})"
    return ""


def _enters(folder: Path, reader: Reader) -> bool:
    if reader.uid == 0:
        return True
    status = folder.stat()  # as its neighbours
    shift = 6 if status.st_uid == reader.uid else 3 if status.st_gid == reader.gid else 0
    return (status.st_mode >> shift) & _READ_AND_SEARCH == _READ_AND_SEARCH
