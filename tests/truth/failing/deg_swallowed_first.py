# case: deg_swallowed_first
# packages: matplotlib, requests
# shows: several things are refused and swallowed, then the test fails of something else that only the environment has
# env: REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
# timeout: 90
# conditions: lambdapw docker
# cause.test_home: library=- dimension=home remedy=all
# cause.test_user_after_cache: library=- dimension=user|uid|env_unset|env
# cause.test_network_after_write: library=requests|urllib3|- dimension=network
# cause.test_write_after_network: library=- dimension=root
# cause.test_lock_after_write: library=-|multiprocessing dimension=shm|root|devices
# cause.test_region: library=- dimension=env
import contextlib
import getpass
import multiprocessing
import os
import pathlib
import socket

import matplotlib
import requests

matplotlib.use("Agg")


def remember(what):
    with contextlib.suppress(OSError):
        pathlib.Path("history.txt").write_text(what)
    with contextlib.suppress(OSError, RuntimeError):
        (pathlib.Path.home() / ".billing").mkdir()


def announce():
    with contextlib.suppress(OSError):
        socket.create_connection(("pypi.org", 443), timeout=3).close()


def test_home():
    remember("home")
    assert len(os.environ["HOME"]) > 1


def test_user_after_cache():
    matplotlib.get_cachedir()
    remember("user")
    assert getpass.getuser() == "root"


def test_network_after_write():
    remember("network")
    assert requests.get("https://pypi.org/simple/six/", timeout=5).ok


def test_write_after_network():
    announce()
    remember("write")
    pathlib.Path("invoice.txt").write_text("1")


def test_lock_after_write():
    remember("lock")
    with multiprocessing.Lock():
        pass


def test_region():
    remember("region")
    assert "AWS_LAMBDA_FUNCTION_NAME" not in os.environ


def test_all_well():
    remember("nothing")
    announce()
