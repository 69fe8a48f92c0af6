"""`envguard matrix`: the cells of a version matrix, for people, tox and GitHub."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_envguard.commands.parser import Commands
from pytest_envguard.commands.project import known_profiles, project_folder
from pytest_envguard.errors import EnvguardError

if TYPE_CHECKING:
    from pytest_envguard.matrix.settings import Settings

_MATRIX_EPILOG = """\
examples:
  envguard matrix 'litellm==1.53.9,latest' 'tiktoken>=0.7,<0.10'
  envguard matrix --format tox > tox.ini
  matrix="$(envguard matrix --profiles lambda --format github)" && echo "matrix=$matrix" >> "$GITHUB_OUTPUT"

In a workflow, `matrix: ${{ fromJSON(needs.plan.outputs.matrix) }}` makes jobs of the last one, and each job
runs its cell with `pytest ${{ matrix.arguments }}`. A shell redirects at `<` and `>`: put an AXIS in quotes.
"""
_OLDER_THAN_THE_PLUGIN = "note: as of a day before pytest-envguard's own first release tox can't install it; `pytest --envguard-versions` can"


def add(commands: Commands) -> None:
    """Declare the command."""
    matrix = commands.add_parser(
        "matrix",
        help="the cells of a version matrix, as a table, a tox.ini or a matrix of GitHub Actions",
        description="Print the cells that `pytest --envguard-versions` would run; nothing is built. `latest` and\n"
        "ranges are looked up on the index. The result goes to standard output, all else to standard error.",
        epilog=_MATRIX_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    matrix.add_argument(
        "axes",
        metavar="AXIS",
        nargs="*",
        help="as of --envguard-versions: `litellm==1.53.9,latest`, `litellm>=1.70,<1.80`, `python==3.11,3.12`, "
        "`as-of=2024-06-20`, `strategy=pairwise`, or a set's name; without any, [tool.envguard.versions]",
    )
    matrix.add_argument(
        "--profiles", metavar="PROFILES", default="", help="environments that each cell runs in, as of --envguard"
    )
    matrix.add_argument(
        "--format",
        choices=("table", "tox", "github"),
        default="table",
        help="table: for people; tox: a tox.ini; github: one line of JSON for `strategy.matrix` (default: table)",
    )
    matrix.set_defaults(action=_matrix)


def _matrix(options: argparse.Namespace) -> int:
    from pytest_envguard.matrix.axes import read_asked
    from pytest_envguard.matrix.build import open_workshop
    from pytest_envguard.matrix.formats import github_text, meanings, table_text, tox_text
    from pytest_envguard.matrix.settings import read_settings
    from pytest_envguard.report.terminal.progress import showing

    project = project_folder()
    profiles = [profile.name for profile in known_profiles().select(options.profiles)] if options.profiles else []
    settings = read_settings(project / "pyproject.toml")
    asked = read_asked(_axes(options.axes, settings), settings.sets, "AXIS")
    with showing(sys.stderr) as progress:
        cells = open_workshop(settings, project, progress=progress).choose(asked)
    notes = meanings(asked, cells)
    if options.format == "table":
        print(table_text(cells, profiles, notes))
        return 0
    for note in notes:
        print(note, file=sys.stderr)
    if options.format == "github":
        print(github_text(cells, profiles, ".".join(map(str, sys.version_info[:2]))))
        return 0
    given = ["--profiles", options.profiles] if options.profiles else []
    words = shlex.join(["envguard", "matrix", *options.axes, *given, "--format", "tox"])
    if profiles and any(cell.as_of for cell in cells):
        print(_OLDER_THAN_THE_PLUGIN, file=sys.stderr)
    print(tox_text(cells, profiles, f"Written by `{words}`."))
    return 0


def _axes(given: Sequence[str], settings: Settings) -> list[str]:
    from pytest_envguard.matrix.axes import DEFAULT

    if given or DEFAULT in settings.sets:
        return list(given) or [DEFAULT]
    named = f"; or one of the sets {', '.join(sorted(settings.sets))}" if settings.sets else ""
    raise EnvguardError(
        "no AXIS is given, and pyproject.toml has no [tool.envguard.versions]",
        f"for example `envguard matrix 'litellm==1.53.9,latest'`{named}",
    )
