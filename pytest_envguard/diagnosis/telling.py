"""What a diagnosis says: sentences with placeholders, and paths as people write them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from pytest_envguard.diagnosis.because import because_in, together
from pytest_envguard.model.diagnosis import Cause, Holding

# What stays in a sentence until it's known in how many environments it holds.
BECAUSE = "{because}"
ENVIRONMENT = "{environment}"
VERSION = "{version}"

_PLACEHOLDER = re.compile(r"( ?)\{(\w+)\}")
_UUID = r"(?<![0-9a-f])[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}(?![0-9a-f])"
# Names that are another one each time: tiktoken's "HASH.UUID.tmp", tempfile's "tmpx3f_09ab", semaphores, shared memory.
_TEMPORARY = (
    (re.compile(rf"\.{_UUID}(?:\.tmp)?"), ""),
    (re.compile(_UUID), "*"),
    (re.compile(r"(?<=/)tmp[a-z0-9_]{8}(?=/|$|\.)"), "tmp*"),
    (re.compile(r"(?<=/dev/shm/)(sem\.|psm_)[\w-]+"), r"\1*"),
    (re.compile(r"(?<=/)(pymp-|matplotlib-|joblib_memmapping_folder_)[\w-]+"), r"\1*"),
    (re.compile(r"(?<=/)pytest-\d+(?=/|$)"), "pytest-*"),
)
_SITE = re.compile(r"^.*/((?:site|dist)-packages)(?=/|$)")
# What is said where nobody knows; of others the placeholder vanishes.
_UNKNOWN = {
    "target": "something",
    "folder": "a folder",
    "place": "its code",
    "error": "an error",
    "library": "it",
}
_NEUTRAL = "unknown"


def completed(sentence: str, holding: Iterable[Holding]) -> str:
    """Return a sentence with what was left open until now: `BECAUSE`, `ENVIRONMENT` and `VERSION`."""
    holding = list(holding)
    told = {
        BECAUSE: because_in(holding),
        ENVIRONMENT: together(dict.fromkeys(one.environment for one in holding)),
        VERSION: "/".join(dict.fromkeys(one.version for one in holding if one.version)),
    }
    for placeholder, text in told.items():
        sentence = sentence.replace(placeholder, text)
    return sentence


def retold(cause: Cause) -> Cause:
    """Return a cause whose text names the environments in which it holds, and the versions that are there."""
    diagnosis = cause.diagnosis
    if not diagnosis.sentence:
        return cause
    return cause._replace(diagnosis=diagnosis._replace(text=completed(diagnosis.sentence, cause.holding.values())))


def narrowed(cause: Cause, where: Mapping[str, tuple[str, ...]]) -> Cause:
    """Return a cause for some of its tests; ``where`` is environment to tests."""
    holding = {name: one for name, one in cause.holding.items() if name in where}
    return retold(cause._replace(where=where, holding=holding))


def shown(target: str) -> str:
    """Return a path or host as people write it: without the parts of a name that are another each time.

    What lies in an environment's packages is named from there: "site-packages/litellm/tokenizers/9b5a…".
    """
    for pattern, replacement in _TEMPORARY:
        target = pattern.sub(replacement, target)
    return _SITE.sub(r"\1", target)


def folder_of(target: str) -> str:
    """Return where something lies, as `shown`; a host is its own folder."""
    folder, found, _ = target.rpartition("/")
    return shown(folder or "/") if found else target


def filled(sentence: str, values: Mapping[str, str], variable: Callable[[str], str | None]) -> str:
    """Return ``sentence`` with its placeholders filled.

    Args:
        sentence: As in a rule; never fails, whatever stands there.
        values: Name of a placeholder to what is said; one that is to stay stands for itself ("{because}").
        variable: Returns the value of an environment variable, None where it isn't set.
    """

    def fill(found: re.Match[str]) -> str:
        blank, name = found[1], found[2]
        if name.isupper():
            value = variable(name)
            return blank + ("not set" if value is None else value or "empty")
        text = values.get(name) or _UNKNOWN.get(name, "" if name in values else _NEUTRAL)
        return blank + text if text else ""  # "litellm {version} sets …" of an unknown version

    return _PLACEHOLDER.sub(fill, sentence)
