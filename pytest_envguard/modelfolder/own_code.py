"""Code of a model's own (``auto_map``): where it is, what it needs. Nothing of it is imported or compiled."""

from __future__ import annotations

import io
import os
import re
import sys
import token
import tokenize
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Any, NamedTuple

from pytest_envguard.model.modelfolder import FolderFinding
from pytest_envguard.modelfolder import reading
from pytest_envguard.modelfolder.configuration import CONFIG, TOKENIZER_CONFIG
from pytest_envguard.modelfolder.opened import Opened
from pytest_envguard.modelfolder.wording import error, listed, note, shown, warning

_LARGEST = 1_000_000
_MOST_MODULES = 100
_LONGEST_REFERENCE = 500
_MOST_CUT = 1_000_000  # characters that are cut into tokens, which takes three seconds
_MAPPED = (
    CONFIG,
    TOKENIZER_CONFIG,
    "preprocessor_config.json",
    "processor_config.json",
    "video_preprocessor_config.json",
)
# What transformers finds (dynamic_module_utils.py, get_relative_imports), in time that grows with the text and no faster.
_RELATIVE = (
    re.compile(r"^[ \t]*import[ \t]+\.(\S+)[ \t\r]*$", re.MULTILINE),
    re.compile(r"^[ \t]*from[ \t]+\.(\S+)[ \t]+import", re.MULTILINE),
)


class Reference(NamedTuple):
    """A class that ``auto_map`` names.

    Attributes:
        where: The file that says so.
        text: As written there, such as "modeling_tiny.TinyModel".
        repository: Where it is, "" for the folder itself.
        module: Name of the file without its end.
        name: Of the class.
    """

    where: str
    text: str
    repository: str
    module: str
    name: str


def references(opened: Opened, base: str = "") -> list[Reference]:
    """Return what the configurations in ``base`` name, each once."""
    found: dict[Reference, None] = {}
    for name in _MAPPED:
        path = os.path.join(base, name)
        for text in islice(_named(opened.json(path).object().get("auto_map")), _MOST_MODULES):
            repository, _, rest = text.rpartition("--")
            module, _, cls = rest.rpartition(".")
            found[Reference(path, text, repository, module, cls)] = None
    return list(found)


def _named(mapped: Any) -> Iterator[str]:
    values = mapped.values() if isinstance(mapped, dict) else mapped if isinstance(mapped, list) else ()
    for value in values:
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and text:
                yield text[:_LONGEST_REFERENCE]


def modules(opened: Opened, base: str = "") -> tuple[str, ...]:
    """Return the files of code that are there and needed, as paths in the folder."""
    return tuple(sorted(_texts_of(opened, references(opened, base), base)))


def _texts_of(opened: Opened, named: list[Reference], base: str) -> dict[str, str]:
    """Return the modules that are named and what they import of each other, each with its text."""
    waiting = [os.path.join(base, f"{one.module}.py") for one in named if not one.repository]
    found: dict[str, str] = {}
    while waiting and len(found) < _MOST_MODULES:
        path = waiting.pop()
        if path not in found and opened.file(path) is not None:
            found[path] = _text(opened, path)
            waiting.extend(_relative(path, found[path]))
    return found


def _text(opened: Opened, path: str) -> str:
    try:
        return reading.beginning(opened.absolute(path), _LARGEST).decode("utf-8", "replace")
    except OSError:
        return ""  # said where files are that can't be read


def _relative(path: str, text: str) -> list[str]:
    """Return the files that transformers looks for: ``.a.b`` is "a.b.py" to it."""
    names = {name for pattern in _RELATIVE for name in pattern.findall(text)}
    return [os.path.normpath(os.path.join(os.path.dirname(path), f"{name}.py")) for name in sorted(names)]


def findings(opened: Opened, base: str = "") -> Iterator[FolderFinding]:
    """Check what is named, and what that needs."""
    named = references(opened, base)
    texts = _texts_of(opened, named, base)
    if named:
        yield _trust(opened, named, base)
    for one in named:
        yield from _of_reference(opened, one, texts, base)
    own = {os.path.join(base, f"{one.module}.py") for one in named if not one.repository}
    for path, text in sorted(texts.items()):
        yield from _lost(opened, path, text, own)
    yield from _packages(texts)


def _trust(opened: Opened, named: list[Reference], base: str) -> FolderFinding:
    place = f"in {opened.reader.environment}" if opened.reader else "where the root is read-only"
    kind = opened.json(os.path.join(base, CONFIG)).object().get("model_type")
    known = f", unless the installed transformers knows the model type {shown(repr(kind), 60)} itself" if kind else ""
    return warning(
        "custom-code",
        named[0].where,
        f"it needs code of its own ({listed([one.text for one in named])})",
        f"without trust_remote_code=True it can't be loaded{known}; with it, transformers copies the code"
        f" to HF_MODULES_CACHE, which has to be writable {place}",
        "read the code, pass trust_remote_code=True, and set HF_MODULES_CACHE to a folder that may be written, or a filled one",
    )


def _of_reference(opened: Opened, one: Reference, texts: dict[str, str], base: str) -> Iterator[FolderFinding]:
    if one.repository:
        yield warning(
            "other-repository",
            one.where,
            f"auto_map names code of another repository, {shown(one.text)}",
            f"it is downloaded from {shown(one.repository)} when the model is loaded, in whatever version is there then;"
            " without a network it must be in the hub's cache",
            "copy that repository's code into the folder, and write auto_map without what is before `--`",
        )
        return
    if not one.module or "." in one.module:
        what = f"auto_map names {shown(one.text)}, which isn't module.Class"
        yield error(
            "bad-config", one.where, what, "transformers splits it at one dot, and fails", "put the module at the root"
        )
        return
    path = os.path.join(base, f"{one.module}.py")
    if opened.file(path) is None:
        if not opened.named(path):
            yield _no_module(opened, one, path)
    elif texts.get(path) and not re.search(rf"\b{re.escape(one.name)}\b|import\s+\*", texts[path]):
        what = f"it has no {shown(one.name)}, which auto_map in {one.where} names"
        yield error("missing-code", path, what, "loading it fails with AttributeError", "copy the module of this model")


def _no_module(opened: Opened, one: Reference, path: str) -> FolderFinding:
    there = opened.elsewhere(os.path.basename(path), os.path.dirname(path))
    return error(
        "missing-code",
        path,
        f"auto_map in {one.where} names it, and it isn't there" + (f", but at {listed(there)}" if there else ""),
        "with trust_remote_code=True loading fails, as there's no such file",
        "move it to the root of the folder" if there else "copy it from where the model is from",
    )


def _lost(opened: Opened, path: str, text: str, own: set[str]) -> Iterator[FolderFinding]:
    for needed in sorted(set(_relative(path, text)) - own):
        if not opened.named(needed) and opened.file(needed) is None:
            there = opened.elsewhere(os.path.basename(needed), os.path.dirname(needed))
            yield error(
                "missing-code",
                needed,
                f"{shown(path)} imports it, and it isn't there" + (f", but at {listed(there)}" if there else ""),
                "transformers copies every module that is imported relatively, before it runs any",
                "copy it beside the other one",
            )


def _packages(texts: dict[str, str]) -> Iterator[FolderFinding]:
    """Say which packages the code imports that this Python doesn't have; nothing is imported to find out."""
    from importlib.util import find_spec

    left = _MOST_CUT
    for path, text in sorted(texts.items()):
        left -= len(text)
        if left < 0:
            return
        wanted = sorted(name for name in imports(text) if name not in sys.stdlib_module_names)
        missing = [name for name in wanted if find_spec(name) is None]
        if missing:
            yield note(
                "missing-package",
                path,
                f"it imports {listed(missing)}, which this Python ({shown(sys.prefix)}) doesn't have",
                "transformers refuses to load code with such imports (dynamic_module_utils.py, check_imports)",
                f"pip install {listed(missing)} where the model is loaded; a package may have another name than its module",
            )


def imports(text: str) -> set[str]:
    """Return the top packages that a module imports in statements of its own, not in ``try`` or ``if``.

    The text is cut into tokens and not parsed: Python's parser can be brought down by what is nested deeply.
    """
    found: set[str] = set()
    line: list[str] = []
    depth = 0
    try:
        for one in tokenize.generate_tokens(io.StringIO(text).readline):
            if one.type in {token.INDENT, token.DEDENT}:
                depth += 1 if one.type == token.INDENT else -1
            elif one.type == token.NEWLINE:
                found |= _imported(line) if not depth else set()
                line = []
            elif one.type in {token.NAME, token.OP} and len(line) < 100:
                line.append(one.string)
    except (tokenize.TokenError, SyntaxError, RecursionError, ValueError):
        return found
    return found


def _imported(line: list[str]) -> set[str]:
    if line[:1] == ["from"] and len(line) > 1 and line[1].isidentifier():
        return {line[1]}
    if line[:1] == ["import"]:
        return {name for before, name in pairwise(line) if before in {"import", ","} and name.isidentifier()}
    return set()
