# case: res_small_shm
# packages: numpy
# shows: shared memory that is larger than /dev/shm: made without a word, it kills the process that writes to it
# timeout: 60
# conditions: docker
# cause.test_large: library=-|multiprocessing|numpy dimension=shm|shm_size
# cause.test_file: library=- dimension=shm|shm_size
import os
from multiprocessing import shared_memory

import numpy as np


def test_small():
    block = shared_memory.SharedMemory(create=True, size=1 << 20)
    np.ndarray(1 << 20, dtype="u1", buffer=block.buf)[:] = 1
    block.close()
    block.unlink()


def test_file():
    try:
        with open("/dev/shm/acme-frames", "wb") as file:
            file.write(b"x" * (90 << 20))
    finally:
        os.unlink("/dev/shm/acme-frames")


def test_large():
    block = shared_memory.SharedMemory(create=True, size=90 << 20)
    try:
        np.ndarray(90 << 20, dtype="u1", buffer=block.buf)[:] = 1
    finally:
        block.close()
        block.unlink()
