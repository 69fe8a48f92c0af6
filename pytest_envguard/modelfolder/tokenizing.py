"""Tokenizers: the files that are there against the class that is named, and identifiers against the model's vocabulary."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from pytest_envguard.model.modelfolder import FolderFinding
from pytest_envguard.modelfolder import reading
from pytest_envguard.modelfolder.configuration import CONFIG, TOKENIZER_CONFIG
from pytest_envguard.modelfolder.opened import Opened
from pytest_envguard.modelfolder.tokenizer_files import (
    EVERY_NAME,
    GENERIC,
    PIECES,
    SLOW_ONLY,
    TIKTOKEN,
    WITHOUT_FILES,
    files_of,
)
from pytest_envguard.modelfolder.wording import error, listed, note, shown, size_of, warning

FAST, SENTENCEPIECE, WORDPIECE, BPE, RANKS, CUSTOM = "fast", "sentencepiece", "wordpiece", "bpe", "tiktoken", "custom"
_FULL = "tokenizer.json"
_LARGEST_PIECES = 64_000_000
_MOST_FIELDS = 1_000_000  # the largest vocabularies have 262,144 pieces
_RANK = re.compile(rb"[A-Za-z0-9+/]+={0,2} \d+\r?\n")


def kinds_of(opened: Opened, base: str = "") -> tuple[str, ...]:
    """Return which kinds of tokenizer files are directly in ``base``."""
    names = {os.path.basename(entry.path): entry.path for entry in opened.at_root(base)}
    models = [path for name, path in names.items() if name in PIECES]
    ranks = [path for path in models if _is_ranks(opened, path)]
    found = {
        FAST: _FULL in names,
        SENTENCEPIECE: len(models) > len(ranks),
        WORDPIECE: "vocab.txt" in names and "bpe.codes" not in names,
        BPE: {"vocab.json", "merges.txt"} <= names.keys() or {"vocab.txt", "bpe.codes"} <= names.keys(),
        RANKS: bool(ranks) or any(name.endswith(TIKTOKEN) for name in names),
        CUSTOM: _is_custom(opened, base),
    }
    return tuple(kind for kind, there in found.items() if there)


def _is_ranks(opened: Opened, path: str) -> bool:
    """Tell a file of tiktoken, lines of a token in base64 and its rank, which often has a SentencePiece model's name."""
    try:
        return bool(_RANK.match(reading.beginning(opened.absolute(path), 500)))
    except OSError:
        return False


def _is_custom(opened: Opened, base: str) -> bool:
    mapped = opened.json(os.path.join(base, TOKENIZER_CONFIG)).object().get("auto_map")
    return isinstance(mapped, list) or (isinstance(mapped, dict) and "AutoTokenizer" in mapped)


def _class_of(opened: Opened, base: str) -> str:
    for name in (TOKENIZER_CONFIG, CONFIG):
        found = opened.json(os.path.join(base, name)).object().get("tokenizer_class")
        if isinstance(found, str) and found:
            return found
    return ""


def findings(opened: Opened, base: str = "", *, weights: bool = False) -> Iterator[FolderFinding]:
    """Check the tokenizer in ``base``.

    Args:
        opened: The folder.
        base: Where transformers reads from.
        weights: Whether a model is there, which hardly is of use without one.
    """
    kinds = kinds_of(opened, base)
    if CUSTOM in kinds:
        return  # what its own code reads isn't known
    if kinds:
        yield from _of_class(opened, base, kinds)
        yield from _needs(opened, base, kinds)
    else:
        yield from _none(opened, base, weights=weights)
    yield from _full(opened, base)
    yield from _pieces(opened, base, kinds)


def _none(opened: Opened, base: str, *, weights: bool) -> Iterator[FolderFinding]:
    cls = _class_of(opened, base)
    if cls.removesuffix("Fast") in WITHOUT_FILES:
        return
    has_config = opened.file(os.path.join(base, TOKENIZER_CONFIG)) is not None
    if not has_config and not (weights and isinstance(_vocabulary(opened, base), int)):
        return
    if any(opened.named(os.path.join(base, name)) for name in EVERY_NAME):
        return  # it's there, and said to lead nowhere
    there = sorted(path for name in EVERY_NAME for path in opened.elsewhere(name, base))
    wanted = " or ".join(dict.fromkeys([_FULL, " with ".join(files_of(cls))])) if files_of(cls) else _FULL
    make = error if has_config or there else warning
    yield make(
        "missing-tokenizer",
        os.path.join(base, _FULL),
        f"there is no file of a tokenizer ({shown(wanted)})"
        + (f" at the root, but there is {listed(there)}" if there else ""),
        "AutoTokenizer.from_pretrained looks at the root only: it fails, or (transformers 5) gives a tokenizer without"
        " a vocabulary and says nothing",
        "move it to the root of the folder" if there else "save the tokenizer into the folder: save_pretrained",
    )


def _of_class(opened: Opened, base: str, kinds: tuple[str, ...]) -> Iterator[FolderFinding]:
    cls = _class_of(opened, base)
    stem = cls.removesuffix("Fast")
    place = os.path.join(base, TOKENIZER_CONFIG if opened.file(os.path.join(base, TOKENIZER_CONFIG)) else CONFIG)
    if cls in GENERIC and FAST not in kinds:
        yield warning(
            "tokenizer-mismatch",
            place,
            f"tokenizer_class is {shown(cls)}, and there is no {_FULL}, only {listed(kinds)} files",
            "transformers 4.x can't load it: this class reads tokenizer.json and nothing else; 5 tries to convert",
            f"load it with transformers 5 and save it again, which writes {_FULL}",
        )
        return
    wanted = files_of(cls)
    missing = [name for name in wanted if opened.file(os.path.join(base, name)) is None]
    if not missing or (FAST in kinds and stem not in SLOW_ONLY):
        return
    there = sorted(path for name in missing for path in opened.elsewhere(name, base))
    make = warning if FAST in kinds or RANKS in kinds else error
    yield make(
        "tokenizer-mismatch",
        place,
        f"tokenizer_class is {shown(cls)}, which reads {' and '.join(wanted)}; {listed(missing)} isn't at the root"
        + (f", but {listed(there)} is there" if there else f", where {listed(kinds)} files are"),
        "there is no tokenizer.json to take instead"
        if FAST not in kinds
        else "this class has no fast form, so that tokenizer.json doesn't help it",
        "move it to the root of the folder" if there else "copy the missing file, or correct tokenizer_class",
    )


def _needs(opened: Opened, base: str, kinds: tuple[str, ...]) -> Iterator[FolderFinding]:
    if FAST in kinds and _class_of(opened, base).removesuffix("Fast") not in SLOW_ONLY:
        return
    packages = ("sentencepiece", "protobuf") if SENTENCEPIECE in kinds else ("tiktoken",) if RANKS in kinds else ()
    if not packages:
        return
    path = next(
        entry.path
        for entry in opened.at_root(base)
        if (name := os.path.basename(entry.path)) in PIECES or name.endswith(TIKTOKEN)
    )
    missing = [name for name in packages if not _installed(name)]
    make = warning if missing else note
    here = (
        f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed here"
        if missing
        else "here it is"
    )
    yield make(
        "needs-package",
        path,
        f"there is no {_FULL}: the tokenizer is read from this file",
        f"that needs {' and '.join(packages)} where it is loaded; {here}",
        f"pip install {' '.join(packages)} there, or save the tokenizer again where it loads, which writes {_FULL}",
    )


def _installed(name: str) -> bool:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _vocabulary(opened: Opened, base: str) -> int | None:
    """Return how many tokens the model's embedding has, by its configuration."""
    config = opened.json(os.path.join(base, CONFIG)).object()
    inner = config.get("text_config")
    found = config.get("vocab_size", inner.get("vocab_size") if isinstance(inner, dict) else None)
    return found if type(found) is int and found > 0 else None


def _full(opened: Opened, base: str) -> Iterator[FolderFinding]:
    path = os.path.join(base, _FULL)
    found = opened.json(path)
    if opened.file(path) is None or found.problem is not None or path in opened.rotten:
        return
    model = found.object().get("model")
    if not isinstance(model, dict) or "vocab" not in model:
        what = "it is no tokenizer of the tokenizers library: it has no model with a vocab"
        yield error("bad-tokenizer", path, what, "every loader of fast tokenizers fails", "save the tokenizer again")
        return
    yield from _outside(opened, base, path, _highest(model["vocab"], found.object().get("added_tokens")))


def _highest(vocab: Any, added: Any) -> int:
    """Return the highest identifier, -1 where there is none."""
    ids = [len(vocab) - 1] if isinstance(vocab, list) else []
    if isinstance(vocab, dict):
        ids.extend(one for one in vocab.values() if type(one) is int)
    if isinstance(added, list):
        ids.extend(one["id"] for one in added if isinstance(one, dict) and type(one.get("id")) is int)
    return max(ids, default=-1)


def _outside(opened: Opened, base: str, path: str, highest: int) -> Iterator[FolderFinding]:
    size = _vocabulary(opened, base)
    if size is not None and highest >= size:
        yield warning(
            "outside-vocabulary",
            path,
            f"it has identifiers up to {highest:,}, and the model has {size:,} (vocab_size in {CONFIG})",
            "a text with such a token fails with `index out of range`, on a GPU with a device-side assert",
            "take the model's own tokenizer, or resize_token_embeddings and save the model again",
        )


def _pieces(opened: Opened, base: str, kinds: tuple[str, ...]) -> Iterator[FolderFinding]:
    if SENTENCEPIECE not in kinds:
        return
    for entry in opened.at_root(base):
        if os.path.basename(entry.path) not in PIECES or entry.path in opened.rotten or _is_ranks(opened, entry.path):
            continue
        try:
            count, whole = pieces_of(reading.beginning(opened.absolute(entry.path), _LARGEST_PIECES))
        except OSError:
            continue
        if not whole and entry.size <= _LARGEST_PIECES:
            yield error(
                "truncated-tokenizer",
                entry.path,
                f"its {size_of(entry.size)} aren't a whole SentencePiece model: it ends within a field",
                "sentencepiece refuses it",
                "download or copy the file again",
            )
        elif whole and FAST not in kinds:
            yield from _outside(opened, base, entry.path, count - 1)


def pieces_of(data: bytes) -> tuple[int, bool]:
    """Return how many pieces a SentencePiece model has, and whether it's whole.

    Only the outermost fields of the protocol buffer are looked at: field 1 is a piece (sentencepiece_model.proto).
    """
    at = count = 0
    for _ in range(_MOST_FIELDS):
        if at >= len(data):
            return count, at == len(data)
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 2:
            size, at = _varint(data, at)
            at += size
            count += tag >> 3 == 1
        elif wire == 0:
            _, at = _varint(data, at)
        elif wire in {1, 5}:
            at += 8 if wire == 1 else 4
        else:
            return count, False
    return count, True  # as far as it was looked at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        value |= (data[at] & 0x7F) << shift
        at += 1
        if not data[at - 1] & 0x80:
            return value, at
        shift += 7
    return value, len(data) + 1
