"""From versions to cells: which there are, what goes into each, and their virtual environments, all at the same time."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from pytest_envguard.errors import EnvguardError
from pytest_envguard.matrix import builder, index, interpreters
from pytest_envguard.matrix.axes import RELEASE, VersionSet
from pytest_envguard.matrix.choosing import choose, dated, to_resolve
from pytest_envguard.matrix.contents import (
    COVERAGE,
    OF_TODAY,
    Contents,
    plugin_wheel,
    read_contents,
    worker_requirements,
)
from pytest_envguard.matrix.interpreters import Interpreter
from pytest_envguard.matrix.releases import Releases, read_lock, uploaded
from pytest_envguard.matrix.settings import Settings
from pytest_envguard.matrix.store import DAY, digest, no_place, open_store
from pytest_envguard.matrix.uv import NO_DISK, NOT_BUILT, NOT_RESOLVABLE, OFFLINE, Failure, Uv, UvError, find
from pytest_envguard.model.cell import PYTHON, Cell, NotReady, Ready

RESOLVING = "resolving"
READY = "ready"
_HOUR = 3600
_AT_ONCE = 4  # resolutions for each processor: they mostly wait for the index
_ATTEMPTS = 100
_PAUSE = 0.05  # seconds
_FAR = "2999-01-01T00:00:00Z"  # uv has had a word for "never" for a short time only


class Progress(Protocol):
    """Who wants to know how far the cells are. Called by several threads."""

    def begin(self, names: Sequence[str]) -> None:
        """The cells of these names are made now."""

    def step(self, name: str, stage: str, detail: str = "") -> None:
        """A cell (or, with the name "", the run as a whole) has come to a stage."""


class Silent:
    """Progress that nobody looks at."""

    def begin(self, names: Sequence[str]) -> None:
        """Do nothing."""

    def step(self, name: str, stage: str, detail: str = "") -> None:
        """Do nothing."""


def make_cells(
    versions: VersionSet, settings: Settings, project: Path, *, coverage: bool = False, progress: Progress | None = None
) -> list[Ready | NotReady]:
    """Return the cells of a set, each with a virtual environment or the reason why it has none.

    Args:
        versions: What was asked for.
        settings: The project's.
        project: Its folder.
        coverage: Whether coverage is measured in the workers.
        progress: Told of every step.

    Raises:
        EnvguardError: A mistake in the input: a version that isn't there, for example; or no uv, or no place for cells.
    """
    workshop = open_workshop(settings, project, coverage=coverage, progress=progress)
    return workshop.build(workshop.choose(versions))


def make_several(
    sets: Sequence[VersionSet], settings: Settings, project: Path, *, progress: Progress | None = None
) -> list[Ready | NotReady]:
    """Return the one cell of each set, as for `make_cells`; what is wrong with one is a reason of its own.

    Raises:
        EnvguardError: What holds for all of them: no uv, no place for cells, an install setting that points nowhere.
    """
    workshop = open_workshop(settings, project, progress=progress)
    made: dict[int, Ready | NotReady] = {}
    chosen: dict[int, Cell] = {}
    for number, versions in enumerate(sets):
        try:
            (chosen[number],) = workshop.choose(versions)
        except EnvguardError as error:
            pins = tuple((axis.name, axis.choices[0].text) for axis in versions.axes)
            made[number] = NotReady(Cell(pins, versions.as_of, versions.extra), NOT_RESOLVABLE, str(error))
    made.update(zip(chosen, workshop.build(list(chosen.values())), strict=True))
    return [made[number] for number in range(len(sets))]


def open_workshop(
    settings: Settings, project: Path, *, coverage: bool = False, progress: Progress | None = None
) -> Workshop:
    """Return what makes the cells of a project.

    Raises:
        EnvguardError: No uv, no place for cells, or an install setting that points nowhere.
    """
    contents = read_contents(project, settings.install, settings.where, coverage=coverage)
    return Workshop(project, contents, progress or Silent())


class Resolution(NamedTuple):
    """What a cell consists of.

    Attributes:
        lock: A pylock.toml (packaging.python.org, pylock.toml specification), all paths absolute.
        packages: Normalised name to version, "" for a local project.
        compiled: Of these, those that have no wheel for the interpreter.
        resolved: When, ISO date and time in UTC.
        options: Of uv, for the day: they hold for what a build requires as well.
        notes: What a user should know.
    """

    lock: str
    packages: Mapping[str, str]
    compiled: tuple[str, ...]
    resolved: str
    options: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Workshop:
    """What a run makes cells with.

    Attributes:
        project: Its folder.
        contents: What goes into every cell.
        store: Where they're kept.
        uv: Ready to run in the project's folder.
        progress: Told of every step.
    """

    def __init__(self, project: Path, contents: Contents, progress: Progress) -> None:
        if sys.platform == "win32":
            raise EnvguardError("cells of versions need Linux or macOS", "run in WSL or a container")
        self.project = project
        self.contents = contents
        self.progress = progress
        self.uv = uv_for(project)
        self.store = open_store()
        self._builders: set[subprocess.Popen[str]] = set()
        self._building = threading.BoundedSemaphore(processors())
        self._keys: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._stopped = False

    def choose(self, versions: VersionSet) -> list[Cell]:
        """Return the cells of a set; the index is asked where a choice is none of exact versions, or they're new to it.

        Raises:
            EnvguardError: A version or a package that isn't there, an empty axis, too many cells, and so on.
        """
        if all(choice.kind == "exact" for axis in versions.axes for choice in axis.choices):
            as_written = {axis.name: {choice: (choice.text,) for choice in axis.choices} for axis in versions.axes}
            included = {pin for one in versions.include for pin in one.versions}
            for name, choice in included:
                as_written.setdefault(name, {})[choice] = (choice.text,)
            choose(versions, as_written)  # too many cells, or none, is said before the index is asked
        as_of = moment(versions.as_of) if versions.as_of not in {"", RELEASE} else ""
        allowed = partial(self._allowed, versions)
        cells = choose(versions, self.releases.resolve_choices(to_resolve(versions), allowed, as_of))
        pins = {pin for cell in cells if cell.as_of == RELEASE for pin in cell.versions if pin[0] != PYTHON}
        released: dict[str, dict[str, str]] = {}
        for name, version in sorted(pins):
            released.setdefault(name, {})[version] = self.releases.day(name, version)
        return dated(cells, released)

    @cached_property
    def releases(self) -> Releases:
        """Which releases there are."""
        running = interpreters.running()
        where = digest(*self._indexes, running.version)
        return Releases(
            self.uv, self.store, running.path, where, partial(self.progress.step, "", "looking up releases")
        )

    def _allowed(self, versions: VersionSet, name: str, which: str) -> str | None:
        """Return the newest (what an installation of the project would get) or the oldest release that it allows itself.

        The oldest by its direct requirements: with those of its dependencies, ancient releases of all sorts had to be
        compiled only to see what they require.
        """
        as_of = "" if versions.as_of == RELEASE else versions.as_of
        cell = Cell((), as_of, (*versions.extra, name))
        try:
            if which == "latest":
                return self.resolve(cell, interpreters.running()).packages[name]
            return self._lowest(cell, name)
        except UvError as error:
            if error.failure.kind in {OFFLINE, NO_DISK}:
                raise
        end = moment(as_of) if as_of else ""
        found = self.releases.newest(name, "", end) if which == "latest" else self.releases.oldest(name, "", end)
        return found.version if found else None

    def _lowest(self, cell: Cell, name: str) -> str | None:
        python = interpreters.running().path
        lines = [line for line in self.contents.requirements if not line.startswith("-e ")]
        options = [*self.contents.direct, *(f"--group={group}" for group in self.contents.groups), *self._as_of(cell)]
        options += ["--no-deps", "--resolution=lowest-direct", "--quiet", "--format=pylock.toml", f"--python={python}"]
        lock = self.uv.compile("\n".join([*lines, *cell.extra, ""]), *options)
        return next((package["version"] for package in read_lock(lock) if package["name"] == name), None)

    def build(self, cells: Sequence[Cell]) -> list[Ready | NotReady]:
        """Return what became of ``cells``, in their order; as many as there are processors are built at the same time.

        Raises:
            EnvguardError: A mistake in what goes in, not a cell that can't be had.
        """
        self.progress.begin([cell.name for cell in cells])
        there = {cell: self._there(cell) for cell in dict.fromkeys(cells)}
        for cell, ready in there.items():
            if ready:
                self.progress.step(cell.name, READY)
        missing = [cell for cell, ready in there.items() if not ready]
        made = dict(zip(missing, self._in_parallel(missing), strict=True)) if missing else {}
        return [there[cell] or made[cell] for cell in cells]

    def _in_parallel(self, cells: Sequence[Cell]) -> list[Ready | NotReady]:
        pool = ThreadPoolExecutor(min(len(cells), _AT_ONCE * processors()), "envguard-cells")
        futures = [pool.submit(self._make, cell) for cell in cells]
        try:
            return [future.result() for future in futures]
        except BaseException:
            self.stop()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def stop(self) -> None:
        """End all that is running; builders remove what they have begun."""
        self.uv.stop()
        with self._lock:
            self._stopped = True  # who waits for a processor begins nothing more
            for process in self._builders:
                with contextlib.suppress(OSError):
                    assert process.stdin is not None
                    process.stdin.close()

    # One cell

    def _there(self, cell: Cell) -> Ready | None:
        """Return a cell that needs neither to be resolved nor to be built; no process is started for this."""
        began = time.monotonic()
        try:
            interpreter = self._interpreter(cell)
        except UvError:
            return None
        resolution = self._known(cell, interpreter, DAY)
        if not isinstance(resolution, Resolution):
            return None
        key = self._key(resolution, interpreter)
        record = self.store.read(key)
        if record is None or not self.store.hold(key):
            return None
        return _ready(cell, self.store.cell(key), record, resolution, began)

    def _make(self, cell: Cell) -> Ready | NotReady:
        began = time.monotonic()
        self.progress.step(cell.name, RESOLVING)
        try:
            interpreter = self._interpreter(cell)
            resolution = self.resolve(cell, interpreter)
            made = self._build(cell, interpreter, resolution, began)
        except UvError as error:
            failure = error.failure
            if not failure.kind:
                raise EnvguardError(f"uv can't make the cell {cell.name}: {failure.reason}") from None
            self.progress.step(cell.name, failure.kind, failure.reason)
            return NotReady(cell, failure.kind, failure.reason)
        self.progress.step(cell.name, READY)
        return made

    def _interpreter(self, cell: Cell) -> Interpreter:
        return interpreters.find(cell.python, self.uv, self.store) if cell.python else interpreters.running()

    # Resolution

    def resolve(self, cell: Cell, interpreter: Interpreter) -> Resolution:
        """Return what a cell consists of: as remembered from the last 24 hours, else as uv says now.

        Raises:
            UvError: It can't be resolved.
        """
        known = self._known(cell, interpreter, DAY)
        if isinstance(known, Resolution):
            return known
        if isinstance(known, Failure):
            raise UvError(known)
        key = self._inputs(cell, interpreter)
        try:
            resolution = self._resolved(cell, interpreter)
        except UvError as error:
            if error.failure.kind == OFFLINE:
                return self._older(cell, interpreter, error)
            if error.failure.kind == NOT_RESOLVABLE:
                self.store.remember("resolution", key, {"failure": list(error.failure)})
            raise
        self.store.remember("resolution", key, resolution._asdict())
        return resolution

    def _known(self, cell: Cell, interpreter: Interpreter, max_age: float | None) -> Resolution | Failure | None:
        remembered = self.store.recall("resolution", self._inputs(cell, interpreter), max_age)
        if remembered is None:
            return None
        value = remembered.value
        if "failure" in value:  # somebody may be working on it
            return Failure(*value["failure"]) if time.time() - remembered.when < _HOUR else None
        lists = {name: tuple(value[name]) for name in ("compiled", "options", "notes")}
        return Resolution(**{**value, **lists})

    def _older(self, cell: Cell, interpreter: Interpreter, error: UvError) -> Resolution:
        """Return the last resolution of the same, however old, where the index can't be reached."""
        known = self._known(cell, interpreter, None)
        if not isinstance(known, Resolution):
            raise error
        day = known.resolved.partition("T")[0]
        return known._replace(notes=(*known.notes, f"as resolved on {day}: {error.failure.reason}"))

    def _resolved(self, cell: Cell, interpreter: Interpreter) -> Resolution:
        """Resolve a cell; as of a day on which the running pytest's own requirements weren't out, with these of today."""
        try:
            return self._resolved_with(cell, interpreter, OF_TODAY)
        except UvError as error:
            further = worker_requirements() if cell.as_of and error.failure.kind == NOT_RESOLVABLE else ()
            if not any(name in error.failure.reason for name in further):
                raise
            return self._resolved_with(cell, interpreter, (*OF_TODAY, *further))

    def _resolved_with(self, cell: Cell, interpreter: Interpreter, of_today: Iterable[str]) -> Resolution:
        as_of = self._as_of(cell, of_today)
        options = ["--quiet", "--no-header", "--no-annotate", "--python", interpreter.path, *as_of]
        options += [f"--group={group}" for group in self.contents.groups]
        if self.contents.preferences:
            lock, base = self._preferring(self._requirements(cell), options)
        else:
            lock, base = self.uv.compile(self._requirements(cell), "--format", "pylock.toml", *options), self.project
        lock = _absolute(lock, base)
        packages: dict[str, str] = {}
        compiled = []
        newer = []
        for package in read_lock(lock):
            name = package["name"]
            packages[name] = package.get("version", "")
            if "sdist" in package and "wheels" not in package:
                compiled.append(name)
            if cell.as_of and name not in OF_TODAY and name not in COVERAGE and uploaded(package) > cell.as_of:
                newer.append(name)
        notes = [f"{name} {packages[name]} has no wheel for this Python and was compiled" for name in compiled]
        notes += [
            f"{name} {packages[name]} is newer than {cell.as_of}: the pytest that runs needs it" for name in newer
        ]
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        return Resolution(lock, packages, tuple(compiled), now, as_of, tuple(notes))

    def _preferring(self, requirements: str, options: Sequence[str]) -> tuple[str, Path]:
        """Resolve with preferences, which uv takes from an output file that is there already."""
        import tempfile

        with tempfile.TemporaryDirectory(prefix="envguard-") as folder:
            path = Path(folder, "pylock.toml")
            lines = ['lock-version = "1.0"', 'created-by = "pytest-envguard"', ""]
            for name, version in self.contents.preferences.items():
                lines += ["[[packages]]", f"name = {json.dumps(name)}", f"version = {json.dumps(version)}", ""]
            path.write_text("\n".join(lines), encoding="utf-8")
            self.uv.compile(requirements, "--output-file", str(path), *options)
            return path.read_text(encoding="utf-8"), Path(folder)

    def _requirements(self, cell: Cell) -> str:
        pinned = {name for name, _ in cell.versions}
        worker = [line for line in self.contents.worker if re.split(r"[=<>!~\[ ]", line, maxsplit=1)[0] not in pinned]
        plugin = [f"pytest-envguard @ {self._plugin.as_uri()}"] if self.contents.plugin else []
        return "\n".join([*self.contents.requirements, *worker, *plugin, *cell.pins, *cell.extra, ""])

    def _as_of(self, cell: Cell, of_today: Iterable[str] = OF_TODAY) -> tuple[str, ...]:
        if not cell.as_of:
            return ()
        axes = {name for name, _ in cell.versions}
        exempt = [name for name in (*of_today, *COVERAGE) if name not in axes]
        return (f"--exclude-newer={moment(cell.as_of)}", *(f"--exclude-newer-package={name}={_FAR}" for name in exempt))

    @cached_property
    def _plugin(self) -> Path:
        try:
            return plugin_wheel(self.store.root)
        except OSError as error:
            raise no_place(self.store.root, error) from None

    def _inputs(self, cell: Cell, interpreter: Interpreter) -> str:
        """Return the key of all that a resolution depends on, but for the index itself."""
        own = (self._requirements(cell), *self._as_of(cell), *interpreter)
        return digest(*self._surroundings, *own)

    @cached_property
    def _surroundings(self) -> tuple[str | bytes, ...]:
        """What is the same for all cells: files, settings, uv, the machine."""
        return (
            *self._indexes,
            *self.contents.groups,
            json.dumps(dict(self.contents.preferences), sort_keys=True),
            *_contents(self.contents.files),
            sysconfig.get_platform(),
            " ".join(platform.libc_ver()),
        )

    @cached_property
    def _indexes(self) -> tuple[str | bytes, ...]:
        """What decides where packages come from, and what uv makes of it."""
        environ = self.uv.environ
        named = " ".join(environ.get(name, "") for name in ("UV_CONSTRAINT", "UV_OVERRIDE", "UV_BUILD_CONSTRAINT"))
        files = [*index.uv_settings(environ, self.project).files, *(str(self.project / name) for name in named.split())]
        return (
            *(f"{name}={value}" for name, value in sorted(environ.items()) if name.startswith("UV_")),
            *self.uv.flags,
            self.uv.fingerprint,
            *_contents(files),
        )

    # Building

    def _key(self, resolution: Resolution, interpreter: Interpreter) -> str:
        lines = [line for line in resolution.lock.splitlines() if not line.startswith("#")]
        builds = [file for folder in self.contents.editable for file in self.contents.files if file.startswith(folder)]
        return digest("\n".join(lines), *interpreter, sysconfig.get_platform(), *(_content(file) for file in builds))

    def _build(self, cell: Cell, interpreter: Interpreter, resolution: Resolution, began: float) -> Ready:
        key = self._key(resolution, interpreter)
        with self._lock:
            alone = self._keys.setdefault(key, threading.Lock())
        with alone:  # two cells can turn out to be the same
            for _ in range(_ATTEMPTS):
                record = self.store.read(key) or self._ordered(cell, key, interpreter, resolution)
                if self.store.hold(key, wait=True):
                    return _ready(cell, self.store.cell(key), record, resolution, began)
                time.sleep(_PAUSE)  # another run's builder, which has just finished it, or a prune
        raise UvError(Failure(NOT_BUILT, f"{self.store.cell(key)} is removed by another process again and again."))

    def _ordered(self, cell: Cell, key: str, interpreter: Interpreter, resolution: Resolution) -> dict[str, Any]:
        order = builder.Order(
            root=str(self.store.root),
            key=key,
            name=cell.name,
            project=str(self.project),
            lock=resolution.lock,
            pins=pins(resolution.lock),
            python=interpreter.path,
            tag=interpreter.tag,
            magic=interpreter.magic,
            uv=self.uv.program,
            environ=self.uv.environ,
            options=resolution.options,
            resolved=resolution.resolved,
            notes=(),
        )
        with self._building:
            return self._run_builder(cell, order, resolution)

    def _run_builder(self, cell: Cell, order: builder.Order, resolution: Resolution) -> dict[str, Any]:
        with self._lock:
            if self._stopped:
                raise UvError(Failure(NOT_BUILT, "stopped"))
            process = subprocess.Popen(
                builder.command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # Ctrl-C is for pytest; the builder cleans up when its standard input ends
            )
            self._builders.add(process)
        assert process.stdin is not None and process.stdout is not None
        other: list[str] = []
        try:
            process.stdin.write(json.dumps(order._asdict()) + "\n")
            process.stdin.flush()
            for line in process.stdout:
                event = _event(line)
                if event is None:
                    other.append(line)
                elif event["event"] == "ready":
                    record: dict[str, Any] = event["record"]
                    return record
                elif event["event"] == "failed":
                    raise UvError(Failure(event["kind"], event["reason"]))
                else:
                    self._tell(cell, event, resolution)
        except OSError as error:
            other.append(str(error))
        finally:
            with self._lock:
                self._builders.discard(process)
            with contextlib.suppress(OSError):
                process.stdin.close()
            process.stdout.close()
            process.wait()
        last = "".join(other).strip().rpartition("\n")[2]  # of a traceback what it comes down to
        raise UvError(Failure(NOT_BUILT, f"the build ended with {process.returncode}: {last}"))

    def _tell(self, cell: Cell, event: Mapping[str, str], resolution: Resolution) -> None:
        detail = event.get("detail", "")
        if event["event"] == builder.BUILDING and resolution.compiled:
            detail = f"{', '.join(resolution.compiled)} must be compiled"
        self.progress.step(cell.name, event["event"], detail)


def _event(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "event" in found else None


def _ready(cell: Cell, folder: Path, record: Mapping[str, Any], resolution: Resolution, began: float) -> Ready:
    return Ready(
        cell=cell,
        folder=str(folder),
        python=record["python"],
        base=record["base"],
        path=tuple(record["path"]),
        version=record["version"],
        packages=record["packages"],
        resolved=resolution.resolved,
        notes=tuple(dict.fromkeys((*resolution.notes, *record["notes"]))),
        seconds=time.monotonic() - began,
    )


def pins(lock: str) -> str:
    """Return the packages of a lock, whose paths are absolute, as a requirements file."""
    return "".join(f"{_pin(package)}\n" for package in read_lock(lock))


def _pin(package: Mapping[str, Any]) -> str:
    name = package["name"]
    if "directory" in package:
        folder = Path(package["directory"]["path"]).as_uri()
        return f"-e {folder}" if package["directory"].get("editable") else f"{name} @ {folder}"
    if "vcs" in package:
        source = package["vcs"]
        where = source.get("url") or Path(source["path"]).as_uri()
        return f"{name} @ {source['type']}+{where}@{source['commit-id']}{_within(source)}"
    if "archive" in package:
        source = package["archive"]
        return f"{name} @ {source.get('url') or Path(source['path']).as_uri()}{_within(source)}"
    return f"{name}=={package['version']}"


def _within(source: Mapping[str, Any]) -> str:
    return f"#subdirectory={source['subdirectory']}" if source.get("subdirectory") else ""


def _absolute(lock: str, base: Path) -> str:
    """Return a lock whose paths don't depend on where it lies."""

    def replaced(match: re.Match[str]) -> str:
        path = os.path.normpath(base / json.loads(match[1]))
        return f"path = {json.dumps(path, ensure_ascii=False)}"

    return re.sub(r'\bpath = ("(?:[^"\\]|\\.)*")', replaced, lock)


def _contents(files: Iterable[str]) -> list[str | bytes]:
    return [part for file in files for part in (file, _content(file))]


def _content(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError:
        return b""


def moment(day: str) -> str:
    """Return the end of a day (ISO, UTC): uv takes what is older than a moment, and reads a bare date in local time."""
    return f"{datetime.date.fromisoformat(day) + datetime.timedelta(days=1)}T00:00:00Z"


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def uv_for(project: Path) -> Uv:
    """Return uv for a project, with pip's settings where it has none of its own.

    Raises:
        EnvguardError: It isn't here, or pip's settings can't be read.
    """
    environ = dict(os.environ)
    words = index.translate(index.read_pip(environ), environ, index.uv_settings(environ, project).keys, str(Path.cwd()))
    return Uv(find(), {**environ, **words.environ}, project, words.flags)
