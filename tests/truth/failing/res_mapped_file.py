# case: res_mapped_file
# packages: numpy
# shows: a file that is mapped and larger than the temporary folder: the write kills the process, no exception tells of it
# timeout: 60
# conditions: docker
# cause.test_memmap: library=-|numpy dimension=tmp_size
import tempfile

import numpy as np


def test_small():
    with tempfile.TemporaryDirectory() as folder:
        np.memmap(f"{folder}/a", dtype="u1", mode="w+", shape=1 << 20)[:] = 1


def test_memmap():
    with tempfile.TemporaryDirectory() as folder:
        np.memmap(f"{folder}/a", dtype="u1", mode="w+", shape=90 << 20)[:] = 1
