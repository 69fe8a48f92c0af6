"""What goes into a cell besides its versions: what the project says, else what can be seen of it."""

from __future__ import annotations

import configparser
import contextlib
import hashlib
import json
import os
import re
import shlex
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.matrix import store
from pytest_envguard.origins import bundles
from pytest_envguard.profiles.tables import read_toml

PLUGIN = "pytest-envguard"
TEST_NAMES = ("test", "tests", "testing", "dev")  # of extras and groups, the first that exists
REQUIREMENTS = (
    "requirements-test.txt",
    "requirements-tests.txt",
    "requirements-dev.txt",
    "requirements_test.txt",
    "requirements_dev.txt",
    "test-requirements.txt",
    "dev-requirements.txt",
    "requirements/test.txt",
    "requirements/tests.txt",
    "requirements/dev.txt",
)
_APPLICATION = ("requirements.txt", "requirements/base.txt")  # go with one of those above
BUILD_FILES = (
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "MANIFEST.in",
    "Cargo.toml",
    "Cargo.lock",
    "CMakeLists.txt",
    "meson.build",
)
# What a worker is started with. Exempt from `as-of`, because it must fit the pytest that runs, not the library's day.
WORKER = ("pytest", "pytest-xdist")
COVERAGE = ("pytest-cov", "coverage")
OF_TODAY = (*WORKER, "execnet", "pluggy", "iniconfig")
_NOT_OURS = frozenset({PLUGIN, "pip", "setuptools", "wheel", "uv", *WORKER})
_HOW = 'entries are written as for pip: ".[test]", "-r requirements.txt", "-c constraints.txt", "--group test", "six>=1.16"'
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2")


class Contents(NamedTuple):
    """What every cell has.

    Attributes:
        requirements: Lines of a requirements file, all paths absolute.
        groups: Dependency groups as uv takes them: ``/project/pyproject.toml:test``.
        editable: Folders of projects that are installed editable, so that a cell always has their newest sources.
        files: Those whose content decides what is resolved.
        preferences: Package to version that is taken if nothing is against it.
        plugin: Whether the running pytest-envguard is installed; not where it is the project itself.
        worker: What workers need, as requirements.
        description: In words: "the project with its extra `test`".
        direct: The project's direct requirements as arguments of ``uv pip compile`` (files and extras), for `lowest`.
    """

    requirements: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    editable: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    preferences: Mapping[str, str] = {}
    plugin: bool = True
    worker: tuple[str, ...] = ()
    description: str = ""
    direct: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return what is installed, for the header."""
        return self.description


def read_contents(project: Path, install: Sequence[str] | None, where: str, *, coverage: bool = False) -> Contents:
    """Return what goes into the cells of ``project``.

    Args:
        project: Its folder.
        install: What it says itself, each entry as pip's command line has it; None to look around.
        where: File and table that ``install`` is from, for messages.
        coverage: Whether coverage is measured in the workers.

    Raises:
        EnvguardError: An entry that can't be read or points nowhere.
    """
    found = default_contents(project) if install is None else _installed(project, install, where)
    names = {_name_of(Path(folder)) for folder in found.editable}
    return found._replace(plugin=PLUGIN not in names, worker=_worker((*WORKER, *(COVERAGE if coverage else ()))))


def _worker(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(_pinned(name) for name in names)


def worker_requirements() -> tuple[str, ...]:
    """Return what the running pytest and pytest-xdist need besides `OF_TODAY`, directly or not."""
    found: dict[str, None] = {}
    left = list(WORKER)
    while left:
        with contextlib.suppress(metadata.PackageNotFoundError):
            required = _required([metadata.distribution(left.pop())])
            left += sorted(required - found.keys())
            found.update(dict.fromkeys(sorted(required)))
    return tuple(name for name in found if name not in OF_TODAY)


def _pinned(name: str) -> str:
    try:
        version = Version(metadata.version(name))
    except (metadata.PackageNotFoundError, InvalidVersion):
        return name
    # One that was built from a checkout is on no index.
    return name if version.is_devrelease or version.local else f"{name}=={version}"


# What the project says


def _installed(project: Path, install: Sequence[str], where: str) -> Contents:
    contents = Contents()
    for entry in install:
        contents = _added(contents, _entry(project, entry, f"{where}: `install`: `{entry}`"))
    shown = ", ".join(install) if install else "nothing but the versions"
    return contents._replace(description=f"{shown}, as [tool.envguard] says")


def _added(one: Contents, other: Contents) -> Contents:
    return Contents(
        requirements=one.requirements + other.requirements,
        groups=one.groups + other.groups,
        editable=tuple(dict.fromkeys(one.editable + other.editable)),
        files=tuple(dict.fromkeys(one.files + other.files)),
        preferences={**one.preferences, **other.preferences},
        direct=one.direct + other.direct,
    )


def _entry(project: Path, entry: str, at: str) -> Contents:
    if entry.startswith("-"):
        option, value = _option(entry, at)
        if option in {"-r", "--requirement"}:
            return _file(project, value, at, "-r")
        if option in {"-c", "--constraint"}:
            return _file(project, value, at, "-c")
        if option in {"-e", "--editable"}:
            return _path(project, value, at)
        if option == "--group":
            return _group(project, value, at)
        known = ("--constraint", "--editable", "--group", "--requirement")
        raise EnvguardError(f"{at}: `{option}` is not an option of an entry", f"{nearest(option, known)}; {_HOW}")
    if "://" not in entry and " @ " not in entry and re.match(r"[.~/]|[^\[;<>=!~\s]*/", entry):
        return _path(project, entry, at)
    if not re.match(r"[a-z+]+://", entry):
        try:
            Requirement(entry)
        except InvalidRequirement as error:
            beside = _path(project, f"./{entry}", at) if _is_project(project / entry.partition("[")[0]) else None
            if beside:
                return beside
            raise EnvguardError(f"{at}: {str(error).splitlines()[0]}", _HOW) from None
    return Contents(requirements=(entry,))


def _option(entry: str, at: str) -> tuple[str, str]:
    try:
        words = shlex.split(entry)
    except ValueError as error:
        raise EnvguardError(f"{at}: {error}", _HOW) from None
    joined = re.fullmatch(r"(--[a-z-]+)=(.*)|(-[a-z])([^-].*)", words[0])
    if joined:
        words[:1] = [part for part in joined.groups() if part is not None]
    if len(words) != 2:
        raise EnvguardError(f"{at}: expected an option and its value", _HOW)
    return words[0], words[1]


def _file(project: Path, name: str, at: str, option: str) -> Contents:
    if "://" in name:
        return Contents(requirements=(f"{option} {name}",))
    path = (project / Path(name).expanduser()).absolute()
    if not path.is_file():
        raise EnvguardError(f"{at}: {path} does not exist", _nearby(path, ("*.txt", "*.in", "*.toml")))
    files = tuple(map(str, read_along(path)))
    return Contents(requirements=(f"{option} {_quoted(path)}",), files=files)


def _quoted(path: Path) -> str:
    return re.sub(r"(\s)", r"\\\1", str(path))


def read_along(path: Path, seen: frozenset[Path] = frozenset()) -> list[Path]:
    """Return a requirements file and all those that it names."""
    if path in seen or not path.is_file():
        return []
    found = [path]
    text = path.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ")
    for name in re.findall(r"(?m)^\s*(?:-[rc]\s*|--(?:requirement|constraint)[\s=]+)[\"']?([^\s\"'#]+)", text):
        if "://" not in name:
            found += [one for one in read_along(path.parent / name, seen | {path}) if one not in found]
    return found


def _path(project: Path, text: str, at: str) -> Contents:
    """Return a local project, always editable (so that a change of its sources needs no new cell), or an archive."""
    match = re.fullmatch(r"(.*?)\s*(?:\[([\w\s,.-]*)\])?", text)
    assert match  # all of it is optional
    path = Path(os.path.normpath(project / Path(match[1].removeprefix("file://")).expanduser()))
    extras = [canonicalize_name(extra) for extra in re.split(r"[\s,]+", match[2] or "") if extra]
    if path.is_file() and path.name.endswith(_ARCHIVES):
        return Contents(requirements=(f"{path.as_uri()}{_extras(extras)}",), files=(str(path),))
    if not path.exists():
        raise EnvguardError(f"{at}: {path} does not exist", _nearby(path, ("*/pyproject.toml", "*/setup.py", "*.whl")))
    if not _is_project(path):
        raise EnvguardError(
            f"{at}: {path} is nothing that pip can install: it has neither a [build-system] in pyproject.toml nor a setup.py",
            _nearby(path / "x", ("*.txt", "*/pyproject.toml", "*/setup.py")),
        )
    known = _extras_of(path)
    for extra in extras:
        if known is not None and extra not in known:
            raise EnvguardError(
                f"{at}: {path.name} has no extra `{extra}`", nearest(extra, known) if known else "it has none"
            )
    return _editable(path, extras)


def _editable(path: Path, extras: Sequence[str] = (), groups: Sequence[str] = ()) -> Contents:
    files = [path / name for name in BUILD_FILES if (path / name).exists()]
    source = next(path / name for name in ("pyproject.toml", "setup.py", "setup.cfg") if (path / name).exists())
    return Contents(
        requirements=(f"-e {path.absolute().as_uri()}{_extras(extras)}",),
        groups=tuple(f"{path / 'pyproject.toml'}:{group}" for group in groups),
        editable=(str(path.absolute()),),
        files=tuple(map(str, files)),
        direct=(str(source), *(f"--extra={extra}" for extra in extras)),
    )


def _extras(extras: Iterable[str]) -> str:
    joined = ",".join(extras)
    return f"[{joined}]" if joined else ""


def _group(project: Path, text: str, at: str) -> Contents:
    file, _, name = text.rpartition(":")
    path = (project / (file or "pyproject.toml")).absolute()
    if not path.is_file():
        raise EnvguardError(f"{at}: {path} does not exist", _nearby(path, ("*/pyproject.toml",)))
    groups = _table(read_toml(path), "dependency-groups")
    if canonicalize_name(name) not in map(canonicalize_name, groups):
        raise EnvguardError(
            f"{at}: {path} has no dependency group `{name}`",
            nearest(name, groups) if groups else "it has no [dependency-groups]",
        )
    return Contents(groups=(f"{path}:{name}",), files=(str(path),))


def _nearby(path: Path, patterns: Iterable[str]) -> str:
    """Return what there is instead of ``path``, as a hint."""
    folder = path.parent
    while not folder.is_dir():
        folder = folder.parent
    found = [str(one.relative_to(folder)) for pattern in patterns for one in sorted(folder.glob(pattern))[:10]]
    found = [one.removesuffix("/pyproject.toml").removesuffix("/setup.py") for one in found]
    return (
        nearest(path.name, dict.fromkeys(found)) + f" (in {folder})" if found else f"{folder} has nothing of the kind"
    )


# What can be seen


def default_contents(project: Path) -> Contents:
    """Return what goes in where the project doesn't say: the project, else its requirements, else what runs now."""
    declared = read_toml(project / "pyproject.toml") if (project / "pyproject.toml").exists() else {}
    groups = _table(declared, "dependency-groups")
    if _is_project(project):
        extras = _extras_of(project) or ()
        extra = next((name for name in TEST_NAMES if name in extras), None)
        group = None if extra else _test_group(groups)
        found = _editable(project, [extra] if extra else [], [group] if group else [])
        return found._replace(description=_described("the project", extra, group))
    if _table(declared, "project"):
        return _dependencies(project, _table(declared, "project"), _test_group(groups))
    if found_group := _test_group(groups):
        path = project / "pyproject.toml"
        return Contents(groups=(f"{path}:{found_group}",), files=(str(path),), description=f"its group `{found_group}`")
    return _requirement_files(project) or running()


def _described(what: str, extra: str | None, group: str | None) -> str:
    return what + (f" with its extra `{extra}`" if extra else f" with its group `{group}`" if group else "")


def _dependencies(project: Path, declared: Mapping[str, Any], group: str | None) -> Contents:
    """Return the dependencies of a project that can't be built itself: an application's."""
    optional: dict[str, Any] = {
        canonicalize_name(name): lines for name, lines in _table(declared, "optional-dependencies").items()
    }
    extra = next((name for name in TEST_NAMES if name in optional), None)
    group = None if extra else group
    lines = [*_strings(declared.get("dependencies")), *(_expanded(extra, optional, declared) if extra else ())]
    path = project / "pyproject.toml"
    return Contents(
        requirements=tuple(dict.fromkeys(lines)),
        groups=(f"{path}:{group}",) if group else (),
        files=(str(path),),
        description=_described("the project's dependencies", extra, group),
    )


def _expanded(
    extra: str, optional: Mapping[str, Any], declared: Mapping[str, Any], seen: frozenset[str] = frozenset()
) -> list[str]:
    """Return the lines of an extra; those that name another extra of the same project (``app[all]``) replaced by its lines."""
    lines = []
    own = canonicalize_name(str(declared.get("name", "")))
    for line in _strings(optional.get(extra)):
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            lines.append(line)
            continue
        if canonicalize_name(requirement.name) != own:
            lines.append(line)
            continue
        for other in sorted(map(canonicalize_name, requirement.extras)):
            if other not in seen:
                lines += _expanded(other, optional, declared, seen | {extra})
    return lines


def _requirement_files(project: Path) -> Contents | None:
    tests = next((name for name in REQUIREMENTS if (project / name).is_file()), None)
    application = next((name for name in _APPLICATION if (project / name).is_file()), None)
    names = [name for name in (application, tests) if name]
    if not names:
        return None
    contents = Contents()
    for name in names:
        contents = _added(contents, _file(project, name, name, "-r"))
    return contents._replace(description=" and ".join(names))


def running(path: list[str] | None = None) -> Contents:
    """Return what the running environment has: what nothing else requires as requirements, all versions as preferences.

    Args:
        path: Of its distributions; None for ``sys.path``.
    """
    here = metadata.distributions() if path is None else metadata.distributions(path=path)
    found: dict[str, metadata.Distribution] = {}
    for distribution in here:
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(canonicalize_name(name), distribution)
    required = _required(found.values())
    lines: list[str] = []
    editable: list[str] = []
    for name, distribution in sorted(found.items()):
        if name in _NOT_OURS:
            continue
        origin = _origin(distribution)
        if origin.startswith("-e "):
            lines.append(origin)
            editable.append(origin.removeprefix("-e "))
        elif origin:
            lines.append(f"{name} @ {origin}")
        elif name not in required:
            lines.append(name)
    folders = [Path(_from_uri(uri)) for uri in editable]
    return Contents(
        requirements=tuple(lines),
        editable=tuple(map(str, folders)),
        files=tuple(str(folder / name) for folder in folders for name in BUILD_FILES if (folder / name).exists()),
        preferences={name: distribution.version for name, distribution in found.items() if name not in _NOT_OURS},
        description="what the running environment has",
    )


def _required(distributions: Iterable[metadata.Distribution]) -> set[str]:
    required: set[str] = set()
    environment = {**default_environment(), "extra": ""}
    for distribution in distributions:
        for line in distribution.requires or ():
            try:
                requirement = Requirement(line)
            except InvalidRequirement:
                continue
            if requirement.marker is None or requirement.marker.evaluate(
                {key: str(value) for key, value in environment.items()}
            ):
                required.add(canonicalize_name(requirement.name))
    return required


def _origin(distribution: metadata.Distribution) -> str:
    """Return where it was installed from if not from an index (PEP 610): a URL, behind ``-e`` for an editable one."""
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        url = str(origin["url"])
    except (ValueError, KeyError, TypeError):
        return ""
    if origin.get("dir_info", {}).get("editable"):
        return f"-e {url}"
    system = origin.get("vcs_info", {})
    if system:
        return f"{system['vcs']}+{url}@{system.get('commit_id', '')}".removesuffix("@")
    return url if not url.startswith("file:") or Path(_from_uri(url)).exists() else ""


def _from_uri(uri: str) -> str:
    from urllib.parse import unquote, urlsplit

    return unquote(urlsplit(uri).path)


# What a project's own files say


def _is_project(path: Path) -> bool:
    """Whether pip could install the folder, and somebody means it to be: a `setup.cfg` often has settings of tools only."""
    if (path / "setup.py").is_file():
        return True
    if (path / "pyproject.toml").is_file() and "build-system" in read_toml(path / "pyproject.toml"):
        return True
    return bool(_setup_cfg(path).get("metadata", {}).get("name"))


def _setup_cfg(path: Path) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path / "setup.cfg", encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return {}
    return {section: dict(parser[section]) for section in parser.sections()}


def _extras_of(path: Path) -> tuple[str, ...] | None:
    """Return the extras of a project; None where they can't be read without running something."""
    project = _table(read_toml(path / "pyproject.toml"), "project") if (path / "pyproject.toml").is_file() else {}
    if "optional-dependencies" in project:
        return tuple(map(canonicalize_name, _table(project, "optional-dependencies")))
    named = tuple(map(canonicalize_name, _setup_cfg(path).get("options.extras_require", {})))
    if named or (project and "optional-dependencies" not in _strings(project.get("dynamic"))):
        return named
    return None


def _test_group(groups: Mapping[str, Any]) -> str | None:
    names = {canonicalize_name(name): name for name in groups}
    return next((names[name] for name in map(canonicalize_name, TEST_NAMES) if name in names), None)


def _name_of(path: Path) -> str:
    declared = _table(read_toml(path / "pyproject.toml"), "project") if (path / "pyproject.toml").is_file() else {}
    return canonicalize_name(str(declared.get("name", "")))


def _table(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = raw.get(name, {})
    return found if isinstance(found, Mapping) else {}


def _strings(raw: object) -> list[str]:
    return [text for text in raw if isinstance(text, str)] if isinstance(raw, list) else []


# The plugin itself


def plugin_wheel(root: Path) -> Path:
    """Return the running pytest-envguard as a wheel below ``root``; its folder's name changes with its content.

    So uv installs it like anything else: it links its files, and knows what the project may ask of it (``pytest-envguard[fake]``).
    """
    import pytest_envguard

    package = Path(pytest_envguard.__file__).parent
    distribution = metadata.distribution(PLUGIN)
    files = {f"{package.name}/{path.relative_to(package).as_posix()}": _content(path) for path in _sources(package)}
    version = distribution.version
    info = f"pytest_envguard-{version}.dist-info"
    for name in ("METADATA", "entry_points.txt"):
        files[f"{info}/{name}"] = (distribution.read_text(name) or "").encode()
    files[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: pytest-envguard\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    key = store.digest(*(part for name, content in sorted(files.items()) for part in (name, content)))
    wheel = root / "plugin" / key / f"pytest_envguard-{version}-py3-none-any.whl"
    if not wheel.exists():
        store.make_folder(wheel.parent)
        _pack(wheel, files, info)
    return wheel


def _content(path: Path) -> bytes:
    """Return what a file has; the place for certificates is empty, also where an environment around covers it."""
    return b"" if str(path) == bundles.OWN else path.read_bytes()


def _sources(package: Path) -> list[Path]:
    return sorted(path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _pack(wheel: Path, files: Mapping[str, bytes], info: str) -> None:
    """Write a wheel (packaging.python.org, binary distribution format), the same bytes for the same files."""
    record = [f"{name},sha256={_base64(content)},{len(content)}" for name, content in files.items()]
    whole = {**files, f"{info}/RECORD": "\n".join([*record, f"{info}/RECORD,,", ""]).encode()}
    temporary = wheel.with_name(f".{os.getpid()}.{wheel.name}")
    with zipfile.ZipFile(temporary, "w") as archive:
        for name, content in whole.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
    temporary.chmod(0o644)
    temporary.replace(wheel)


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
