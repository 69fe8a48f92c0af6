"""pytest's door: declares the options and decides which role this process has. Imports nothing heavy.

Idle (no environment asked for), it does nothing. As the *controller* it hands over to `engine.start`;
inside an environment, in a worker or in a single process, to `engine.inside`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator

import pytest

from pytest_envguard import options
from pytest_envguard.fixtures import cold_start as cold_start
from pytest_envguard.fixtures import envguard_environment as envguard_environment
from pytest_envguard.fixtures import envguard_measure as envguard_measure
from pytest_envguard.fixtures import envguard_origins as envguard_origins
from pytest_envguard.fixtures import envguard_stream as envguard_stream
from pytest_envguard.fixtures import every_split as every_split
from pytest_envguard.fixtures import fake_environment as fake_environment
from pytest_envguard.fixtures import hf_cache as hf_cache
from pytest_envguard.fixtures import model_folder as model_folder
from pytest_envguard.fixtures import no_network as no_network
from pytest_envguard.fixtures import no_shm as no_shm
from pytest_envguard.fixtures import noexec_tmp as noexec_tmp
from pytest_envguard.fixtures import readonly_root as readonly_root
from pytest_envguard.fixtures import tiktoken_cache as tiktoken_cache
from pytest_envguard.item import FIXTURES, MARKER, threads

# Set for what runs inside; not imported from where they are set, because an idle start must stay cheap.
_SHELTER = "PYTEST_ENVGUARD_SHELTER"
_SOLO = "PYTEST_ENVGUARD_SOLO"
_HOOK = "PYTEST_ENVGUARD_HOOK"
_LEDGER = "PYTEST_ENVGUARD_LEDGER"
_INSIDE = "PYTEST_ENVGUARD"
_BUDGET = "envguard_budget"  # as of `model.budget`
_FIGURES = "envguard_figures"

_MARKER_HELP = (
    f"{MARKER}(*profiles, versions=None, fresh=False, timeout=None, **dimensions): run the test in this deployment "
    'environment, once in each of several, for example "lambda" or "container+offline" (see --envguard-list); keywords change dimensions '
    '(tmp_size="64M", network="drop"); the test is forked into it, or with `fresh` gets an interpreter of its own; '
    '`timeout` in seconds; `versions` such as {"litellm": ["1.53.9", "1.75.5"]}: once with each combination of them'
)
_BUDGET_HELP = (
    f"{_BUDGET}(NAME_p99=…, NAME_max=…, NAME_seconds=…, peak_memory=…, growth_per_10k_UNIT=…): what the test may take, such "
    'as encode_p99="15ms", load_seconds=10, peak_memory="512MB", growth_per_10k_tokens="1MB"; the fixture '
    "envguard_measure measures it, and the test fails where it takes more"
)


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
    threads.begin()
    enters = _HOOK in os.environ or _SHELTER in os.environ
    if _HOOK in os.environ:
        from pytest_envguard.engine.hooked import enter

        enter()
    if _LEDGER in os.environ:
        from pytest_envguard.engine import refusals

        refusals.begin()
    if _SHELTER in os.environ:
        from pytest_envguard.engine.inside import shelter_pytest

        shelter_pytest()
    if enters:
        from pytest_envguard import evidence

        evidence.begin()
    if _SOLO not in os.environ and (_wanted(early_config) or _versions(early_config)):
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


def _versions(config: pytest.Config) -> list[str]:
    given: list[str] | None = getattr(config.known_args_namespace, options.VERSIONS.name, None)
    if given is None:
        given = [] if _INSIDE in os.environ else config.getini(options.VERSIONS.name)
    return [] if given == [options.OFF] else given


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | pytest.ExitCode | None:
    """Become the controller if environments are asked for."""
    if hasattr(config, "workerinput"):
        return None
    if config.getoption("envguard_list"):
        from pytest_envguard.engine.start import list_profiles

        return list_profiles(config)
    if config.getoption("help") or config.getoption("version") or _SOLO in os.environ:
        return None
    wanted, versions = _wanted(config), _versions(config)
    if not wanted and not versions and config.getoption(options.ENVIRONMENTS.name) in (None, options.OFF):
        options.refuse_alone(config)
        return None
    probing = None
    if sys.platform == "linux":
        from pytest_envguard.linux.abilities import Probing

        probing = Probing()  # in a child, while the rest is imported here
    from pytest_envguard.engine.start import start

    return start(config, wanted, versions, probing)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers; take up the role inside of an environment, where this is one."""
    config.addinivalue_line("markers", _MARKER_HELP)
    config.addinivalue_line("markers", _BUDGET_HELP)
    promises = getattr(config, "workerinput", {}).get("envguard_promises") or os.environ.pop(_SOLO, None)
    if promises:
        from pytest_envguard.engine.inside import Inside

        config.pluginmanager.register(Inside(config, promises), "envguard-inside")


# -- single tests ------------------------------------------------------------------------------------------------------

_FIXTURES = frozenset(FIXTURES)
_ASKING = pytest.StashKey[set[int]]()


def _asks(item: pytest.Item) -> bool:
    """Whether ``item`` may ask for an environment of its own: quick, and never wrong by no."""
    return MARKER in item.keywords or not _FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let a test with several environments run once in each."""
    if MARKER in metafunc.definition.keywords:
        from pytest_envguard.item.collect import parametrize

        parametrize(metafunc)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for methods of `unittest.TestCase`, which pytest doesn't parametrise."""
    report = yield
    is_test_case = isinstance(collector, pytest.Class) and getattr(collector, "nofuncargs", False)
    if is_test_case and any(MARKER in test.keywords for test in report.result or ()):
        from pytest_envguard.item.collect import multiply

        report.result = multiply(report.result)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Find mistakes in markers before the first test runs, those included that other plugins have just added."""
    result = yield
    asking = [item for item in items if _asks(item)]
    config.stash[_ASKING] = set(map(id, asking))
    if asking:
        from pytest_envguard.item.collect import check

        check(config, asking)
    if budgeted := [item for item in items if _BUDGET in item.keywords]:
        from pytest_envguard.budgets import judging

        judging.check(config, budgeted)
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test that asks for an environment in a process of its own."""
    if id(item) not in item.config.stash.get(_ASKING, ()):
        return None
    from pytest_envguard.item.protocol import run_protocol

    return run_protocol(item, nextitem)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Let no test pass outside of the environment that it asks for, also where it began to ask while it was set up."""
    if MARKER in item.keywords or id(item) in item.config.stash.get(_ASKING, ()):
        from pytest_envguard.item.protocol import assert_entered

        assert_entered(item)
    if _BUDGET in item.keywords:
        from pytest_envguard.budgets.judging import assert_judged

        assert_judged(item)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say of failed tests where they ran; with ``--envguard`` the table does."""
    failed = terminalreporter.stats.get("failed") or terminalreporter.stats.get("error")
    if failed and config.get_verbosity() > -2 and not config.pluginmanager.hasplugin("envguard-session"):
        from pytest_envguard.report.terminal.closing import write_own_environments

        write_own_environments(terminalreporter)
    if config.pluginmanager.hasplugin("envguard-session"):
        return
    measured = [one for told in terminalreporter.stats.values() for one in told if hasattr(one, _FIGURES)]
    if measured and config.get_verbosity() >= 0:
        from pytest_envguard.report.terminal.budgets import write_measured

        write_measured(terminalreporter, measured, config.get_verbosity())
    if measured and config.getoption("xmlpath", None):
        from pytest_envguard.engine import junit

        for line in junit.shape(config, None):
            terminalreporter.write_line(line)
