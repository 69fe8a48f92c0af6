"""What installed modules of ``tiktoken_ext`` say about their encodings, read from their source: nothing of them is run.

tiktoken imports every module of that name, from whatever distribution, and takes its ``ENCODING_CONSTRUCTORS``
(tiktoken/registry.py). A constructor is a function that loads files from addresses; those are what is looked for.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_MOST = 1 << 20  # bytes of a source that is read
# The functions of tiktoken.load, and at which places their arguments stand: an address, and the hash of what is there.
_LOADERS = {
    "load_tiktoken_bpe": (("tiktoken_bpe_file", 0, "expected_hash", 1),),
    "read_file_cached": (("blobpath", 0, "expected_hash", 1),),
    "data_gym_to_mergeable_bpe_ranks": (
        ("vocab_bpe_file", 0, "vocab_bpe_hash", 2),
        ("encoder_json_file", 1, "encoder_json_hash", 3),
    ),
}
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Declared(NamedTuple):
    """What a module says about one encoding.

    Attributes:
        files: Addresses, each with the SHA-256 that is expected there, "" for none.
        unclear: Whether there is an address besides that is computed.
    """

    files: tuple[tuple[str, str], ...]
    unclear: bool = False


def modules() -> list[Path]:
    """Return the source files of ``tiktoken_ext`` beside this interpreter, from all distributions that add to it."""
    return [file for place in _places("tiktoken_ext") for file in sorted(place.glob("*.py")) if file.stem != "__init__"]


def _places(package: str) -> list[Path]:
    """Return the folders of a package without importing it; none if it isn't installed."""
    with suppress(ImportError, ValueError, AttributeError):
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.submodule_search_locations is not None:
            return [Path(place) for place in spec.submodule_search_locations]
    return []


def read(module: Path) -> dict[str, Declared]:
    """Return what a module says, by the encoding's name; nothing if it can't be read."""
    tree = _parsed(module)
    if tree is None:
        return {}
    source = _Source(tree)
    return {name: source.declared(value) for name, value in source.constructors()}


def encoding_of_model(model: str) -> str:
    """Return the encoding that tiktoken/model.py gives a model, "" if tiktoken isn't installed or has none for it."""
    for place in _places("tiktoken"):
        tree = _parsed(place / "model.py")
        names = _tables(tree) if tree is not None else {}
        exact = names.get("MODEL_TO_ENCODING", {})
        prefixes = names.get("MODEL_PREFIX_TO_ENCODING", {})
        return exact.get(model) or next((prefixes[start] for start in prefixes if model.startswith(start)), "")
    return ""


def _tables(tree: ast.Module) -> dict[str, dict[str, str]]:
    found = {}
    for name, value in _assigned(tree.body):
        with suppress(ValueError):
            table = ast.literal_eval(value)
            if isinstance(table, dict):
                found[name] = {str(key): str(text) for key, text in table.items()}
    return found


def _parsed(file: Path) -> ast.Module | None:
    try:
        if file.stat().st_size > _MOST or not file.is_file():
            return None
        return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _assigned(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Return what is assigned to simple names, in order."""
    for statement in body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            target, value = statement.target, statement.value
        else:
            continue
        if isinstance(target, ast.Name):
            yield target.id, value


class _Source:
    """A module's source."""

    def __init__(self, tree: ast.Module) -> None:
        self._assigned = dict(_assigned(tree.body))
        self._constants = _texts(self._assigned, {})
        self._functions: dict[str, _Function] = {
            node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }

    def constructors(self) -> Iterator[tuple[str, ast.expr]]:
        """Return the encodings that the module offers, each with what makes it."""
        table = self._assigned.get("ENCODING_CONSTRUCTORS")
        if isinstance(table, ast.Dict):
            for key, value in zip(table.keys, table.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value

    def declared(self, constructor: ast.expr) -> Declared:
        """Return the files that a constructor loads, itself or through other functions of the module."""
        files: dict[tuple[str, str], None] = {}
        unclear, seen, waiting = False, set[int](), [self._function(constructor) or constructor]
        while waiting:
            node = waiting.pop(0)
            if id(node) in seen:
                continue
            seen.add(id(node))
            body = node.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else []
            names = _texts(dict(_assigned(body)), self._constants)
            for call in (one for one in ast.walk(node) if isinstance(one, ast.Call)):
                for url, sha256 in _loaded(call, names):
                    unclear |= not url
                    files.update({(url, sha256): None} if url else {})
                waiting += [called for one in (call.func, *call.args) if (called := self._function(one)) is not None]
        return Declared(tuple(files), unclear or not files)

    def _function(self, node: ast.expr) -> _Function | None:
        if isinstance(node, ast.Lambda):
            return node
        return self._functions.get(node.id) if isinstance(node, ast.Name) else None


def _loaded(call: ast.Call, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Return each address that a call loads, "" for one that is computed, with its hash."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    for url_key, url_at, hash_key, hash_at in _LOADERS.get(function, ()):
        url, sha256 = _argument(call, url_key, url_at), _argument(call, hash_key, hash_at)
        yield _text(url, names), _text(sha256, names).lower()


def _argument(call: ast.Call, key: str, at: int) -> ast.expr | None:
    named = next((word.value for word in call.keywords if word.arg == key), None)
    return named or (call.args[at] if len(call.args) > at else None)


def _texts(assigned: Mapping[str, ast.expr], known: Mapping[str, str]) -> dict[str, str]:
    names = dict(known)
    for name, value in assigned.items():
        names[name] = _text(value, names)
    return names


def _text(node: ast.expr | None, names: Mapping[str, str]) -> str:
    """Return the text that an expression stands for, "" where only running it would tell."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [_text(node.left, names), _text(node.right, names)]
    elif isinstance(node, ast.JoinedStr):
        parts = [_text(one.value if isinstance(one, ast.FormattedValue) else one, names) for one in node.values]
    else:
        return ""
    return "".join(parts) if all(parts) else ""
