"""The `envguard` command: what this machine can do, what a profile says, and any command inside of one."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pytest_envguard import __version__
from pytest_envguard.errors import EnvguardError

if TYPE_CHECKING:
    from pytest_envguard.profiles import Catalogue

USAGE_ERROR = 4  # as pytest's


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = _parser()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = parser.parse_args(words)
        return int(options.action(options))
    except EnvguardError as error:
        _complain(error)
        return USAGE_ERROR
    except BrokenPipeError:  # `envguard profiles | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except KeyboardInterrupt:
        return 130


def _complain(error: EnvguardError) -> None:
    red, plain = ("\033[31m", "\033[0m") if _coloured(sys.stderr.isatty()) else ("", "")
    print(f"{red}error:{plain} {error.message}", file=sys.stderr)
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)


def _coloured(terminal: bool) -> bool:
    return terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class _Parser(argparse.ArgumentParser):
    """An argument parser whose mistakes are reported like all others."""

    def error(self, message: str) -> NoReturn:
        raise EnvguardError(message, f"see `{self.prog} --help`")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="envguard",
        description="Environments of production, on this machine: AWS Lambda, hardened containers, offline hosts.",
        epilog="Run a whole test suite inside with `pytest --envguard=lambda`.",
    )
    parser.add_argument("--version", action="version", version=f"pytest-envguard {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)

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

    run = commands.add_parser(
        "run",
        usage="envguard run [-h] [-q] [--fidelity {kernel,exact,python}] PROFILE -- COMMAND…",
        help="run a command in an environment, with its terminal, signals and exit code",
        description="Run COMMAND in the environment PROFILE. The working folder, the Python environment that envguard is "
        "installed in, and HOME where the profile doesn't change it stay visible; for example "
        "`envguard run lambda -- python -c 'import litellm'`.",
    )
    run.add_argument("-q", "--quiet", action="store_true", help="do not print what is enforced")
    run.add_argument(
        "--fidelity",
        choices=("kernel", "exact", "python"),
        default="exact",
        help="the weakest enforcement that is accepted",
    )
    run.add_argument(
        "profile", metavar="PROFILE", help="as of --envguard: `lambda`, `lambda+offline`, `lambda:memory=1G`"
    )
    run.add_argument("command", metavar="COMMAND", nargs=argparse.REMAINDER, help="what to run, after `--`")
    run.set_defaults(action=_run)

    profiles = commands.add_parser(
        "profiles",
        help="the environments; with a name, what it changes and where each fact comes from",
        description="List the environments, or show one: every dimension with its value and its source, what is less certain, "
        "and what it does not simulate.",
    )
    profiles.add_argument("name", metavar="NAME", nargs="?", help="as of --envguard")
    profiles.set_defaults(action=_profiles)
    return parser


def _catalogue() -> Catalogue:
    from pytest_envguard.profiles import load_catalogue

    folder = next((place for place in (Path.cwd(), *Path.cwd().parents) if (place / "pyproject.toml").exists()), None)
    return load_catalogue(folder / "pyproject.toml" if folder else None, sys.version_info[:2])


def _doctor(options: argparse.Namespace) -> int:
    from pytest_envguard.doctor import differences, examine

    if options.differences:
        print(differences())
        return 0
    text, healthy = examine(_catalogue())
    print(text)
    return 0 if healthy else 1


def _profiles(options: argparse.Namespace) -> int:
    from pytest_envguard.report.profiles import list_text, profile_text

    catalogue = _catalogue()
    print(profile_text(catalogue.one(options.name)) if options.name else list_text(catalogue))
    return 0


def _run(options: argparse.Namespace) -> int:
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        raise EnvguardError("no command to run", f"envguard run {options.profile} -- COMMAND…")
    from pytest_envguard import launcher
    from pytest_envguard.model.plan import Strength
    from pytest_envguard.prepare import check_fidelity, plans_for
    from pytest_envguard.report.terminal import plan_lines

    profile = _catalogue().one(options.profile)
    (plan,) = plans_for([profile], str(Path.cwd()), {})
    check_fidelity(plan, Strength[options.fidelity.upper()])
    if not options.quiet:
        print("\n".join(plan_lines(plan, verbose=False)), file=sys.stderr, flush=True)
    words = command if plan.is_host else launcher.command_line(plan.script) + command
    try:
        # Becomes the launcher: same process group and terminal, so that Ctrl-C and Ctrl-Z reach the command as ever.
        os.execvp(words[0], words)
    except FileNotFoundError:
        raise EnvguardError(f"no program is named `{words[0]}`") from None
    except OSError as error:
        raise EnvguardError(f"`{words[0]}` cannot be run: {error.strerror}") from None
