"""Files of tensors: headers against sizes, and shards against their index. No tensor is read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from pytest_envguard.model.modelfolder import FolderFinding
from pytest_envguard.modelfolder import documents, reading
from pytest_envguard.modelfolder.opened import Opened
from pytest_envguard.modelfolder.reading import Entry
from pytest_envguard.modelfolder.wording import error, listed, note, shown, size_of, warning

END = ".safetensors"
INDEX = "model.safetensors.index.json"
_MOST_HEADERS = 400_000_000  # bytes of all headers of a folder
_MOST_SHARDS = 10_000
_LARGEST_HEADER = 100_000_000  # safetensors/src/tensor.rs, MAX_HEADER_SIZE
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<all>\d{5})\.safetensors")
_FORMATS = ("pt", "tf", "flax", "mlx")  # transformers 4.57.6, modeling_utils.py
_AGAIN = "download or copy the file again"
_REFUSED = "safetensors refuses the whole file, and so does everything that loads it"

#: Bits of one element (run: safetensors 0.8.0).
BITS = {
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
}


class Header(NamedTuple):
    """What a file says of itself.

    Attributes:
        tensors: Names.
        metadata: Texts; None where there is none.
        problem: What is wrong with it, as kind and words; () where nothing is.
        size: Bytes of it that were read.
    """

    tensors: frozenset[str] = frozenset()
    metadata: dict[str, Any] | None = None
    problem: tuple[str, ...] = ()
    size: int = 0


def header_of(path: str, size: int, most: int = _LARGEST_HEADER) -> Header:
    """Return a file's header, checked as safetensors/src/tensor.rs (`read_metadata`, `validate`) does.

    Args:
        path: The file.
        size: Its bytes.
        most: Bytes that may be read of it.

    Raises:
        OSError: The file can't be read.
    """
    start = reading.beginning(path, 8)
    if len(start) < 8:
        return Header(problem=("truncated-weights", f"it has {size} bytes, and its header alone starts with 8"))
    length = int.from_bytes(start, "little")
    if length > _LARGEST_HEADER:
        return Header(problem=("bad-weights", f"its header would have {size_of(length)}: this is no safetensors file"))
    if 8 + length > size:
        lost = f"its header has {size_of(length)}, and the file only {size_of(size)}"
        return Header(problem=("truncated-weights", lost))
    if length > most:
        return Header(problem=("oversized", "its header isn't read: the folder has more of them than are read"))
    found = _parsed(reading.part(path, 8, length), size - 8 - length)
    return found._replace(size=length)


def _parsed(data: bytes, room: int) -> Header:
    found = documents.parsed(data)
    if found.problem is not None:
        kind = "oversized" if found.problem.oversized else "bad-weights"
        return Header(problem=(kind, f"its header isn't read: {found.problem.reason}"))
    if not isinstance(found.value, dict):
        return Header(problem=("bad-weights", "its header is no JSON object"))
    if found.constants:
        return Header(problem=("bad-weights", f"its header has {listed(found.constants)}, which JSON doesn't"))
    return _checked(found.value, room)


def _checked(header: dict[str, Any], room: int) -> Header:
    metadata = header.pop("__metadata__", None)
    if metadata is not None and not (
        isinstance(metadata, dict) and all(isinstance(value, str) for value in metadata.values())
    ):
        return Header(problem=("bad-weights", "the values of __metadata__ in its header aren't all texts"))
    names = frozenset(header)
    places: list[tuple[int, int, str]] = []
    for name, tensor in header.items():
        if reason := _wrong(tensor):
            return Header(names, metadata, ("bad-weights", f"tensor {shown(name, 80)} {reason}"))
        places.append((*tensor["data_offsets"], name))
    return Header(names, metadata, _misplaced(sorted(places), room))


def _wrong(tensor: Any) -> str:
    """Return what is wrong with a tensor's own description."""
    if not isinstance(tensor, dict) or not {"dtype", "shape", "data_offsets"} <= tensor.keys():
        return "has no dtype, shape and data_offsets"
    kind, shape, offsets = tensor["dtype"], tensor["shape"], tensor["data_offsets"]
    if not isinstance(kind, str) or kind not in BITS:
        return f"has the dtype {shown(repr(kind), 40)}, which safetensors 0.8.0 doesn't know"
    if not _counts(shape) or not _counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        return "has a shape or data_offsets that are none"
    bits = BITS[kind]
    for size in shape:
        bits *= size
        if bits >= 2**67:  # more bytes than a u64 counts
            return "has a shape larger than any memory"
    needed, given = bits / 8, offsets[1] - offsets[0]
    return "" if needed == given else f"needs {bits // 8:,} bytes by its dtype and shape, and has {given:,}"


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(one) is int and 0 <= one < 2**64 for one in value)


def _misplaced(places: list[tuple[int, int, str]], room: int) -> tuple[str, ...]:
    """Return what is wrong with where tensors are: they have to fill the file, one after another."""
    end = 0
    for start, stop, name in places:
        if start != end:
            what = "overlaps the one before it" if start < end else f"leaves a hole of {start - end:,} bytes before it"
            return "bad-weights", f"tensor {shown(name, 80)} {what}"
        end = stop
    if end > room:
        return "truncated-weights", f"{size_of(end - room)} of {size_of(end)} are missing at its end"
    if end < room:
        return "bad-weights", f"there are {size_of(room - end)} behind its last tensor"
    return ()


def findings(opened: Opened, base: str = "") -> Iterator[FolderFinding]:
    """Check every file of tensors, and in ``base`` the index.

    Args:
        opened: The folder.
        base: Where transformers reads from.
    """
    headers = _headers(opened)
    for path, header in headers.items():
        yield from _of_header(path, header)
    yield from _formats(headers, base, opened)
    yield from _of_index(opened, headers, base)


def _headers(opened: Opened) -> dict[str, Header]:
    found: dict[str, Header] = {}
    left = _MOST_HEADERS
    for entry in opened.files():
        if entry.path.endswith(END) and entry.path not in opened.rotten:
            header = _header(opened, entry, left)
            if header is not None:
                found[entry.path] = header
                left -= header.size
    return found


def _header(opened: Opened, entry: Entry, most: int) -> Header | None:
    try:
        return header_of(opened.absolute(entry.path), entry.size, most)
    except OSError:
        return None  # said where files are that can't be read


def _of_header(path: str, header: Header) -> Iterator[FolderFinding]:
    if not header.problem:
        return
    kind, what = header.problem
    if kind == "oversized":
        yield warning(kind, path, what, "whether the file is whole isn't known", "load it to find out")
    else:
        cut = kind == "truncated-weights"
        yield error(kind, path, what, _REFUSED, f"{_AGAIN}: it was cut short" if cut else _AGAIN)


def _formats(headers: dict[str, Header], base: str, opened: Opened) -> Iterator[FolderFinding]:
    """Look at what transformers below 5 wants to know of who wrote the weights."""
    if opened.file(os.path.join(base, "config.json")) is None:
        return
    asked = [path for path, header in headers.items() if not header.problem and _is_transformers(path, base)]
    other = [path for path in asked if _format(headers[path]) not in _FORMATS and headers[path].metadata is not None]
    none = [path for path in asked if headers[path].metadata is None]
    if other:
        yield warning(
            "weights-format",
            other[0],
            f"__metadata__ of {listed(other)} doesn't say a format of {', '.join(_FORMATS)}",
            "transformers before 5 refuses to load such a file (modeling_utils.py of 4.38.2 and 4.57.6)",
            'write it again with metadata={"format": "pt"}, or use transformers 5',
        )
    if none:
        yield note(
            "weights-format",
            none[0],
            f"{listed(none)} {'has' if len(none) == 1 else 'have'} no __metadata__",
            "old releases of transformers fail with AttributeError (4.38.2); 4.57.6 and 5.23.0 don't mind",
            'write it again with metadata={"format": "pt"} where an old release loads it',
        )


def _is_transformers(path: str, base: str) -> bool:
    name = os.path.basename(path)
    return os.path.dirname(path) == base and (name == "model.safetensors" or bool(_SHARD.fullmatch(name)))


def _format(header: Header) -> str:
    return str((header.metadata or {}).get("format"))


def _of_index(opened: Opened, headers: dict[str, Header], base: str) -> Iterator[FolderFinding]:
    path = os.path.join(base, INDEX)
    shards = {entry.path for entry in opened.at_root(base) if _SHARD.fullmatch(os.path.basename(entry.path))}
    single = opened.file(os.path.join(base, "model" + END)) is not None
    if opened.file(path) is None:
        if shards and not single and not opened.named(path):
            yield from _no_index(opened, sorted(shards), path)
        return
    index = opened.json(path)
    if index.problem is not None or path in opened.rotten:
        return  # said where documents are read
    weights = index.object().get("weight_map")
    if not isinstance(weights, dict) or not all(isinstance(shard, str) for shard in weights.values()):
        yield error("bad-index", path, "it has no weight_map of texts", "no shard can be found", "save the model again")
        return
    if "metadata" not in index.object():
        yield error(
            "bad-index", path, "it has no metadata", "transformers raises KeyError: 'metadata'", 'add "metadata": {}'
        )
    if single:
        yield warning(
            "two-weights",
            os.path.join(base, "model" + END),
            "there are both model.safetensors and an index of shards",
            "transformers loads model.safetensors and never looks at the shards: which are newer?",
            "remove those that aren't meant",
        )
    yield from _of_map(opened, headers, base, weights)
    left = sorted(shards - {os.path.join(base, shard) for shard in weights.values()})
    if left and not single:
        yield warning(
            "unused-shard", left[0], f"the index doesn't name {listed(left)}", "left over of another save?", "remove it"
        )


def _no_index(opened: Opened, shards: list[str], path: str) -> Iterator[FolderFinding]:
    there = opened.elsewhere(os.path.basename(path), os.path.dirname(path))
    yield error(
        "missing-index",
        path,
        f"there are shards such as {shown(os.path.basename(shards[0]))}, and no {INDEX}"
        + (f"; one is at {listed(there)}" if there else ""),
        "without it nothing says which tensor is where, and transformers finds no weights",
        f"{'move it' if there else 'copy it'} beside the shards",
    )


def _of_map(opened: Opened, headers: dict[str, Header], base: str, weights: dict[str, str]) -> Iterator[FolderFinding]:
    index = os.path.join(base, INDEX)
    wanted: dict[str, list[str]] = {}
    for tensor, shard in weights.items():
        wanted.setdefault(shard, []).append(tensor)
    for shard, tensors in islice(sorted(wanted.items()), _MOST_SHARDS):
        path = os.path.normpath(os.path.join(base, shard))
        if os.path.isabs(shard) or path.startswith(".."):
            yield error(
                "outside-shard",
                index,
                f"it names {shown(shard)}, which isn't in the folder",
                "",
                "save the model again",
            )
        elif not opened.named(path):
            yield _no_shard(opened, path, shard, len(tensors))
        elif path in headers and not headers[path].problem:
            yield from _of_shard(path, headers[path], tensors)


def _no_shard(opened: Opened, path: str, shard: str, tensors: int) -> FolderFinding:
    there = opened.elsewhere(os.path.basename(shard), os.path.dirname(path))
    return error(
        "missing-shard",
        path,
        f"it isn't there, and {tensors:,} {'tensor is' if tensors == 1 else 'tensors are'} in it"
        + (f"; there is one at {listed(there)}" if there else ""),
        "the model can't be loaded without it",
        "move it to the root of the folder" if there else "download or copy it",
    )


def _of_shard(path: str, header: Header, tensors: list[str]) -> Iterator[FolderFinding]:
    lost = sorted(set(tensors) - header.tensors)
    more = sorted(islice(header.tensors - set(tensors), 1000))
    if lost:
        yield error(
            "missing-tensor",
            path,
            f"{len(lost):,} of the {len(tensors):,} tensors that the index places in it aren't there: {listed(lost)}",
            "they are initialised at random, or loading fails: the index is of another save",
            "copy the index and the shards of one save",
        )
    if more:
        yield note(
            "unnamed-tensor",
            path,
            f"it has tensors that the index doesn't name: {listed(more)}",
            "what loads by the index may leave them out",
        )
