# case: mp_everything
# packages: numpy
# shows: multiprocessing in its many forms; pipes, processes and managers need no semaphore
# timeout: 120
# conditions: roroot noshm lambdapw
# cause.test_lock: library=-|multiprocessing dimension=shm|root|devices
# cause.test_queue: library=-|multiprocessing dimension=shm|root|devices
# cause.test_pool: library=-|multiprocessing dimension=shm|root|devices
# cause.test_spawn_pool: library=-|multiprocessing dimension=shm|root|devices
# cause.test_process_pool_executor: library=-|multiprocessing|concurrent dimension=shm|root|devices
# cause.test_shared_memory: library=-|multiprocessing dimension=shm|root|devices
# cause.test_array: library=-|multiprocessing dimension=shm|root|devices
# cause.test_value_without_lock: library=-|multiprocessing dimension=shm|root|devices
# cause.test_wrapped: library=-|multiprocessing dimension=shm|root|devices
# cause.test_swallowed: library=-|multiprocessing dimension=shm|root|devices
# cause.test_run_in_executor: library=-|multiprocessing|concurrent|asyncio dimension=shm|root|devices
# cause.test_file_in_shm: library=- dimension=shm|root|devices
import asyncio
import concurrent.futures
import multiprocessing
from multiprocessing import shared_memory

import numpy as np


def test_lock():
    with multiprocessing.Lock():
        pass


def test_queue():
    queue = multiprocessing.Queue()
    queue.put(1)
    assert queue.get(timeout=5) == 1


def test_pool():
    with multiprocessing.Pool(2) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]


def test_spawn_pool():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(abs, (-3,)) == 3


def test_process_pool_executor():
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        assert pool.submit(abs, -4).result(timeout=30) == 4


def test_shared_memory():
    block = shared_memory.SharedMemory(create=True, size=80)
    try:
        np.ndarray(10, buffer=block.buf)[:] = 1
    finally:
        block.close()
        block.unlink()


def test_array():
    assert list(multiprocessing.Array("i", 3)) == [0, 0, 0]


def test_value_without_lock():
    assert multiprocessing.RawValue("d", 1.5).value == 1.5


def test_wrapped():
    try:
        multiprocessing.Pool(1).terminate()
    except OSError as error:
        raise RuntimeError("worker pool unavailable") from error


def test_swallowed():
    try:
        lock = multiprocessing.Lock()
    except OSError:
        lock = None
    assert lock is not None


def test_run_in_executor():
    async def go():
        with concurrent.futures.ProcessPoolExecutor(1) as pool:
            return await asyncio.get_running_loop().run_in_executor(pool, abs, -5)

    assert asyncio.run(go()) == 5


def test_file_in_shm():
    with open("/dev/shm/envtest-scratch", "w") as file:
        file.write("x")


def test_pipe_and_process():
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=theirs.send, args=(1,))
    process.start()
    assert ours.recv() == 1
    process.join()


def test_manager():
    with multiprocessing.Manager() as manager:
        assert list(manager.list([1])) == [1]
