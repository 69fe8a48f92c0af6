"""Weights that are pickles: never loaded here, and a reason to convert them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice

from pytest_envguard.model.modelfolder import FolderFinding
from pytest_envguard.modelfolder import reading
from pytest_envguard.modelfolder.opened import Opened
from pytest_envguard.modelfolder.reading import Entry
from pytest_envguard.modelfolder.wording import error, listed, note, warning

INDEX = "pytorch_model.bin.index.json"
ENDS = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_ZIP = b"PK\x03\x04"
_ZIP_END = b"PK\x05\x06"  # "end of central directory": APPNOTE.TXT 4.3.16, at most 65,557 bytes before the end
_LONGEST_END = 65_557
_MOST_SHARDS = 10_000
_NO_WEIGHTS = ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth", "optimizer.bin", "scheduler.bin")


def findings(opened: Opened, base: str = "") -> Iterator[FolderFinding]:
    """Check archives for their end and an index for its shards, and say what a pickle means."""
    yield from _lost(opened, base)
    pickles = [one for one in opened.files() if _is_pickle(opened, one)]
    for one in pickles:
        yield from _cut(opened, one)
    weights = [one.path for one in pickles if os.path.basename(one.path) not in _NO_WEIGHTS]
    if not weights:
        return
    safe = any(one.path.endswith(".safetensors") and one.path not in opened.rotten for one in opened.files())
    if safe:
        yield note(
            "pickle", weights[0], f"{listed(weights)}: pickles, besides safetensors", "loaders take the safetensors"
        )
        return
    yield warning(
        "pickle",
        weights[0],
        f"{listed(weights)}: weights are pickles, which may run code when they are loaded",
        "they weren't looked into. transformers 4.57.6 and 5.23.0 refuse them with torch below 2.6 (CVE-2025-32434)",
        "save the model again, as safetensors",
    )


def _is_pickle(opened: Opened, entry: Entry) -> bool:
    """Tell them from other .bin files by how they begin: as a ZIP archive or with a pickle's opcode PROTO."""
    if not entry.path.endswith(ENDS) or entry.path in opened.rotten:
        return False
    try:
        start = reading.beginning(opened.absolute(entry.path), 4)
    except OSError:
        return False
    return start == _ZIP or (start[:1] == b"\x80" and start[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"})


def _cut(opened: Opened, entry: Entry) -> Iterator[FolderFinding]:
    path = opened.absolute(entry.path)
    try:
        if reading.beginning(path, 4) != _ZIP:
            return
        end = reading.part(path, max(0, entry.size - _LONGEST_END), _LONGEST_END)
    except OSError:
        return
    if _ZIP_END not in end:
        yield error(
            "truncated-weights",
            entry.path,
            "it is an archive of torch.save whose end is missing",
            "torch.load fails: failed finding central directory",
            "download or copy the file again: it was cut short",
        )


def _lost(opened: Opened, base: str) -> Iterator[FolderFinding]:
    weights = opened.json(os.path.join(base, INDEX)).object().get("weight_map")
    if not isinstance(weights, dict) or opened.file(os.path.join(base, "model.safetensors")) is not None:
        return
    for shard in islice(sorted({one for one in weights.values() if isinstance(one, str)}), _MOST_SHARDS):
        path = os.path.normpath(os.path.join(base, shard))
        if not opened.named(path):
            there = opened.elsewhere(os.path.basename(shard), os.path.dirname(path))
            yield error(
                "missing-shard",
                path,
                f"{INDEX} names it, and it isn't there" + (f", but at {listed(there)}" if there else ""),
                "the model can't be loaded without it",
                "move it to the root of the folder" if there else "download or copy it",
            )
