# case: res_threads
# packages: stdlib
# shows: more threads and processes at once than the environment allows
# timeout: 60
# conditions: lambdapw roroot
# cause.test_threads: library=- dimension=processes
# cause.test_pool: library=-|concurrent dimension=processes
# cause.test_wrapped: library=- dimension=processes
import concurrent.futures
import threading
import time


def start(number):
    stop = threading.Event()
    threads = []
    try:
        for _ in range(number):
            thread = threading.Thread(target=stop.wait, daemon=True)
            thread.start()
            threads.append(thread)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    return len(threads)


def test_threads():
    assert start(800) == 800


def test_pool():
    with concurrent.futures.ThreadPoolExecutor(800) as pool:
        list(pool.map(lambda _: time.sleep(0.5), range(800)))


def test_wrapped():
    try:
        start(800)
    except RuntimeError as error:
        raise OSError("the crawler can't start") from error


def test_few():
    assert start(20) == 20
