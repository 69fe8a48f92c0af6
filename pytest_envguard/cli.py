"""The `envguard` command: what this machine can do, profiles, any command inside of one, what libraries do, version cells."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pytest_envguard import __version__
from pytest_envguard.errors import EnvguardError, nearest

if TYPE_CHECKING:
    from pytest_envguard.bisect import Question
    from pytest_envguard.diagnosis.rules import Library
    from pytest_envguard.diagnosis.tables import Knowledge
    from pytest_envguard.matrix.build import Workshop
    from pytest_envguard.matrix.formats import Kept
    from pytest_envguard.matrix.settings import Settings
    from pytest_envguard.matrix.store import Entry, Store
    from pytest_envguard.model.diagnosis import Setting
    from pytest_envguard.profiles import Catalogue
    from pytest_envguard.report.explain import Surroundings

USAGE_ERROR = 4  # as pytest's


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
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
    _add_explain(commands)
    _add_matrix(commands)
    _add_cells(commands)
    _add_bisect(commands)
    return parser


def _add_explain(commands: argparse._SubParsersAction[_Parser]) -> None:
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


def _add_matrix(commands: argparse._SubParsersAction[_Parser]) -> None:
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


_MATRIX_EPILOG = """\
examples:
  envguard matrix 'litellm==1.53.9,latest' 'tiktoken>=0.7,<0.10'
  envguard matrix --format tox > tox.ini
  matrix="$(envguard matrix --profiles lambda --format github)" && echo "matrix=$matrix" >> "$GITHUB_OUTPUT"

In a workflow, `matrix: ${{ fromJSON(needs.plan.outputs.matrix) }}` makes jobs of the last one, and each job
runs its cell with `pytest ${{ matrix.arguments }}`. A shell redirects at `<` and `>`: put an AXIS in quotes.
"""


def _add_cells(commands: argparse._SubParsersAction[_Parser]) -> None:
    cells = commands.add_parser(
        "cells",
        help="the virtual environments of version cells that are kept, and how to be rid of them",
        description="List the virtual environments that `pytest --envguard-versions` keeps for the next run. Most of their files "
        "are hard links into uv's cache: only what is a cell's own is freed when it's removed.",
        epilog="They are kept in the user's cache folder (on Linux ~/.cache/pytest-envguard), or where the variable "
        "PYTEST_ENVGUARD_CACHE says.",
    )
    which = cells.add_mutually_exclusive_group()
    which.add_argument(
        "--prune",
        metavar="DAYS",
        nargs="?",
        const="30",
        help="remove those that no run has used for so many days (default: 30)",
    )
    which.add_argument(
        "--remove",
        metavar="NAME",
        action="append",
        help="remove the cells of this name; `all` for all of them; repeatable",
    )
    cells.add_argument("--json", action="store_true", help="list them for programs")
    cells.set_defaults(action=_cells)


def _add_bisect(commands: argparse._SubParsersAction[_Parser]) -> None:
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


def _project() -> Path:
    """Return the folder with the nearest pyproject.toml, else the working folder."""
    here = Path.cwd()
    return next((place for place in (here, *here.parents) if (place / "pyproject.toml").exists()), here)


def _catalogue() -> Catalogue:
    from pytest_envguard.profiles import load_catalogue

    return load_catalogue(_project() / "pyproject.toml", sys.version_info[:2])


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


def _explain(options: argparse.Namespace) -> int:
    from pytest_envguard.diagnosis.tables import load_knowledge
    from pytest_envguard.model.diagnosis import Setting
    from pytest_envguard.report.explain import json_text, library_text, list_text

    profile = _catalogue().one(options.profile) if options.profile else None
    setting = Setting(profile.name, profile.name, profile.values, _installed) if profile else None
    knowledge = load_knowledge(_project() / "pyproject.toml")
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
    from pytest_envguard.report.explain import Surroundings

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


def _matrix(options: argparse.Namespace) -> int:
    from pytest_envguard.matrix.axes import read_asked
    from pytest_envguard.matrix.build import open_workshop
    from pytest_envguard.matrix.formats import github_text, meanings, table_text, tox_text
    from pytest_envguard.matrix.settings import read_settings
    from pytest_envguard.report.progress import showing

    project = _project()
    profiles = [profile.name for profile in _catalogue().select(options.profiles)] if options.profiles else []
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


_OLDER_THAN_THE_PLUGIN = "note: as of a day before pytest-envguard's own first release tox can't install it; `pytest --envguard-versions` can"


def _axes(given: Sequence[str], settings: Settings) -> list[str]:
    from pytest_envguard.matrix.axes import DEFAULT

    if given or DEFAULT in settings.sets:
        return list(given) or [DEFAULT]
    named = f"; or one of the sets {', '.join(sorted(settings.sets))}" if settings.sets else ""
    raise EnvguardError(
        "no AXIS is given, and pyproject.toml has no [tool.envguard.versions]",
        f"for example `envguard matrix 'litellm==1.53.9,latest'`{named}",
    )


def _bisect(options: argparse.Namespace) -> int:
    from packaging.utils import canonicalize_name
    from packaging.version import Version

    from pytest_envguard.bisect import Question, find, pytest_with, result_text, row
    from pytest_envguard.matrix.build import open_workshop
    from pytest_envguard.matrix.settings import read_settings
    from pytest_envguard.report.progress import showing

    project = _project()
    profile = _catalogue().one(options.profile).name if options.profile else ""
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


def _cells(options: argparse.Namespace) -> int:
    import time

    from pytest_envguard.matrix.formats import kept_json, kept_text
    from pytest_envguard.matrix.store import open_store

    days = None if options.prune is None else _days(options.prune)
    store = open_store()
    if days is not None:
        return _remove(store, store.stale(days=days))
    if options.remove:
        return _remove(store, _chosen(store.entries(), options.remove))
    kept, root = _kept(store), str(store.root)
    print(kept_json(kept, root) if options.json else kept_text(kept, root, time.time()))
    return 0


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = -1
    if not 0 <= days < float("inf"):
        raise EnvguardError(f"`--prune`: expected a number of days, got `{text}`", "`--prune 7`, or `--remove all`")
    return days


def _chosen(entries: Sequence[Entry], names: Sequence[str]) -> list[Entry]:
    known = {entry.name for entry in entries if entry.name}
    for name in names:
        if name != "all" and name not in known:
            raise EnvguardError(f"no cell is named `{name}`", nearest(name, known) if known else "there are none")
    return [entry for entry in entries if "all" in names or entry.name in names]


def _kept(store: Store) -> list[Kept]:
    from pytest_envguard.matrix.formats import Kept
    from pytest_envguard.matrix.store import measure

    # Compiled files have a name more in there, but go with the last cell that has them.
    bytecode = store.root / "bytecode"
    unused = measure([bytecode]).freed
    return [
        Kept(
            name=entry.name,
            project=entry.project,
            folder=str(entry.folder),
            size=measure([entry.folder]).used,
            own=measure([entry.folder, bytecode]).freed - unused,
            used=entry.used,
            state=_state(entry),
        )
        for entry in store.entries()
    ]


def _state(entry: Entry) -> str:
    from pytest_envguard.matrix.store import read_record

    if entry.in_use:
        return "in use"
    if not entry.record:
        return "half made"
    if read_record(entry.folder) is None:
        return "interpreter gone"
    return "ready" if not entry.project or Path(entry.project).exists() else "project gone"


def _remove(store: Store, entries: Sequence[Entry]) -> int:
    from pytest_envguard.matrix.store import measure
    from pytest_envguard.model.dimensions import show_size

    free = [entry for entry in entries if not entry.in_use]
    freed = measure([*(entry.folder for entry in free), store.root / "bytecode"]).freed
    removed = store.remove(free)
    left = [entry.name or entry.key for entry in entries if entry not in removed]
    for name in left:
        print(f"{name} is in use by a run and was kept", file=sys.stderr)
    print(f"{len(removed)} cell{'s' * (len(removed) != 1)} removed, {show_size(freed if removed else 0)} freed")
    return 1 if left else 0


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
