"""Which environment variables a library reads to find its folders: from its source, nothing is imported or run.

For libraries that nobody has written knowledge about: a variable such as MPLCONFIGDIR, which the failing library looked up
itself, is a better guess than HOME. Read are names that stand in the source as they are; one that is put together
(``prefix + "_CACHE"``, settings of pydantic) isn't found.
"""

from __future__ import annotations

import ast
import os
import re
import time
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from pytest_envguard.model.evidence import looks_secret

MOST_FILES, MOST_BYTES, MOST_SECONDS = 400, 20 << 20, 1.0

_MENTIONS = re.compile(rb"environ|getenv")
_PLACE = re.compile(
    r"(?:^|_)(?:DIR|DIRECTORY|HOME|CACHE|PATH|ROOT|FOLDER|DATA|TMP|TEMP)$|(?:CONFIG|CACHE|DATA|TMP|TEMP)_?DIR$"
)
_NAME = re.compile(r"[A-Z][A-Z0-9_]+")
# How much, whether, or where in a network: no folder.
_NO_PLACE = frozenset(
    (
        "AGE", "ALLOW", "BACKEND", "BYTES", "CAPACITY", "COUNT", "DEBUG", "DISABLE", "DISABLED", "ENABLE", "ENABLED", "ENTRIES",
        "EXPIRY", "FLAGS", "FORCE", "HOST", "IMPL", "INTERVAL", "LEVEL", "LIMIT", "MAX", "MB", "MIN", "MODE", "NAME", "NO",
        "PORT", "SECONDS", "SERVER", "SIZE", "SKIP", "TIMEOUT", "TTL", "TYPE", "URI", "URL", "USE", "VERBOSE", "VERSION",
    )
)  # fmt: skip
# Everybody's, or places where something is already: moving them breaks more than it mends.
_OTHERS = re.compile(
    r"(XDG|ANDROID|CONDA|CUDA|CUDNN|ROCM|HIP|JAVA|MKL|NVIDIA|ONEAPI|PYTHON|SSL|SYSTEM|PKG|VIRTUAL|WIN|GITHUB|AWS|GOOGLE|WORKON)_?[A-Z_]*"
    r"|HOME|PATH|TMP|TEMP|TMPDIR|LD_LIBRARY_PATH|LIBRARY_PATH|APP_?DATA|LOCALAPPDATA|PROGRAM(DATA|FILES)|HOMEPATH"
)
_SWITCHES = frozenset(("0", "1", "true", "false", "yes", "no", "on", "off"))  # defaults
_PASSED_OVER = frozenset(("__pycache__", "tests", "test", "testing", "benchmarks", "docs", "examples"))
_TELLING = re.compile(
    r"_?(config|configs|configuration|const|constants|env|environment|envs|paths?|settings|utils?|hub|cache\w*|file_utils|data|locations?)\.py"
)


class _File(NamedTuple):
    nearness: tuple[int, int, str]  # the ring that it's in, how far away, and its name
    path: str
    size: int


@lru_cache(maxsize=64)
def variables_of(site: Path, near: str) -> tuple[str, ...]:
    """Return the variables that a library looks up and that name a folder, those of the nearest file first.

    Once some were found no farther files are read: first the file itself, then its folder and files that are called like
    those which hold settings, then the others; at most `MOST_FILES` files and `MOST_BYTES`, for at most `MOST_SECONDS`.

    Args:
        site: Folder that libraries are installed in: sysconfig's purelib, or platlib.
        near: File and line of the library, from there, such as "tiktoken/load.py:78"; or only its package.
    """
    deadline = time.monotonic() + MOST_SECONDS
    file = re.sub(r":\d+$", "", near)
    if not file or file.startswith(("/", "<")) or ".." in file.split("/"):
        return ()
    found: dict[str, None] = {}
    read = ring = 0
    for number, ((nearness, *_), path, size) in enumerate(_nearest_first(site, file)):
        read += size
        enough = bool(found) and nearness > ring
        if enough or number >= MOST_FILES or read > MOST_BYTES or time.monotonic() > deadline:
            break
        ring = nearness
        found.update(dict.fromkeys(filter(is_place, _looked_up(path))))
    return tuple(found)


def is_place(variable: str) -> bool:
    """Whether a variable's name says that it's a folder of its library's own, and nothing secret."""
    return bool(
        _NAME.fullmatch(variable)
        and _PLACE.search(variable)
        and _NO_PLACE.isdisjoint(variable.split("_"))
        and not _OTHERS.fullmatch(variable)
        and not looks_secret(variable)
    )


# -- files -------------------------------------------------------------------------------------------------------------


def _nearest_first(site: Path, file: str) -> list[_File]:
    package = _package(site, file)
    if package is None:
        module = site / (file if file.endswith(".py") else f"{file}.py")
        return [_File((0, 0, ""), str(module), module.stat().st_size)] if module.is_file() else []
    own = str(site / file)
    folder = own.rpartition("/")[0] if file.endswith(".py") else own
    return sorted(_File(_nearness(path, own, folder), path, size) for path, size in _python_files(package))


def _nearness(path: str, own: str, folder: str) -> tuple[int, int, str]:
    parent, _, name = path.rpartition("/")
    if path == own:
        return 0, 0, path
    steps = os.path.relpath(parent, folder).split("/")
    far = 0 if parent == folder else 2 * len(steps) - steps.count("..")  # down is farther than up
    telling = _TELLING.fullmatch(name) is not None
    return (1 if telling or not far else 2), far + 10 * (not telling), path


def _package(site: Path, file: str) -> Path | None:
    """Return the library's folder: of a namespace such as ``google`` the first package in it that is one."""
    folders = Path(file).parts if not file.endswith(".py") else Path(file).parts[:-1]
    folder = site
    for part in folders:
        folder /= part
        if (folder / "__init__.py").is_file():
            return folder
    return folder if folders and folder.is_dir() else None


def _python_files(package: Path) -> Iterator[tuple[str, int]]:
    folders = [str(package)]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:
            continue
        for entry in entries:
            if entry.name.endswith(".py") and entry.is_file():
                yield entry.path, entry.stat().st_size
            elif entry.name not in _PASSED_OVER and entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)


# -- source ------------------------------------------------------------------------------------------------------------


def _looked_up(path: str) -> list[str]:
    """Return the names of all variables that a file reads, in its order; none of a file that isn't Python."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            source = file.read()
        if not _MENTIONS.search(source):
            return []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in texts: it's somebody else's source
            nodes = list(ast.walk(ast.parse(source)))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    reader = _Reader(nodes)
    return [name for _, _, name in sorted(filter(None, map(reader.read, nodes)))]


class _Reader:
    """Finds where a file reads the environment.

    Attributes:
        constants: Names that stand for a text, of the module and its classes.
        aliases: Names that stand for `os.environ`.
        switches: What is compared with a text, by its identity: no folder's name is.
        wrappers: Functions of the file that read the variable whose name they're given, with the place of that argument.
    """

    def __init__(self, nodes: list[ast.AST]) -> None:
        assigned = [
            (target, node.value)
            for node in nodes
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        ]
        self.aliases = {"environ"}
        self.aliases.update(target.id for target, value in assigned if self._is_environ(value))
        self.constants = {target.id: value.value for target, value in assigned if isinstance(value, ast.Constant)}
        compared = [node.left for node in nodes if isinstance(node, ast.Compare) and _is_equality(node)]
        self.switches = {id(part) for node in compared for part in _unwrapped(node)}
        self.wrappers: dict[str, int] = {}
        functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
        self.wrappers = {
            function.name: place for function in functions if (place := self._wrapped(function)) is not None
        }

    def read(self, node: ast.AST) -> tuple[int, int, str] | None:
        """Return line, column and name if ``node`` reads a variable whose name is known."""
        key = None if id(node) in self.switches else self._key(node)
        if isinstance(key, ast.Name | ast.Attribute):
            name = self.constants.get(key.id if isinstance(key, ast.Name) else key.attr)
        else:
            name = key.value if isinstance(key, ast.Constant) else None
        if not isinstance(name, str) or key is None:
            return None
        return key.lineno, key.col_offset, name

    def _key(self, node: ast.AST) -> ast.expr | None:
        """Return the expression that names the variable, if ``node`` reads one."""
        if isinstance(node, ast.Subscript):
            return node.slice if isinstance(node.ctx, ast.Load) and self._is_environ(node.value) else None
        if isinstance(node, ast.Compare):
            inside = isinstance(node.ops[0], ast.In | ast.NotIn) and self._is_environ(node.comparators[0])
            return node.left if inside else None
        return self._argument(node) if isinstance(node, ast.Call) else None

    def _argument(self, call: ast.Call) -> ast.expr | None:
        function = call.func
        name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        of_environ = isinstance(function, ast.Attribute) and self._is_environ(function.value)
        if name == "getenv" or (of_environ and name in ("get", "pop", "setdefault")):
            place = 0
        elif name in self.wrappers and not of_environ:
            place = self.wrappers[name]
        else:
            return None
        default = call.args[place + 1] if place + 1 < len(call.args) else None
        if isinstance(default, ast.Constant) and str(default.value).lower() in _SWITCHES:
            return None
        return call.args[place] if place < len(call.args) else None

    def _is_environ(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Attribute):
            return node.attr == "environ" and isinstance(node.value, ast.Name) and node.value.id.strip("_") == "os"
        return isinstance(node, ast.Name) and node.id in self.aliases

    def _wrapped(self, function: ast.FunctionDef) -> int | None:
        names = [argument.arg for argument in function.args.args]
        skipped = 1 if names[:1] in (["self"], ["cls"]) else 0
        for node in ast.walk(function):
            key = self._key(node)
            if isinstance(key, ast.Name) and key.id in names:
                return names.index(key.id) - skipped
        return None


def _is_equality(node: ast.Compare) -> bool:
    return isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn)


def _unwrapped(node: ast.expr) -> Iterator[ast.expr]:
    """Yield ``node``, and what its methods are called of: ``X.strip().lower()`` is about ``X``."""
    yield node
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
        yield node
