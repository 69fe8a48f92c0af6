"""What a torch that is installed was built with: read from its files, never imported."""

from __future__ import annotations

import ast
import mmap
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pytest_envguard.packages.cuda import Torch, Version

_LARGEST = 1 << 16  # bytes of version.py
_LONGEST = 600  # bytes of the list
# What torch.cuda.get_arch_list() splits (torch/csrc/cuda/Module.cpp, CUDA_ARCH_FLAGS), as text in the library.
_TARGETS = re.compile(rb"\0((?:sm|compute)_\d{2,3}[af]?(?: (?:sm|compute)_\d{2,3}[af]?)*)\0")
_BEGINNINGS = (b"\0sm_", b"\0compute_")  # an expression alone takes ten times as long for 30 MB


def torch_on(path: Iterable[str]) -> Torch | None:
    """Return the torch that an import would find on ``path``; None where there is none.

    A torch whose ``version.py`` can't be read has an empty version.
    """
    for folder in path:
        place = Path(folder, "torch")
        if (place / "__init__.py").is_file():
            return _torch(place)
    return None


def _torch(place: Path) -> Torch:
    said = _assignments(place / "version.py")
    cuda, version = said.get("cuda"), said.get("__version__") or ""
    other = next((f"{label} {said[key]}" for key, label in _OTHERS if said.get(key)), "")
    return Torch(version, _version(cuda), other, _targets(place) if cuda else (), str(place.parent))


_OTHERS = (("rocm", "ROCm"), ("hip", "ROCm (HIP)"), ("xpu", "Intel XPU"))


def _version(text: str | None) -> Version | None:
    match = re.match(r"(\d+)\.(\d+)", text or "")
    return (int(match[1]), int(match[2])) if match else None


def _assignments(file: Path) -> dict[str, str]:
    """Return the names at the top of a module that a text is assigned to."""
    try:
        with file.open("rb") as opened:
            tree = ast.parse(opened.read(_LARGEST))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found = {}
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
            found[target.id] = value.value
    return found


def _targets(place: Path) -> tuple[str, ...]:
    """Return what the library is compiled for, as it stands in the file; empty where it doesn't."""
    for name in ("libtorch_python.so", "libtorch_cuda.so"):
        try:
            with (
                (place / "lib" / name).open("rb") as file,
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text,
            ):
                found = max(_lists(text), key=len, default=b"")
        except (OSError, ValueError):  # not there, or empty
            continue
        if found:
            return tuple(found.decode().split())
    return ()


def _lists(text: mmap.mmap) -> Iterator[bytes]:
    for beginning in _BEGINNINGS:
        place = text.find(beginning)
        while place >= 0:
            match = _TARGETS.match(text[place : place + _LONGEST])
            if match:
                yield match[1]
            place = text.find(beginning, place + 1)


def overwriting(path: Iterable[str]) -> dict[tuple[str, str], int]:
    """Return which two of NVIDIA's distributions have installed files of the same names, and how many.

    Whichever was installed last has overwritten the other's: the wheels of one library for several CUDA versions share a
    folder, ``nvidia/cudnn/lib`` for one.
    """
    owners: dict[str, str] = {}
    found: dict[tuple[str, str], int] = {}
    for folder in path:
        for info in sorted(Path(folder).glob("nvidia_*.dist-info")):
            name = info.name.partition("-")[0].replace("_", "-")
            for file in _libraries(info / "RECORD"):
                other = owners.setdefault(f"{folder}/{file}", name)
                if other != name:
                    found[other, name] = found.get((other, name), 0) + 1
    return found


def _libraries(record: Path) -> Iterator[str]:
    try:
        lines = record.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        file = line.partition(",")[0]
        if re.search(r"/lib/[^/]+\.so[.\d]*$", file):
            yield file
