"""Checks that teams bring along, as a zip file with a package, compiled parts included."""

import importlib
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile


def load(archive: Path) -> ModuleType:
    """Unpack the package of an archive that has its name, and import it from there."""
    folder = tempfile.mkdtemp(prefix="checks-")
    with ZipFile(archive) as packed:
        packed.extractall(folder)
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(archive.stem)
    finally:
        sys.path.remove(folder)
