"""`envguard bisect`: the first release with which tests fail."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_envguard.commands.parser import Commands
from pytest_envguard.commands.project import known_profiles, project_folder
from pytest_envguard.errors import EnvguardError

if TYPE_CHECKING:
    from pytest_envguard.bisect import Question
    from pytest_envguard.matrix.build import Workshop
    from pytest_envguard.matrix.settings import Settings


def add(commands: Commands) -> None:
    """Declare the command."""
    bisect = commands.add_parser(
        "bisect",
        usage="envguard bisect [-h] --good V --bad V [--profile P] [--versions AXIS] PACKAGE -- PYTEST-ARGUMENTS…",
        help="the first release of a package with which tests fail",
        description="Run pytest with releases between a good and a bad one, each in a virtual environment of its own,\n"
        "until the first one is found with which it fails; with a --good that is newer than --bad, the first\n"
        "one with which it passes. Releases that can't be resolved or built are passed over.",
        epilog="example:\n  envguard bisect litellm --good 1.53.9 --bad 1.75.4 --profile lambda -- tests/test_x.py::test_y\n\n"
        "Ends with 0 if the release is found, with 1 if releases that can't be tried hide it.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    bisect.add_argument("package", metavar="PACKAGE", help="its name on the index")
    bisect.add_argument("--good", metavar="V", required=True, help="a release with which the tests pass")
    bisect.add_argument("--bad", metavar="V", required=True, help="a release with which they fail")
    bisect.add_argument("--profile", metavar="P", default="", help="the environment to run in, as of --envguard")
    bisect.add_argument(
        "--versions",
        metavar="AXIS",
        action="append",
        default=[],
        help="what holds in every step, one version each: `tiktoken==0.7.0`, `as-of=release` (each release with the dependencies "
        "of its day); repeatable",
    )
    bisect.set_defaults(action=_bisect)


def _bisect(options: argparse.Namespace) -> int:
    from packaging.utils import canonicalize_name
    from packaging.version import Version

    from pytest_envguard.bisect import Question, find, pytest_with, result_text, row
    from pytest_envguard.matrix.build import open_workshop
    from pytest_envguard.matrix.settings import read_settings
    from pytest_envguard.report.terminal.progress import showing

    project = project_folder()
    profile = known_profiles().one(options.profile).name if options.profile else ""
    good, bad = (_version(text, option) for text, option in ((options.good, "--good"), (options.bad, "--bad")))
    if Version(good) == Version(bad):
        raise EnvguardError(f"--good and --bad are the same release, {bad}", "there's nothing between them to search")
    package = canonicalize_name(options.package)
    question = Question(package, good, bad, profile, tuple(options.versions), tuple(options.arguments))
    settings = read_settings(project / "pyproject.toml")
    low, high = (bad, good) if question.mended else (good, bad)
    with showing(sys.stderr) as progress:
        workshop = open_workshop(settings, project, progress=progress)
        for version in (good, bad):
            _one_cell(question, version, workshop, settings)
        releases = row(workshop.releases.between(package, low, high), good, bad)
    good, bad = (
        (releases[-1], releases[0]) if question.mended else (releases[0], releases[-1])
    )  # as the index writes them
    question = question._replace(good=good, bad=bad)
    result = find(question, releases, pytest_with(question, Path.cwd()), lambda text: print(text, end="", flush=True))
    print("\n" + result_text(question, result))
    return 0 if len(result.suspects) == 1 else 1


def _version(text: str, option: str) -> str:
    from packaging.version import InvalidVersion, Version

    try:
        return str(Version(text))
    except InvalidVersion:
        raise EnvguardError(f"`{option}`: expected a release such as 1.53.9, got `{text}`") from None


def _one_cell(question: Question, version: str, workshop: Workshop, settings: Settings) -> None:
    """Check that each step is one cell, and that its versions exist."""
    from pytest_envguard.matrix.axes import read_asked

    axes = (f"{question.package}=={version}", *question.axes)
    cells = workshop.choose(read_asked(axes, settings.sets, "--versions"))
    if len(cells) != 1:
        raise EnvguardError(
            f"each step would be {len(cells)} cells: {', '.join(cell.name for cell in cells[:3])} …",
            "a search has one version on every other axis: `--versions tiktoken==0.7.0`",
        )
