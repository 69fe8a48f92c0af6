"""The audit hook and the kernel give the same answers to Python's own calls, where the hook isn't blind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("there is no other kernel to compare with", allow_module_level=True)

from tests.unit.fake import operations

ABOVE = "/mnt"  # pytest's own folders are closed to other users
ROOT = Path(__file__).parents[3]
# What the hook can't answer, and for which files; see `pytest_envguard.audit.blind_spots`.
BLIND: dict[str, set[str]] = {
    "lchown": {"ro dangling", "ro turn"},  # follow_symlinks isn't announced
    "utime of a link": {"ro dangling", "ro turn"},
    "mknod": {"ro missing", "ro mine/missing", "ro missing/"},
    "pipes": {"0"},
    "access": {f"ro {name}" for name in (*operations._NAMES,)},
    "descriptors": {"5"},  # statvfs
    "relative_to_a_folder": {"2", "3", "5"},  # os.open with dir_fd, and what it made is then there; access
    "mount_points": {"4"},  # ismount
    "what_the_mounts_say": {"0", "1", "2", "5"},
    "too_much": {"0", "2"},
}


def _answers(kind: str, uid: int, *words: str) -> dict[str, Any]:
    if os.geteuid() != 0 or not os.path.isdir(ABOVE):
        pytest.skip("mounts, and files of root and of another user, need root")
    command = [sys.executable, "-m", "tests.unit.audit.attempts", ABOVE, str(uid), kind, *words]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    if "unshare" in ended.stderr or "mount(" in ended.stderr:
        pytest.skip(f"no mounts can be made here: {ended.stderr.splitlines()[-1]}")
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@pytest.fixture(scope="module", params=[0, operations.UID], ids=["root", "uid 993"])
def both(request: pytest.FixtureRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    """What comes out under the hook, and what on real mounts."""
    return _answers("answers", request.param)["found"], _answers("answers", request.param, "mounted")["found"]


@pytest.fixture(scope="module")
def shapes() -> tuple[dict[str, Any], dict[str, Any], list[list[str]]]:
    """Whole errors under the hook, and on real mounts; and what the hook told."""
    under = _answers("shapes", 0)
    return under["found"], _answers("shapes", 0, "mounted")["found"], under["told"]


def _differing(one: Any, other: Any) -> set[str]:
    if type(one) is not type(other):
        return {"all"}
    if isinstance(one, dict):
        return {key for key in one if one[key] != other[key]}
    if isinstance(one, list) and len(one) == len(other):
        return {str(place) for place, (mine, theirs) in enumerate(zip(one, other, strict=True)) if mine != theirs}
    return set() if one == other else {"all"}


@pytest.mark.parametrize("name", operations.all_operations())
def test_the_hook_answers_as_the_kernel(name: str, both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Same result or same errno for every file that the operation was tried on; it differs only where it is blind."""
    under, real = both
    differing = _differing(under[name], real[name])
    assert differing <= BLIND.get(name, set())
    assert bool(differing) is (name in BLIND)


def test_errors_are_pythons_own(shapes: tuple[dict[str, Any], dict[str, Any], list[list[str]]]) -> None:
    """Class, text, file names and further attributes are those that Python gives the kernel's refusal."""
    under, real, _ = shapes
    assert under == real


def test_every_refusal_is_told(shapes: tuple[dict[str, Any], dict[str, Any], list[list[str]]]) -> None:
    """Event, target and errno reach the callback before the error reaches the code."""
    told = [tuple(words) for words in shapes[2]]
    at, rw = f"{ABOVE}/ro/at", f"{ABOVE}/rw/at"
    for expected in (
        ("open", f"{at}/new", "EROFS"),
        ("os.rename", f"{rw}/new", "EXDEV"),
        ("subprocess.Popen", f"{at}/true", "EACCES"),
        ("import", f"{at}/_extension.so", "EPERM"),
        ("sqlite3.connect", "new", "EROFS"),
        ("socket.connect", "192.0.2.1:9", "ENETUNREACH"),
        ("socket.getaddrinfo", "example.invalid", "EAI_AGAIN"),
        ("socket.gethostbyaddr", "192.0.2.1", "TRY_AGAIN"),
    ):
        assert expected in told
