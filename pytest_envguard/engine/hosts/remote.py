"""What runs on another machine: execnet executes this file's text there, and it answers what it's asked.

It imports nothing of this package before it knows that it's there. It speaks in plain values, which execnet carries
between different versions of Python: a machine that is asked must not be able to run code on the one that asks.

Workers are started by execnet in the same process. When the connection ends, whatever is left of them ends as well:
the process of a socket server would live on.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LONGEST = 1.0  # seconds that the files of the project may take to read; it's only for a note
_OTHER = ("__pycache__", "node_modules", "site-packages", "build", "dist")  # folders that aren't the project's own
_SETTINGS = ("pytest.ini", "pytest.toml", "pyproject.toml", "tox.ini", "setup.cfg")
_PATIENCE = 1.0  # seconds that workers have to end by SIGTERM once the connection is gone


class _Noted(subprocess.Popen):  # type: ignore[type-arg]  # neither text nor bytes here
    """A child process that is remembered until the connection ends."""

    started: list[_Noted] = []  # noqa: RUF012  # one list for all of them

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.started.append(self)


def serve(channel: Any) -> None:
    """Answer requests, ``(name, arguments)``, until the connection ends."""
    popen, folder, variables = subprocess.Popen, Path.cwd(), dict(os.environ)
    subprocess.Popen = _Noted  # type: ignore[misc]
    try:
        for name, arguments in channel:
            if name in _TELLING:
                arguments["tell"] = lambda *words: channel.send(("told", words, ""))
            channel.send(_answer(name, arguments))
    except (EOFError, OSError):
        pass
    finally:
        subprocess.Popen = popen  # type: ignore[misc]
        _end_workers()
        _remove(_scratch)
        os.chdir(folder)  # a socket server has further callers
        os.environ.clear()
        os.environ.update(variables)


def _answer(name: str, arguments: dict[str, Any]) -> tuple[str, Any, str]:
    """Return what became of a request: ("done", value, ""), ("refused", message, hint) or ("failed", message, "")."""
    try:
        return "done", _REQUESTS[name](**arguments), ""
    except Exception as error:  # noqa: BLE001  # whatever it is, it is said on the other side
        if type(error).__name__ == "EnvguardError":  # imported by then
            return "refused", error.message, error.hint  # type: ignore[attr-defined]
        return "failed", f"{type(error).__name__}: {error}", ""


def look(
    *, project: str, folder: str, inifile: str, variables: dict[str, str], nice: int, coverage: bool
) -> dict[str, Any]:
    """Go to the project's folder; return what this machine is.

    Args:
        project: pytest's root folder.
        folder: The folder to run in.
        inifile: What makes ``project`` pytest's root, relative to it; "" if there is no such file.
        variables: Further environment variables.
        nice: By how much to lower the priority.
        coverage: Whether coverage is measured, which needs a folder for its data.
    """
    import platform

    sys.path[:] = [path for path in sys.path if path]  # the folder that ssh began in
    os.environ.update(variables)
    if nice:
        os.nice(nice)
    missing = [path for path in (project, folder) if not Path(path).is_dir()]
    if not missing and inifile and not Path(project, inifile).is_file():
        missing = [str(Path(project, inifile))]
    if not missing:
        os.chdir(folder)
        _project.append(project)
    given = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {
        "missing": missing[:1],
        "python": sys.executable,
        "version": tuple(sys.version_info[:3]),
        "path": list(dict.fromkeys([*given, *sys.path])),
        "given": given,
        "programs": os.environ.get("PATH", ""),
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "processors": processors(),
        "user": _user(),
        "scratch": _make_scratch(folder) if coverage and not missing else "",
        **_package(),
    }


def _make_scratch(folder: str) -> str:
    """Make a folder that every environment can write to that can write to the project."""
    import tempfile

    try:
        _scratch.append(tempfile.mkdtemp(prefix=".envguard-", dir=folder))
        Path(_scratch[-1]).chmod(0o1777)
    except OSError:
        return ""
    return _scratch[-1]


def _remove(folders: list[str]) -> None:
    import shutil

    while folders:
        shutil.rmtree(folders.pop(), ignore_errors=True)


def processors() -> int:
    """Return how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


def _user() -> str:
    import pwd

    uid = os.getuid()
    try:
        return f"uid {uid} ({pwd.getpwuid(uid).pw_name})"
    except KeyError:
        return f"uid {uid}"


def _package() -> dict[str, str]:
    """Return which versions of this package and of pytest are installed, "" for none, and where the launcher lies."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("pytest-envguard", "pytest"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    try:
        import pytest_envguard
    except ImportError:
        return {**found, "pytest-envguard": "", "launcher": ""}
    return {**found, "launcher": str(Path(pytest_envguard.__file__).absolute().with_name("launcher.py"))}


def checksums(project: str) -> dict[str, int]:
    """Return a checksum of each of the project's Python files and of what configures pytest, by its relative path.

    Nothing for a folder of which it would take too long.
    """
    import zlib

    found: dict[str, int] = {}
    end = time.monotonic() + _LONGEST
    for folder, folders, names in os.walk(project):
        folders[:] = [name for name in folders if not _foreign(Path(folder, name))]
        for name in names:
            if name.endswith(".py") or name in _SETTINGS:
                path = Path(folder, name)
                try:
                    found[str(path.relative_to(project))] = zlib.crc32(path.read_bytes())
                except OSError:
                    continue
        if time.monotonic() > end:
            return {}
    return dict(sorted(found.items()))


def _foreign(folder: Path) -> bool:
    """Whether a folder has something else than the project's own files."""
    other = folder.name.startswith(".") or folder.name in _OTHER
    return other or (folder / "pyvenv.cfg").exists()


def plans(
    *,
    profiles: list[dict[str, Any]],
    project: str,
    visible: dict[str, str],
    fidelity: str,
    mechanism: str,
    coverage: bool,
    cells: list[tuple[Any, list[str]]],
) -> list[tuple[str, Any, str]]:
    """Return for each profile how it is enforced on this machine, or why it can't be.

    With cells, for each of them and in it for each profile.

    Args:
        profiles: As `plain` makes them.
        project: The folder that tests run in.
        visible: Path to what it is, of what must stay visible.
        fidelity: Name of the weakest strength that the user accepts.
        mechanism: What is to enforce them, or "auto".
        coverage: Whether coverage is measured.
        cells: Those that `build` has made here, each with the names of its environments, in the order of the profiles.
    """
    from pytest_envguard.linux.abilities import Probing
    from pytest_envguard.matrix.activation import in_cell, needed
    from pytest_envguard.model.plan import Strength
    from pytest_envguard.model.profile import Profile
    from pytest_envguard.prepare import plans_to

    ready = [(unpacked(fields), names) for fields, names in cells]
    visible = {**visible, **needed(cell for cell, _ in ready)}

    def planned(fields: dict[str, Any]) -> Any:
        # One by one: what can't be had of one profile says nothing about the others.
        (plan,) = plans_to(
            Strength[fidelity],
            mechanism,
            [Profile(**fields)],
            project,
            visible,
            coverage=coverage,
            probing=Probing() if sys.platform == "linux" else None,
        )
        return plan

    tried = [_tried(planned, fields) for fields in profiles]
    if not cells:
        return [_packed(*answer) for answer in tried]
    return [
        _packed(told, in_cell(plan, cell, name) if told == "done" else plan, hint)
        for cell, names in ready
        for (told, plan, hint), name in zip(tried, names, strict=True)
    ]


def _packed(told: str, plan: Any, hint: str) -> tuple[str, Any, str]:
    """Return an answer in plain values; who has asked knows the cell already."""
    return told, plain(tuple(plan._replace(cell=None))) if told == "done" else plan, hint


def _tried(function: Any, argument: Any) -> tuple[str, Any, str]:
    from pytest_envguard.errors import EnvguardError

    try:
        return "done", function(argument), ""
    except EnvguardError as error:
        return "refused", error.message, error.hint


def build(
    install: tuple[str, ...] | None, where: str, cells: list[Any], coverage: bool, tell: Any
) -> list[tuple[str, Any]]:
    """Resolve and build cells on this machine, in its own cache; returns for each whether it's ready, and its fields.

    Args:
        install: What goes into each, as the project says; see `pytest_envguard.matrix.settings`.
        where: What that is from.
        cells: Their fields.
        coverage: Whether coverage is measured.
        tell: Called with the words of `pytest_envguard.matrix.build.Progress.step`.
    """
    from pytest_envguard.matrix.build import Silent, open_workshop
    from pytest_envguard.matrix.settings import Settings
    from pytest_envguard.model.cell import Cell

    class Told(Silent):
        def step(self, name: str, stage: str, detail: str = "") -> None:
            tell(name, stage, detail)

    settings = Settings(where=where, install=install)
    workshop = open_workshop(settings, Path(_project[-1]), coverage=coverage, progress=Told())
    made = workshop.build([Cell(*fields) for fields in cells])
    return [plain(cell) for cell in made]


def unpacked(fields: Any) -> Any:
    """Return the cell that is ready, or the one that isn't, of its fields."""
    from pytest_envguard.model.cell import Cell, NotReady, Ready

    cell, *rest = fields
    made: Any = NotReady if len(fields) == len(NotReady._fields) else Ready
    return made(Cell(*cell), *rest)


def packages(cells: dict[str, tuple[str, ...]], sizes: bool) -> dict[str, Any]:
    """Return what is installed in cells, by their names and ``sys.path``."""
    from pytest_envguard.packages.installed import installed

    return {name: plain(installed(path, sizes=sizes)) for name, path in cells.items()}


def ended(mark: str, patience: float) -> int | None:
    """Return how the worker ended that was last started with ``mark`` in its command, as `subprocess` says it.

    None if it still runs after ``patience`` seconds.
    """
    worker = next((child for child in reversed(_Noted.started) if _is(child, mark)), None)
    try:
        return worker.wait(patience) if worker else None
    except subprocess.TimeoutExpired:
        return None


def _is(child: _Noted, mark: str) -> bool:
    return isinstance(child.args, list) and mark in child.args


def finish(mark: str, patience: float) -> int | None:
    """Return the same once it has ended, and kill it if it doesn't end by itself."""
    code = ended(mark, patience)
    if code is None:
        for child in [child for child in _Noted.started if _is(child, mark) and child.poll() is None]:
            child.kill()
            code = child.wait()
    return code


def _end_workers() -> None:
    """End those that are left; the launcher takes everything in its environment along, and its cgroup."""
    end = time.monotonic() + _PATIENCE
    for child in _Noted.started:
        child.terminate()
    for child in _Noted.started:
        try:
            child.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    _Noted.started.clear()


def plain(value: Any) -> Any:
    """Return ``value`` made of nothing but built-in types, as execnet carries them."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, (str, bytes, float)):
        return value
    if hasattr(value, "items"):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return frozenset(plain(item) for item in value)
    made = [plain(item) for item in value]
    return made if isinstance(value, list) else tuple(made)


def digest() -> dict[str, int]:
    """Return the checksums of the project's files."""
    return checksums(_project[-1])


_project: list[str] = []
_scratch: list[str] = []
_TELLING = ("build",)
_REQUESTS: dict[str, Any] = {
    "look": look,
    "digest": digest,
    "build": build,
    "packages": packages,
    "plans": plans,
    "ended": ended,
    "finish": finish,
}

if __name__ == "__channelexec__":
    serve(channel)  # type: ignore[name-defined]  # noqa: F821  # execnet's
