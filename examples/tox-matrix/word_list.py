"""A word list: the words that are deployed with the program, and those that its user has added."""

from __future__ import annotations

from pathlib import Path

import platformdirs
from filelock import SoftFileLock

DEPLOYED = Path(__file__).parent / "words"
PATIENCE = 1  # second for another process that is just adding words


def own() -> Path:
    """Return the folder of the user's own words, which need not exist."""
    return Path(platformdirs.user_data_dir("word-list"))


def words() -> list[str]:
    """Return all words in alphabetical order."""
    return sorted({*_read(DEPLOYED), *_read(own())})


def _read(folder: Path) -> list[str]:
    """Read one folder's words: under a lock, or without where there can't be one, since then nobody adds words either."""
    file = folder / "words.txt"
    if not file.exists():
        return []
    try:
        with SoftFileLock(str(file.with_suffix(".lock")), timeout=PATIENCE):
            return file.read_text(encoding="utf-8").split()
    except OSError:
        return file.read_text(encoding="utf-8").split()
