"""The process that builds one cell: it ends, and takes a half-made cell with it, when the one that has started it does.

It's told what to build in the first line of its standard input, which stays open for as long as its parent lives. What it
has to say are lines of JSON. The lock of the cell is this process's: a parent that is killed leaves it locked until nothing
half-made is there any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from pytest_envguard.matrix import store
from pytest_envguard.matrix.uv import NO_DISK, NOT_BUILT, Failure, Uv, UvError, die_with_parent

WAITING = "waiting for another run"
BUILDING = "building"
COMPILING = "compiling bytecode"

# Explicitly by time: SOURCE_DATE_EPOCH would turn the default into something that every import has to hash the source for.
_COMPILER = """
import py_compile, sys
for line in sys.stdin.buffer.read().split(b"\\0"):
    try:
        py_compile.compile(line.decode("utf-8", "surrogateescape"), doraise=True,
                           invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)
    except Exception:
        pass
"""
_ASK = "import json, platform, sys; print(json.dumps([sys.path, sys.base_prefix, platform.python_version()]))"
_FULL = frozenset((28, 122))  # ENOSPC, EDQUOT


class Order(NamedTuple):
    """What is to be built.

    Attributes:
        root: Of the store.
        key: The cell's.
        name: The cell's factors, for `envguard cells`.
        project: Path, for the same.
        lock: What was resolved, a pylock.toml; kept in the cell for whoever wants to look.
        pins: The same as lines of a requirements file. uv takes a pin's files from its cache, but those that a lock names by
            their addresses it downloads and unpacks again wherever a server doesn't say how long they hold.
        python: The base interpreter.
        tag: What its bytecode is named by, such as "cpython-311".
        magic: The number of its bytecode's format.
        uv: Its path.
        environ: The variables that uv is run with.
        options: Of uv, for `as_of`: it holds for what a build requires as well.
        resolved: ISO date and time.
        notes: About the resolution.
    """

    root: str
    key: str
    name: str
    project: str
    lock: str
    pins: str
    python: str
    tag: str
    magic: str
    uv: str
    environ: Mapping[str, str]
    options: tuple[str, ...]
    resolved: str
    notes: tuple[str, ...]


def command() -> list[str]:
    """Return the command line of this process."""
    here = str(Path(__file__).parents[2])
    run = f"import sys; sys.path.insert(0, {here!r}); from pytest_envguard.matrix.builder import main; main()"
    return [sys.executable, "-I", "-S", "-c", run]


def main() -> None:
    """Build the cell that standard input asks for."""
    order = Order(**json.loads(sys.stdin.readline()))
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_watch, args=(sys.stdin, threading.main_thread().ident), daemon=True).start()
    os.umask(0o022)  # whoever the tests are, they have to read it
    try:
        _say("ready", record=_built(order))
    except UvError as error:
        _say("failed", kind=error.failure.kind or NOT_BUILT, reason=error.failure.reason)
    except OSError as error:
        kind = NO_DISK if error.errno in _FULL else NOT_BUILT
        _say("failed", kind=kind, reason=f"{error.filename or order.root}: {error.strerror}.")


def _leave(*_: object) -> None:
    raise SystemExit(1)


def _watch(life: TextIO, main_thread: int) -> None:
    """End the main thread when nothing can be read any more: the parent is gone, or wants no cell any more."""
    life.read()
    signal.pthread_kill(main_thread, signal.SIGTERM)  # interrupts what it waits for


def _say(event: str, **details: object) -> None:
    print(json.dumps({"event": event, **details}), flush=True)


def _built(order: Order) -> dict[str, Any]:
    root, folder = Path(order.root), Path(order.root, "cells", order.key)
    lock = store.locked(root, order.key, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if lock is None:
        _say(WAITING)
        lock = store.locked(root, order.key, fcntl.LOCK_EX)
    found = store.read_record(folder)
    if found:
        return found
    try:
        return _make(order, folder)
    except BaseException:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _end_children()
        store.remove_cell(folder)
        raise


def _end_children() -> None:
    """Kill what still writes into the cell.

    Trap: a signal that arrives while a process is being started leaves one that nobody knows of.
    """
    while pids := _children():
        for pid in pids:
            for kill in (os.killpg, os.kill):  # the group first: it may have started others
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)


def _children() -> list[int]:
    try:
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    except OSError:  # not Linux
        return []
    return [int(word) for word in text.split()]


def _make(order: Order, folder: Path) -> dict[str, Any]:
    _say(BUILDING)
    began = time.monotonic()
    store.remove_cell(folder)  # of a build that was killed together with its parent
    uv = Uv(order.uv, order.environ, Path(order.project))
    uv.run("venv", "--quiet", "--no-project", "--no-config", "--python", order.python, str(folder))
    python = folder / "bin" / "python"
    (folder / store.LOCK).write_text(order.lock, encoding="utf-8")
    _install(uv, python, order)
    notes = [*order.notes, *_bytecode(order, folder, python)]
    path, base, version = json.loads(_ask(python))
    record = {
        "name": order.name,
        "project": order.project,
        "python": str(python),
        "base": base,
        "path": path,
        "version": version,
        "packages": dict(sorted(_packages(folder))),
        "resolved": order.resolved,
        "notes": notes,
        "seconds": round(time.monotonic() - began, 2),
    }
    store.write_whole(folder / store.RECORD, json.dumps(record))
    return record


def _install(uv: Uv, python: Path, order: Order) -> None:
    """Install what was resolved: from uv's cache if all of it is there, which spares a question for every package."""
    words = ["pip", "install", "--quiet", "--no-deps", "--python", str(python), "--requirements", "-", *order.options]
    try:
        uv.run(*words, "--offline", given=order.pins)
    except UvError as error:
        if error.failure.kind == NO_DISK:
            raise
        uv.run(*words, given=order.pins)


def _ask(python: Path) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    asked = subprocess.run(
        [str(python), "-I", "-c", _ASK], env=environ, capture_output=True, text=True, check=False, cwd=python.parent
    )
    if asked.returncode:
        raise UvError(Failure(NOT_BUILT, f"the interpreter of the cell can't start:\n{asked.stderr.strip()}"))
    return asked.stdout.splitlines()[-1]


def site_packages(folder: Path) -> Path:
    """Return where a virtual environment has its packages."""
    return next((folder / "lib").glob("*/site-packages"))


def _packages(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what is installed: normalised name and version, of the headers of METADATA."""
    for path in site_packages(folder).glob("*.dist-info/METADATA"):
        head = path.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
        found = dict(re.findall(r"(?m)^(Name|Version): *(.*?) *$", head))
        if len(found) == 2:
            yield re.sub(r"[-_.]+", "-", found["Name"]).lower(), found["Version"]


# Bytecode


class _Source(NamedTuple):
    """A source file that is to be compiled.

    Attributes:
        path: Where.
        compiled: Where its bytecode belongs.
        pooled: The name of its bytecode in the pool: another one if the file isn't the very same.
    """

    path: str
    compiled: str
    pooled: str


def _bytecode(order: Order, folder: Path, python: Path) -> list[str]:
    """Give every source file its bytecode, and return notes.

    uv writes none, and a read-only root would have every start compile again. A file that uv has hard-linked is the same one
    in all cells, and so is its bytecode: only the first cell compiles it. That it's valid is decided by the source's time and
    size, which belong to the file; the file name within is set right at import.
    """
    packages = site_packages(folder)
    tag = f"{order.tag}-{order.magic}"
    pool = Path(order.root, "bytecode", tag)
    sources, copied = _sources(str(packages), f".{order.tag}.pyc")
    left = _linked(sources, pool)
    if left:
        _say(COMPILING, detail=f"{len(left)} files")
        store.make_folder(pool)
        # One after the other, each with all processors: what the first compiles the others needn't.
        alone = store.locked(Path(order.root), f"bytecode-{tag}", fcntl.LOCK_EX)
        assert alone is not None
        try:
            left = _linked(left, pool)
            _compile(python, [source.path for source in left])
            _pool(left, pool)
        finally:
            os.close(alone)
    return ["its files are copies: uv's cache is on another file system, so every cell takes its full size"] * copied


def _sources(top: str, suffix: str) -> tuple[list[_Source], bool]:
    """Return all source files, and whether they're copies.

    Folders for bytecode are made on the way, and what other users couldn't read is made readable.
    """
    found: list[_Source] = []
    shared = 0
    folders = [top]
    while folders:
        folder = folders.pop()
        before = len(found)
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != "__pycache__":
                        folders.append(entry.path)
                    continue
                status = entry.stat(follow_symlinks=False)
                if not status.st_mode & 0o004:
                    status = _readable(entry.path, status.st_mode)
                if entry.name.endswith(".py") and not entry.is_symlink():
                    shared += status.st_nlink > 1
                    compiled = f"{folder}/__pycache__/{entry.name[:-3]}{suffix}"
                    pooled = f"{status.st_ino % 256:02x}/{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"
                    found.append(_Source(entry.path, compiled, pooled))
        if len(found) > before:
            os.makedirs(f"{folder}/__pycache__", exist_ok=True)  # noqa: PTH103
    return found, bool(found) and shared < len(found) // 2


def _readable(path: str, mode: int) -> os.stat_result:
    """Replace a file that only its owner may read by a copy that all may: the original belongs to uv's cache as well."""
    if os.path.islink(path):  # noqa: PTH114
        return os.lstat(path)
    with open(path, "rb") as file:  # noqa: PTH123
        content = file.read()
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "wb") as file:  # noqa: PTH123
        file.write(content)
    os.chmod(temporary, (mode & 0o777) | 0o444 | (0o111 if mode & 0o100 else 0))  # noqa: PTH101
    os.replace(temporary, path)  # noqa: PTH105
    return os.lstat(path)


def _linked(sources: Sequence[_Source], pool: Path) -> list[_Source]:
    """Link the bytecode that the pool has, and return the sources that it has none for."""
    left = []
    prefix = str(pool)
    for source in sources:
        try:
            os.link(f"{prefix}/{source.pooled}", source.compiled)
        except FileExistsError:
            continue
        except OSError:  # not there, or linked as often as the file system can
            left.append(source)
    return left


def _compile(python: Path, paths: Sequence[str]) -> None:
    """Compile by the cell's own interpreter, with as many processes as there are processors."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    count = max(
        1, min(len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1, len(paths) // 20)
    )
    compilers = [
        subprocess.Popen(
            [str(python), "-I", "-S", "-W", "ignore", "-c", _COMPILER],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environ,
            preexec_fn=die_with_parent(),  # noqa: PLW1509  # one call into libc, looked up before
        )
        for _ in range(count)
    ]
    try:
        for number, compiler in enumerate(compilers):
            assert compiler.stdin is not None
            compiler.stdin.write("\0".join(paths[number::count]).encode("utf-8", "surrogateescape"))
            compiler.stdin.close()
        for compiler in compilers:
            compiler.wait()
    except BaseException:
        for compiler in compilers:
            compiler.kill()
        for compiler in compilers:
            compiler.wait()
        raise


def _pool(sources: Sequence[_Source], pool: Path) -> None:
    """Link new bytecode into the pool."""
    for folder in {source.pooled[:2] for source in sources}:
        store.make_folder(pool / folder)
    prefix = str(pool)
    for source in sources:
        try:
            os.link(source.compiled, f"{prefix}/{source.pooled}")
        except OSError:
            continue  # nothing came of it (a template, Python 2), or it's there
