"""What looking at a model folder costs: ``python tests/benchmarks/modelfolder.py [headers|hashing]``; nothing is asserted.

headers: 10 GB of sparse safetensors shards are looked at without hashing (asked for: less than a second).
hashing: bytes a second against `sha256sum` on the same files, taking turns (asked for: at least 0.8 of it).
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pytest_envguard.modelfolder.hashing import Task, sums_of
from pytest_envguard.modelfolder.static import inspect

SHARDS, TENSORS, SHARD_BYTES = 20, 200, 500_000_000
ROUNDS = 5


def main(names: list[str]) -> None:
    """Print the figures asked for, or all."""
    with tempfile.TemporaryDirectory() as folder:
        if not names or "headers" in names:
            headers(Path(folder, "sparse"))
        if not names or "hashing" in names:
            hashing(Path(folder, "full"))


def headers(folder: Path) -> None:
    """Look at shards that have no blocks on disk, first and again."""
    folder.mkdir()
    sparse(folder)
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        contents = inspect(folder)
        seconds.append(time.perf_counter() - start)
    assert not [found for found in contents.findings if found.severity != "note"], contents.findings
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"headers: {contents.size / 1e9:.1f} GB in {SHARDS} shards with {SHARDS * TENSORS:,} tensors:"
        f" first {seconds[0]:.3f} s, median {statistics.median(seconds):.3f} s, peak {peak:.0f} MB"
    )


def sparse(folder: Path) -> None:
    """Write shards, their index and a configuration."""
    weights = {}
    for shard in range(1, SHARDS + 1):
        name = f"model-{shard:05}-of-{SHARDS:05}.safetensors"
        each = SHARD_BYTES // TENSORS
        tensors = {
            f"model.layers.{shard}.{number}.weight": {
                "dtype": "BF16",
                "shape": [each // 2],
                "data_offsets": [number * each, (number + 1) * each],
            }
            for number in range(TENSORS)
        }
        weights.update(dict.fromkeys(tensors, name))
        header = json.dumps({"__metadata__": {"format": "pt"}, **tensors}).encode()
        with open(folder / name, "wb") as file:
            file.write(struct.pack("<Q", len(header)) + header)
            file.truncate(8 + len(header) + each * TENSORS)
    index = {"metadata": {"total_size": SHARDS * SHARD_BYTES}, "weight_map": weights}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text('{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}')


def hashing(folder: Path, files: int = 4, size: int = 250_000_000) -> None:
    """Hash files that are in the page cache, one after another by `sha256sum`, as one process of it does."""
    folder.mkdir()
    for number in range(files):
        (folder / f"{number}.bin").write_bytes(os.urandom(1_000_000) * (size // 1_000_000))
    for count in (1, files):
        paths = [str(folder / f"{number}.bin") for number in range(count)]
        mine, peer = [], []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            sums = sums_of([Task(path, size) for path in paths])
            mine.append(time.perf_counter() - start)
            start = time.perf_counter()
            said = subprocess.run(["sha256sum", *paths], check=True, capture_output=True, text=True).stdout
            peer.append(time.perf_counter() - start)
        assert sorted(line.split()[0] for line in said.splitlines()) == sorted(one.hex for one in sums.values())
        ours, theirs = (count * size / statistics.median(taken) / 1e6 for taken in (mine, peer))
        print(
            f"hashing: {count} × {size / 1e6:.0f} MB: {ours:.0f} MB/s, sha256sum {theirs:.0f} MB/s: ratio {ours / theirs:.2f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
