"""The `envguard` command: what this machine can do, profiles, any command inside of one, what libraries do, version cells."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from pytest_envguard import __version__
from pytest_envguard.commands import bisect, cells, cuda, doctor, explain, matrix, model, profiles, report, run, seed
from pytest_envguard.commands.parser import Parser
from pytest_envguard.errors import EnvguardError
from pytest_envguard.report.printable import settle

USAGE_ERROR = 4  # as pytest's


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    for stream in (sys.stdout, sys.stderr):
        settle(stream)
    parser = _parser()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        # What is pytest's business: argparse would take it apart, or take options before it for a part of it.
        cut = words.index("--") if words[:1] == ["bisect"] and "--" in words else len(words)
        options = parser.parse_args(words[:cut])
        options.arguments = words[cut + 1 :]
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


def _parser() -> Parser:
    parser = Parser(
        prog="envguard",
        description="Environments of production, on this machine: AWS Lambda, hardened containers, offline hosts.",
        epilog="Run a whole test suite inside with `pytest --envguard=lambda`.",
    )
    parser.add_argument("--version", action="version", version=f"pytest-envguard {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    for command in (doctor, run, profiles, explain, model, seed, cuda, matrix, cells, bisect, report):
        command.add(commands)
    return parser
