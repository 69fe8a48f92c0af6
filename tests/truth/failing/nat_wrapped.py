# case: nat_wrapped
# packages: stdlib
# shows: the same refused write, told in many ways: wrapped, replaced, swallowed, in another thread, in a group
# conditions: roroot lambdapw docker
# cause.*: library=- dimension=root
import asyncio
import concurrent.futures
import contextlib
import json
import pathlib
import subprocess
import sys

import pytest


class ConfigError(Exception):
    pass


class Store:
    """Keeps what it can; without a file it starts anew each time."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def save(self, data):
        self.path.write_text(json.dumps(data))

    def save_quietly(self, data):
        with contextlib.suppress(OSError):
            self.save(data)

    def load(self):
        return json.loads(self.path.read_text()) if self.path.exists() else {}


def test_raise_from():
    try:
        Store("a.json").save({})
    except OSError as error:
        raise ConfigError("could not start") from error


def test_raise_in_except():
    try:
        Store("b.json").save({})
    except OSError:
        raise ConfigError("could not start")


def test_raise_from_none():
    try:
        Store("c.json").save({})
    except OSError:
        raise ConfigError("could not start") from None


def test_three_layers():
    try:
        try:
            Store("d.json").save({})
        except OSError as error:
            raise ConfigError("no settings") from error
    except ConfigError as error:
        raise RuntimeError("service unavailable") from error


def test_swallowed_then_assert():
    store = Store("e.json")
    store.save_quietly({"visits": 1})
    assert store.load() == {"visits": 1}


def test_swallowed_then_missing_file():
    Store("f.json").save_quietly({"visits": 1})
    assert open("f.json").read()


def test_returns_none():
    def opened():
        try:
            return open("g.txt", "w")
        except OSError:
            return None

    opened().write("x")


def test_error_in_future():
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(Store("h.json").save, {}).result()


def test_to_thread():
    asyncio.run(asyncio.to_thread(Store("i.json").save, {}))


def test_task_group():
    async def save(name):
        Store(name).save({})

    async def go():
        async with asyncio.TaskGroup() as group:
            group.create_task(save("j.json"))
            group.create_task(save("k.json"))

    asyncio.run(go())


def test_exit():
    def main():
        try:
            Store("l.json").save({})
        except OSError as error:
            print(f"billing: cannot write settings: {error.strerror}", file=sys.stderr)
            sys.exit(3)

    main()


def test_pytest_fail():
    try:
        Store("m.json").save({})
    except OSError as error:
        pytest.fail(f"settings not saved: {error}")


def test_child_with_output():
    done = subprocess.run([sys.executable, "-c", "open('n.txt', 'w')"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_child_without_output():
    assert subprocess.call([sys.executable, "-c", "open('o.txt', 'w')"], stderr=subprocess.DEVNULL) == 0


def test_result_of_child():
    subprocess.run(["sh", "-c", "echo 1 > p.txt"], stderr=subprocess.DEVNULL)
    assert pathlib.Path("p.txt").exists()


def test_length():
    saved = [name for name in ("q.txt", "r.txt") if _try(name)]
    assert len(saved) == 2


def _try(name):
    try:
        pathlib.Path(name).touch()
    except OSError:
        return False
    return True
