"""Failures, refusals and environments for tests, made by hand as a worker would have sent them."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping
from typing import Any

from pytest_envguard.diagnosis.rules import Conditions, Library, Offer, Rule
from pytest_envguard.model.diagnosis import Setting
from pytest_envguard.model.evidence import Evidence, Fact, Frame, Overwritten, Raised
from pytest_envguard.model.refusal import Refusal
from pytest_envguard.profiles import load_catalogue

_CATALOGUE = load_catalogue(None, (3, 12))
TEST = "test_a.py:3"


def setting(profile: str, name: str = "", /, **versions: str) -> Setting:
    """Return a shipped profile, or a selection such as "host:tmp_size=64M", with distributions that are installed there."""
    chosen = _CATALOGUE.one(profile)
    installed = {key.replace("_", "-"): version for key, version in versions.items()}
    return Setting(name or profile, profile, chosen.values, lambda distribution: installed.get(distribution, ""))


def frames(*places: str) -> tuple[Frame, ...]:
    """Return calls, the innermost first, from places such as "tiktoken/load.py:78"; the test's own line comes last."""
    return tuple(_frame(place) for place in (*places, TEST))


def _frame(place: str) -> Frame:
    file = place.rpartition(":")[0]
    inside = re.sub(r".*/python3\.\d+/", "", file)
    module = inside.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return Frame(module, place, "<module>" if place.endswith(":0") else "function")


def raised(kind: str, message: str, *places: str, error: str = "", path: str = "") -> Raised:
    """Return an exception, with the bases that its class has if it's a builtin one, else `OSError`'s if it has an errno."""
    known = getattr(builtins, kind, OSError if error else Exception)
    bases = tuple(dict.fromkeys((kind.rpartition(".")[2], *(base.__name__ for base in known.__mro__))))
    return Raised(kind, bases, message, error, path, frames(*places))


def os_error(error: str, path: str, *places: str, kind: str = "OSError") -> Raised:
    """Return what Python raises of an errno."""
    import errno
    import os

    number = getattr(errno, error)
    text = f"[Errno {number}] {os.strerror(number)}" + (f": {path!r}" if path else "")
    return raised(kind, text, *places, error=error, path=path)


def evidence(*chain: Raised, mentions: tuple[str, ...] = (), output: str = "", **more: Any) -> Evidence:
    """Return what a failure left behind."""
    facts = tuple(Fact(*fact) for fact in more.pop("facts", ()))
    overwritten = tuple(Overwritten(*one) for one in more.pop("overwritten", ()))
    variables: Mapping[str, str] = more.pop("variables", {})
    assert not more
    return Evidence(chain, overwritten, facts, tuple(variables.items()), mentions, output)


def refusal(
    operation: str,
    target: str,
    error: str,
    library: str = "",
    place: str = TEST,
    *,
    phase: str = "call",
    process: str = "",
) -> Refusal:
    """Return something that was refused, to the project itself if no library is named."""
    return Refusal(operation, target, error, library, "" if process else place, 1, phase, process)


def rule(name: str = "a-rule", dimension: str = "root", /, *match: Conditions, says: str = "", **more: Any) -> Rule:
    """Return a rule with these alternatives."""
    return Rule(name, dimension, says or f"{name} says it", match, **more)


def conditions(**given: Any) -> Conditions:
    """Return conditions as a knowledge file has them: a text stands for a list of one, and for a regular expression."""
    for name in ("target", "message", "path", "output"):
        if name in given:
            given[name] = re.compile(given[name])
    for name in ("operation", "error", "by", "exception", "through", "mentions", "unset", "network", "facts"):
        if isinstance(given.get(name), str):
            given[name] = (given[name],)
    if "set" in given:
        given["set"] = {variable: re.compile(text) for variable, text in given["set"].items()}
    return Conditions(**given)


def library(name: str, *rules: Rule, modules: tuple[str, ...] = ()) -> Library:
    """Return a library with these rules."""
    return Library(name, modules or (name.replace("-", "_"),), f"{name} is a library", rules=rules)


class Known:
    """Stands for `tables.Knowledge`: libraries by name and module, without files."""

    def __init__(self, *libraries: Library) -> None:
        self.libraries = libraries
        self.asked: list[set[str]] = []

    def candidates(self, names: Any) -> tuple[Library, ...]:
        """Return those that are named."""
        self.asked.append(set(names))
        return tuple(one for one in self.libraries if {one.name, *one.modules} & set(names))

    def of(self, name: str) -> Library | None:
        """Return the one of a name or module."""
        return next((one for one in self.libraries if name in (one.name, *one.modules)), None)


__all__ = [
    "TEST", "Conditions", "Known", "Offer", "conditions", "evidence", "frames", "library", "os_error", "raised", "refusal",
    "rule", "setting",
]  # fmt: skip
