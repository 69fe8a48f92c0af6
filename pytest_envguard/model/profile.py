"""A named environment: the values of the dimensions it changes, each with the source of the fact."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.dimensions import DIMENSIONS, Value

PACKAGE_SIZE = "package_size"  # the key under which ``sources`` says where it comes from


class Budget(NamedTuple):
    """What a deployment grants to one phase of a program, such as Lambda's init.

    Attributes:
        seconds: Longest time that the phase may take.
    """

    seconds: float


def is_time(value: object) -> bool:
    """Whether ``value`` is a number of seconds that something can be compared with: above zero, not `inf` or `nan`."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def budget_source(name: str) -> str:
    """Return the key under which ``sources`` says where the seconds of the budget ``name`` come from."""
    return f"budgets.{name}.seconds"


def layout_source(path: str) -> str:
    """Return the key under which ``sources`` says where the folder ``path`` of the layout comes from."""
    return f"layout.{path}"


class Profile(NamedTuple):
    """What an environment changes against the host.

    Attributes:
        name: As the user wrote it; `lambda+offline` for a combination.
        summary: What it stands for, in a few words.
        values: Dimension name to value; a dimension that is missing stays as the host has it.
        sources: Dimension name to where its value comes from.
        unverified: Dimension name to why its value is less certain than the others.
        not_simulated: What the real environment has and this profile does not, one sentence each.
        budgets: Name of a phase to what it may take; nothing enforces them, they are compared with what was measured.
        layout: Folder of the deployment to what lies in it, such as "the project"; only `fake_environment` shows them.
        package_size: Bytes that a deployment may have, unpacked; 0 for no limit. Compared before the suite runs.
        lineage: Its name in the catalogue and those that it inherits from, the nearest first; of a combination those of
            each.
        unset_each: Environment variables that it needs: whoever selects it means one environment more for each, without it.
        without: The variable that this one is without, to show what comes of it; "" for an environment with all of them.
    """

    name: str
    summary: str = ""
    values: Mapping[str, Value] = {}
    sources: Mapping[str, str] = {}
    unverified: Mapping[str, str] = {}
    not_simulated: tuple[str, ...] = ()
    budgets: Mapping[str, Budget] = {}
    layout: Mapping[str, str] = {}
    package_size: int = 0
    lineage: tuple[str, ...] = ()
    unset_each: tuple[str, ...] = ()
    without: str = ""

    @property
    def is_host(self) -> bool:
        """Whether it changes nothing."""
        return not self.values

    def with_values(self, name: str, values: Mapping[str, Value]) -> Profile:
        """Return this profile under another name with some dimensions replaced."""
        return Profile(
            name=name,
            summary=self.summary,
            values={**self.values, **values},
            sources={key: source for key, source in self.sources.items() if key not in values},
            unverified={key: reason for key, reason in self.unverified.items() if key not in values},
            not_simulated=self.not_simulated,
            budgets=self.budgets,
            layout=self.layout,
            package_size=self.package_size,
            lineage=self.lineage,
            unset_each=self.unset_each,
            without=self.without,
        )

    def sets(self, variable: str, environ: Mapping[str, str]) -> bool:
        """Whether ``variable`` is set in the environment, where the caller has ``environ``."""
        own, unset = self.values.get("env", {}), self.values.get("env_unset", ())
        assert isinstance(own, Mapping) and isinstance(unset, tuple)
        dimension = _VARIABLES.get(variable, "")
        if variable in own or self.values.get(dimension, "host") not in ("host", "unset"):
            return True
        patterns = (*unset, *(("LANGUAGE", "LC_*") if "locale" in self.values else ()))
        removed = any(
            variable.startswith(pattern[:-1]) if pattern.endswith("*") else variable == pattern for pattern in patterns
        )
        return variable in environ and not removed and self.values.get(dimension) != "unset"

    def lacking(self, variable: str) -> Profile:
        """Return this environment without a variable, under a name that says so."""
        values = {name: value for name, value in self.values.items() if name != _VARIABLES.get(variable)}
        own, unset = values.get("env", {}), values.get("env_unset", ())
        assert isinstance(own, Mapping) and isinstance(unset, tuple)
        if "env" in values:
            values["env"] = {name: text for name, text in own.items() if name != variable}
        if variable == "HOME":
            values["home"] = "unset"
        else:
            values["env_unset"] = (*unset, *([variable] if variable not in unset else []))
        reason = f"`unset-each`: what comes of a missing {variable}"
        return self._replace(
            name=f"{self.name}{WITHOUT}{variable}",
            summary=f"{self.summary}, without {variable}" if self.summary else f"without {variable}",
            values=values,
            sources={**self.sources, "home" if variable == "HOME" else "env_unset": reason},
            unset_each=(),
            without=variable,
        )

    def each(self) -> list[Profile]:
        """Return all that selecting it means."""
        return [self, *map(self.lacking, self.unset_each)]


WITHOUT = "-without-"
_VARIABLES = {"HOME": "home", "LANG": "locale", "TZ": "timezone"}  # what dimensions set


def read_unset_each(raw: object, where: str) -> tuple[str, ...]:
    """Return the names of variables that a user has written at ``where``, as a list or separated by semicolons.

    Raises:
        EnvguardError: They aren't that.
    """
    words = [word.strip() for word in raw.split(";")] if isinstance(raw, str) else raw
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise EnvguardError(f"{where}: `unset-each`: expected a list of variables, got {raw!r}")
    for word in words:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", word) or word.startswith("PYTEST_ENVGUARD"):
            raise EnvguardError(f"{where}: `unset-each`: expected names of the project's variables, got {word!r}")
    return tuple(dict.fromkeys(words))


def variables(profile: Profile, project: str, python: tuple[int, int]) -> dict[str, str]:
    """Return the environment variables that ``profile`` sets, with their placeholders filled.

    Args:
        profile: One whose placeholder has no value (the memory, if it isn't limited) is left out.
        project: Folder of the deployed code.
        python: Version of the running interpreter, for profiles that don't say theirs.

    Raises:
        EnvguardError: No placeholder has such a name.
    """
    written, memory = profile.values.get("env", {}), profile.values.get("memory")
    assert isinstance(written, Mapping)
    known = {
        "runtime": str(profile.values.get("runtime", ".".join(map(str, python)))).removeprefix("python"),
        "project": project,
        "memory_mb": str(memory >> 20) if isinstance(memory, int) else None,
    }
    filled = {}
    for name, text in written.items():
        used = re.findall(r"\{(\w+)\}", text)
        for placeholder in used:
            if placeholder not in known:
                raise EnvguardError(
                    f"profile `{profile.name}`: `env.{name}`: no placeholder is named `{{{placeholder}}}`",
                    f"known: {', '.join(known)}",
                )
        if all(known[placeholder] is not None for placeholder in used):
            filled[name] = re.sub(r"\{(\w+)\}", lambda match: str(known[match[1]]), text)
    return filled


def combine(first: Profile, second: Profile) -> Profile:
    """Return both environments at once: of every dimension the stricter value, the first's where neither is."""
    values: dict[str, Value] = dict(first.values)
    sources = dict(first.sources)
    for name, value in second.values.items():
        chosen = DIMENSIONS[name].stricter(values[name], value) if name in values else value
        if name not in values or chosen != values[name]:
            sources[name] = second.sources.get(name, f"profile {second.name}")
        values[name] = chosen
    # A folder is writable if both leave it so; one that restricts nothing leaves every folder so.
    restricting = [_writable(profile) for profile in (first, second) if _restricts_paths(profile)]
    if "writable" in values and restricting:
        values["writable"] = tuple(path for path in restricting[0] if path in restricting[-1])
    sources.update({key: text for key, text in second.sources.items() if key.startswith("env.") and key not in sources})
    _keep_identity_whole(values, first, second)
    budgets = dict(first.budgets)
    for name, budget in second.budgets.items():
        if name not in budgets or budget < budgets[name]:
            budgets[name] = budget
            sources[budget_source(name)] = second.sources.get(budget_source(name), f"profile {second.name}")
    for key in map(layout_source, second.layout.keys() - first.layout.keys()):
        sources[key] = second.sources.get(key, f"profile {second.name}")
    if second.package_size and not 0 < first.package_size <= second.package_size:
        sources[PACKAGE_SIZE] = second.sources.get(PACKAGE_SIZE, f"profile {second.name}")
    return Profile(
        name=f"{first.name}+{second.name}",
        summary=" + ".join(filter(None, (first.summary, second.summary))),
        values=values,
        sources=sources,
        unverified={**second.unverified, **first.unverified},
        not_simulated=tuple(dict.fromkeys((*first.not_simulated, *second.not_simulated))),
        budgets=budgets,
        layout={**second.layout, **first.layout},
        package_size=min(filter(None, (first.package_size, second.package_size)), default=0),
        lineage=tuple(dict.fromkeys((*first.lineage, *second.lineage))),
        unset_each=tuple(dict.fromkeys((*first.unset_each, *second.unset_each))),
        without=first.without or second.without,
    )


def _writable(profile: Profile) -> tuple[str, ...]:
    value = profile.values.get("writable", ())
    assert isinstance(value, tuple)
    return value


def _restricts_paths(profile: Profile) -> bool:
    return profile.values.get("root") == "read-only"


def _keep_identity_whole(values: dict[str, Value], first: Profile, second: Profile) -> None:
    """A uid with another profile's passwd entry would be nobody's identity: all four come from one profile."""
    owner = next((one for name in ("uid", "gid") for one in (first, second) if name in one.values), first)
    for name in ("uid", "gid", "user", "user_home"):
        values.pop(name, None)
        if name in owner.values:
            values[name] = owner.values[name]
