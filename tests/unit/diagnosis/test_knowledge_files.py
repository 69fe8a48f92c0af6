"""What is shipped about libraries: it can be read, its tests and sources are there, and it's about the libraries themselves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from pytest_envguard.diagnosis.fields import normalised
from pytest_envguard.diagnosis.rules import Library
from pytest_envguard.diagnosis.tables import SHIPPED, load_knowledge, read_file

ROOT = SHIPPED.parents[2]
FILES = sorted(SHIPPED.glob("*.toml"))
EACH_FILE = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)

# A link; a file with the version it was read in; a page of the manual; a run with the version of what ran, or where.
SOURCE = re.compile(
    r"https?://\S+\.\S+"
    r"|[\w.+-]+\.(py|pyi|pyx|c|h|cc|cpp|cu|rs|go|js|ts|toml|rst|md|txt|json|sh)\b.*\b\d+\.\d+"
    r"|\b\d+\.\d+\S*\b.*\b[\w.+-]+\.(py|pyi|pyx|c|h|cc|cpp|cu|rs|go|js|ts|toml|rst|md|txt|json|sh)\b"
    r"|\b\w+\([1-8]\)"
    r"|\brun: .*(\d+\.\d+| in \w+)"
)
OURS = re.compile(
    r"/work/|/opt/eg|/root/\w|\bfacts[:/]|libraries\.md|\bmirror\b|exvenv|eg-truth|\bissue \d+\b|\bcontract\b",
    re.IGNORECASE,
)


def origins(library: Library) -> Iterator[tuple[str, str, str]]:
    """Yield what says something of its origin: its name, how it's verified, and the source."""
    for use in library.uses:
        yield use.what, use.verified, use.source
    for rule in library.rules:
        yield rule.name, rule.verified, rule.source
        for offer in rule.offers:
            yield f"{rule.name}: {offer.remedy.title}", offer.verified, offer.source


def shown_by(library: Library) -> Iterator[str]:
    """Yield the tests that are named."""
    for use in library.uses:
        yield use.check
    for rule in library.rules:
        yield from (rule.check, rule.unlike)


@cache
def functions(file: Path) -> frozenset[str]:
    """Return the tests in a file as pytest names them, without parameters."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{own.name}" for own in node.body if isinstance(own, ast.FunctionDef)}
    return frozenset(name for name in found if name.rpartition("::")[2].startswith("test_"))


def test_there_are_files() -> None:
    """Otherwise nothing below would be looked at."""
    assert FILES
    assert load_knowledge(None).names() == [path.stem for path in FILES]


@EACH_FILE
def test_it_can_be_read_and_is_named_after_its_library(path: Path) -> None:
    """All that is shipped is checked as strictly as it can be, and one look-up finds it."""
    library = read_file(path)
    assert library.name == normalised(path.stem) == path.stem
    assert library.uses or library.rules or library.notes


@EACH_FILE
def test_the_tests_that_it_names_exist(path: Path) -> None:
    """What shows a claim, and what a rule doesn't match, can be run."""
    missing = []
    for nodeid in filter(None, shown_by(read_file(path))):
        file, _, name = nodeid.partition("::")
        if not (ROOT / file).is_file() or name.partition("[")[0] not in functions(ROOT / file):
            missing.append(nodeid)
    assert not missing


@EACH_FILE
def test_sources_can_be_looked_up(path: Path) -> None:
    """Each is a link, a file with a version, or a run; what isn't verified by a run has one."""
    bad = [
        (name, source)
        for name, verified, source in origins(read_file(path))
        if (source or verified != "run") and not SOURCE.search(source)
    ]
    assert not bad


@EACH_FILE
def test_it_says_nothing_about_where_it_was_written(path: Path) -> None:
    """No folders of somebody's machine, and nothing that only its authors can read."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if OURS.search(line)] == []


@EACH_FILE
def test_sentences_are_short_and_without_their_full_stop(path: Path) -> None:
    """They are put together with others."""
    library = read_file(path)
    said = [rule.says for rule in library.rules]
    said += [offer.remedy.says for rule in library.rules for offer in rule.offers]
    assert [text for text in (*said, library.summary) if text.endswith(".") or "\n" in text or len(text) > 400] == []


@pytest.mark.parametrize(
    ("source", "good"),
    [
        (
            "litellm/litellm_core_utils/default_encoding.py (1.53.9 and 1.106.2); https://github.com/BerriAI/litellm/pull/4119",
            True,
        ),
        ("https://github.com/BerriAI/litellm/pull/4119", True),
        ("CPython 3.11 Lib/tempfile.py", True),
        ("tempfile.py (CPython 3.11)", True),
        ("run: litellm 1.53.9 in lambda", True),
        ("run: multiprocessing in lambda", True),
        ("run: CPython 3.11 with /dev/shm of 1 MiB", True),
        ("mmap(2): EPERM for PROT_EXEC of a file on a mount with noexec", True),
        ("", False),
        ("seen once", False),
        ("run: it fails", False),
        ("litellm", False),
        ("tempfile.py", False),
        ("EROFS below litellm's folder although TIKTOKEN_CACHE_DIR=/tmp/tk", False),
    ],
)
def test_what_a_source_is(source: str, good: bool) -> None:
    """Of the expression above."""
    assert bool(SOURCE.search(source)) is good


def test_tests_are_found_by_name() -> None:
    """Of the function above: this file's own, and nothing else in it."""
    own = functions(Path(__file__))
    assert "test_tests_are_found_by_name" in own
    assert not own & {"shown_by", "origins", "functions"}
