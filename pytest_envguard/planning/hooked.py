"""A plan for an audit hook: what Python itself can be refused, on any operating system."""

from __future__ import annotations

import posixpath

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.dimensions import show_size
from pytest_envguard.model.plan import INSIDE, Enforcement, Plan, Strength
from pytest_envguard.model.profile import Profile, variables
from pytest_envguard.planning.mappings import plan_mappings_by_hook

AUDIT_HOOK = "audit hook"
_NETWORKS = {
    "none": "no network (ENETUNREACH)",
    "drop": "network drops everything (connects time out)",
    "refuse": "network refuses everything (ECONNREFUSED)",
    "nxdomain": "no network, no name exists",
}
_SIZES = ("tmp_size", "stack", "memory")
_NOTE = (
    "programs, C and Rust code are outside of it; `envguard doctor --differences` lists what an audit hook can't see"
)
_PART_OF_OTHERS = frozenset(
    ("tmp_exec", "tmp_mode", "tmp_in_memory", "shm_size", "shm_exec", "user_home", "open_files_hard", "runtime")
)


class _Draft:
    def __init__(self, profile: Profile, reason: str) -> None:
        self.values = profile.values
        self.reason = reason
        self.enforcements: list[Enforcement] = []
        self.mounts: list[list[object]] = []
        self.promises: dict[str, object] = {}

    def note(self, dimension: str, shown: str, strength: Strength, reason: str = "") -> None:
        mechanism = "environment" if strength is Strength.KERNEL else AUDIT_HOOK
        self.enforcements.append(Enforcement(dimension, shown, strength, mechanism, reason))


def plan_by_hook(profile: Profile, project: str, temporary: str, python: tuple[int, int], reason: str) -> Plan:
    """Return how ``profile`` is enforced for Python code only.

    Args:
        profile: What was asked for.
        project: The folder the tests run in.
        temporary: This machine's own folder for temporary files, which takes the place of /tmp as well.
        python: Version of the interpreter.
        reason: Why nothing stronger is used.

    Raises:
        EnvguardError: The profile serves hosts.
    """
    if "origins" in profile.values:
        raise EnvguardError(
            f"`{profile.name}`: `origins` can't be served here: nothing but a network namespace leads their names to a server, "
            f"and only Python code can be restricted, because {reason}",
            "see `envguard doctor`",
        )
    draft = _Draft(profile, reason)
    _files(draft, project, temporary)
    network = str(profile.values.get("network", "open"))
    if network != "open":
        draft.note("network", _NETWORKS[network], Strength.PYTHON, reason)
        if network in ("none", "nxdomain"):
            draft.promises["connections"] = network
    limit = plan_mappings_by_hook(profile, draft.note, draft.promises, reason)
    environ = _environment(draft, profile, project, python)
    known = {item.dimension for item in draft.enforcements} | _PART_OF_OTHERS | {"env_unset"}
    for name, value in profile.values.items():
        if name not in known and value not in ("host", "open", "project"):
            shown = show_size(value) if name in _SIZES and isinstance(value, int) else value
            draft.note(name, str(shown), Strength.NONE, "an audit hook can't change it")
    rules = {
        "mounts": draft.mounts,
        "absent": ["/dev/shm"] if profile.values.get("shm") == "absent" else [],
        "network": network if network != "open" else None,
        "nameservers": [],
        "daemons": [],
        "closed": [],
        "passwd": None,
        "ids": None,
        "hostname": None,
        "symlinks": draft.promises.get("symlinks", True),
        "mmap_limit": limit,
    }
    script: dict[str, object] = {
        "hook": {"rules": rules, "environ": environ, "folder": profile.values.get("folder", "project")}
    }
    return Plan(profile.name, profile.summary, tuple(draft.enforcements), (_NOTE,), script, draft.promises)


def _files(draft: _Draft, project: str, temporary: str) -> None:
    readonly = draft.values.get("root") == "read-only"
    if readonly:
        draft.note("root", "read-only root", Strength.PYTHON, draft.reason)
        draft.mounts += [["/", True, False, None], ["/dev", draft.values.get("devices") == "read-only", False, None]]
        draft.promises["readonly"] = ["/", project]
        if draft.values.get("proc", "read-only") != "read-only":
            draft.mounts.append(["/proc", False, False, None])
    own = "the machine's own folder, with all that lies in it"
    executable = bool(draft.values.get("tmp_exec", True))
    if draft.values.get("tmp") == "private" or not executable:
        places = dict.fromkeys(("/tmp", temporary))
        draft.mounts += [[place, False, not executable, None] for place in places]
        if any(project.startswith(place + "/") for place in places):
            draft.mounts.append([project, readonly, False, None])
        draft.note("tmp", "/tmp", Strength.APPROXIMATE, own)
        if not executable:
            draft.note("tmp_exec", "/tmp noexec", Strength.PYTHON, draft.reason)
            draft.promises["tmp"] = {"size": None, "mode": None, "exec": False}
    writable = draft.values.get("writable", ())
    assert isinstance(writable, tuple)
    for path in writable:
        draft.mounts.append([path, False, False, None])
        draft.note("writable", f"{path} writable", Strength.APPROXIMATE, own)
    shm = draft.values.get("shm", "host")
    if shm == "absent":
        draft.note("shm", "/dev/shm absent", Strength.PYTHON, draft.reason)
    elif shm == "private":
        draft.mounts.append(["/dev/shm", False, not draft.values.get("shm_exec", True), None])
        draft.note("shm", "/dev/shm", Strength.APPROXIMATE, own)
        if not draft.values.get("shm_exec", True):
            draft.note("shm_exec", "/dev/shm noexec", Strength.PYTHON, draft.reason)
    draft.mounts.sort(key=lambda row: posixpath.normpath(str(row[0])))


def _environment(draft: _Draft, profile: Profile, project: str, python: tuple[int, int]) -> dict[str, object]:
    filled = variables(profile, project, python)
    unset = list(profile.values.get("env_unset", ()))  # type: ignore[arg-type]  # the dimension's type is a tuple
    home = profile.values.get("home", "host")
    if home == "unset":
        unset.append("HOME")
        draft.note("home", "HOME unset", Strength.KERNEL)
    elif home != "host":
        filled["HOME"] = str(home)
        draft.note("home", f"HOME={home}", Strength.KERNEL)
    for dimension, name in (("locale", "LANG"), ("timezone", "TZ")):
        if dimension in profile.values:
            filled[name] = str(profile.values[dimension])
            draft.note(dimension, f"{name}={filled[name]}", Strength.KERNEL)
    if profile.values.get("env") or unset:
        draft.note("env", f"{len(filled)} variables set, {len(unset)} removed", Strength.KERNEL)
    if folder := str(profile.values.get("folder", "")).replace("project", ""):
        draft.note("folder", f"working folder {folder}", Strength.KERNEL)
    draft.promises["environ"] = {"set": dict(filled), "unset": [name for name in unset if name not in filled]}
    return {"set": {**filled, INSIDE: profile.name}, "unset": unset}
