# case: ok_handles_everything
# packages: numba, jieba, requests, platformdirs
# shows: careful code, which passes everywhere; some of it is refused something
# timeout: 150
# conditions: roroot noexec offline noshm nohome openshift lambdapw docker
import concurrent.futures
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

import numba
import platformdirs
import pytest
import requests


def first_writable(*folders):
    for folder in folders:
        try:
            pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    raise OSError("nowhere to write")


def test_falls_back():
    assert first_writable("cache", os.path.expanduser("~/.cache/x"), tempfile.gettempdir())


def test_compiled():
    assert numba.njit(lambda x: x + 1)(1) == 2


def test_expects_refusal():
    try:
        pathlib.Path("x").write_text("x")
    except OSError as error:
        assert error.errno in (13, 30)


def test_offline_is_fine():
    try:
        requests.get("http://203.0.113.77:9/", timeout=0.3)
    except requests.RequestException:
        pass


def test_threads():
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(int, "123")) == 6


def test_sqlite_in_tmp(tmp_path):
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("create table t(x)")
    connection.close()


def test_child():
    assert subprocess.check_output([sys.executable, "-c", "print(1)"]) == b"1\n"


def test_only_names():
    try:
        assert platformdirs.user_cache_dir("acme")
    except RuntimeError:
        pytest.skip("no home")


def test_site_is_readable():
    assert pathlib.Path(requests.__file__).read_text()
