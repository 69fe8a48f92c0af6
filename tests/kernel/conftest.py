"""Fixtures that start programs inside of environments: as root, and as an ordinary user.

The same where namespaces are forbidden, so that calls are answered one by one (`pytest_envguard.seccomp`): as root and as
an ordinary user in a container, and as root where every user may enter the folders that the interpreter lies in.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_envguard import launcher
from pytest_envguard.linux import abilities as facility
from pytest_envguard.model.profile import Profile
from pytest_envguard.prepare import plans_for
from pytest_envguard.survey import survey_abilities

HERE = Path(__file__).parent
ROOT, USER = "as_root", "as_user"
STARTERS = (ROOT, USER)
ANSWERED_ROOT, ANSWERED_USER, ANSWERED_OPEN = "as_root_answered", "as_user_answered", "as_root_answered_open"
ANSWERED = (ANSWERED_ROOT, ANSWERED_USER, ANSWERED_OPEN)
FORBID = str(HERE.parent / "acceptance" / "forbid.py")
NEEDED = (
    facility.USER,
    facility.MOUNT,
    facility.TMPFS,
    facility.READ_ONLY,
    facility.DEVICES,
    facility.NETWORK,
    facility.PROCESS,
)
ANSWERING = (facility.SECCOMP, facility.USERS)
ORDINARY = 1000  # the uid of the ordinary user where root has to play one


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker of the tests that take more than ten seconds."""
    config.addinivalue_line("markers", "slow: takes more than ten seconds")


@dataclass(frozen=True)
class Run:
    """One program to run inside of one environment.

    Attributes:
        profile: The environment; `host` runs the program in none.
        words: The program and its arguments, after the interpreter's own options.
        told: Handed to the program as its last argument, as JSON (with ``passed``, the numbers of the
            descriptors, and ``keyring``, that of the session keyring outside).
        environ: Variables that whoever starts the environment has.
        stdin: File that whoever starts the environment has as standard input; "" for the null device.
        descriptors: Files and folders that whoever starts the environment has open and passes on.
        values: Dimensions of a profile of the test's own, instead of a shipped one.
    """

    profile: str
    words: tuple[str, ...]
    told: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    stdin: str = ""
    descriptors: tuple[str, ...] = ()
    values: Mapping[str, Any] | None = None

    def as_job(self) -> dict[str, Any]:
        """Return what `starter` reads."""
        job: dict[str, Any] = {"profile": self.profile, "words": self.words, "told": self.told}
        job |= {"environ": self.environ, "descriptors": self.descriptors}
        if self.stdin:
            job["stdin"] = self.stdin
        if self.values is not None:
            job["values"] = self.values
        return job


@dataclass(frozen=True)
class Answer:
    """How a `Run` ended.

    Attributes:
        how: "real", "subordinate", "mapped" or "host"; see `pytest_envguard.linux.identity`.
        notes: What the plan tells its user.
    """

    code: int
    out: str
    err: str
    seconds: float
    how: str
    notes: list[str]

    def json(self) -> Any:
        """Return what the program printed, or fail with what it said."""
        assert self.code == 0, f"the program ended with {self.code}: {self.err or self.out}"
        return json.loads(self.out)


@dataclass
class Starter:
    """Somebody who starts environments.

    Attributes:
        name: One of `STARTERS` or `ANSWERED`.
        uid: Of the files that are the starter's own.
        project: Folder that the programs run in; the starter's own, and open to everybody.
        command: Words that run `starter` as this somebody.
    """

    name: str
    uid: int
    project: Path
    command: list[str]

    @property
    def answered(self) -> bool:
        """Whether calls are answered one by one, because namespaces are forbidden."""
        return self.name in ANSWERED

    def begin(self, runs: list[Run], leader: bool = False) -> subprocess.Popen[str]:
        """Start all ``runs`` at the same time; `finish` waits for them.

        With ``leader``, a terminal as standard input becomes the controlling one.
        """
        # HOME is bound into every environment that leaves HOME alone: not the home of whoever runs the tests.
        environ = {**os.environ, "HOME": str(self.project), "LC_ALL": "C"}
        process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
        )
        assert process.stdin
        further = {str(HERE): "the tests"}
        job = {"project": str(self.project), "further": further, "leader": leader}
        json.dump({**job, "runs": [run.as_job() for run in runs]}, process.stdin)
        process.stdin.close()
        process.stdin = None  # so that communicate() does not write to it
        return process

    def finish(self, process: subprocess.Popen[str]) -> list[Answer]:
        """Return how each run ended, in their order."""
        out, err = process.communicate()
        assert process.returncode == 0, err or out
        return [Answer(**answer) for answer in json.loads(out)]

    def run(self, runs: list[Run]) -> list[Answer]:
        """Do all ``runs`` at the same time."""
        return self.finish(self.begin(runs))

    def give(self, folder: Path) -> None:
        """Make ``folder`` and all that is in it the starter's own."""
        if self.uid == os.getuid():
            return
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self.uid, self.uid, follow_symlinks=False)


@pytest.fixture(scope="session")
def namespaces() -> None:
    """Skip where the kernel forbids what all of this needs."""
    facilities = survey_abilities().facilities
    broken = [f"{name}: {facilities[name].answer}" for name in NEEDED if not facilities[name].works]
    if broken:
        pytest.skip("; ".join(broken))


@pytest.fixture(scope="session")
def answering() -> None:
    """Skip where no system call can be answered."""
    facilities = survey_abilities(all_of_them=True).facilities
    broken = [f"{name}: {facilities[name].answer}" for name in ANSWERING if not facilities[name].works]
    if broken:
        pytest.skip("; ".join(broken))


def _reason_against(name: str) -> str:
    if name in (ROOT, ANSWERED_OPEN) and not facility.is_privileged():
        return f"{name} needs root with CAP_SYS_ADMIN; the tests were started as an ordinary user"
    if name == ANSWERED_ROOT and os.getuid():
        return f"{name} needs root; the tests were started as an ordinary user"
    return ""


def _command(name: str, project: Path) -> list[str]:
    words = [sys.executable, "-I", str(HERE / "starter.py")]
    if name in ANSWERED:
        words = [sys.executable, "-I", FORBID, "docker" if name == ANSWERED_USER else "container", *words]
    if name in (ROOT, ANSWERED_ROOT) or not facility.is_privileged():
        return words
    # Root becomes an ordinary user in an environment of the plugin's own making, which also opens the way to an
    # interpreter below a closed folder such as /root. Nothing else is restricted in it.
    values: dict[str, Any] = {"uid": ORDINARY, "gid": ORDINARY, "user": "someone", "home": str(project)}
    (plan,) = plans_for([Profile("ordinary user", values=values)], str(project), {str(HERE): "the tests"})
    script = plan.script
    if name == ANSWERED_OPEN:  # the way is open, and whoever goes it is root
        script = {**script, "identity": {**script["identity"], "uid": 0, "gid": 0}}
    return launcher.command_line(script) + words


@pytest.fixture(scope="session")
def folder_of() -> Iterator[Callable[[str, str], Path]]:
    """Return a function that makes a folder below a given one (such as ``/var/tmp``), removed at the end."""
    made: list[Path] = []

    def make(below: str, owner: str) -> Path:
        if not os.access(below, os.W_OK):
            pytest.skip(f"{below} is not writable, so no file there can stand for the host's")
        made.append(Path(tempfile.mkdtemp(prefix="envguard-kernel-", dir=below)))
        made[-1].chmod(0o755)
        if owner in (USER, ANSWERED_USER) and os.getuid() == 0:
            os.chown(made[-1], ORDINARY, ORDINARY)
        return made[-1]

    yield make
    for folder in made:
        _remove(folder)


def _remove(folder: Path) -> None:
    for path, names, _ in os.walk(folder):
        for name in names:  # some can't be entered, on purpose
            os.chmod(os.path.join(path, name), 0o755)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def starters(request: pytest.FixtureRequest, folder_of: Callable[[str, str], Path]) -> Callable[..., Starter]:
    """Return a function from a name to the starter, which skips where there is none.

    Its project is not below /tmp unless asked for: most profiles cover /tmp, and what is bound back there is read-only
    even where the root isn't.
    """
    known: dict[tuple[str, str], Starter] = {}

    def get(name: str, below: str = "/var/tmp") -> Starter:
        if reason := _reason_against(name):
            pytest.skip(reason)
        request.getfixturevalue("answering" if name in ANSWERED else "namespaces")
        if (name, below) not in known:
            project = folder_of(below, name)
            uid = ORDINARY if name in (USER, ANSWERED_USER) and os.getuid() == 0 else os.getuid()
            known[name, below] = Starter(name, uid, project, _command(name, project))
        return known[name, below]

    return get


@pytest.fixture(params=STARTERS)
def starter(request: pytest.FixtureRequest, starters: Callable[..., Starter]) -> Starter:
    """Root, and an ordinary user."""
    return starters(request.param)


@pytest.fixture
def inside(starter: Starter) -> Callable[..., Any]:
    """Return a function: run Python source text inside of a profile and return the JSON that it prints."""

    def run(profile: str, source: str, **further: Any) -> Any:
        (answer,) = starter.run([Run(profile, ("-c", source), **further)])
        return answer.json()

    return run
