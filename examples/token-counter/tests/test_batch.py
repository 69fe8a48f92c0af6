"""Many texts at once."""

from token_counter import batch, counting


def test_texts_in_threads(mirror, own_cache):
    """Threads count texts in the order they were given."""
    count = counting.by_encoding("r50k_base")
    assert batch.count_texts(count, ["hello world", "", "hello"], workers=2) == [2, 0, 1]


def test_files_in_processes(letters):
    """Processes count files in the order they were given."""
    assert batch.count_files("tokenizer:deepseek", letters, workers=2) == [2, 5, 1]


def test_one_worker(letters):
    """A single worker counts as two do, without starting anything."""
    assert batch.count_files("tokenizer:deepseek", letters, workers=1) == [2, 5, 1]
