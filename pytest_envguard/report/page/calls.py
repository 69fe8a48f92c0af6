"""The calls of pytest that a page tells of. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import NamedTuple

from pytest_envguard.model.dimensions import show_size
from pytest_envguard.report.groups import count, together
from pytest_envguard.report.summary import Invocation, Summary


class Fact(NamedTuple):
    """One thing that is known of a call; code is what a shell would be given."""

    title: str
    text: str
    code: bool = False


def calls(summary: Summary) -> list[tuple[Fact, ...]]:
    """Return what is known of each call of pytest, those of merged reports one after the other."""
    several = len(summary.invocations) > 1
    return [facts for one in summary.invocations if (facts := tuple(_facts(one, several)))]


def _facts(one: Invocation, several: bool) -> Iterator[Fact]:
    if one.command:
        yield Fact("command", shlex.join(one.command), code=True)
    if one.interrupted:
        yield Fact("ended early", one.interrupted)
    if one.begun:
        yield Fact("began", one.moment)
    if one.seconds:
        yield Fact("took", f"{one.seconds:.1f} s")
    if several and one.environments:
        yield Fact("ran", together(one.environments))
    if with_ := ", ".join(filter(None, _programs(one))):
        yield Fact("with", with_)
    if machine := ", ".join(filter(None, _machine(one))):
        yield Fact("on", machine)


def _programs(one: Invocation) -> Iterator[str]:
    for name, version in (("Python", one.python), ("pytest", one.pytest), ("pytest-envguard", one.version)):
        yield f"{name} {version}" if version else ""


def _machine(one: Invocation) -> Iterator[str]:
    yield one.system
    yield count(one.processors, "processor") if one.processors else ""
    yield f"{show_size(one.memory)} of memory" if one.memory else ""
