"""What a test asks for: the marker's arguments and the fixtures that stand for one dimension each."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from pytest_envguard import options
from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.item import ENVIRONMENT, FIXTURES, MARKER
from pytest_envguard.model.cell import Cell
from pytest_envguard.model.dimensions import DIMENSIONS
from pytest_envguard.model.plan import INSIDE
from pytest_envguard.model.profile import WITHOUT, read_unset_each
from pytest_envguard.profiles import changed_selection

if TYPE_CHECKING:
    from pytest_envguard.matrix.axes import VersionSet

_WHERE = f"@pytest.mark.{MARKER}"
_SETTINGS = ("fresh", "timeout", "unset_each", "versions")
HOST = "host"
FRESH_ONLY = f"{_WHERE}: `cwd` shows the project elsewhere, and pytest has imported it from its own place already: no fork can be there"
FRESH_HINT = "give the test an interpreter of its own: `fresh=True`"


class Request(NamedTuple):
    """One environment that a test asks for.

    Attributes:
        selection: In the language of ``--envguard``: "lambda", "lambda+offline".
        changes: Dimension to what the user wrote for it.
        fixtures: The fixtures among the test's that ask for a dimension each; their names are profiles' names.
        fresh: Whether the test wants an interpreter of its own instead of a fork.
        timeout: Seconds after which the test is taken for hung; None where the ini key decides.
        versions: One choice of each axis; None for the versions that pytest itself runs with.
        without: A variable that is missing; "" for none.
    """

    selection: str
    changes: Mapping[str, Any] = {}
    fixtures: tuple[str, ...] = ()
    fresh: bool = False
    timeout: float | None = None
    versions: VersionSet | None = None
    without: str = ""

    def __str__(self) -> str:
        return self._named(changed_selection(self.selection, self.changes))

    @property
    def label(self) -> str:
        """A short name: the profile without its changes, and the versions."""
        return self._named(self.selection)

    def _named(self, profile: str) -> str:
        profile += f"{WITHOUT}{self.without}" if self.without else ""
        if self.versions is None:
            return profile
        cell = Cell(tuple((axis.name, axis.choices[0].text) for axis in self.versions.axes))
        return cell.name if profile == HOST else f"{profile}-{cell.name}"


def requests_of(marks: Iterable[pytest.Mark]) -> list[Request]:
    """Return what the markers at one place ask for, one request for each environment.

    Raises:
        EnvguardError: An argument that doesn't exist or has the wrong type. Names of profiles aren't looked up here.
    """
    return [request for mark in marks for request in _requests(mark)]


def _requests(mark: pytest.Mark) -> list[Request]:
    for argument in mark.args:
        if not isinstance(argument, str) or not argument.strip():
            raise EnvguardError(
                f"{_WHERE}: expected names of profiles, got {argument!r}", f'for example `{_WHERE}("lambda")`'
            )
    for name in mark.kwargs:
        if name not in DIMENSIONS and name not in _SETTINGS:
            raise EnvguardError(
                f"{_WHERE}: no dimension or setting is named `{name}`", nearest(name, (*DIMENSIONS, *_SETTINGS))
            )
    if not mark.args and not mark.kwargs:
        raise EnvguardError(f"{_WHERE} names no profile", f'for example `{_WHERE}("lambda")`')
    selections = [word.strip() for argument in mark.args for word in argument.split(",") if word.strip()]
    changes = {name: raw for name, raw in mark.kwargs.items() if name not in _SETTINGS}
    fresh = mark.kwargs.get("fresh", False)
    if not isinstance(fresh, bool):
        raise EnvguardError(f"{_WHERE}: `fresh`: expected True or False, got {fresh!r}")
    timeout = mark.kwargs.get("timeout")
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout <= 0):
        raise EnvguardError(f"{_WHERE}: `timeout`: expected seconds above zero, got {timeout!r}")
    cells = _cells(mark.kwargs["versions"]) if "versions" in mark.kwargs else [None]
    each = ("", *read_unset_each(mark.kwargs.get("unset_each", ()), _WHERE))
    return [
        Request(selection, changes, (), fresh, timeout, cell, variable)
        for selection in selections or [HOST]
        for cell in cells
        for variable in each
    ]


def with_each(requests: Iterable[Request], variables: Callable[[str], tuple[str, ...]]) -> list[Request]:
    """Return ``requests`` with those that a profile itself stands for besides.

    Args:
        requests: As they were written.
        variables: Returns those of which a selection wants an environment without, "" for one with all of them.
    """
    requests = list(requests)
    further = [
        request._replace(without=variable)
        for request in requests
        for variable in (variables(request.selection) if not request.without else [request.without])
    ]
    return list({(str(request), request.fresh, request.timeout): request for request in further + requests}.values())


def _cells(raw: object) -> list[VersionSet | None]:
    """Return a set of versions for each combination that a marker names."""
    from pytest_envguard.matrix.axes import read_set

    where = f"{_WHERE}: `versions`"
    if not isinstance(raw, Mapping):
        raise EnvguardError(
            f"{where}: expected versions by package, got {raw!r}",
            f'for example `{_WHERE}(versions={{"litellm": ["1.53.9", "1.75.5"]}})`',
        )
    asked = read_set("", raw, where)
    for key in ("exclude", "include", "strategy"):
        if key in raw:
            raise EnvguardError(f"{where}: has no `{key}`", "several markers on a test name several sets of versions")
    for axis in asked.axes:
        for choice in axis.choices:
            if choice.kind == "range":
                raise EnvguardError(
                    f"{where}: `{axis.name}`: expected single versions, `latest` or `lowest`, got `{choice.text}`",
                    "ranges are for `--envguard-versions`, which asks the index before the tests are collected",
                )
    each = [[axis._replace(choices=(choice,)) for choice in axis.choices] for axis in asked.axes]
    return [asked._replace(axes=axes) for axes in itertools.product(*each)]


def labels(requests: list[Request]) -> list[str]:
    """Return a readable, unique id for each request: the profile's name alone where that is enough."""
    short = [request.label for request in requests]
    return short if len(set(short)) == len(short) else list(map(str, requests))


def nearest_marks(node: pytest.Item | pytest.Function) -> list[pytest.Mark]:
    """Return the markers that hold for a test: those of the nearest place (function, class, module) that has any."""
    found = list(node.iter_markers_with_node(MARKER))
    # Of several at one place the lowest stands first; what is written on top should come first.
    return [mark for place, mark in reversed(found) if place is found[0][0]] if found else []


def timeout(config: pytest.Config, request: Request) -> float:
    """Return the seconds after which a test is taken for hung, 0 for never.

    Raises:
        EnvguardError: The ini key isn't a number.
    """
    if request.timeout is not None:
        return request.timeout
    if config.getoption("usepdb", False) or config.getoption("trace", False):
        return 0
    given = str(config.getini(options.TIMEOUT.name))
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < float("inf"):
        raise EnvguardError(
            f"`{options.TIMEOUT.name}` in {config.inipath}: expected seconds, or 0 for no limit, got `{given}`"
        )
    return seconds


_ENTERED = pytest.StashKey[tuple[str, Request]]()


def enter(config: pytest.Config, name: str, request: Request) -> None:
    """Note in this process that it runs inside of the environment ``name``, for one test."""
    config.stash[_ENTERED] = (name, request)


def entered(config: pytest.Config) -> str:
    """Return the name of the environment that this process runs in."""
    return config.stash[_ENTERED][0] if _ENTERED in config.stash else os.environ.get(INSIDE, HOST)


def entered_for(config: pytest.Config) -> Request | None:
    """Return what the test in this process asked for when its environment was entered."""
    return config.stash[_ENTERED][1] if _ENTERED in config.stash else None


_ASKED = pytest.StashKey[Request]()
CHOSEN = pytest.StashKey[Request]()  # set on copies of tests that can't be parametrised


def request_of(item: pytest.Item) -> Request | None:
    """Return what ``item`` asks for, None if it runs as ever.

    Raises:
        EnvguardError: A mistake in the marker.
    """
    if _ASKED in item.stash:
        return item.stash[_ASKED]
    request = _read(item)
    if request is not None:  # a marker can still be added
        item.stash[_ASKED] = request
    return request


def _read(item: pytest.Item) -> Request | None:
    fixtures = tuple(name for name in FIXTURES if _uses(item, name))
    params = getattr(getattr(item, "callspec", None), "params", {})
    chosen = item.stash.get(CHOSEN, None) or params.get(ENVIRONMENT)
    if not isinstance(chosen, Request):
        requests = requests_of(nearest_marks(item))
        if len(requests) > 1:
            names = ", ".join(map(str, requests))
            raise EnvguardError(
                f"{_WHERE}: {type(item).__name__} {item.name} cannot run once in each of several environments: {names}",
                "several environments are for test functions and methods; name one",
            )
        chosen = requests[0] if requests else None
    if chosen is None:
        return Request(HOST, fixtures=fixtures) if fixtures else None
    return chosen._replace(fixtures=fixtures)


def _uses(item: pytest.Item, name: str) -> bool:
    """Whether the fixture ``name`` of this test is this plugin's: a project may have one of its own by that name."""
    definitions = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {}).get(name, ())
    for definition in reversed(definitions):
        if definition.func.__module__ == "pytest_envguard.fixtures":
            return True
        if name not in definition.argnames:  # it overrides ours without asking for it
            return False
    return False
