"""A package index on the disk, with packages made for a test, and cells without a suite."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest


def wheel(
    folder: Path,
    name: str,
    version: str,
    requires: Iterable[str] = (),
    *,
    python: str = "",
) -> Path:
    """Make a wheel with one module, which knows its version."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {one}" for one in requires] + ([f"Requires-Python: {python}"] if python else [])
    content = {f"{module}.py": f"VERSION = {version!r}\n"}
    content[f"{info}/METADATA"] = "\n".join([*lines, "", ""])
    content[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    content[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*content, f"{info}/RECORD"])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name_within, text in content.items():
            archive.writestr(name_within, text)
    return path


def index(folder: Path, python: Mapping[str, str] | None = None) -> str:
    """Make a PEP 503 index of the wheels in ``folder`` and return its address; ``python`` has specifiers by file name."""
    pages: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.whl")):
        needs = (python or {}).get(path.name, "").replace(">", "&gt;").replace("<", "&lt;")
        attribute = f' data-requires-python="{needs}"' if needs else ""
        link = f'<a href="../../{path.name}"{attribute}>{path.name}</a>'
        pages.setdefault(path.name.partition("-")[0].replace("_", "-"), []).append(link)
    for name, links in pages.items():
        page = folder / "simple" / name
        page.mkdir(parents=True, exist_ok=True)
        (page / "index.html").write_text("\n".join(["<!DOCTYPE html><html><body>", *links, "</body></html>"]))
    return (folder / "simple").as_uri()


def alone(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Leave nothing of this machine's settings of pip and uv; keep the store and uv's cache in ``folder``."""
    import os

    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(folder / "uv"))
    monkeypatch.setenv("PYTEST_ENVGUARD_CACHE", str(folder / "envguard"))
