"""What the process is given: limits, processors, memory, environment variables."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_envguard.linux import abilities as facility
from pytest_envguard.model.dimensions import show_size
from pytest_envguard.model.origin import VARIABLE
from pytest_envguard.model.plan import INSIDE
from pytest_envguard.model.profile import variables
from pytest_envguard.planning.draft import MOUNTS, Draft
from pytest_envguard.planning.network import is_served_outside

_UNLIMITED = -1


def plan_limits(draft: Draft) -> None:
    """Set the limits of the kernel, and the memory limit that the watchdog guards."""
    _open_files(draft)
    _processes(draft)
    stack = draft.value("stack")
    if isinstance(stack, int):
        draft.limits["STACK"] = [stack, -1]
        draft.directly("stack", f"stack {show_size(stack)}", "rlimit")
    _processors(draft)
    _memory(draft)
    draft.promises["limits"] = {name: soft for name, (soft, _) in draft.limits.items()}


def _open_files(draft: Draft) -> None:
    soft, hard = draft.value("open_files"), draft.value("open_files_hard")
    given = [limit for limit in (soft, hard) if isinstance(limit, int)]
    if given:
        first, last = given[0], given[-1]
        if last != _UNLIMITED and (first == _UNLIMITED or first > last):
            first = last  # the kernel refuses a soft limit above the hard one
        draft.limits["NOFILE"] = [first, last]
        draft.directly("open_files", f"{_number(first)} open files", "rlimit")
        most = draft.surroundings.most_files
        if not draft.abilities.privileged and most != _UNLIMITED and (last == _UNLIMITED or last > most):
            reason = f"the limit of this machine is {most}, and only root can raise it"
            draft.approximately("open_files_hard", f"{most} open files at the most", "rlimit", reason)


def _processes(draft: Draft) -> None:
    count = draft.value("processes")
    if not isinstance(count, int):
        return
    draft.limits["NPROC"] = [count, count]
    if draft.surroundings.uid == 0 and (draft.how in ("host", "mapped") or draft.uid == 0):
        draft.approximately(
            "processes", f"{_number(count)} processes", "rlimit", "the kernel does not limit processes of root"
        )
    else:
        draft.directly("processes", f"{_number(count)} processes", "rlimit")


def _number(limit: int) -> str:
    return "unlimited" if limit == _UNLIMITED else str(limit)


def _processors(draft: Draft) -> None:
    count = draft.value("cpus")
    if not isinstance(count, int):
        return
    if count > draft.surroundings.processors:
        draft.approximately(
            "cpus",
            f"{count} processors",
            "affinity",
            f"this machine has only {draft.surroundings.processors} to give",
        )
        return
    draft.directly("cpus", f"{count} processor{'s' * (count > 1)}", "affinity")
    draft.promises["cpus"] = count
    if not all(draft.abilities.facilities[name].works for name in MOUNTS):
        reason = "os.cpu_count() reads a file of the system's, which can't be replaced without a mount namespace"
        draft.approximately("cpus", f"all {draft.surroundings.processors} processors are counted", "none", reason)


def _memory(draft: Draft) -> None:
    limit = draft.value("memory")
    if not isinstance(limit, int):
        return
    shown = f"{show_size(limit)} of memory (SIGKILL beyond)"
    if not draft.by_kernel("memory", shown, (*MOUNTS, facility.PROCESS)):
        return
    draft.enforcements.pop()
    folders = ["/tmp"] * (draft.value("tmp") == "private") + ["/dev/shm"] * (draft.value("shm") == "private")
    counted = bool(draft.value("tmp_in_memory"))
    # A cgroup counts what lies in a tmpfs. Where /tmp is a disk of its own, as in Lambda, that would kill too early.
    if draft.abilities.facilities[facility.CGROUP].works and (counted or not folders):
        draft.memory = {"by": "cgroup", "limit": limit}
        draft.directly("memory", shown, "cgroup")
        return
    draft.memory = {"by": "watchdog", "limit": limit, "folders": folders if counted else []}
    draft.approximately(
        "memory",
        shown,
        "watchdog",
        "looked at 50 times a second: a faster burst can pass the limit for a moment before everything is killed",
    )


def plan_environment(draft: Draft) -> None:
    """Set and remove environment variables; the rest stays the caller's."""
    if draft.profile.is_host:
        return
    unset = draft.value("env_unset", ())
    assert isinstance(unset, tuple)
    draft.unset_variables = [*unset, *([VARIABLE] if is_served_outside(draft) else [])]
    folder = draft.value("folder", "project")
    if folder != "project":
        draft.directly("folder", f"working folder {folder}", "chdir")
    _home(draft)
    if isinstance(locale := draft.value("locale"), str):
        _locale(draft, locale)
    if isinstance(zone := draft.value("timezone"), str):
        draft.set_variables["TZ"] = zone
        draft.directly("timezone", f"TZ={zone}", "environment")
    filled = variables(draft.profile, draft.surroundings.project, draft.surroundings.python)
    draft.set_variables.update(filled)
    if draft.value("env") or unset:
        draft.directly("env", f"{len(filled)} variables set, {len(unset)} removed", "environment")
    draft.promises["environ"] = {
        "set": dict(draft.set_variables),
        "unset": [name for name in draft.unset_variables if name not in draft.set_variables],
    }
    draft.set_variables[INSIDE] = draft.profile.name


_FALLBACK_LOCALE = "C.UTF-8"


def _locale(draft: Draft, locale: str) -> None:
    """Set LANG. A profile that also sets LC_CTYPE says by it that its deployment does *not* know the locale.

    (PEP 538: Python exports LC_CTYPE=C.UTF-8 where LANG names a locale that the C library lacks.)
    """
    draft.unset_variables += ["LANGUAGE", "LC_*"]
    known_here = locale in draft.surroundings.locales
    written = draft.value("env", {})
    known_there = not (isinstance(written, Mapping) and "LC_CTYPE" in written)
    if known_there and not known_here:
        draft.set_variables["LANG"] = _FALLBACK_LOCALE
        draft.approximately(
            "locale",
            f"LANG={_FALLBACK_LOCALE}",
            "environment",
            f"this machine has no locale {locale}, which setlocale finds there",
            f"install it, on Debian and Ubuntu: `sudo locale-gen {locale}`",
        )
        return
    draft.set_variables["LANG"] = locale
    if known_here and not known_there:
        reason = "setlocale finds it on this machine and fails there"
        draft.approximately("locale", f"LANG={locale}", "environment", reason)
    else:
        draft.directly("locale", f"LANG={locale}", "environment")


def _home(draft: Draft) -> None:
    home = draft.value("home", "host")
    if home == "unset":
        draft.unset_variables.append("HOME")
        draft.directly("home", "HOME unset", "environment")
    elif home != "host":
        draft.set_variables["HOME"] = str(home)
        draft.directly("home", f"HOME={home}", "environment")
