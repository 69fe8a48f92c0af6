"""Every operation comes to the same in a profile as in the deployment that it stands for; see `expectations`."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from . import expectations as table
from .conftest import ANSWERED, ANSWERED_USER, HERE, ROOT, STARTERS, Answer, Run, Starter

SCRIPT = (str(HERE / "observe.py"),)
CASES = [
    pytest.param(who, profile, row, id=f"{who}-{profile}-{row.operation}")
    for who in (*STARTERS, *ANSWERED)
    for profile in table.PROFILES
    for row in table.ROWS
    if profile in row.expected and (row.operation, profile) != table.SLOW
]


def _ours(folder: Path) -> Path:
    """Make what the operations find: files of the starter's own, open to all to read."""
    (folder / "empty").mkdir(parents=True)
    for name in ("file", "open", "unlinked"):
        (folder / name).write_text("content\n")
    (folder / "open").chmod(0o666)
    (folder / "module.py").write_text("")
    for link, target in (("outward", "/dev/null"), ("dangling", "led to"), ("loop", "loop")):
        (folder / link).symlink_to(target)
    (folder / "script").write_text("#!/bin/sh\nexit 0\n")
    shutil.copy(os.path.realpath(shutil.which("true") or "/bin/true"), folder / "true")
    for name in ("script", "true"):
        (folder / name).chmod(0o755)
    for name, mode in (("rollback.db", "delete"), ("wal.db", "wal")):
        connection = sqlite3.connect(folder / name)
        connection.execute(f"pragma journal_mode={mode}")
        connection.execute("create table t (x)")
        connection.commit()
        connection.close()
    return folder


def _closed(folder: Path) -> Path:
    """Make a folder that nobody may search but root with its capabilities."""
    folder.mkdir()
    (folder / "file").touch()
    folder.chmod(0o000)
    return folder


def _theirs(starter: Starter, name: str) -> Path:
    """Return a folder of root's with mode 0755: the test's own, or /usr, which an ordinary user can't harm."""
    if os.getuid():
        return Path("/usr")
    folder = starter.project / name
    folder.mkdir()
    return folder


def _told(starter: Starter, profile: str) -> dict[str, Any]:
    own = _ours(starter.project / profile)
    closed = _closed(starter.project / f"{profile} closed")
    starter.give(own)
    starter.give(closed)
    return {
        "ours": str(own),
        "closed": str(closed),
        "theirs": str(_theirs(starter, f"{profile} theirs")),
        "tmp": "",
        "answered": starter.answered,
        "beyond_tmp": 513 << 20,
        "threads": 800,
        "operations": _operations(profile),
    }


def _operations(profile: str) -> list[str]:
    if profile == "host":
        return [row.operation for row in table.ROWS if table.HOST in {*row.expected.values(), *row.mapped.values()}]
    asked = [row.operation for row in table.ROWS if profile in row.expected]
    return [operation for operation in asked if (operation, profile) != table.SLOW]


@dataclass
class Observed:
    """What one starter saw.

    Attributes:
        seen: Profile (and `host`) to operation to observation.
        how: Profile to the way to its identity.
        late: The run that takes ten seconds, under way.
    """

    seen: dict[str, dict[str, str]]
    how: dict[str, str]
    late: subprocess.Popen[str]


def _observe(starter: Starter) -> Observed:
    operation, profile = table.SLOW
    late = starter.begin([Run(profile, SCRIPT, {"operations": [operation]})])
    names = ("host", *table.PROFILES)
    answers: list[Answer] = starter.run([Run(name, SCRIPT, _told(starter, name)) for name in names])
    seen = {name: answer.json() for name, answer in zip(names, answers, strict=True)}
    return Observed(seen, {name: answer.how for name, answer in zip(names, answers, strict=True)}, late)


@pytest.fixture(scope="session")
def observed(starters: Callable[..., Starter]) -> Iterator[Callable[[str], Observed]]:
    """Return a function from a starter's name to what it saw: all profiles at the same time, once."""
    known: dict[str, Observed] = {}
    broken: dict[str, str] = {}

    def get(name: str) -> Observed:
        starter = starters(name)
        if name in broken:
            pytest.fail(broken[name], pytrace=False)
        if name not in known:
            broken[name] = "the run of all operations failed, see the first test's error"
            known[name] = _observe(starter)
            del broken[name]
        return known[name]

    yield get
    for seen in known.values():
        if seen.late.poll() is None:
            seen.late.kill()
            seen.late.communicate()


def _filled(text: str, profile: str, how: str) -> str:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    lower = hard != resource.RLIM_INFINITY and hard < 524288 and not (how == "real" and _can_raise_limits())
    uid = table.UIDS.get(profile, ":").split(":")[0]
    return text.replace("{uid}", uid).replace("{hard}", str(hard if lower else 524288))


def _can_raise_limits() -> bool:
    with open("/proc/self/status", encoding="ascii") as file:
        effective = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))
    return bool(effective >> 24 & 1)  # CAP_SYS_RESOURCE


def _in_namespaces(row: table.Row, profile: str, seen: Observed) -> str:
    """Return what the table says that the kernel answers in namespaces."""
    how = seen.how[profile]
    shown = how == "shown" and row.operation not in table.ANSWERED_AS_DEPLOYED
    expected = _filled(row.of(profile, "mapped" if shown else how), profile, how)
    return seen.seen["host"][row.operation] if expected == table.HOST else expected


def _missed(row: table.Row, profile: str, how: str, *, root: bool) -> table.Miss | None:
    """Return what is known to be answered differently without namespaces."""
    rootly = root and how == "shown"
    fitting = (miss for miss in table.MISSES if miss.operation == row.operation and rootly >= miss.rootly)
    return next((miss for miss in fitting if profile in miss.answered), None)


@pytest.mark.parametrize(("who", "profile", "row"), CASES)
def test_parity(who: str, profile: str, row: table.Row, observed: Callable[[str], Observed]) -> None:
    """The operation comes to what the table says for this profile, or to what it says that can't be had."""
    seen = observed(who)
    expected, why = _in_namespaces(row, profile, seen), row.departs
    root = who != ANSWERED_USER and not os.getuid()
    if who in ANSWERED and (miss := _missed(row, profile, seen.how[profile], root=root)):
        expected, why = miss.answered[profile], miss.why
    answer = seen.seen[profile][row.operation]
    if answer.startswith("skip: "):
        pytest.skip(answer.removeprefix("skip: "))
    assert answer == expected, why


@pytest.mark.parametrize("who", ANSWERED)
def test_answers_agree_with_the_kernels(who: str, observed: Callable[[str], Observed]) -> None:
    """Of the calls that are answered without namespaces, 98 of 100 or more come to what the kernel says in namespaces."""
    seen = observed(who)
    compared = [
        (profile, row.operation, seen.seen[profile][row.operation], _in_namespaces(row, profile, seen))
        for profile in table.PROFILES
        for row in table.ROWS
        if profile in row.expected and (row.operation, profile) != table.SLOW
    ]
    compared = [one for one in compared if not one[2].startswith("skip: ")]
    misses = [one for one in compared if one[2] != one[3]]
    agreement = 1 - len(misses) / len(compared)
    print(f"{who}: {agreement:.2%} of {len(compared)} observations agree")
    for profile, operation, answer, kernel in misses:
        print(f"  {profile} ({seen.how[profile]}): {operation}: {answer}, in namespaces {kernel}")
    assert agreement >= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("who", STARTERS)
def test_names_behind_a_dropping_network_fail_after_ten_seconds(
    who: str, observed: Callable[[str], Observed], starters: Callable[..., Starter]
) -> None:
    """Where packets vanish, a name fails with EAI_AGAIN after two tries of five seconds."""
    operation, profile = table.SLOW
    (row,) = (row for row in table.NETWORK if row.operation == operation)
    (answer,) = starters(who).finish(observed(who).late)
    assert answer.json() == {operation: row.expected[profile]}


@pytest.mark.parametrize("row", table.PROCESSES, ids=lambda row: row.operation)
def test_processes_are_limited(row: table.Row, starter: Starter) -> None:
    """Beyond RLIMIT_NPROC a thread is a RuntimeError, and fork and subprocess are BlockingIOError."""
    # A uid of its own: the limit counts all processes of a uid on the machine, other runs of this test included.
    profile = f"lambda:uid={200_000 + os.getpid() % 100_000}"
    (answer,) = starter.run([Run(profile, SCRIPT, {"operations": [row.operation], "threads": 800})])
    assert answer.json() == {row.operation: row.expected["lambda"]}


def test_a_full_shared_memory_folder_is_enospc(starter: Starter) -> None:
    """A lock that finds /dev/shm full is refused with ENOSPC."""
    row = table.SHM_FULL
    runs = [Run(profile, SCRIPT, {"operations": [row.operation]}) for profile in row.expected]
    answers = [answer.json()[row.operation] for answer in starter.run(runs)]
    assert answers == list(row.expected.values())


def test_a_read_only_root_holds_for_root(starters: Callable[..., Starter]) -> None:
    """EROFS is for uid 0 too, and beats every permission that root has."""
    starter = starters(ROOT)
    told = {**_told(starter, "read-only root"), "operations": list(table.READ_ONLY_ROOT)}
    del told["tmp"]  # which is read-only as well
    (answer,) = starter.run([Run("read-only root", SCRIPT, told, values={"root": "read-only"})])
    seen = {name: answer.json()[name] for name in table.READ_ONLY_ROOT}
    assert seen == table.READ_ONLY_ROOT


MEMORY = "import sys\nheld = b'x' * (256 << 20)\nprint('never reached')"
FILES = "file = open('/tmp/big', 'wb')\nfor _ in range(256):\n    file.write(b'x' * (1 << 20))\nprint('never reached')"


@pytest.mark.parametrize(
    ("profile", "source"),
    [
        pytest.param("lambda:memory=128M", MEMORY, id="memory"),
        pytest.param("container:memory=128M", FILES, id="files in a tmpfs that counts as memory"),
    ],
)
def test_too_much_memory_is_a_kill(profile: str, source: str, starter: Starter) -> None:
    """Beyond the memory limit everything is killed without a Python exception, as a control group does."""
    # The watchdog looks fifty times a second, so the program stays a little.
    (answer,) = starter.run([Run(profile, ("-c", source + "\nimport time; time.sleep(5)"))])
    assert (answer.code, "Traceback" in answer.err) == (137, False)


def test_every_row_that_departs_says_why() -> None:
    """A row whose expectation differs for a uid that is only shown gives the reason."""
    assert [row.operation for row in table.ROWS if row.mapped and not row.departs] == []


def test_every_miss_is_one_of_the_table() -> None:
    """What is said to be answered differently is an operation of the table, in a profile that it is asked in."""
    rows = {row.operation: row for row in table.ROWS}
    unknown = [
        (miss.operation, profile)
        for miss in table.MISSES
        for profile in miss.answered
        if miss.operation not in rows or profile not in rows[miss.operation].expected
    ]
    assert unknown == []
