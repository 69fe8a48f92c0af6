"""What runs in a fresh interpreter inside of an environment: can a cache be read there, and does a library load from it?

Its source is sent there, with a call of `run` behind it: it imports nothing of this package. Of libraries it uses what every
release has. What it finds is printed as one line of JSON behind a mark.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
from collections.abc import Callable, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

OK, FAILED, NOT_TRIED = "ok", "failed", "not tried"
_SHOWN = 3
_LONGEST = 300  # characters of an error's text
_TEXT = "Grüße, 世界! 👩‍🚀 def f(x): return x\n"

Items = list[tuple[str, str, str]]


def run(mark: str, variables: Mapping[str, str], task: Mapping[str, Any]) -> None:
    """Try everything.

    Args:
        mark: What the line of the result begins with.
        variables: Environment variables to set first; a profile may have set them otherwise.
        task: ``folder``, and ``encodings`` (names) or ``name``, ``revision``, ``files`` (paths) and ``tokenizer`` (why it isn't
            loaded, "" if it is) of a model.
    """
    os.environ.update(variables)
    items: Items = [_reading(task["folder"]), _writing(task["folder"])]
    if "encodings" in task:
        items += _encodings(task["encodings"])
    else:
        items += _model(task)
    print(mark + json.dumps({"uid": os.getuid(), "items": items}), flush=True)


def _reading(folder: str) -> tuple[str, str, str]:
    count, bad = 0, list[str]()

    def note(error: OSError) -> None:
        bad.append(f"{error.filename!a}: {errno.errorcode.get(error.errno or 0, error.errno)}")

    for place, _, names in os.walk(folder, onerror=note):
        for name in names:
            count += 1
            try:
                with open(os.path.join(place, name), "rb") as file:  # noqa: PTH118, PTH123  # sent elsewhere
                    file.read(1)
            except OSError as error:
                note(error)
    if bad:
        more = f" and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
        return "everybody can read every file", FAILED, "; ".join(bad[:_SHOWN]) + more
    return "every file can be read", OK if count else FAILED, f"{count} file{'s' * (count != 1)}"


def _writing(folder: str) -> tuple[str, str, str]:
    """Say how writing is refused: a trial in a folder that can be written proves nothing of one that can't."""
    try:
        with open(os.path.join(folder, ".envguard-written"), "xb"):  # noqa: PTH118, PTH123
            pass
    except OSError as error:
        return "nothing can be written there", OK, str(errno.errorcode.get(error.errno or 0, error.errno))
    return "nothing can be written there", FAILED, "a file was made in the folder"


def _attempt(name: str, function: Callable[[], tuple[str, str]]) -> tuple[str, str, str]:
    try:
        return name, *function()
    except BaseException as error:  # noqa: BLE001  # Rust's panics are no Exception
        text = " ".join(str(error).split())[:_LONGEST]
        return name, FAILED, f"{type(error).__name__}: {text}"


def _encodings(names: list[str]) -> Items:
    if find_spec("tiktoken") is None:
        return [(f"tiktoken loads {name}", NOT_TRIED, "tiktoken is not installed beside envguard") for name in names]
    return [_attempt(f"tiktoken loads {name}", lambda name=name: _encoding(name)) for name in names]  # type: ignore[misc]


def _encoding(name: str) -> tuple[str, str]:
    tiktoken: Any = importlib.import_module("tiktoken")
    installed = f"tiktoken {version('tiktoken')}"
    try:
        encoding = tiktoken.get_encoding(name)
    except ValueError as error:
        if str(error).startswith("Unknown encoding"):
            return NOT_TRIED, f"{installed} does not have it"
        raise
    if encoding.decode(encoding.encode(_TEXT)) != _TEXT:
        return FAILED, "a text is another one after encoding and decoding"
    return OK, installed


def _model(task: Mapping[str, Any]) -> Items:
    items: Items = []
    for library, what, why, function in (
        ("huggingface_hub", "huggingface_hub finds every file", "", _files),
        ("transformers", "transformers loads the tokenizer", task["tokenizer"], _tokenizer),
    ):
        if why or find_spec(library) is None:
            items.append((what, NOT_TRIED, why or f"{library} is not installed beside envguard"))
        else:
            items.append(_attempt(what, lambda function=function: function(task)))  # type: ignore[misc]
    return items


def _files(task: Mapping[str, Any]) -> tuple[str, str]:
    hub: Any = importlib.import_module("huggingface_hub")
    for path in task["files"]:
        hub.hf_hub_download(task["name"], path, revision=task["revision"])
    return OK, f"huggingface_hub {version('huggingface_hub')}"


def _tokenizer(task: Mapping[str, Any]) -> tuple[str, str]:
    transformers: Any = importlib.import_module("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(task["name"], revision=task["revision"])
    count = len(tokenizer(_TEXT)["input_ids"])
    if not count:
        return FAILED, f"{type(tokenizer).__name__} makes no token of a text"
    return OK, f"transformers {version('transformers')}, {type(tokenizer).__name__}"
