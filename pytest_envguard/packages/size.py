"""How much of a cell would be deployed, and whether that fits the platform. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pytest_envguard.model.finding import TOO_BIG, Finding
from pytest_envguard.packages.installed import Distribution
from pytest_envguard.packages.requirements import needs

# What makes a cell run tests, and what installs it. Whatever requires one of the first two is there for the tests as well.
_TESTING = ("pytest", "pytest-envguard")
_TOOLS = ("execnet", "pip", "pip-audit", "pytest-xdist", "uv", "wheel")
_LARGEST = 10
_MB = 1 << 20  # AWS names 250 MB and means 262,144,000 bytes (the error message of its service)


class Share(NamedTuple):
    """What a package takes.

    Attributes:
        name: Normalised.
        size: Bytes, without bytecode.
    """

    name: str
    size: int

    def __str__(self) -> str:
        return f"{self.name} {_megabytes(self.size)}"


class Deployment(NamedTuple):
    """The packages of a cell that a deployment would have.

    Attributes:
        counted: What is deployed, the largest first.
        left_out: What is there for the tests alone, the largest first.
        unmeasured: Names of those whose size isn't known, such as a project that is installed as editable.
    """

    counted: tuple[Share, ...]
    left_out: tuple[Share, ...] = ()
    unmeasured: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all that is counted."""
        return sum(share.size for share in self.counted)

    @property
    def largest(self) -> tuple[Share, ...]:
        """The ten that take most."""
        return self.counted[:_LARGEST]

    def __str__(self) -> str:
        return f"{_megabytes(self.size)} MB in {len(self.counted)} packages"


def deployment(distributions: Iterable[Distribution], python: str, asked: Iterable[str] = ()) -> Deployment:
    """Return what would be deployed: everything but what is there for the tests.

    That is pytest, its plugins and the tools that install a cell, unless something else requires them, and what only they
    require. What else is there for tests can't be told from the metadata, and is counted.

    Args:
        distributions: All that are installed, with their sizes.
        python: The interpreter's version, such as "3.12.1".
        asked: What the user asked for, as in ``litellm==1.53.9``: deployed in any case, unless it's pytest or such a tool.
    """
    known = {distribution.name: distribution for distribution in distributions}
    graph = {
        by: [need.name for need in wanted if need.name in known]
        for by, wanted in needs(known.values(), python, asked).items()
    }
    wanted_anyhow = set(graph.pop(""))
    testing = _testing(graph)
    theirs = _reached(testing, graph)
    deployed = _reached(known.keys() - theirs | (wanted_anyhow - testing), graph)
    shares = sorted(
        (Share(one.name, one.size) for one in known.values() if one.size is not None),
        key=lambda share: (-share.size, share.name),
    )
    return Deployment(
        counted=tuple(share for share in shares if share.name in deployed),
        left_out=tuple(share for share in shares if share.name not in deployed),
        unmeasured=tuple(sorted(one.name for one in known.values() if one.size is None and one.name in deployed)),
    )


def _testing(graph: Mapping[str, list[str]]) -> set[str]:
    """Return what makes a cell run tests: as long as something else requires one of them, that one is deployed."""
    found = {
        name for name, wanted in graph.items() if name in (*_TESTING, *_TOOLS) or not set(_TESTING).isdisjoint(wanted)
    }
    while True:
        needed = {one for name, wanted in graph.items() if name not in found for one in wanted}
        if found.isdisjoint(needed):
            return found
        found -= needed


def _reached(names: Iterable[str], graph: Mapping[str, list[str]]) -> set[str]:
    """Return ``names`` and everything that they require, and that requires, and so on."""
    waiting = list(names)
    found = set(waiting)
    for name in waiting:  # which grows on the way
        new = [one for one in graph.get(name, ()) if one not in found]
        found.update(new)
        waiting += new
    return found


def too_big(deployed: Deployment, limit: int, environment: str) -> Finding | None:
    """Return that the packages don't fit ``environment``, with the largest of them, or None.

    Args:
        deployed: What would be deployed.
        limit: Bytes that the environment takes, unpacked.
        environment: The profile that says so.
    """
    if deployed.size <= limit:
        return None
    text = f"the packages take {_megabytes(deployed.size)} MB unpacked, {environment} takes {_megabytes(limit)} MB"
    details = [f"the largest (MB): {', '.join(map(str, deployed.largest))}"]
    if deployed.left_out:
        names = sorted(share.name for share in deployed.left_out)
        details.append(f"not counted, because only the tests need them: {', '.join(names)}")
    if deployed.unmeasured:
        details.append(f"not counted, because their size isn't known: {', '.join(deployed.unmeasured)}")
    return Finding(TOO_BIG, "", text, environment=environment, details=tuple(details))


def _megabytes(size: int) -> str:
    return f"{size / _MB:.1f}".removesuffix(".0")
