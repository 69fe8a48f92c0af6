# case: mp_libraries
# packages: joblib, tqdm, apscheduler
# shows: libraries that make processes, locks or queues for the project
# timeout: 90
# conditions: noshm lambdapw
# cause.test_multiprocessing_backend: library=joblib|-|multiprocessing dimension=shm|root|devices
# cause.test_loky: library=joblib|-|multiprocessing dimension=shm|root|devices
# cause.test_process_map: library=tqdm|-|multiprocessing|concurrent dimension=shm|root|devices
# cause.test_thread_map: library=tqdm|- dimension=shm|root|devices
# cause.test_scheduler: library=apscheduler|-|multiprocessing|concurrent dimension=shm|root|devices
# cause.test_log_queue: library=-|multiprocessing|logging dimension=shm|root|devices
# cause.test_class_with_lock: library=-|multiprocessing dimension=shm|root|devices
import logging
import logging.handlers
import multiprocessing
import os

from apscheduler.executors.pool import ProcessPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor
from tqdm.contrib.concurrent import process_map, thread_map


def test_multiprocessing_backend():
    pids = Parallel(n_jobs=2, backend="multiprocessing")(delayed(os.getpid)() for _ in range(2))
    assert os.getpid() not in pids


def test_threading_backend():
    assert Parallel(n_jobs=2, backend="threading")(delayed(abs)(-n) for n in range(2)) == [0, 1]


def test_loky():
    assert get_reusable_executor(max_workers=1).submit(abs, -2).result() == 2


def test_process_map():
    assert process_map(abs, [-1, -2], max_workers=1, disable=True) == [1, 2]


def test_thread_map():
    assert thread_map(abs, [-1, -2], max_workers=1, disable=True) == [1, 2]


def test_scheduler():
    scheduler = BackgroundScheduler(executors={"default": ProcessPoolExecutor(1)})
    scheduler.start()
    scheduler.shutdown()


def test_log_queue():
    handler = logging.handlers.QueueHandler(multiprocessing.Queue())
    handler.close()


class Counter:
    def __init__(self):
        self.lock = multiprocessing.RLock()
        self.value = 0

    def add(self):
        with self.lock:
            self.value += 1
        return self.value


def test_class_with_lock():
    assert Counter().add() == 1
