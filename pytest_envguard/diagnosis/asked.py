"""What failing code asks of the machine, read from its source: who the user is, which variables are set, what may be executed.

An assertion such as ``assert name`` tells nothing of where the name came from, and nothing was refused: the code says that.
It only tells what may be the reason: what differs in the environment decides. Nothing is imported or run.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

Source = Callable[[str], str]
"""Text of a file of the project, by its path from the project's folder; "" where there is none."""

_DEEPEST = 3  # steps: from a name to what it was made of, from a call to the function
_MOST_CHARACTERS = 20_000
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def no_source(_file: str) -> str:
    """Know no file."""
    return ""


def source_in(root: Path) -> Source:
    """Return what reads files of the project in ``root``, each once."""

    @lru_cache(maxsize=64)
    def source(file: str) -> str:
        try:
            return (root / file).read_text(encoding="utf-8")
        except (OSError, ValueError):
            return ""

    return source


def code_of(place: str, source: Source) -> tuple[str, ...]:
    """Return the code that a failing line depends on, the nearest first, each as `ast.unparse` writes it.

    First the statement itself, with the conditions that it stands under; then what its names were made of, fixtures too; then
    the functions that these call; last the rest of its function up to that line.

    Args:
        place: File of the project and line, such as "tests/test_a.py:3".
        source: Returns the file's text.
    """
    file, _, number = place.rpartition(":")
    if not file or not number.isdigit():
        return ()
    text = source(file)
    reader = _reader(text) if text else None
    return reader.code(int(number)) if reader is not None else ()


@lru_cache(maxsize=16)
def _reader(text: str) -> _Reader | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in texts
            return _Reader(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError):
        return None


class _Reader:
    """One file.

    Attributes:
        functions: By name; methods as well, and of classes `__init__` by the class's name.
    """

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self.functions: dict[str, _Function] = {}
        for node in ast.walk(tree):
            if isinstance(node, _Function):
                self.functions.setdefault(node.name, node)
            elif isinstance(node, ast.ClassDef):
                own = (one for one in node.body if isinstance(one, _Function) and one.name == "__init__")
                self.functions.update((node.name, one) for one in own)

    def code(self, line: int) -> tuple[str, ...]:
        """Return the code that a line depends on, the nearest first."""
        path = list(_path(self._tree, line))
        if not path:
            return ()
        function = next((node for node in reversed(path) if isinstance(node, _Function)), None)
        nearest = list(_decisive(path, line))
        levels = [nearest]
        known: set[str] = set()
        for _ in range(_DEEPEST):
            further = list(self._behind(levels[-1], function, line, known))
            if not further:
                break
            levels.append(further)
        if function is not None:
            levels.append([one for one in function.body if one.lineno <= line])
        return tuple(_text(level) for level in levels)

    def _behind(
        self, nodes: list[ast.AST], function: _Function | None, line: int, known: set[str]
    ) -> Iterator[ast.AST]:
        """Yield what the names in some nodes stand for, each once: values, fixtures and functions of the file."""
        for name in [name for node in nodes for name in _names(node)]:
            if name not in known:
                known.add(name)
                yield from _values(name, function, line)
                yield from _values(name, self._tree, line)
                if name in self.functions:
                    yield from self.functions[name].body


def _path(tree: ast.AST, line: int) -> Iterator[ast.AST]:
    """Yield the statements and handlers around a line, the outermost first."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            first = getattr(child, "lineno", line)
            decorators: list[ast.expr] = getattr(child, "decorator_list", [])
            first = min([first, *(one.lineno for one in decorators)])
            if first <= line <= (getattr(child, "end_lineno", None) or line):
                yield child
                yield from _path(child, line)
                return


def _decisive(path: list[ast.AST], line: int) -> Iterator[ast.AST]:
    """Yield the innermost statement, then what decided that it was reached: conditions, and what an handler's `try` did."""
    yield from _head(path[-1])
    inner = path[-1]
    for node in reversed(path[:-1]):
        if isinstance(node, _Function | ast.ClassDef | ast.Lambda):
            return
        if isinstance(node, ast.If | ast.While | ast.With | ast.AsyncWith | ast.For | ast.Match):
            yield from _head(node)
        elif isinstance(node, ast.Try) and isinstance(inner, ast.ExceptHandler):
            yield from (one for one in node.body if one.lineno <= line)
        inner = node


def _head(node: ast.AST) -> list[ast.AST]:
    """Return a statement, or of one that has others in it what stands before them."""
    if not hasattr(node, "body"):
        return [node]
    return [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr | ast.withitem)]


def _names(node: ast.AST) -> list[str]:
    """Return the names in a node: of `self.name` the last part, which may be a method; and texts, such as a command's."""
    inside = list(ast.walk(node))
    found = [one.id for one in inside if isinstance(one, ast.Name)]
    found += [one.attr for one in inside if isinstance(one, ast.Attribute)]
    return found + [one.value for one in inside if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def _values(name: str, within: ast.AST | None, line: int) -> Iterator[ast.AST]:
    """Yield what a variable was made of, up to a line."""
    for node in _own_statements(within):
        if node.lineno > line:
            continue
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(one, ast.Name) and one.id == name for target in targets for one in ast.walk(target)):
                yield node.value
        elif isinstance(node, ast.For | ast.AsyncFor) and name in _names(node.target):
            yield node.iter
        elif isinstance(node, ast.With | ast.AsyncWith):
            named = (
                item for item in node.items if item.optional_vars is not None and name in _names(item.optional_vars)
            )
            yield from (item.context_expr for item in named)


def _own_statements(within: ast.AST | None) -> Iterator[ast.stmt]:
    """Yield the statements of a function or module without those of functions in it."""
    for child in ast.iter_child_nodes(within) if within is not None else ():
        if isinstance(child, ast.stmt):
            yield child
        if isinstance(child, ast.stmt | ast.ExceptHandler) and not isinstance(child, _Function | ast.ClassDef):
            yield from _own_statements(child)


def _text(nodes: list[ast.AST]) -> str:
    return "\n".join(map(ast.unparse, nodes))[:_MOST_CHARACTERS]
