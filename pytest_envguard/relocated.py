"""pytest on a project that is shown elsewhere: what it keeps of test files is right there, and what it tells is right outside."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType

    from pytest_envguard.model.relocation import Move

MOVED = "PYTEST_ENVGUARD_MOVED"  # where the project lies outside, for pytest's own process in an environment


def correct_kept_files() -> None:
    """Let code that pytest has compiled, and kept beside the test files, say where these lie here; keep no more of it.

    Python does the first by itself for all other modules; the second would tell a run outside of places inside.
    """
    import _imp  # as importlib does; no other way changes all code objects of a module

    from _pytest.assertion import rewrite

    read: Callable[..., CodeType | None] = rewrite._read_pyc  # noqa: SLF001  # pytest has no public way

    def read_corrected(source: Path, *others: Any, **named: Any) -> CodeType | None:
        code = read(source, *others, **named)
        if code is not None:
            _imp._fix_co_filename(code, str(source))  # type: ignore[attr-defined]  # noqa: SLF001
        return code

    rewrite._read_pyc = read_corrected  # noqa: SLF001
    rewrite._write_pyc = lambda *_others, **_named: False  # noqa: SLF001


def argument(word: str, folder: str, move: Move) -> str:
    """Return a word of pytest's command line, which was given in ``folder``, as it's meant inside.

    A relative path stays as it is, unless it leads out of the folder: what lies around is another place inside.
    """
    path, colons, test = word.partition("::")
    leads_out = not move.moves(folder) or ".." in path.split("/")
    if path and leads_out and not word.startswith(("-", "/")):
        whole = os.path.normpath(os.path.join(folder, path))  # noqa: PTH118  # texts
        if move.moves(whole) and os.path.exists(whole):  # noqa: PTH110
            return move.path(whole) + colons + test
    return move.word(word)


def arguments(words: Iterable[str], folder: str, move: Move) -> list[str]:
    """Return pytest's command line, which was given in ``folder``, as it's meant inside."""
    return [f"--rootdir={move.target}", *(argument(word, folder, move) for word in words)]


def tell_outside(report: Any, move: Move) -> None:
    """Let a report name the files of the project as they are called outside; what a program has said stays as it is."""
    told = report.longrepr
    if isinstance(told, tuple) and len(told) == 3:  # why and where a test was skipped
        report.longrepr = (move.back(str(told[0])), *told[1:])
        return
    for place in _places(told):
        place.path = move.back(str(place.path))
    for lines in _native(told):
        lines[:] = [line.replace(f'File "{move.target}/', f'File "{move.back(move.target)}/') for line in lines]
    if isinstance(text := getattr(told, "longrepr", None), str):  # of a file that could not be imported
        head = "while importing test module '"
        told.longrepr = text.replace(f"{head}{move.target}/", f"{head}{move.back(move.target)}/")


def coverage_outside(data: bytes, move: Move) -> bytes:
    """Return coverage's data, as it's sent from process to process, with files named as they are called outside."""
    import inspect
    from types import SimpleNamespace

    from coverage import CoverageData

    received, renamed = CoverageData(no_disk=True), CoverageData(no_disk=True)
    received.loads(data)
    takes_function = "map_path" in inspect.signature(CoverageData.update).parameters  # from coverage 7.6.11 on
    renamed.update(
        received, **{"map_path": move.back} if takes_function else {"aliases": SimpleNamespace(map=move.back)}
    )
    sent: bytes = renamed.dumps()  # typed where coverage isn't installed, too
    return sent


def _tracebacks(told: Any) -> Iterator[Any]:
    chain = getattr(told, "chain", None)
    yield from (one[0] for one in chain) if chain else filter(None, [getattr(told, "reprtraceback", None)])


def _places(told: Any) -> Iterator[Any]:
    """Yield what names a file and a line."""
    chain = getattr(told, "chain", None)
    crashes = [one[1] for one in chain] if chain else []
    entries = (entry for traceback in _tracebacks(told) for entry in traceback.reprentries)
    found = (getattr(told, "reprcrash", None), *crashes, *(getattr(entry, "reprfileloc", None) for entry in entries))
    yield from {id(place): place for place in found if place is not None}.values()


def _native(told: Any) -> Iterator[list[str]]:
    """Yield the lines of tracebacks that Python itself has written."""
    for traceback in _tracebacks(told):
        yield from (entry.lines for entry in traceback.reprentries if getattr(entry, "style", "") == "native")
