"""Who the failing line is about: the packages that it names."""

from __future__ import annotations

import ast
import dis
import linecache
import sys
import warnings
from collections.abc import Iterable, Iterator
from functools import lru_cache
from types import BuiltinFunctionType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any

from pytest_envguard.blame import HARNESS, author
from pytest_envguard.evidence.frames import calls_of, module_of

_MOST_MENTIONS = 20


def mentions_of(errors: Iterable[BaseException], root: str) -> tuple[str, ...]:
    """Return the packages that the project's failing lines name, in the order in which they stand there.

    A call of the project's own counts as what it names; a variable whose value is nobody's (a text, a number) as what
    it was made of in the lines above.
    """
    found: dict[str, None] = {}
    for error in errors:
        call = next((call for call in calls_of(error) if _is_project(call[0], root)), None)
        if call is not None:
            found.update(dict.fromkeys(_named(*call, root)))
    return tuple(found)[:_MOST_MENTIONS]


def _is_project(frame: FrameType, root: str) -> bool:
    file = frame.f_code.co_filename
    return not file.startswith("<") and _owner(module_of(frame) or file, file, root) == ""


def _named(frame: FrameType, line: int, root: str) -> Iterator[str]:
    file = frame.f_code.co_filename
    known = {**frame.f_globals, **frame.f_locals}
    for names in _names_in_line(file, line):
        base, attributes = names[0], names[1:]
        if base == "import":
            yield from _package(attributes[0], root)
            continue
        packages = list(_packages(known[base], attributes, root)) if base in known else []
        if not packages and base in frame.f_locals:
            made = _names_of_value(file, frame.f_code.co_firstlineno, line, base)
            packages = [
                name for parts in made if parts[0] in known for name in _packages(known[parts[0]], parts[1:], root)
            ]
        yield from packages


def _packages(value: Any, attributes: list[str], root: str, *, looks_inside: bool = True) -> Iterator[str]:
    """Yield the packages that a value belongs to: the project's own functions stand for what they name."""
    # Not isinstance, which asks the value: a proxy would load what it stands for.
    kind = type(value)
    if issubclass(kind, ModuleType):
        inside = vars(value)
        if attributes and _owner_of(vars(value).get("__name__"), root) == "" and attributes[0] in inside:
            yield from _packages(inside[attributes[0]], attributes[1:], root)
        else:
            yield from _package(inside.get("__name__"), root)
        return
    if issubclass(kind, MethodType):
        value, kind = value.__func__, FunctionType
    if issubclass(kind, type | FunctionType | BuiltinFunctionType):
        yield from _package(value.__module__, root)
        if kind is FunctionType and looks_inside and _owner_of(value.__module__, root) == "":
            yield from _named_inside(value, root)
        return
    yield from _package(kind.__module__, root)
    if attributes and looks_inside and _owner_of(kind.__module__, root) == "":
        method = next((vars(base)[attributes[0]] for base in kind.__mro__ if attributes[0] in vars(base)), None)
        if type(method) is FunctionType:
            yield from _named_inside(method, root)


def _named_inside(function: FunctionType, root: str) -> Iterator[str]:
    """Yield the packages that a function of the project's names: what it imports, and what is there without its doing."""
    for instruction in dis.get_instructions(function.__code__):
        if instruction.opname == "IMPORT_NAME":
            yield from _package(instruction.argval, root)
        elif instruction.opname == "LOAD_GLOBAL" and instruction.argval in function.__globals__:
            yield from _packages(function.__globals__[instruction.argval], [], root, looks_inside=False)


def _package(module: object, root: str) -> Iterator[str]:
    if _owner_of(module, root):
        yield _public(str(module).partition(".")[0])


def _public(top: str) -> str:
    """Return what a part of the standard library is known as: `io` of `_io`, `os` of `posix`."""
    if top in ("posix", "nt", "posixpath", "ntpath", "genericpath"):
        return "os"
    plain = top.lstrip("_")
    return plain if plain in sys.stdlib_module_names else top


def _owner_of(module: object, root: str) -> str | None:
    """Return whose a module is: its top-level package, "" for the project's own, None for nobody's."""
    if not isinstance(module, str):
        return None
    top = sys.modules.get(module.partition(".")[0])
    file = vars(top).get("__file__") if top is not None else None
    return _owner(module, file if isinstance(file, str) else "", root)


def _owner(module: str, file: str, root: str) -> str | None:
    top = module.partition(".")[0]
    if top in HARNESS or top in ("builtins", ""):
        return None
    if top in sys.stdlib_module_names or not file:  # a namespace package is a library's
        return top
    return author(((file, 0),), root)[0] and top


def _names_in_line(file: str, line: int) -> list[list[str]]:
    """Return the names in the statement that a line belongs to, each with the attributes that are asked of it."""
    within = [statement for statement in _statements(file) if _start(statement) <= line <= (statement.end_lineno or 0)]
    if not within:
        return []
    statement = min(within, key=lambda one: ((one.end_lineno or 0) - _start(one), -one.col_offset))
    if isinstance(statement, ast.With | ast.AsyncWith):
        return list(_names(statement))  # it's at its end that `pytest.raises` fails
    return [names for part in _head(statement) for names in _names(part)]


def _names_of_value(file: str, first: int, line: int, variable: str) -> list[list[str]]:
    """Return the names in what a variable was last assigned, between the lines ``first`` and ``line``."""
    made = [
        value
        for statement in _statements(file)
        if isinstance(statement, ast.Assign | ast.AnnAssign) and first <= statement.lineno < line
        for target, value in _assigned(statement)
        if [variable] in list(_names(target))
    ]
    return list(_names(made[-1])) if made else []


def _assigned(statement: ast.Assign | ast.AnnAssign) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield targets and values; those of ``a, b = f(), g()`` one by one."""
    value = statement.value
    for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            yield from zip(target.elts, value.elts, strict=True)
        elif value is not None:
            yield target, value


@lru_cache(maxsize=8)
def _statements(file: str) -> tuple[ast.stmt, ...]:
    """Return all statements of a file, in the order in which they begin."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about its text; it has been compiled before
        tree = ast.parse("".join(linecache.getlines(file)))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    return tuple(sorted(found, key=lambda one: (one.lineno, one.col_offset)))


def _start(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def _head(statement: ast.stmt) -> list[ast.AST]:
    """Return a statement, or of one that has others in it what stands before them."""
    if not hasattr(statement, "body") and not hasattr(statement, "cases"):
        return [statement]
    return [part for part in ast.iter_child_nodes(statement) if not isinstance(part, ast.stmt)]


def _names(node: ast.AST) -> Iterator[list[str]]:
    """Yield names with their attributes, ``["os", "path", "join"]``, and imports, ``["import", "os"]``."""
    if isinstance(node, ast.Import):
        yield from (["import", alias.name] for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        if node.module and not node.level:
            yield ["import", node.module]
    else:
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name):
            yield [node.id, *reversed(attributes)]
        for child in ast.iter_child_nodes(node):
            yield from _names(child)
