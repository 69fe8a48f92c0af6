"""Who the failing line is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_envguard.evidence.mentions import mentions_of

from .failing import Load, caught

PROJECT = """
import os, pathlib
import os.path as p
import cachelib
from cachelib import works as do_they, Cache
import pytest

def ours():
    import sqlite3
    return do_they()

class Own:
    cache = Cache()
    def load(self):
        return pathlib.Path("/")

def test_it():
    own, cache, text, number = Own(), Cache(), do_they(), 3
    made = cachelib.make(
        "a")
    {line}
"""
CACHELIB = """
class Cache:
    def get(self): raise OSError(30, "no")
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def __getattr__(self, name): raise RuntimeError("nobody asked")
def works(): return ""
def make(_): return ""
def fail(): raise OSError(30, "no")
"""


@pytest.mark.parametrize(
    ("line", "packages"),
    [
        ("assert cachelib.works().startswith('/tmp')", ("cachelib",)),
        ("assert do_they()", ("cachelib",)),
        ("assert os.path.isfile(cachelib.works())", ("os", "cachelib")),
        ("assert p.isfile('')", ("os",)),
        ("assert pathlib.Path('/') == 3", ("pathlib",)),
        ("cache.get()", ("cachelib",)),
        ("assert made", ("cachelib",)),
        ("assert text", ("cachelib",)),
        ("assert number == 4", ()),
        ("assert ours()", ("sqlite3", "cachelib")),
        ("assert own.load() == 1", ("pathlib",)),
        ("assert own.cache is None", ()),
        ("import nonexistent_library", ("nonexistent_library",)),
        ("from nonexistent.library import x", ("nonexistent",)),
        ("assert (\n        1 ==\n        cachelib.works())", ("cachelib",)),
        ("if cachelib.fail():\n        os.getcwd()", ("cachelib",)),
        ("with cache:\n        pathlib.Path('/').resolve()\n        do_they(1)", ("cachelib",)),
        ("with pytest.raises(OSError):\n        do_they()", ("cachelib",)),
        ("[cachelib.fail() for _ in 'a']", ("cachelib",)),
        ("pytest.fail('no')", ()),
        ("unknown_name", ()),
    ],
)
def test_the_failing_line_names_packages(load: Load, tmp_path: Path, line: str, packages: tuple[str, ...]) -> None:
    """In the order in which they stand there; functions of the project stand for what they name."""
    load("cachelib", CACHELIB, library=True)
    test = load("test_it", PROJECT.format(line=line))
    error = caught(test.test_it)
    assert mentions_of([error], str(tmp_path)) == packages


def test_the_innermost_line_of_the_project_counts(load: Load, tmp_path: Path) -> None:
    """Of each exception, the reported one first: what it was raised of failed in another line."""
    load("cachelib", CACHELIB, library=True)
    load(
        "app",
        "import cachelib, shelve\ndef go():\n    try:\n        cachelib.fail()\n    except OSError:\n        shelve.open(3)\n",
    )
    test = load("test_it", "import app\ndef test_a():\n    app.go()\n")
    error = caught(test.test_a)
    assert error.__context__ is not None
    assert mentions_of([error, error.__context__], str(tmp_path)) == ("shelve", "cachelib")
