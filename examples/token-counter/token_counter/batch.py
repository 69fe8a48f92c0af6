"""Count many texts at once, on all cores."""

from collections.abc import Iterable
from multiprocessing import Pool
from multiprocessing.pool import ThreadPool
from pathlib import Path

from token_counter.counting import Count, resolve


def count_texts(count: Count, texts: Iterable[str], workers: int = 2) -> list[int]:
    """Count texts in threads: tiktoken lets go of the interpreter while it encodes, so threads run side by side."""
    if workers < 2:
        return [count(text) for text in texts]
    with ThreadPool(workers) as pool:
        return pool.map(count, texts)


def count_files(spec: str, paths: Iterable[Path], workers: int = 2) -> list[int]:
    """Count files in processes: a tokenizer written in Python would keep all threads but one waiting."""
    if workers < 2:
        count = resolve(spec)
        return [count(path.read_text(encoding="utf-8")) for path in paths]
    with Pool(workers, initializer=_prepare, initargs=(spec,)) as pool:
        return pool.map(_count_file, paths)


_count: Count


def _prepare(spec: str) -> None:
    """Load the tokenizer once for each worker process, not once for each file."""
    global _count
    _count = resolve(spec)


def _count_file(path: Path) -> int:
    return _count(path.read_text(encoding="utf-8"))
