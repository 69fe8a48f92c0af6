"""pytest's door: declares the options and decides which role this process has. Imports nothing heavy.

Idle (no environment asked for), it does nothing. As the *controller* it hands over to `engine.session`;
inside an environment, in a worker or in a single process, to `engine.inside`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from pytest_envguard import options

# Set for what runs inside; not imported from where they are set, because an idle start must stay cheap.
_SHELTER = "PYTEST_ENVGUARD_SHELTER"
_SOLO = "PYTEST_ENVGUARD_SOLO"
_INSIDE = "PYTEST_ENVGUARD"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    options.add(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks that others can implement."""
    from pytest_envguard import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Before capture and coverage start: they must not write into the simulated environment."""
    if _SHELTER in os.environ:
        from pytest_envguard.engine.inside import shelter_pytest

        shelter_pytest()
    if _SOLO not in os.environ and _wanted(early_config):
        # pytest-cov chooses here already between its central and its distributed collector, by xdist's options.
        early_config.known_args_namespace.dist = "load"
        if "PYTEST_XDIST_WORKER" in os.environ:
            # And it erases older data, in workers too: the worker that compares with the host starts when others have
            # written theirs.
            early_config.known_args_namespace.cov_append = True
    return (yield)


def _wanted(config: pytest.Config) -> str:
    given = getattr(config.known_args_namespace, options.ENVIRONMENTS.name, None)
    if given is None:
        # A pytest that a test starts inside of an environment finds the same ini file: it's there already.
        given = "" if _INSIDE in os.environ else config.getini(options.ENVIRONMENTS.name)
    return "" if given == options.OFF else given


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | pytest.ExitCode | None:
    """Become the controller if environments are asked for."""
    if hasattr(config, "workerinput"):
        return None
    if config.getoption("envguard_list"):
        from pytest_envguard.engine.session import list_profiles

        return list_profiles(config)
    if config.getoption("help") or config.getoption("version") or _SOLO in os.environ:
        return None
    wanted = _wanted(config)
    if not wanted and config.getoption(options.ENVIRONMENTS.name) in (None, options.OFF):
        return None
    probing = None
    if sys.platform == "linux":
        from pytest_envguard.linux.abilities import Probing

        probing = Probing()  # in a child, while the rest is imported here
    from pytest_envguard.engine.session import start

    return start(config, wanted, probing)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Take up the role inside of an environment, where this is one."""
    promises = getattr(config, "workerinput", {}).get("envguard_promises") or os.environ.pop(_SOLO, None)
    if promises:
        from pytest_envguard.engine.inside import Inside

        config.pluginmanager.register(Inside(config, promises), "envguard-inside")
