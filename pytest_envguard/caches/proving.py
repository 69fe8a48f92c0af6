"""Is a cache what it should be where it's going to be used? Tried there: read-only, without a network, as another user."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envguard.caches.trial import FAILED, OK
from pytest_envguard.errors import EnvguardError

if TYPE_CHECKING:
    from pytest_envguard.cold.process import Account
    from pytest_envguard.model.plan import Plan
    from pytest_envguard.model.profile import Profile

DEFAULT = "lambda"  # another user, a read-only file system, no home
_TIMEOUT = 180.0  # seconds; importing transformers with torch takes 20
_MARK = "envguard-seed:"
_PROGRAM = Path(__file__).with_name("trial.py")
# Whatever of these is set here doesn't hold there; a token must not get there at all.
_SETTINGS = ("CUSTOM_TIKTOKEN_", "DATA_GYM_", "HF_", "HUGGING", "PYTORCH_TRANSFORMERS_", "TIKTOKEN_", "TRANSFORMERS_")
# What every environment gets for the trial, whatever else it is.
_SEALED = {"root": "read-only", "tmp": "private", "network": "none"}


class Item(NamedTuple):
    """Something that was tried.

    Attributes:
        name: Such as an encoding's name.
        state: "ok", "failed" or "not tried".
        detail: What came of it, in a few words.
    """

    name: str
    state: str
    detail: str = ""


class Proof(NamedTuple):
    """What was found out about a cache in an environment.

    Attributes:
        environment: Name of the profile; "" if no environment could be entered.
        uid: User id that the process had there; -1 without an environment.
        items: What was tried.
        problem: Why nothing was, "" if something was.
    """

    environment: str
    uid: int
    items: tuple[Item, ...] = ()
    problem: str = ""

    @property
    def failed(self) -> bool:
        """Whether something was tried that doesn't work."""
        return any(item.state == FAILED for item in self.items)


class Trial(NamedTuple):
    """An environment that is ready to be entered.

    Attributes:
        name: Of the profile.
        plan: How it's enforced; None where this machine can't.
        problem: Why it can't.
        uid: User id that the process has there.
        gid: Its group id.
    """

    name: str
    plan: Plan | None
    problem: str = ""
    uid: int = -1
    gid: int = -1


def prepare(profile: Profile, folder: Path, *, asked: bool) -> Trial:
    """Plan the environment that ``folder`` is tried in.

    Args:
        profile: What was asked for, or the one of `DEFAULT`; its file systems are made read-only, its network is cut.
        folder: What it must see, whether it's there already or not.
        asked: Whether the user has named the profile: then it's an error if this machine can't.

    Raises:
        EnvguardError: This machine can't enforce it.
    """
    from pytest_envguard.model.plan import Strength
    from pytest_envguard.prepare import check_fidelity, plans_for

    values = {name: value for name, value in profile.values.items() if name not in ("origins", "writable")}
    sealed = profile._replace(values={**values, **_SEALED})
    try:
        (plan,) = plans_for([sealed], str(Path.cwd()), {str(folder): "the cache"})
        check_fidelity(plan, Strength.EXACT)
    except EnvguardError as error:
        if asked:
            raise
        return Trial(profile.name, None, " ".join(error.message.split()))
    uid, gid = (profile.values.get(name, own) for name, own in (("uid", os.getuid()), ("gid", os.getgid())))
    assert isinstance(uid, int) and isinstance(gid, int)
    return Trial(profile.name, plan, "", uid, gid)


def prove(trial: Trial, variables: Mapping[str, str], task: Mapping[str, object]) -> Proof:
    """Run `trial.run` in the environment and return what it found.

    Args:
        trial: See `prepare`.
        variables: What the user is told to set.
        task: As of `trial.run`.
    """
    if trial.plan is None:
        return Proof("", -1, problem=trial.problem)
    from pytest_envguard import launcher
    from pytest_envguard.cold.process import run_fresh

    environ = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    code = f"{_PROGRAM.read_text(encoding='utf-8')}\nrun({_MARK!r}, {dict(variables)!r}, {dict(task)!r})\n"
    modes = _modes(Path(str(task["folder"])), trial)
    if modes.state == FAILED:
        return Proof(trial.name, trial.uid, (modes,))
    proof = _judged(trial, run_fresh(launcher.command_line(trial.plan.script), environ, code, _TIMEOUT))
    return proof._replace(items=(modes, *proof.items))


def _judged(trial: Trial, account: Account) -> Proof:
    """Return what the process found; one that said nothing has failed, unless the environment could not be entered."""
    line = next((line for line in account.output.splitlines() if line.startswith(_MARK)), "")
    if line:
        found: dict[str, Any] = json.loads(line.removeprefix(_MARK))
        return Proof(trial.name, found["uid"], tuple(Item(*item) for item in found["items"]))
    said = (account.traceback or account.errors).strip().splitlines()
    if not account.begun:
        return Proof("", -1, problem=said[-1].removeprefix("envguard: ") if said else f"exit code {account.code}")
    late = f"killed after {_TIMEOUT:g} s" if account.timed_out else ""
    return Proof(trial.name, -1, (Item("the trial", FAILED, late or (said or [f"exit code {account.code}"])[-1]),))


def _modes(folder: Path, trial: Trial) -> Item:
    """Say whether modes let the process read everything.

    Not by the environment alone: it opens a folder that it was told to show, and where users can only be mapped, all files
    belong to the process.
    """
    closed = [path for path in _all(folder) if not _open_to(path.lstat(), trial.uid, trial.gid)]
    name = f"modes let uid {trial.uid} read all of it"
    if not closed:
        return Item(name, OK, f"{folder.name or '/'} has {stat.S_IMODE(folder.stat().st_mode):04o}")
    first = f"{str(closed[0])!a} has mode {stat.S_IMODE(closed[0].lstat().st_mode):04o}"
    more = f", and {len(closed) - 1} more" if len(closed) > 1 else ""
    return Item(name, FAILED, f"{first}{more}: `chmod -R a+rX` on the folder")


def _all(folder: Path) -> Iterator[Path]:
    yield folder
    for place, folders, names in os.walk(folder):
        yield from (path for name in (*folders, *names) if not (path := Path(place, name)).is_symlink())


def _open_to(status: os.stat_result, uid: int, gid: int) -> bool:
    wanted = 0o5 if stat.S_ISDIR(status.st_mode) else 0o4
    shift = 6 if status.st_uid == uid else 3 if status.st_gid == gid else 0
    return uid == 0 or status.st_mode >> shift & wanted == wanted
