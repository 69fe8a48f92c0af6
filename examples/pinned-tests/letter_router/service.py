"""The service: what happens once at its start, and the command."""

import sys

from letter_router import model, registry


def start(seconds: float | None = None) -> model.Model:
    """Return the model with the newest weights; where the registry is not to be had, with those of the package.

    Args:
        seconds: How long to wait for the registry.
    """
    weights = registry.newest(seconds)
    return model.Model(weights) if weights is not None else model.load()


def main() -> None:
    """Print the desk of each letter of the standard input, one letter a line."""
    router = start(seconds=2)
    for letter in sys.stdin:
        print(router.desk(letter), letter.strip(), sep="\t")
