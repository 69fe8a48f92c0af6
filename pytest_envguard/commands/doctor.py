"""`envguard doctor`: what this machine can do."""

from __future__ import annotations

import argparse

from pytest_envguard.commands.parser import Commands
from pytest_envguard.commands.project import known_profiles


def add(commands: Commands) -> None:
    """Declare the command."""
    doctor = commands.add_parser(
        "doctor",
        help="what this machine can enforce, and what mends what it can't",
        description="Try every kernel facility the environments need, in a child process, and enter every environment once. "
        "Exits with 0 if all of them can be enforced, else with 1.",
    )
    doctor.add_argument(
        "--differences",
        action="store_true",
        help="say what each mechanism (namespaces, system calls, audit hook) does not do as a deployment would",
    )
    doctor.set_defaults(action=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    from pytest_envguard.doctor import differences, examine

    if options.differences:
        print(differences())
        return 0
    text, healthy = examine(known_profiles())
    print(text)
    return 0 if healthy else 1
