"""Cells as text that others read: a tox.ini, a matrix of GitHub Actions, a table. Nothing is resolved or built here."""

from __future__ import annotations

import datetime
import json
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from packaging.version import Version

from pytest_envguard.errors import EnvguardError
from pytest_envguard.matrix.axes import RELEASE, VersionSet
from pytest_envguard.model.cell import PYTHON, Cell
from pytest_envguard.model.dimensions import show_size

JOBS = 256  # of one matrix: docs.github.com, "Usage limits, billing, and administration", job matrix
_WRITTEN_OUT = 8  # releases of a range in a sentence
_MINOR = re.compile(r"([2-9])\.(\d+)(t?)")  # what tox takes an interpreter from: `py311`, `py313t`

Factor = tuple[str, str]  # what it is of, and which: ("litellm", "1.53.9"), ("py", "311")
Row = tuple[tuple[Factor, ...], ...]  # a line of env_list: for each place the factors that can stand there


class Kept(NamedTuple):
    """A virtual environment in the user's cache, as it's listed.

    Attributes:
        name: The cell's.
        project: Folder of the project that it was built for.
        folder: The virtual environment.
        size: What it takes, in bytes, the files that it shares with others counted.
        own: What removing it would give back, in bytes.
        used: When a run used it last, seconds since the epoch.
        state: "ready", "in use", "half made", "project gone" or "interpreter gone".
    """

    name: str
    project: str
    folder: str
    size: int
    own: int
    used: float
    state: str


def selection(cell: Cell) -> tuple[str, ...]:
    """Return the axes that make exactly this cell: the values of ``--envguard-versions``, one for each."""
    versions = [f"{axis}=={version}" for axis, version in cell.versions]
    return (*versions, *([f"as-of={cell.as_of}"] if cell.as_of else []), *(f"with={extra}" for extra in cell.extra))


def arguments(cell: Cell, profile: str = "") -> str:
    """Return what makes pytest run exactly this cell, ready for a shell."""
    words = [f"--envguard={profile}"] if profile else []
    return shlex.join([*words, *(f"--envguard-versions={axis}" for axis in selection(cell))])


def github_text(cells: Sequence[Cell], profiles: Sequence[str], python: str) -> str:
    """Return a ``strategy.matrix`` as one line of JSON, as ``fromJSON`` reads it: a job for each cell and profile.

    Args:
        cells: What stands in it.
        profiles: Selections of ``--envguard``, each a job of its own; none for the host alone.
        python: Version of the interpreter of cells that name none, such as "3.12".

    Raises:
        EnvguardError: More jobs than a matrix can have.
    """
    jobs = [_job(cell, profile, python) for profile in profiles or ("",) for cell in cells]
    if len(jobs) > JOBS:
        times = f" ({len(cells)} cells × {len(profiles)} profiles)" if len(profiles) > 1 else ""
        instead = "try `strategy=pairwise`"
        if len(profiles) > 1:
            instead += ", or a matrix for each profile"
        raise EnvguardError(f"{len(jobs)} jobs{times}: a matrix of GitHub Actions has at most {JOBS}", instead)
    return json.dumps({"include": jobs}, separators=(",", ":"))


def _job(cell: Cell, profile: str, python: str) -> dict[str, str]:
    return {
        "name": "-".join(filter(None, (profile, cell.name))),
        "python": cell.python or python,
        "envguard": profile or "off",
        "versions": " ".join(cell.pins),
        "arguments": arguments(cell, profile),
    }


def table_text(cells: Sequence[Cell], profiles: Sequence[str], notes: Iterable[str] = ()) -> str:
    """Return the cells as a table for people, with a column for each axis, and what should be known below it."""
    axes = sorted(dict.fromkeys(axis for cell in cells for axis, _ in cell.versions), key=lambda axis: axis != PYTHON)
    rows = [
        (*(dict(cell.versions).get(axis, "-") for axis in axes), cell.as_of, ", ".join(cell.extra), cell.name)
        for cell in cells
    ]
    lines = _columns([(*axes, "as of", "with", "cell"), *rows])
    environments = [_count(len(cells), "cell")]
    if profiles:
        environments += [f" in {_joined(profiles)}"]
        environments += [f": {len(cells) * len(profiles)} environments"] if len(profiles) > 1 else []
    return "\n".join(["".join(environments), "", *lines, *(["", *notes] if (notes := list(notes)) else [])])


def meanings(versions: VersionSet, cells: Sequence[Cell]) -> list[str]:
    """Return a sentence for each axis with `latest`, `lowest` or a range: what that is in these cells."""
    sentences = []
    for axis in versions.axes:
        asked = [f"`{choice.text}`" for choice in axis.choices if choice.kind != "exact"]
        named = {Version(choice.text) for choice in axis.choices if choice.kind == "exact"}
        pinned = dict.fromkeys(version for cell in cells for name, version in cell.versions if name == axis.name)
        found = [version for version in pinned if Version(version) not in named]
        if asked and found:
            day = versions.as_of if versions.as_of and versions.as_of != RELEASE else "today"
            many = f"{found[0]} … {found[-1]}, {len(found)} releases"
            shown = ", ".join(found) if len(found) <= _WRITTEN_OUT else many
            sentences.append(f"{axis.name} {_joined(asked)}, {day}: {shown}")
    return sentences


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return rows, the first of them the heads, as lines; without columns in which nothing stands."""
    shown = [column for column in zip(*rows, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in shown]
    return [
        "  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)).rstrip()
        for line in zip(*shown, strict=True)
    ]


def kept_text(kept: Sequence[Kept], root: str, now: float) -> str:
    """Return the virtual environments that are kept, as a table.

    Args:
        kept: All of them.
        root: The cache's folder.
        now: Seconds since the epoch.
    """
    if not kept:
        return f"no cells in {root}"
    rows = [
        (one.name or "-", show_size(one.own), show_size(one.size), _ago(now - one.used), one.state, one.project or "-")
        for one in kept
    ]
    return "\n".join(
        [
            f"{_count(len(kept), 'cell')} in {root}",
            "",
            *_columns([("cell", "own", "with shared files", "used", "state", "project"), *rows]),
            "",
            "own: what removing it gives back; the other files are in uv's cache or in other cells as well",
        ]
    )


def _ago(seconds: float) -> str:
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            return f"{_count(int(seconds // length), unit)} ago"
    return "just now"


def kept_json(kept: Sequence[Kept], root: str) -> str:
    """Return the same for programs; sizes in bytes, times in UTC."""
    cells = [
        {**one._asdict(), "used": datetime.datetime.fromtimestamp(one.used, datetime.timezone.utc).isoformat()}
        for one in kept
    ]
    return json.dumps({"folder": root, "cells": cells}, indent=2)


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def tox_text(cells: Sequence[Cell], profiles: Sequence[str], heading: str) -> str:
    """Return a tox.ini whose environments are the cells.

    tox takes a name apart at its dashes: these are its factors, and a line of ``deps`` that begins with some of them holds
    where a name has them all. So a dash in a package's name, and whatever else a factor can't have, becomes ``_``.

    Args:
        cells: What stands in it.
        profiles: Selections of ``--envguard``; all of them run in each environment, as one report.
        heading: A comment's text.

    Raises:
        EnvguardError: Two cells that differ in nothing that a name of tox could say.
    """
    names = _tox_names(cells)
    axes = list(dict.fromkeys(axis for cell in cells for axis, _ in cell.versions))
    pins = sorted(dict.fromkeys(pin for cell in cells for pin in cell.versions), key=lambda pin: axes.index(pin[0]))
    deps = [f"{_shown(factor(axis, version))}: {axis}=={version}" for axis, version in pins if axis != PYTHON]
    deps += _conditional(cells, names, lambda cell: cell.extra)
    lines = [f"# {line}".rstrip() for line in heading.splitlines()]
    lines += ["[tox]", "env_list =", *_indented(map(_generative, _merged(names.values())))]
    # Without an environment pytest alone will do, which a resolution as of an old day finds, too.
    lines += ["", "[testenv]", "deps =", *_indented(["pytest-envguard" if profiles else "pytest", *deps])]
    # tox knows `py311`; a patch release is said here.
    exact = [version for axis, version in pins if axis == PYTHON and not _MINOR.fullmatch(version)]
    if exact:
        lines += [
            "base_python =",
            *_indented(f"{_shown(factor(PYTHON, version))}: python{version}" for version in exact),
        ]
    days = _conditional(cells, names, _days)
    if days:
        # The second one is pip's, from 26.0 on; the first one is uv's, with tox-uv.
        lines += ["set_env =", *_indented(days)]
    named = " " + shlex.quote(f"--envguard={','.join(profiles)}") if profiles else ""
    return "\n".join([*lines, "commands =", *_indented([f"pytest{named} {{posargs}}"])])


def factor(axis: str, version: str) -> Factor:
    """Return what tox can call a version: ``huggingface_hub`` and ``0.36.0``, ``py`` and ``311``."""
    if axis == PYTHON:
        minor = _MINOR.fullmatch(version)
        return "py", "".join(minor.groups()) if minor else version
    stem, which = (re.sub(r"[^\w.]", "_", word) for word in (axis, version))
    return stem, which


def _shown(found: Factor) -> str:
    return "".join(found)


def _tox_names(cells: Sequence[Cell]) -> Mapping[Cell, tuple[Factor, ...]]:
    """Return the factors of each cell; those that the versions alone don't tell apart get their day as a factor."""
    names = {}
    for cell in cells:
        ordered = sorted(cell.versions, key=lambda pin: pin[0] != PYTHON)
        names[cell] = tuple(factor(axis, version) for axis, version in ordered)
    often = Counter(names.values())
    for cell, name in names.items():
        if often[name] > 1 and cell.as_of:
            names[cell] = (*name, ("asof", cell.as_of.replace("-", ".")))
    for name, count in Counter(names.values()).items():
        if count > 1:
            raise EnvguardError(
                f"{count} cells would be one environment for tox: `{'-'.join(map(_shown, name))}`",
                "they differ in nothing but their further requirements (`with`): a name can't say these; leave one out",
            )
    return names


def _merged(names: Iterable[tuple[Factor, ...]]) -> list[Row]:
    """Return the names as rows: those that differ in the version of one axis only are one, so a product is one row in all."""
    rows: list[Row] = [tuple((found,) for found in name) for name in names]
    for place in reversed(range(max(map(len, rows), default=0))):
        together: dict[tuple[object, ...], Row] = {}
        for row in rows:
            if place >= len(row):
                together[row] = row
                continue
            others = (row[:place], row[place + 1 :], row[place][0][0])
            before = together[others][place] if others in together else ()
            together[others] = (*row[:place], before + row[place], *row[place + 1 :])
        rows = list(together.values())
    return rows


def _generative(row: Row) -> str:
    return "-".join(_braced(factors) for factors in row)


def _braced(factors: tuple[Factor, ...]) -> str:
    versions = ",".join(which for _, which in factors)
    return factors[0][0] + (versions if len(factors) == 1 else f"{{{versions}}}")


def _days(cell: Cell) -> tuple[str, ...]:
    if not cell.as_of:
        return ()
    end = datetime.date.fromisoformat(cell.as_of) + datetime.timedelta(days=1)  # both take what's older than a moment
    return (f"UV_EXCLUDE_NEWER = {end}T00:00:00Z", f"PIP_UPLOADED_PRIOR_TO = {end}T00:00:00Z")


def _conditional(
    cells: Sequence[Cell], names: Mapping[Cell, tuple[Factor, ...]], lines_of: Callable[[Cell], tuple[str, ...]]
) -> list[str]:
    """Return lines of cells, each behind the factors of the cells that it holds for; without any where it holds for all."""
    found: dict[str, None] = {}
    for line in dict.fromkeys(line for cell in cells for line in lines_of(cell)):
        having = [cell for cell in cells if line in lines_of(cell)]
        if len(having) == len(cells):
            found[line] = None
            continue
        for cell in having:
            own = set(names[cell])
            # A cell that has all of these factors and more is another one.
            more = [
                set(names[other]) - own for other in cells if line not in lines_of(other) and own < set(names[other])
            ]
            without = dict.fromkeys(f"!{_shown(min(rest))}" for rest in more)
            found[f"{'-'.join([*map(_shown, names[cell]), *without])}: {line}"] = None
    return list(found)


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]
