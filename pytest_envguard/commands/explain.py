"""`envguard explain`: what is known about libraries."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_envguard.commands.parser import Commands
from pytest_envguard.commands.project import known_profiles, project_folder
from pytest_envguard.errors import EnvguardError, nearest

if TYPE_CHECKING:
    from pytest_envguard.diagnosis.rules import Library
    from pytest_envguard.diagnosis.tables import Knowledge
    from pytest_envguard.model.diagnosis import Setting
    from pytest_envguard.report.terminal.explain import Surroundings


def add(commands: Commands) -> None:
    """Declare the command."""
    explain = commands.add_parser(
        "explain",
        help="what is known about libraries: what they write and contact, what goes wrong with it where, and what helps",
        description="List the libraries that something is known about, or show some: what of the machine they use, which "
        "variables move it, the rules that recognise what comes of it, the remedies, and how each was verified. "
        "What a project adds ([tool.envguard] knowledge) and installed packages bring is shown with it; what only a "
        "conftest.py adds is not.",
    )
    explain.add_argument("libraries", metavar="LIBRARY", nargs="*", help="a distribution or a module of it")
    explain.add_argument(
        "--profile", metavar="PROFILE", default="", help="only what matters in this environment, as of --envguard"
    )
    explain.add_argument("--json", action="store_true", help="for programs")
    explain.set_defaults(action=_explain)


def _explain(options: argparse.Namespace) -> int:
    from pytest_envguard.diagnosis.tables import load_knowledge
    from pytest_envguard.model.diagnosis import Setting
    from pytest_envguard.report.terminal.explain import json_text, library_text, list_text

    profile = known_profiles().one(options.profile) if options.profile else None
    setting = Setting(profile.name, profile.name, profile.values, _installed) if profile else None
    knowledge = load_knowledge(project_folder() / "pyproject.toml")
    asked = (_known(knowledge, name) for name in options.libraries) if options.libraries else knowledge.libraries()
    libraries = {library.name: library for library in asked}.values()  # each once
    shown = [(library, _surroundings(library, setting)) for library in libraries]
    if options.json:
        text = json_text(shown, whole=bool(options.libraries))
    elif options.libraries:
        text = "\n\n".join(library_text(library, around) for library, around in shown)
    else:
        text = list_text(libraries, setting)
    print(text, flush=True)  # a pipe that is closed already is noticed while `main` listens
    return 0


def _known(knowledge: Knowledge, name: str) -> Library:
    library = knowledge.of(name)
    if library is None:
        raise EnvguardError(f"nothing is known about `{name}`", nearest(name, knowledge.names()))
    return library


def _surroundings(library: Library, setting: Setting | None) -> Surroundings:
    import platform
    import sysconfig

    from pytest_envguard.diagnosis.places import Machine
    from pytest_envguard.diagnosis.rules import PYTHON
    from pytest_envguard.report.terminal.explain import Surroundings

    version = platform.python_version() if library.name == PYTHON else _installed(library.name)
    machine = Machine(os.environ.get("HOME", ""), sysconfig.get_path("purelib"), str(Path.cwd()))
    return Surroundings(setting, version, machine)


def _installed(distribution: str) -> str:
    """Return the version of a distribution beside this command, "" where it isn't installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
