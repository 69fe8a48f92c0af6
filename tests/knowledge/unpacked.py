"""A test that imports a package from a copy below /tmp, as an application in one file does that unpacks itself there."""

from __future__ import annotations

SOURCE = """
import ctypes, importlib, os, pathlib, shutil, sys, tempfile


def moved(*names):
    site = pathlib.Path(importlib.util.find_spec(names[0]).origin).parent.parent
    folder = pathlib.Path(tempfile.mkdtemp(), "site-packages")
    for name in names:
        shutil.copytree(site / name, folder / name)
    sys.path.insert(0, str(folder))
    module = importlib.import_module(names[0])
    assert module.__file__.startswith("/tmp/")
    return module


def test_own_library():
    lines = pathlib.Path("/proc/self/maps").read_text().splitlines()
    path = next(line.split()[-1] for line in lines if "/libc.so" in line or "/libm.so" in line or "/libffi" in line)
    try:
        ctypes.CDLL(shutil.copy(path, tempfile.mkdtemp()))
    except OSError:
        pass
"""
