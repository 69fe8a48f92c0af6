"""Every option once: its flag, its ini key, its help."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

OFF, SUGGEST, TRY = "off", "suggest", "try"


class Option(NamedTuple):
    """One setting that a user can give on the command line or in the configuration file.

    Attributes:
        name: ``envguard_fidelity`` is the ini key and ``--envguard-fidelity`` the flag.
        help: What it does, as ``pytest --help`` shows it.
        choices: The values it can have; empty for any text.
        default: Where neither the flag nor the ini key is given.
        metavar: Placeholder in the help.
    """

    name: str
    help: str
    choices: tuple[str, ...] = ()
    default: str = ""
    metavar: str | None = None

    @property
    def flag(self) -> str:
        """The option's name on the command line."""
        return "--" + self.name.replace("_", "-")


ENVIRONMENTS = Option(
    "envguard",
    "Run the whole suite in these deployment environments: one name or several with commas, `a+b` for both at once, "
    "`lambda:memory=1024M` to change a dimension; `off` to undo the ini key (see --envguard-list)",
    metavar="PROFILES",
)
FIDELITY = Option(
    "envguard_fidelity",
    "The weakest enforcement that is accepted; below it the run is refused with exit code 4 (default: exact)",
    ("kernel", "exact", "python"),
    "exact",
)
MECHANISM = Option(
    "envguard_mechanism",
    "What enforces the environments: auto (the strongest that works here); calls or python, to see what a machine would do "
    "that has nothing stronger than answered system calls, or than an audit hook (default: auto)",
    ("auto", "calls", "python"),
    "auto",
)
BASELINE = Option(
    "envguard_baseline",
    "When to run tests on the host for comparison: auto (those that failed), always (all), never (default: auto)",
    ("auto", "always", "never"),
    "auto",
)
REFUSALS = Option(
    "envguard_refusals",
    "What was refused to passing tests as well: own (without the noise of pytest and Python), all, or none (default: own)",
    ("all", "own", "none"),
    "own",
)
FIX = Option(
    "envguard_fix",
    "What to do about what fails in an environment only: suggest (say why, and what may help), try (run the failing tests again "
    "with it, and say what works), off (default: suggest)",
    (SUGGEST, TRY, OFF),
    SUGGEST,
)
KEEP = Option(
    "envguard_keep",
    "Further files or folders that stay visible where an environment replaces the folder they lie in",
)
VERSIONS = Option(
    "envguard_versions",
    "Run the suite with these versions: `litellm==1.53.9,1.75.5`, `latest`, `lowest`, a range `tiktoken>=0.7,<0.10` (each "
    "minor's last release), `python==3.11,3.12`, `as-of=2024-06-20`, `strategy=pairwise`, or a set's name in "
    "[tool.envguard.versions]; each repetition is an axis",
    metavar="AXIS",
)
REPORT = Option(
    "envguard_report",
    "Write a report of the run to FILE: a page to look at (.html), Markdown (.md), or JSON for other programs and for "
    "`envguard report` (.json); repeatable",
    metavar="FILE",
)
AUDIT = Option("envguard_audit", "Audit the packages of every environment with pip-audit, outside of the sandbox")
HOSTS = Option(
    "envguard_hosts",
    "Run the environments on these machines: `ssh=me@build1//python=/opt/venv/bin/python`, `socket=build2:8888`, `popen` for "
    "this one; repeatable",
    metavar="SPEC",
)
TIMEOUT = Option(
    "envguard_timeout",
    "Seconds after which a single test in an environment of its own (marker, fixtures) is taken for hung; 0 for never",
    default="600",
)
ALL = (ENVIRONMENTS, FIDELITY, MECHANISM, BASELINE, REFUSALS, FIX)
REPEATABLE = (VERSIONS, REPORT, HOSTS)


def add(parser: pytest.Parser) -> None:
    """Declare the options and their ini keys."""
    group = parser.getgroup("envguard", "deployment environments (pytest-envguard)")
    for option in ALL:
        details: dict[str, Any] = {"choices": option.choices} if option.choices else {"metavar": option.metavar}
        group.addoption(option.flag, dest=option.name, default=None, help=option.help, **details)
        parser.addini(option.name, option.help, type="string", default=option.default)
    for option in REPEATABLE:
        group.addoption(
            option.flag, dest=option.name, action="append", default=None, metavar=option.metavar, help=option.help
        )
        parser.addini(option.name, option.help, type="linelist", default=[])
    group.addoption(AUDIT.flag, dest=AUDIT.name, action="store_true", default=None, help=AUDIT.help)
    parser.addini(AUDIT.name, AUDIT.help, type="bool", default=False)
    group.addoption(
        "--envguard-list", action="store_true", default=False, help="List the environments by name and exit"
    )
    parser.addini(KEEP.name, KEEP.help, type="linelist", default=[])
    parser.addini(TIMEOUT.name, TIMEOUT.help, type="string", default=TIMEOUT.default)


def value(config: pytest.Config, option: Option) -> str:
    """Return what the user chose: the flag, else the ini key, else the default.

    Raises:
        pytest.UsageError: The ini key has a value that isn't one of the choices (the flag is checked by pytest).
    """
    given = config.getoption(option.name)
    if given is not None:
        return str(given)
    chosen = str(config.getini(option.name)).strip()
    if option.choices and chosen not in option.choices:
        raise pytest.UsageError(
            f"`{option.name}` in {config.inipath}: expected one of {', '.join(option.choices)}, got `{chosen}`"
        )
    return chosen


def values(config: pytest.Config, option: Option) -> list[str]:
    """Return all that the user gave for a repeatable option: the flags, else the lines of the ini key."""
    given = config.getoption(option.name)
    return list(given if given is not None else config.getini(option.name))


def refuse_alone(config: pytest.Config) -> None:
    """Refuse options that would do nothing in a run without environments and versions.

    Raises:
        pytest.UsageError: One was given on the command line.
    """
    for option in (REPORT, AUDIT, HOSTS, FIX):
        if given := config.getoption(option.name):
            first = given[0] if isinstance(given, list) else given
            shown = option.flag if first is True else f"{option.flag}={first}"
            raise pytest.UsageError(
                f"`{option.flag}` is about environments or versions, and none were asked for\n"
                f"hint: for example `{ENVIRONMENTS.flag}=lambda {shown}`; `{ENVIRONMENTS.flag}=host` is this machine"
            )
