"""Where an installed package lies; nothing of it is imported."""

from __future__ import annotations

import importlib.util
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


def locate(name: str) -> Path | None:
    """Return the folder of a module, or of the first module of a distribution, None where it isn't installed."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        return None
    return _of_module(re.sub(r"[-.]+", "_", name)) or _of_distribution(name)


def _of_module(name: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return next((Path(place) for place in spec.submodule_search_locations if Path(place).is_dir()), None)


def _of_distribution(name: str) -> Path | None:
    try:
        files = distribution(name).files or []
    except (PackageNotFoundError, ValueError):
        return None
    tops = (file for file in files if len(file.parts) > 1 and not file.parts[0].endswith((".dist-info", "..")))
    first = next(tops, None)
    return Path(str(first.locate())).parents[len(first.parts) - 2] if first is not None else None


def version(name: str) -> str:
    """Return the version of a distribution, "" where it isn't installed."""
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return ""


def numbers(version: str) -> tuple[int, ...]:
    """Return the first three numbers of a release, to compare; nothing for what is none."""
    match = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    return tuple(int(part or 0) for part in match.groups()) if match else ()
