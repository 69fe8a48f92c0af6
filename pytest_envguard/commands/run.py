"""`envguard run`: a command in an environment."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from pytest_envguard.commands.parser import Commands
from pytest_envguard.commands.project import known_profiles, project_folder
from pytest_envguard.errors import EnvguardError


def add(commands: Commands) -> None:
    """Declare the command."""
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


def _run(options: argparse.Namespace) -> int:
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        raise EnvguardError("no command to run", f"envguard run {options.profile} -- COMMAND…")
    from pytest_envguard import launcher
    from pytest_envguard.model.plan import Strength
    from pytest_envguard.prepare import check_fidelity, plans_for
    from pytest_envguard.report.terminal.header import plan_lines

    profile = known_profiles().one(options.profile)
    (plan,) = plans_for([profile], str(Path.cwd()), {}, root=str(project_folder()))
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
