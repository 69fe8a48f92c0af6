"""What the files of a model folder say by themselves, with nothing of them executed: the order of the checks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.modelfolder import Contents, FolderFinding, Reader
from pytest_envguard.modelfolder import (
    configuration,
    hub,
    layout,
    links,
    own_code,
    permissions,
    pickled,
    pointers,
    reading,
    tensors,
    texts,
    tokenizing,
)
from pytest_envguard.modelfolder import manifest as manifests
from pytest_envguard.modelfolder.hashing import Sum, Task, sums_of
from pytest_envguard.modelfolder.layout import CACHE, DIFFUSERS, Layout
from pytest_envguard.modelfolder.opened import Opened
from pytest_envguard.modelfolder.wording import in_order, shown


def inspect(
    folder: Path,
    *,
    reader: Reader | None = None,
    manifest: Path | None = None,
    hashes: bool = False,
    say: Callable[[str], None] | None = None,
) -> Contents:
    """Return what is in a model folder and what is wrong with it.

    Only beginnings of weights are read, unless sums are asked for. Names in findings are escaped where they can't be printed.

    Args:
        folder: The folder that would be given to ``from_pretrained``.
        reader: Who will read it: modes and owners are compared with that.
        manifest: Sums to compare the files with, as `manifest.write_manifest` and ``sha256sum`` write them.
        hashes: Compare the files with the sums that a hub's client noted of them, too.
        say: Told how far hashing is.

    Raises:
        EnvguardError: It's no folder, or can't be listed; the manifest can't be read, or is none.
    """
    began = time.monotonic()
    opened = Opened(_tree(folder), reader)
    known = manifests.read_manifest(manifest) if manifest is not None else None
    found = [*pointers.findings(opened), *links.findings(opened), *links.unlisted(opened), *links.unreadable(opened)]
    kind = layout.layout_of(opened)
    found += _of_files(opened, kind)
    noted = hub.noted(opened)
    found += hub.sizes(opened, noted)
    tasks = hub.tasks_of(opened, noted) if hashes else {}
    wanted = manifests.tasks_of(opened, known) if known is not None else {}
    sums: dict[Task, Sum] = sums_of([*tasks.values(), *wanted.values()], say)
    found += hub.findings(tasks, sums, opened)
    if known is not None and manifest is not None:
        found += manifests.findings(opened, known, manifest, sums)
    contents = _contents(opened, kind)
    return contents._replace(
        findings=in_order(found), hashed=sum(one.read for one in sums.values()), seconds=time.monotonic() - began
    )


def _tree(folder: Path) -> reading.Tree:
    path = os.path.abspath(folder)
    try:
        return reading.tree_of(path)
    except FileNotFoundError as error:
        raise EnvguardError(f"there is no folder {shown(path)}", beside(path)) from error
    except NotADirectoryError as error:
        hint = f"give it the folder that the file is in: {shown(os.path.dirname(path))}"
        raise EnvguardError(f"{shown(path)} is a file, not a model's folder", hint) from error
    except OSError as error:
        hint = "check it as a user who may read it, or chmod u+rx"
        raise EnvguardError(f"{shown(path)} can't be listed: {error.strerror}", hint) from error


def beside(path: str) -> str:
    """Return a hint with the folder that was probably meant by one that isn't there."""
    import difflib

    try:
        with os.scandir(os.path.dirname(path)) as found:
            names = [one.name for one in found if os.path.isdir(one.path)][:1000]  # a link in a circle is none
    except OSError:
        return "a model is given by its folder; one in a hub's cache is in models--…/snapshots/…"
    close = difflib.get_close_matches(os.path.basename(path), names, n=1, cutoff=0.5)
    return f"did you mean {shown(close[0])}?" if close else "a model is given by its folder, not by its name on a hub"


def _of_files(opened: Opened, kind: Layout) -> Iterator[FolderFinding]:
    yield from texts.findings(opened)
    yield from layout.findings(opened, kind)
    yield from tensors.findings(opened, kind.base)
    yield from pickled.findings(opened, kind.base)
    yield from permissions.findings(opened)
    yield from configuration.findings(opened, kind.base)
    yield from own_code.findings(opened, kind.base)
    if kind.kind not in {CACHE, DIFFUSERS}:
        yield from tokenizing.findings(opened, kind.base, weights=layout.has_weights(opened, kind.base))


def _contents(opened: Opened, kind: Layout) -> Contents:
    files = opened.files()
    pipeline = opened.json("model_index.json").object().get("_class_name") if kind.kind == DIFFUSERS else None
    return Contents(
        opened.tree.root,
        len(files),
        sum(one.size for one in files),
        (shown(pipeline, 100),) if isinstance(pipeline, str) else configuration.architectures(opened, kind.base),
        tokenizing.kinds_of(opened, kind.base),
        layout.formats_of(opened),
        own_code.modules(opened, kind.base),
    )
