# case: res_files_open
# packages: requests
# shows: more files and sockets at once than the environment allows, and what else then goes wrong
# conditions: lambdapw roroot
# cause.test_files: library=- dimension=open_files
# cause.test_sockets: library=- dimension=open_files
# cause.test_sqlite: library=-|sqlite3 dimension=open_files
# cause.test_limit: library=- dimension=open_files
# cause.test_wrapped: library=- dimension=open_files
# cause.test_child: library=- dimension=open_files
# cause.test_asyncio: library=- dimension=open_files
import asyncio
import contextlib
import resource
import socket
import sqlite3
import subprocess

import pytest


@pytest.fixture(autouse=True, scope="module")
def generous():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard > 4000:
        resource.setrlimit(resource.RLIMIT_NOFILE, (4000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def many(number):
    opened = []
    try:
        for _ in range(number):
            opened.append(open("/dev/null"))
        yield
    finally:
        for file in opened:
            file.close()


@contextlib.contextmanager
def nearly_all():
    """As many as a default limit of 1024 leaves, and none for what comes then."""
    opened = []
    try:
        while len(opened) < 1500:
            try:
                opened.append(open("/dev/null"))
            except OSError:
                break
        yield
    finally:
        for file in opened:
            file.close()


def test_files():
    with many(1500):
        pass


def test_sockets():
    pairs = []
    try:
        for _ in range(700):
            pairs.append(socket.socketpair())
    finally:
        for pair in pairs:
            pair[0].close()
            pair[1].close()


def test_sqlite(tmp_path):
    with nearly_all():
        connection = sqlite3.connect(tmp_path / "a.db")
        connection.execute("create table t(x)")
        connection.close()


def test_limit():
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 4000


def test_wrapped():
    try:
        with many(1500):
            pass
    except OSError as error:
        raise RuntimeError("too many clients") from error


def test_child():
    with nearly_all():
        assert subprocess.check_output(["echo", "x"]) == b"x\n"


def test_asyncio():
    with nearly_all():
        asyncio.run(asyncio.sleep(0))


def test_few():
    with many(100):
        pass
