"""The dynamic phase: a folder's tokenizer, and if asked its model, in a fresh interpreter inside the environment."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from pytest_envguard import launcher
from pytest_envguard.cold.process import Account, run_fresh
from pytest_envguard.cold.refusals import merged
from pytest_envguard.endings import describe
from pytest_envguard.errors import EnvguardError
from pytest_envguard.linux.syscalls import CLONE_NEWPID
from pytest_envguard.model.exits import CANNOT_ENTER, OUT_OF_MEMORY
from pytest_envguard.model.modelfolder import Reader
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.profile import Profile
from pytest_envguard.model.refusal import Refusal
from pytest_envguard.modelfolder.corpus import CORPUS
from pytest_envguard.modelfolder.measured import Measured, read

WHAT = "the model folder"
_VARIABLE = "HF_MODULES_CACHE"
MODULES = "/tmp/envguard-huggingface-modules"  # where transformers copies a folder's own code to, in the fresh /tmp
_LAUNCHER_FAILED = (CANNOT_ENTER, 126, 127)
_SENTENCEPIECE = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model")
_SHARE = 0.75  # of the machine's memory: what a folder may take where its environment has no limit of its own
_CODE = """
import json, sys
sys.path.append({root!r})  # it may be here by other ways than the interpreter's own
from pytest_envguard.modelfolder.inside.program import run
sys.path.pop()
run(json.loads({task!r}))
"""
_ELSEWHERE = "import os, sys; os.chdir('/'); os.execv(sys.argv[1], sys.argv[1:])"


class Wanted(NamedTuple):
    """What is to be loaded.

    Attributes:
        model: Whether the model is loaded too, and run once.
        trusts: Whether the folder's own code may be executed.
        unpickles: Whether weights may be read from pickles.
        timeout: Seconds, after which everything is killed.
    """

    model: bool = False
    trusts: bool = False
    unpickles: bool = False
    timeout: float = 120.0

    @property
    def executes(self) -> bool:
        """Whether what lies in the folder may be executed: a pickle is a program too."""
        return self.trusts or self.unpickles


class Place(NamedTuple):
    """Where it is loaded.

    Attributes:
        profile: The environment, its network cut.
        plan: How that is enforced; without a script nothing is.
        reader: Who the process is in the deployment; None for who it is here.
        notes: What is not as the user may think.
        control: Returns this machine as it is, the network off, to compare with; None where this is it.
    """

    profile: Profile
    plan: Plan
    reader: Reader | None = None
    notes: tuple[str, ...] = ()
    control: Callable[[], Place] | None = None

    @property
    def offline(self) -> bool:
        """Whether the kernel refuses the network, to everything that runs there."""
        return not self.plan.is_host


class Loading(NamedTuple):
    """What happened.

    Attributes:
        environment: Name of the environment.
        ending: How the process ended, as a sentence; "" if it came to its end.
        timed_out: Whether that was because its time was over.
        seconds: From the start of the interpreter to its end.
        peak_memory: Bytes.
        refusals: What it was refused, the network's among them.
        measured: What it told.
        errors: What it wrote to standard error.
        skipped: Why nothing was loaded; "" if something was.
        elsewhere: Whether what failed works on this machine outside of the environment; None where that wasn't tried.
    """

    environment: str
    ending: str = ""
    timed_out: bool = False
    seconds: float = 0.0
    peak_memory: int = 0
    refusals: tuple[Refusal, ...] = ()
    measured: Measured = Measured()
    errors: str = ""
    skipped: str = ""
    elsewhere: bool | None = None


def changes_for(profile: Profile, wanted: Wanted) -> dict[str, object]:
    """Return what is changed of an environment before a folder is loaded in it: never a network, nor foreign code that writes."""
    changes: dict[str, object] = {}
    if "origins" not in profile.values and profile.values.get("network", "open") == "open":
        changes["network"] = "none"
    if wanted.executes and profile.values.get("root", "host") != "read-only":
        changes |= {"root": "read-only", "tmp": "private"}
        if not {_VARIABLE, "HF_HOME"} & {*os.environ, *_variables(profile)}:
            changes["env"] = {_VARIABLE: MODULES}
    return changes


def _variables(profile: Profile) -> Mapping[str, str]:
    value = profile.values.get("env", {})
    assert isinstance(value, Mapping)
    return value


def reader_of(profile: Profile) -> Reader | None:
    """Return who the process is in the deployment, None where the environment leaves that to the host."""
    if "uid" not in profile.values and "gid" not in profile.values:
        return None
    uid, gid = profile.values.get("uid", os.getuid()), profile.values.get("gid", os.getgid())
    assert isinstance(uid, int) and isinstance(gid, int)
    return Reader(profile.name, uid, gid)


def needed(folder: Path) -> dict[str, str]:
    """Return what must be seen: the folder, and for a snapshot in a hub's cache all of the repository that it links into."""
    parent = folder.parent
    if parent.name == "snapshots" and parent.parent.name.startswith("models--"):
        return {str(parent.parent): WHAT}
    return {str(folder): WHAT}


def guarded(plan: Plan, folder: Path) -> Plan:
    """Return ``plan`` with the folder read-only, the root as working folder, and a limit of memory where there is none."""
    if plan.is_host:
        return plan
    script = dict(plan.script)
    paths = list(needed(folder))
    if script["namespaces"]:
        steps = script["steps"]
        assert isinstance(steps, list)
        for path in paths:
            steps = [*steps, ["take", {"path": path}], ["put", {"path": path, "readonly": True}]]
        script["steps"] = steps
    elif script["trapped"] and isinstance(rules := script["rules"], dict):
        script["rules"] = {**rules, "mounts": [*rules["mounts"], *([path, True, False, None] for path in paths)]}
    if isinstance(flags := script["namespaces"], int) and flags & CLONE_NEWPID and not script["memory"]:
        limit = int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * _SHARE)
        script["memory"] = {"by": "watchdog", "limit": limit, "folders": []}
    return plan._replace(script={**script, "folder": "/"})


def load(
    folder: Path,
    place: Place,
    wanted: Wanted,
    *,
    tokenizer: bool = True,
    architectures: tuple[str, ...] = (),
) -> Loading:
    """Load what lies in ``folder`` and return what happened.

    Args:
        folder: Absolute, with no links in it.
        place: Where.
        wanted: What.
        tokenizer: Whether there is one.
        architectures: Classes that the configuration names.

    Raises:
        EnvguardError: The environment could not be entered, or foreign code would run where nothing restricts it.
    """
    if wanted.executes and not place.offline:
        raise EnvguardError(
            "code of a model folder's own is executed only where the network is off and nothing can be written to, and "
            "nothing here can enforce that",
            "see `envguard doctor`, or leave `--trust-remote-code` and `--allow-pickle` out",
        )
    task = {
        "folder": str(folder),
        "trusts": wanted.trusts,
        "unpickles": wanted.unpickles,
        "loads_model": wanted.model,
        "refuses_network": not place.offline,
        "tokenizer": tokenizer,
        "texts": [list(text) for text in CORPUS],
        "sentencepiece": list(_SENTENCEPIECE),
        "architectures": list(architectures),
    }
    code = _CODE.format(root=str(Path(__file__).parents[2]), task=json.dumps(task))
    with _modules_kept(guarded(place.plan, folder)) as plan:
        return _loading(plan, _run(plan, code, _environ(folder), wanted.timeout), wanted.timeout)


@contextmanager
def _modules_kept(plan: Plan) -> Iterator[Plan]:
    """Where /tmp is the machine's own, give the folder's own code another place in it, and take that away afterwards."""
    environ = plan.script.get("environ")
    names = environ["set"] if isinstance(environ, dict) else {}
    if names.get(_VARIABLE) != MODULES or any(step == "tmpfs" for step, _ in _steps(plan)):
        yield plan
        return
    with TemporaryDirectory(prefix="envguard-model-", dir="/tmp") as folder:
        who = plan.script["identity"]
        if isinstance(who, dict) and who["how"] == "real":
            os.chown(folder, who["uid"], who["gid"])
        yield plan._replace(script={**plan.script, "environ": {**environ, "set": {**names, _VARIABLE: folder}}})  # type: ignore[dict-item]  # it is one


def _steps(plan: Plan) -> list[tuple[str, object]]:
    steps = plan.script["steps"]
    assert isinstance(steps, list)
    return [(name, arguments) for name, arguments in steps]


def _environ(folder: Path) -> dict[str, str]:
    """Return this process's variables, without the folder among the places of modules."""
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    kept = [path for path in paths if path and not Path(os.path.realpath(path)).is_relative_to(folder)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(kept)} if paths != [""] else dict(os.environ)


def _run(plan: Plan, code: str, environ: Mapping[str, str], timeout: float) -> Account:
    # The interpreter looks for modules in the working folder, which must not be the model's (3.10 knows no -P).
    if plan.is_host:
        return run_fresh([sys.executable, "-I", "-S", "-c", _ELSEWHERE], environ, code, timeout)
    from pytest_envguard.seccomp.ledger import Ledger

    ledger = Ledger.make()
    try:
        words = launcher.command_line({**plan.script, "ledger": str(ledger)})
        account = run_fresh(words, environ, code, timeout, (ledger.entries, ledger.stacks))
        told = tuple(one._replace(place=_place_in_library(one.place)) for one in account.refusals)
        return account._replace(refusals=merged(told, ledger.new_entries()))
    finally:
        ledger.close()


def _place_in_library(place: str) -> str:
    """Return a place as the supervisor's list has it, so that each refusal is there once."""
    return re.sub(r"^.*/(?:site|dist)-packages/", "", place)


def _loading(plan: Plan, account: Account, timeout: float) -> Loading:
    if not account.begun and plan.script and account.code in _LAUNCHER_FAILED:
        raise EnvguardError(
            account.errors.strip().removeprefix("envguard: ") or describe(CANNOT_ENTER, plan),
            "see `envguard doctor` for what this machine can do",
        )
    measured = read(account.output)
    return Loading(
        environment=plan.name,
        ending="" if measured.done and not account.timed_out else _ending(plan, account, timeout),
        timed_out=account.timed_out,
        seconds=account.seconds,
        peak_memory=account.peak_memory,
        refusals=account.refusals,
        measured=measured,
        errors=account.errors,
    )


def _ending(plan: Plan, account: Account, timeout: float) -> str:
    if account.timed_out:
        return f"still running after {timeout:g} s, so it was killed"
    if account.code == OUT_OF_MEMORY and plan.script.get("memory") and not account.ended:
        return describe(account.code, plan)
    if account.traceback:
        return "raised " + account.traceback.rstrip().rpartition("\n")[2]
    if account.code < 0:
        return describe(account.code, plan, "the process")
    return f"the process ended with exit code {account.code}"
