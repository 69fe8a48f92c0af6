"""The post of a whole morning at once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pool

from letter_router import model


def in_processes(letters: Sequence[str], workers: int = 2) -> list[str]:
    """Return the desk of each letter; each process loads the model once."""
    with Pool(workers, initializer=_load) as pool:
        return pool.map(_desk, letters)


def in_threads(letters: Sequence[str], workers: int = 2) -> list[str]:
    """Return the same with threads, which share one model: the tokenizer lets go of the interpreter while it works."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(model.load().desk, letters))


_model: model.Model


def _load() -> None:
    global _model
    _model = model.load()


def _desk(letter: str) -> str:
    return _model.desk(letter)
