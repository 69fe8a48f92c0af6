"""`token-counter --by KIND:NAME FILE...`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from token_counter import batch, bundle
from token_counter.memory import Memory


def main(argv: Sequence[str] | None = None) -> int:
    """Print the number of tokens of each file, and of all."""
    parser = argparse.ArgumentParser(prog="token-counter", description="Count the tokens of text files.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--by", default="tokenizer:deepseek", metavar="KIND:NAME", help="encoding, model or tokenizer")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes to count in (default: 1)")
    parser.add_argument("--memory", type=Path, metavar="FILE", help="where counts are remembered")
    parser.add_argument("--bundle", type=Path, metavar="ZIP", help="import the tokenizer libraries from this zip file")
    args = parser.parse_args(argv)
    if args.bundle:
        bundle.activate(args.bundle)
    try:
        if args.workers > 1:
            counts = batch.count_files(args.by, args.files, args.workers)
        else:
            count = (Memory(args.memory) if args.memory else Memory()).counter(args.by)
            counts = [count(path.read_text(encoding="utf-8")) for path in args.files]
    except LookupError as error:
        parser.error(str(error))
    for number, path in zip(counts, args.files, strict=True):
        print(f"{number:8} {path}")
    print(f"{sum(counts):8} total")
    return 0
