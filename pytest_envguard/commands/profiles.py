"""`envguard profiles`: the environments."""

from __future__ import annotations

import argparse

from pytest_envguard.commands.parser import Commands
from pytest_envguard.commands.project import known_profiles


def add(commands: Commands) -> None:
    """Declare the command."""
    profiles = commands.add_parser(
        "profiles",
        help="the environments; with a name, what it changes and where each fact comes from",
        description="List the environments, or show one: every dimension with its value and its source, what is less certain, "
        "and what it does not simulate.",
    )
    profiles.add_argument("name", metavar="NAME", nargs="?", help="as of --envguard")
    profiles.set_defaults(action=_profiles)


def _profiles(options: argparse.Namespace) -> int:
    from pytest_envguard.report.terminal.profiles import list_text, profile_text

    catalogue = known_profiles()
    print(profile_text(catalogue.one(options.name)) if options.name else list_text(catalogue))
    return 0
