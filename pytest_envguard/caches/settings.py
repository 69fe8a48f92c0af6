"""What has to be set where a program finds a cache: variables, as lines for a shell and for a Dockerfile; and what to mind."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from pytest_envguard.caches.encodings import CL100K, EncodingFile
from pytest_envguard.caches.packages import numbers

_PLAIN = re.compile(r"[A-Za-z0-9/_.,+@-]+")  # means itself in a Dockerfile
_OPT = "/opt"
_VARIABLE = "CUSTOM_TIKTOKEN_CACHE_DIR"
_ALWAYS = {"HF_HUB_OFFLINE": "1"}
_OLD_OFFLINE = "TRANSFORMERS_OFFLINE"


class Settings(NamedTuple):
    """What is to be set.

    Attributes:
        variables: Name to value, where the cache stays where it is.
        folder: The folder that they name.
        notes: What else there is to know, a sentence each.
    """

    variables: Mapping[str, str]
    folder: Path
    notes: tuple[str, ...]


def for_encodings(folder: Path, files: Collection[EncodingFile], litellm: str) -> Settings:
    """Return what makes tiktoken, and litellm, look into ``folder``.

    Args:
        folder: Absolute.
        files: What is in there.
        litellm: The version that is installed, "" for none.
    """
    variables = {"TIKTOKEN_CACHE_DIR": str(folder), _VARIABLE: str(folder)}
    notes = [
        "tiktoken 0.6.0 and later delete a file there that is not the right one, if they can: deploy the folder read-only",
        *_litellm_notes(numbers(litellm), litellm),
    ]
    if CL100K not in files:
        notes.append(
            f"litellm itself loads cl100k_base, which is not in the folder: for litellm seed it too, or leave {_VARIABLE} out"
        )
    return Settings(variables, folder, tuple(notes))


def _litellm_notes(release: tuple[int, ...], version: str) -> list[str]:
    """Return who needs which variable (litellm/utils.py and litellm_core_utils/default_encoding.py; runs of the releases)."""
    empty = f"an empty {_VARIABLE} is not the same as none: with litellm 1.40.9 to 1.81.16 tiktoken then had no cache at all"
    if not release:
        return [f"litellm 1.40.9 and later set TIKTOKEN_CACHE_DIR themselves, and read {_VARIABLE} for it", empty]
    if release < (1, 15, 5):
        return [f"litellm {version} leaves TIKTOKEN_CACHE_DIR as it is; {_VARIABLE} is not read"]
    if release < (1, 40, 9):
        own = f"litellm {version} sets TIKTOKEN_CACHE_DIR to its own folder whatever it was, and no variable keeps it from that"
        return [f"{own}: upgrade to litellm>=1.40.9, or put the files into that folder"]
    when = "when it is imported" if release < (1, 80, 13) else "when it first counts tokens"
    return [f"litellm {version} sets TIKTOKEN_CACHE_DIR itself {when}, to what {_VARIABLE} says", empty]


def for_model(home: Path, transformers: str) -> Settings:
    """Return what makes huggingface_hub and all that use it look into a cache, and ask for nothing.

    Args:
        home: Absolute.
        transformers: The version that is installed, "" for none.
    """
    release = numbers(transformers)
    variables = {"HF_HOME": str(home), **_ALWAYS}
    notes = [
        f"HF_HUB_CACHE={home / 'hub'} instead of HF_HOME leaves a token and other caches where they are (not for transformers before 4.36)",
        "code of a model's own (trust_remote_code) is copied below HF_HOME: set HF_MODULES_CACHE to a folder that can be written",
    ]
    if release and release < (4, 44):  # read in 4.40.2, not in 4.44.2
        variables[_OLD_OFFLINE] = "1"
    elif not release:
        notes.append(f"transformers 4.40 and older read {_OLD_OFFLINE}=1 instead of HF_HUB_OFFLINE")
    return Settings(variables, home, tuple(notes))


def shell_lines(settings: Settings) -> list[str]:
    """Return lines for a POSIX shell."""
    return [f"export {name}={shlex.quote(value)}" for name, value in settings.variables.items()]


def docker_lines(settings: Settings, context: Path) -> list[str]:
    """Return lines for a Dockerfile whose build begins in ``context``."""
    folder = settings.folder
    inside = folder.is_relative_to(context) and folder != context
    source = folder.relative_to(context).as_posix() if inside else folder.name
    target = f"{_OPT}/{folder.name}"
    if not folder.as_posix().isprintable() or set('"$\\') & {*source}:
        return ["# the folder's name can't be written in a Dockerfile: give it another"]
    copy = f"COPY {source} {target}" if _PLAIN.fullmatch(source) else f'COPY ["{source}", "{target}"]'
    values = {name: target if value == str(folder) else value for name, value in settings.variables.items()}
    shown = " ".join(f"{name}={_value(value)}" for name, value in values.items())
    comment = [] if inside else [f"# copy {os.fspath(folder)} into the build's folder first"]
    return [*comment, copy, f"ENV {shown}"]


def _value(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else f'"{text}"'
