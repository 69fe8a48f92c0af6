"""Which distributions are installed below the folders of a path: read, never imported.

`importlib.metadata` parses every description as an e-mail message, which takes several times as long.
What is needed here stands in the header lines of METADATA (PyPA, core metadata specifications) and in the last column of
RECORD (PyPA, recording installed projects).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

EDITABLE = "installed as editable from a local folder"
LOCAL = "installed from a local folder or file"
BY_URL = "installed from a URL"

# A header goes on in the lines below that begin with a blank.
_HEADER = re.compile(rb"\n(Name|Version|Requires-Dist|Requires-Python):(.*(?:\n[ \t].*)*)")
# Lines of RECORD are `file,hash,size`. Expressions are four times as fast as a loop, and torch has 12,000 files.
_SIZE = re.compile(rb",(\d+)\r?\n")
_SIZE_OF_BYTECODE = re.compile(rb"\.pyc\"?,[^,\n]*,(\d+)\r?\n")
_WITHOUT_SIZE = re.compile(rb",,\r?\n")


class Distribution(NamedTuple):
    """An installed distribution.

    Attributes:
        name: Normalised.
        version: As its metadata say.
        requires: Its requirements, as its metadata write them, with markers.
        requires_python: Specifier of the Pythons that it allows; "" for any.
        size: Bytes of its installed files without bytecode; None where it isn't known, as of an editable one.
        origin: "" if it came from an index; else `EDITABLE`, `LOCAL` or `BY_URL`.
    """

    name: str
    version: str
    requires: tuple[str, ...] = ()
    requires_python: str = ""
    size: int | None = None
    origin: str = ""

    @property
    def editable(self) -> bool:
        """Whether its files lie in a folder that somebody works in."""
        return self.origin == EDITABLE


def installed(path: Iterable[str], *, sizes: bool = True) -> tuple[Distribution, ...]:
    """Return the distributions in the folders of ``path`` by name; the first of a name counts, as it does for an import.

    Args:
        path: The ``sys.path`` of the cell's interpreter, or its site-packages alone; what isn't a folder is passed over.
        sizes: Whether their sizes are wanted, which takes half of the time.
    """
    found: dict[str, Distribution] = {}
    for folder in path:
        for distribution in _in(folder, sizes=sizes):
            found.setdefault(distribution.name, distribution)
    return tuple(found[name] for name in sorted(found))


def _in(folder: str, *, sizes: bool) -> Iterator[Distribution]:
    try:
        names = sorted(os.listdir(folder or "."))  # noqa: PTH208  # three times as fast as pathlib
    except OSError:
        return
    for name in names:
        if name.endswith(".dist-info"):
            distribution = _modern(Path(folder, name), sizes=sizes)
        elif name.endswith((".egg-info", ".egg-link")):
            distribution = _old(Path(folder, name))
        else:
            continue
        if distribution:
            yield distribution


def _modern(folder: Path, *, sizes: bool) -> Distribution | None:
    """Read a ``.dist-info``; one without a name or version is what a broken uninstallation left, and None."""
    headers = _headers(folder / "METADATA")
    if not headers.get("Name") or not headers.get("Version"):
        return None
    origin = _origin(folder / "direct_url.json")
    return Distribution(
        name=canonicalize_name(headers["Name"][0]),
        version=headers["Version"][0],
        requires=tuple(headers.get("Requires-Dist", ())),
        requires_python=headers.get("Requires-Python", [""])[0],
        size=_size(folder) if sizes and origin != EDITABLE else None,
        origin=origin,
    )


def _headers(file: Path) -> dict[str, list[str]]:
    """Return the header lines that matter, a value for each time that one stands there."""
    try:
        head = file.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    except OSError:
        return {}
    found: dict[str, list[str]] = {}
    for key, value in _HEADER.findall(b"\n" + head):
        found.setdefault(key.decode(), []).append(" ".join(value.decode(errors="replace").split()))
    return found


def _origin(file: Path) -> str:
    """Return where it came from, as PEP 610 has it written down for everything that isn't from an index."""
    try:
        said = json.loads(file.read_bytes())
    except FileNotFoundError:
        return ""
    except (OSError, ValueError):
        return BY_URL  # it came from somewhere else, and only that is known
    if not isinstance(said, dict):
        return BY_URL
    how = said.get("dir_info")
    if isinstance(how, dict) and how.get("editable"):
        return EDITABLE
    return LOCAL if str(said.get("url", "")).startswith("file:") else BY_URL


def _size(folder: Path) -> int | None:
    """Add up the sizes in RECORD but those of bytecode, which some installers list; a file without one is asked itself."""
    try:
        record = (folder / "RECORD").read_bytes() + b"\n"  # some end without
    except OSError:
        return None
    total = sum(map(int, _SIZE.findall(record)))
    if b".pyc" in record:
        total -= sum(map(int, _SIZE_OF_BYTECODE.findall(record)))
    for match in _WITHOUT_SIZE.finditer(record):  # RECORD itself always is one
        name = record[record.rfind(b"\n", 0, match.start()) + 1 : match.start()].strip(b'"').decode(errors="replace")
        total += 0 if name.endswith(".pyc") else _bytes(folder.parent / name)
    return total


def _bytes(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _old(place: Path) -> Distribution | None:
    """Read an ``.egg-info``, or the link that ``setup.py develop`` left; how large such a package is isn't known."""
    origin, requires = LOCAL, tuple[str, ...]()
    if place.suffix == ".egg-link":
        try:
            target = Path(place.read_text(encoding="utf-8").splitlines()[0].strip())
            place = next(iter(sorted(target.glob("*.egg-info"))))
        except (OSError, IndexError, StopIteration, UnicodeDecodeError):
            return None
        origin = EDITABLE
    if place.is_file():  # made by distutils: a list of headers and nothing else
        headers = _headers(place)
    else:
        headers = _headers(place / "PKG-INFO")
        requires = tuple(metadata.PathDistribution(place).requires or ())
    if not headers.get("Name") or not headers.get("Version"):
        return None
    return Distribution(
        name=canonicalize_name(headers["Name"][0]),
        version=headers["Version"][0],
        requires=requires,
        requires_python=headers.get("Requires-Python", [""])[0],
        origin=origin,
    )
