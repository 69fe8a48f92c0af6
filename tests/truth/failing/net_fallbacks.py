# case: net_fallbacks
# packages: requests, pandas
# shows: readers that take addresses, a thread pool of downloads, a request that is tried again until a deadline
# env: SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
# timeout: 90
# conditions: offline docker
# cause.test_pandas: library=pandas|-|lxml dimension=network
# cause.test_pool: library=requests|urllib3|- dimension=network
# cause.test_deadline: library=requests|urllib3|- dimension=network
# cause.test_any: library=requests|urllib3|- dimension=network
# cause.test_child_process: library=requests|urllib3|-|multiprocessing dimension=network
import concurrent.futures
import multiprocessing
import time

import pandas as pd
import requests

URL = "https://pypi.org/simple/six/"


def test_pandas():
    frame = pd.read_csv(URL, sep="\x01", header=None, engine="python", on_bad_lines="skip")
    assert len(frame)


def test_pool():
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        pages = list(pool.map(lambda url: requests.get(url, timeout=5).text, [URL, URL]))
    assert all(pages)


def test_deadline():
    """As a health check does it: again and again, until it gives up with an error of its own."""
    end = time.monotonic() + 1
    while time.monotonic() < end:
        try:
            requests.get(URL, timeout=5)
            break
        except requests.ConnectionError:
            time.sleep(0.2)
    else:
        raise TimeoutError("service did not come up in time")


def test_any():
    errors = []
    for url in (URL, "https://pypi.org/simple/pip/"):
        try:
            requests.head(url, timeout=5)
            break
        except requests.RequestException as error:
            errors.append(str(error))
    else:
        raise AssertionError(f"no mirror works: {errors}")


def fetch(connection):
    try:
        connection.send(requests.get(URL, timeout=5).status_code)
    except Exception as error:
        connection.send(str(type(error)))


def test_child_process():
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=fetch, args=(theirs,))
    process.start()
    assert ours.recv() == 200
    process.join()
