# case: ok_fails_on_host
# packages: requests
# shows: what fails on the developer's machine too must not be blamed on an environment, whatever it was refused there
# conditions: roroot offline lambdapw docker noshm
import contextlib
import multiprocessing
import os
import pathlib
import socket
import subprocess
import time

import pytest
import requests


def test_unknown_host():
    requests.get("http://no-such-host.invalid/", timeout=3)


def test_wrong_sum():
    with contextlib.suppress(OSError):
        pathlib.Path("sum.txt").write_text("3")
    assert 1 + 1 == 3


def test_wrong_after_lock():
    with contextlib.suppress(OSError):
        multiprocessing.Lock()
    raise ValueError("totals don't match")


def test_deadline():
    server = socket.create_server(("127.0.0.1", 0))
    with contextlib.closing(socket.create_connection(server.getsockname(), timeout=0.5)) as client:
        client.recv(1)


def test_missing_file():
    assert pathlib.Path("settings.yaml").read_text()


def test_missing_variable():
    assert os.environ["ACME_LICENSE"]


def test_child():
    subprocess.run(["sh", "-c", "exit 3"], check=True)


def test_other_error_on_host():
    pathlib.Path("once.txt").write_text("x")
    raise RuntimeError("not finished")


def test_slow():
    began = time.monotonic()
    time.sleep(0.05)
    assert time.monotonic() - began < 0.01


@pytest.mark.xfail(strict=True)
def test_expected():
    pathlib.Path("/nonexistent-folder/x").write_text("x")
