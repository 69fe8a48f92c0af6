"""The fake and the kernel give the same answers to the same operations, as root and as another user."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_envguard.fake.layout import Identity, Layout, Mount
from pytest_envguard.fake.system import FakeSystem

from . import operations

if sys.platform != "linux":
    pytest.skip("there is no other kernel to compare with", allow_module_level=True)

ABOVE = "/mnt"  # pytest's own folders are closed to other users


@pytest.fixture(scope="module", params=[0, operations.UID], ids=["root", "uid 993"])
def uid(request: pytest.FixtureRequest) -> int:
    """Whoever tries everything."""
    return int(request.param)


@pytest.fixture(scope="module")
def kernels(uid: int) -> dict[str, Any]:
    """What the kernel answers, in mounts of a namespace that ends with the process."""
    if os.geteuid() != 0 or not os.path.isdir(ABOVE):
        pytest.skip("mounts, and files of root and of another user, need root")
    words = [sys.executable, operations.__file__, ABOVE, str(uid)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    if "unshare" in ended.stderr or "mount(" in ended.stderr:
        pytest.skip(f"no mounts can be made here: {ended.stderr.splitlines()[-1]}")
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@pytest.fixture(scope="module")
def fakes(uid: int) -> Iterator[dict[str, Any]]:
    """What the fake answers."""
    mounts = (
        Mount("/", read_only=False),
        Mount("/dev", read_only=False),
        Mount(f"{ABOVE}/ro", read_only=True),
        Mount(f"{ABOVE}/other", read_only=True),
        Mount(f"{ABOVE}/rw", read_only=False),
        Mount(f"{ABOVE}/small", read_only=False, size=operations.SIZE, mode=0o1777),
    )
    identity = Identity(uid, operations.GID if uid else 0, None, "/")
    layout = Layout(mounts, {}, None, identity, None, ABOVE, None, {}, ())
    before = os.umask(0o022)
    system = FakeSystem(layout)
    try:
        with system.unlocked():
            for mount in ("ro", "other", "rw"):
                for name in operations.all_operations():
                    operations.build(f"{ABOVE}/{mount}/{name}")
        yield json.loads(json.dumps(operations.answers(ABOVE)))
    finally:
        system.stop()
        os.umask(before)


@pytest.mark.parametrize("name", operations.all_operations())
def test_the_fake_answers_as_the_kernel(name: str, kernels: dict[str, Any], fakes: dict[str, Any]) -> None:
    """Same result or same errno, for every file that the operation was tried on."""
    assert fakes[name] == kernels[name]
