"""What can't be made or mapped: symbolic links, memory and files to execute, large mappings."""

from __future__ import annotations

from collections.abc import Callable

from pytest_envguard.linux import abilities as facility
from pytest_envguard.model.dimensions import EXEC_PATHS, MDWE, MDWE_FILTER, NO_EXECMEM, show_size
from pytest_envguard.model.plan import Enforcement, Strength
from pytest_envguard.model.profile import Profile
from pytest_envguard.model.rules import Mounts, is_within
from pytest_envguard.planning.draft import MOUNTS, SYSTEM_CALLS, Draft
from pytest_envguard.seccomp import mappings

_SYSTEM = ("/bin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/sbin", "/usr")
_EXECUTED = ("the interpreter", "the versions", "what is imported")  # of what a run needs
_NO_LINKS = "no symbolic links (EPERM)"
_OLD_KERNEL = "Linux before 6.3 has no prctl(PR_SET_MDWE): memory that may be executed can't be protected anew either"
_UNLABELED = (
    "shared files can't be mapped to be written and executed, nor made executable later; SELinux looks at their labels"
)


def plan_mappings(draft: Draft) -> dict[str, object] | None:
    """Refuse what the profile's dimensions say; return what the process is to forbid itself, None for nothing."""
    _links(draft)
    ways: list[str] = []
    kinds = draft.value("executable_mappings", ())
    assert isinstance(kinds, tuple)
    denied = [kind for kind in kinds if kind != EXEC_PATHS and _forbid_memory(draft, kind, ways)]
    deny = facility.MDWE in draft.abilities.facilities and not {MDWE, NO_EXECMEM}.isdisjoint(denied)
    files = EXEC_PATHS in kinds and _forbid_files(draft)
    if kinds:
        draft.promises["executable_mappings"] = {**promised_memory(denied), "files": files}
    limit = _limit(draft)
    return {"deny": deny, "ways": ways, "limit": limit} if deny or ways or limit is not None else None


def promised_memory(kinds: list[str]) -> dict[str, str]:
    """Return the errno's name that each kind of executable memory is refused with, "" where it isn't."""
    written = "EPERM" if MDWE_FILTER in kinds else "EACCES" if kinds else ""
    return {"writable": written, "gained": written, "anonymous": "EACCES" if NO_EXECMEM in kinds else ""}


def _links(draft: Draft) -> None:
    if draft.value("symlinks", True):
        return
    if not (draft.abilities.facilities[facility.SECCOMP].works or facility.LISTENER in draft.abilities.facilities):
        _not_enforced(draft, "symlinks", _NO_LINKS)
        return
    reason = "no file system without them can be mounted, so that symlink(2) is answered"
    draft.enforcements.append(Enforcement("symlinks", _NO_LINKS, Strength.EXACT, SYSTEM_CALLS, reason))
    draft.promises["symlinks"] = False


def _not_enforced(draft: Draft, dimension: str, shown: str) -> None:
    reason = f"{facility.SECCOMP}: {draft.abilities.facilities[facility.SECCOMP].answer}"
    draft.enforcements.append(Enforcement(dimension, shown, Strength.NONE, "none", reason))


def _filters(draft: Draft) -> bool:
    """Whether system calls can be refused by their numbers alone."""
    return facility.FILTER in draft.abilities.facilities or draft.abilities.facilities[facility.SECCOMP].works


_SHOWN = {
    MDWE: "no memory that is written and executed (EACCES)",
    MDWE_FILTER: "no memory that is written and executed (EPERM)",
    NO_EXECMEM: "no memory to execute but files (EACCES)",
    EXEC_PATHS: "no files to execute but the interpreter's and the system's",
}


def _forbid_memory(draft: Draft, kind: str, ways: list[str]) -> bool:
    """Note how one kind of executable memory is refused, and add the ways of a filter; whether it is."""
    shown, in_kernel = _SHOWN[kind], facility.MDWE in draft.abilities.facilities
    if kind == MDWE and in_kernel:
        draft.directly("executable_mappings", shown, "prctl")
        return True
    if not _filters(draft):
        _not_enforced(draft, "executable_mappings", shown)
        return False
    if kind == MDWE_FILTER:
        ways.append(mappings.FILTER)
        draft.directly("executable_mappings", shown, SYSTEM_CALLS)  # as systemd does itself
        return True
    ways += [mappings.EXECMEM] if kind == NO_EXECMEM else [mappings.WRITE]
    if not in_kernel:
        ways.append(mappings.GAIN)
    reason = _UNLABELED if kind == NO_EXECMEM and in_kernel else _OLD_KERNEL
    draft.approximately("executable_mappings", shown, SYSTEM_CALLS, reason)
    return True


def _forbid_files(draft: Draft) -> bool:
    """Let no file be executed or mapped so but the interpreter's and the system's; whether it is refused."""
    shown = _SHOWN[EXEC_PATHS]
    paths = _exec_paths(draft)
    by_kernel = draft.by_kernel("executable_mappings", shown, (*MOUNTS, facility.READ_ONLY))
    if by_kernel:
        if not any(verb == "private" for verb, _ in draft.steps):
            draft.steps.insert(0, ("private", {}))
        draft.steps.append(("exec_paths", {"paths": paths}))
    elif draft.by_calls("executable_mappings", shown):
        _exec_rules(draft, paths)
    else:
        return False
    for name in ("tmp", "shm"):
        promised = draft.promises.get(name)
        if isinstance(promised, dict) and promised.get("state") != "absent":
            draft.promises[name] = {**promised, "exec": False}
    return True


def _exec_paths(draft: Draft) -> list[str]:
    found = [path for path, what in draft.needed.items() if what in _EXECUTED]
    paths = sorted({*found, *_SYSTEM})
    return [path for path in paths if not is_within(path, [other for other in paths if other != path])]


def _exec_rules(draft: Draft, paths: list[str]) -> None:
    """Make all mounts noexec, and each of ``paths`` one of its own."""
    table = Mounts(draft.mounts)
    rows = [(path, readonly, True, size) for path, readonly, _, size in draft.mounts if path not in paths]
    if not any(path == "/" for path, *_ in rows):
        rows.append(("/", False, True, None))
    draft.mounts[:] = [*rows, *((path, table.of(path).readonly, False, None) for path in paths)]


def _largest(limit: int) -> str:
    return f"no mapping above {show_size(limit)} (ENOMEM)"


def _limit(draft: Draft) -> int | None:
    limit = draft.value("mmap_limit")
    if not isinstance(limit, int):
        return None
    shown = _largest(limit)
    if not _filters(draft):
        _not_enforced(draft, "mmap_limit", shown)
        return None
    reason = "the kernel limits only the sum of all mappings, so that a filter answers mmap(2)"
    draft.enforcements.append(Enforcement("mmap_limit", shown, Strength.EXACT, SYSTEM_CALLS, reason))
    draft.promises["mmap_limit"] = limit
    return limit


def plan_mappings_by_hook(
    profile: Profile, note: Callable[..., None], promises: dict[str, object], reason: str
) -> int | None:
    """Do the same for Python's own calls, as far as they are announced; return the largest mapping's size."""
    if not profile.values.get("symlinks", True):
        note("symlinks", _NO_LINKS, Strength.PYTHON, reason)
        promises["symlinks"] = False
    kinds = profile.values.get("executable_mappings", ())
    assert isinstance(kinds, tuple)
    for kind in kinds:
        unheard = "Python does not announce how memory may be used"
        if kind == EXEC_PATHS:
            unheard = "an audit hook refuses files in /tmp and /dev/shm only (`tmp_exec`, `shm_exec`)"
        note("executable_mappings", _SHOWN[kind], Strength.NONE, unheard)
    limit = profile.values.get("mmap_limit")
    if not isinstance(limit, int):
        return None
    note("mmap_limit", _largest(limit), Strength.PYTHON, f"only mmap.mmap is refused: {reason}")
    promises["mmap_limit"] = limit
    return limit
