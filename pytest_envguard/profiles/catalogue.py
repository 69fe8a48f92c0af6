"""All profiles by name: shipped, the project's, a plugin's; and the little language that selects them.

A selection is ``NAME[+NAME…][:DIMENSION=VALUE…]``, several are separated by commas::

    lambda
    lambda+offline
    lambda:memory=1024M:tmp_size=2G,container:tmp_size=64M

``NAME-without-VARIABLE`` is an environment without one of its variables; ``NAME:unset-each=VARIABLE;VARIABLE`` stands for
NAME and one such environment for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.model.dimensions import DIMENSIONS, Value, read
from pytest_envguard.model.profile import (
    PACKAGE_SIZE,
    WITHOUT,
    Profile,
    budget_source,
    combine,
    layout_source,
    read_unset_each,
)
from pytest_envguard.profiles.tables import Table, read_project, read_table, read_toml, read_version

SHIPPED = Path(__file__).parent
_OVERRIDE = r":(?=[A-Za-z_]+=|unset-each=|[a-z_]+(?:$|:))"  # a colon before a dimension's name, so that a value such as `:UTC` may have one
_EACH = ("unset-each=", "unset_each=")
_AS_SHIPPED = " as shipped"


@dataclass
class Catalogue:
    """Profiles as written, resolved when they are asked for.

    Attributes:
        tables: Name to what the file or the project says, before inheritance; a shipped file's path until it's asked for
            (a run needs one or two of them, and reading all takes 5 ms).
        python: The running interpreter's version, which settles what holds only ``since`` some version.
    """

    tables: dict[str, Table | Path]
    python: tuple[int, int]

    def names(self) -> list[str]:
        """Return all names, the host first."""
        shown = (name for name in self.tables if not name.endswith(_AS_SHIPPED))
        return sorted(shown, key=lambda name: (name != "host", name))

    def select(self, text: str) -> list[Profile]:
        """Return the profiles that ``text`` selects, in its order, each once.

        Raises:
            EnvguardError: An unknown profile or dimension, a bad value, or nothing selected at all.
        """
        words = [word.strip() for word in text.split(",") if word.strip()]
        if not words:
            raise EnvguardError(
                "`--envguard` names no profile", f"for example `--envguard=lambda`; known: {', '.join(self.names())}"
            )
        return list({profile.name: profile for word in words for profile in self.one(word).each()}.values())

    def one(self, word: str) -> Profile:
        """Return the one profile (or combination, with overrides) that ``word`` selects."""
        whole, separator, variable = word.rpartition(WITHOUT)
        if separator and word not in self.tables and re.fullmatch(r"\w+", variable):
            return self.one(whole).lacking(*read_unset_each(variable, f"`{word}`"))
        names, *overrides = re.split(_OVERRIDE, word)
        each = [read_unset_each(raw.partition("=")[2], f"`{word}`") for raw in overrides if raw.startswith(_EACH)]
        if each:
            word = ":".join((names, *(raw for raw in overrides if not raw.startswith(_EACH))))
            return self.one(word)._replace(unset_each=each[-1])
        values = dict(_override(override, word, names) for override in overrides)
        runtime = read_version(str(values["runtime"]), f"`{word}`: `runtime`") if "runtime" in values else None
        parts = list(dict.fromkeys(part.strip() for part in names.split("+")))
        profile = self._resolve(parts[0], (), runtime)
        for part in parts[1:]:
            profile = combine(profile, self._resolve(part, (), runtime))
        return profile.with_values(word, values) if values else profile

    def _table(self, name: str) -> Table:
        table = self.tables[name]
        if isinstance(table, Path):
            table = self.tables[name] = read_table(read_toml(table), table.name)
        return table

    def _resolve(self, name: str, heirs: tuple[str, ...], runtime: tuple[int, int] | None) -> Profile:
        """Return the profile ``name``, as inherited by ``heirs``; the outermost ``runtime`` holds for all of the line."""
        if name in heirs:
            circle = " -> ".join((*heirs[heirs.index(name) :], name))
            raise EnvguardError(f"{self._table(name).where}: `inherits` goes round in a circle: {circle}")
        if name not in self.tables:
            asked = f"{self._table(heirs[-1]).where}: `inherits`: " if heirs else ""
            raise EnvguardError(f"{asked}no profile is named `{name}`", nearest(name, self.tables))
        table = self._table(name)
        if runtime is None and "runtime" in table.dimensions:
            runtime = read_version(str(table.dimensions["runtime"]), f"{table.where}: `runtime`")
        parent = self._resolve(table.inherits, (*heirs, name), runtime) if table.inherits else Profile("host")
        if runtime is None and "runtime" in parent.values:
            runtime = read_version(str(parent.values["runtime"]), table.where)
        return _inherit(name, table, parent, runtime or self.python)


def changed_selection(selection: str, changes: Mapping[str, object]) -> str:
    """Return ``selection`` with changes of dimensions, as the language writes them; for a table it has only an ellipsis."""
    shown = (f"{name}={'…' if isinstance(raw, Mapping) else raw}" for name, raw in changes.items())
    return ":".join((selection, *shown))


def _override(override: str, word: str, names: str) -> tuple[str, Value]:
    name, equals, raw = override.partition("=")
    _known_dimension(name, f"`{word}`")
    if not equals:
        raise EnvguardError(f"`{word}`: `{name}` has no value", f"write `{names}:{name}=VALUE`")
    return name, read(name, raw, f"`{word}`")


def _inherit(name: str, table: Table, parent: Profile, version: tuple[int, int]) -> Profile:
    values: dict[str, Value] = dict(parent.values)
    for own in (table.dimensions, *(late for since, late in table.since.items() if version >= since)):
        inherited = {key: _pairs(values.get(key)) for key in ("env", "origins")}
        values.update(own)
        values.update({key: {**pairs, **_pairs(own[key])} for key, pairs in inherited.items() if key in own})
    changed = {key for key in table.dimensions if key != "env"}
    if table.package_size:
        changed.add(PACKAGE_SIZE)
    changed.update(*(map(budget_source, table.budgets), map(layout_source, table.layout)))
    return Profile(
        name=name,
        summary=table.summary or parent.summary,
        values=values,
        sources={**{key: text for key, text in parent.sources.items() if key not in changed}, **table.sources},
        unverified={**{key: text for key, text in parent.unverified.items() if key not in changed}, **table.unverified},
        not_simulated=tuple(dict.fromkeys((*parent.not_simulated, *table.not_simulated))),
        budgets={**parent.budgets, **table.budgets},
        layout={**parent.layout, **table.layout},
        package_size=table.package_size or parent.package_size,
        lineage=tuple(dict.fromkeys((name.removesuffix(_AS_SHIPPED), *parent.lineage))),
        unset_each=parent.unset_each if table.unset_each is None else table.unset_each,
    )


def _pairs(value: Value | None) -> Mapping[str, str]:
    return value if isinstance(value, Mapping) else {}


def _known_dimension(name: str, where: str) -> None:
    if name not in DIMENSIONS:
        raise EnvguardError(f"{where}: no dimension is named `{name}`", nearest(name, DIMENSIONS))


def load_catalogue(
    project: Path | None, python: tuple[int, int], added: Iterable[tuple[str, Mapping[str, Any]]] = ()
) -> Catalogue:
    """Return the shipped profiles, those that plugins ``added`` (name, table), and those of a project.

    A project's table with the name of a shipped profile changes that profile (it inherits it without saying so).

    Args:
        project: The ``pyproject.toml`` to read, or None.
        python: Version of the running interpreter.
        added: From the hook ``pytest_envguard_profiles``.

    Raises:
        EnvguardError: A file that isn't TOML, or a table with unknown keys or bad values.
    """
    tables: dict[str, Table | Path] = {path.stem: path for path in SHIPPED.glob("*.toml")}
    for name, raw in added:
        tables[name] = read_table(raw, f"profile `{name}` of a plugin")
    for name, table in read_project(project).items() if project else ():
        if name in tables:
            _lay_over(tables, name, table)
        else:
            tables[name] = table
    return Catalogue(tables, python)


def _lay_over(tables: dict[str, Table | Path], name: str, table: Table) -> None:
    """Let a project's profile change the shipped one of the same name: `inherits` = itself means the shipped one."""
    if table.inherits in (None, name):
        shipped = name + _AS_SHIPPED
        tables[shipped] = tables[name]
        table = table.inheriting(shipped)
    tables[name] = table
