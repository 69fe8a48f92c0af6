"""`envguard model`: whether a model folder is whole, loads, and means what it should."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_envguard.commands.parser import Commands
from pytest_envguard.commands.project import known_profiles
from pytest_envguard.errors import EnvguardError

if TYPE_CHECKING:
    from pytest_envguard.model.modelfolder import Reader
    from pytest_envguard.modelfolder.checking import Asked
    from pytest_envguard.modelfolder.loading import Place, Wanted

_EPILOG = """\
examples:
  envguard model models/mini
  envguard model models/mini --profile container --load-model
  envguard model models/mini --no-load --write-manifest mini.sha256
  envguard model models/mini --profile lambda --manifest mini.sha256 --json

Three phases. The files: what config.json asks for is there, parses, isn't truncated and can be read by the
profile's user. Loading: the tokenizer (and with --load-model the model) in a fresh interpreter inside of the
environment, with the folder read-only and the network off. Meaning: texts in many scripts are encoded and decoded
again, special tokens are recognised, other readings of the folder agree, a forward pass returns numbers.

Nothing in the folder is executed: neither code of its own nor pickles, unless --trust-remote-code or --allow-pickle
say so, and then only in there. transformers, tokenizers and torch are those beside pytest-envguard.

Ends with 0 if nothing was found that is an error, else with 1; with 4 if it can't be checked.
"""


def add(commands: Commands) -> None:
    """Declare the command."""
    model = commands.add_parser(
        "model",
        help="whether a model folder is whole, loads in an environment with no network, and its tokenizer loses nothing",
        description="Check a model folder as `from_pretrained` reads it, in an environment.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    model.add_argument("folder", metavar="DIR", help="the folder that has config.json in it")
    model.add_argument(
        "--profile",
        metavar="PROFILE",
        help="the environment that it's loaded in and whose user reads it, as of --envguard; its network is cut "
        "(default: this machine as it is, with the network off)",
    )
    model.add_argument("--load-model", action="store_true", help="load the model too, and run it once; needs torch")
    model.add_argument(
        "--no-load", "--static-only", action="store_true", help="look at the files alone; nothing is loaded"
    )
    model.add_argument(
        "--trust-remote-code",
        action="store_true",
        help="let the folder's own code run (auto_map): with no network, and only the environment's own /tmp to write to",
    )
    model.add_argument("--allow-pickle", action="store_true", help="let weights be read from pickles (.bin, .pt)")
    manifests = model.add_mutually_exclusive_group()
    manifests.add_argument(
        "--manifest",
        metavar="FILE",
        type=Path,
        help="compare the SHA-256 of all files with those in FILE, which must exist",
    )
    manifests.add_argument(
        "--write-manifest", metavar="FILE", type=Path, help="write FILE with the SHA-256 of all files, for --manifest"
    )
    model.add_argument(
        "--hashes",
        action="store_true",
        help="compare files with what the hub's client has noted of them (reads them all)",
    )
    model.add_argument(
        "--tolerance",
        metavar="N",
        default="0",
        help="code points that may differ when a text is encoded and decoded again (default: 0); what the tokenizer's own "
        "normaliser does is no difference",
    )
    model.add_argument(
        "--timeout", metavar="SECONDS", default="120", help="after which loading is killed (default: 120)"
    )
    model.add_argument("--json", action="store_true", help="for programs")
    model.set_defaults(action=_model)


def _model(options: argparse.Namespace) -> int:
    _import_nothing_from(options.folder)
    from pytest_envguard.modelfolder.checking import check, real_folder
    from pytest_envguard.modelfolder.telling import document, text

    folder = real_folder(options.folder)
    asked = _asked(options)
    place, reader = _place(options.profile, asked.wanted)
    say = _saying()
    if options.write_manifest:
        _write_manifest(folder, options.write_manifest, say)
    report = check(options.folder, place, reader, asked, say)
    say("")
    print(document(report) if options.json else text(report, colour=_coloured()), flush=True)
    return 0 if report.good else 1


def _import_nothing_from(folder: str) -> None:
    """Take the folder off the path of imports: `python -m pytest_envguard` in it, or PYTHONPATH, has put it there."""
    real = os.path.realpath(folder)
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or os.curdir) != real]


def _asked(options: argparse.Namespace) -> Asked:
    from pytest_envguard.modelfolder.checking import Asked
    from pytest_envguard.modelfolder.loading import Wanted

    if options.no_load and (options.load_model or options.trust_remote_code or options.allow_pickle):
        raise EnvguardError(
            "--no-load looks at the files alone: it can't be combined with --load-model, --trust-remote-code or --allow-pickle",
            "leave one of them out",
        )
    if options.manifest and not options.manifest.is_file():
        raise EnvguardError(
            f"--manifest: {options.manifest} is not there, so nothing could be compared with it",
            f"write it once from a folder that is good: `--write-manifest {options.manifest}`",
        )
    wanted = Wanted(
        model=options.load_model,
        trusts=options.trust_remote_code,
        unpickles=options.allow_pickle,
        timeout=_number(options.timeout, "--timeout", "a number of seconds above zero", least=0.001),
    )
    return Asked(
        loads=not options.no_load,
        wanted=wanted,
        tolerance=int(_number(options.tolerance, "--tolerance", "a number of code points", least=0)),
        manifest=options.manifest,
        hashes=options.hashes,
    )


def _number(text: str, option: str, expected: str, *, least: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not least <= number < float("inf"):
        raise EnvguardError(f"`{option}`: expected {expected}, got `{text}`")
    return number


def _place(selection: str | None, wanted: Wanted) -> tuple[Callable[[Path], Place], Reader | None]:
    from pytest_envguard.modelfolder.place import OfCommand

    place = OfCommand(known_profiles(), selection, wanted)
    return place, place.reader


def _write_manifest(folder: Path, file: Path, say: Callable[[str], None]) -> None:
    from pytest_envguard.modelfolder.manifest import write_manifest

    count = write_manifest(folder, file, say)
    say("")
    print(f"envguard: the SHA-256 of {count} files was written to {file}", file=sys.stderr)


def _saying() -> Callable[[str], None]:
    """Return what shows one line that is written over by the next; nothing where standard error is no terminal."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return lambda _text: None

    def say(text: str) -> None:
        from pytest_envguard.modelfolder.wording import shown

        print(f"\r\x1b[K{shown(text, 100)}", end="", file=sys.stderr, flush=True)

    return say


def _coloured() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
