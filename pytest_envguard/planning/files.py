"""The order of all mounts: hold what's needed, generate files, make the rest read-only, cover, put back."""

from __future__ import annotations

from pytest_envguard.errors import EnvguardError
from pytest_envguard.linux import abilities as facility
from pytest_envguard.linux import mounts
from pytest_envguard.model.dimensions import show_size
from pytest_envguard.planning.covers import below, opened, profile_covers, put_back, stand_in
from pytest_envguard.planning.draft import MOUNTS, Draft, Step
from pytest_envguard.planning.identity import passwd_with
from pytest_envguard.planning.network import HOSTS, NSSWITCH, SOCKETS, network_files, without_daemons

PASSWD = "/etc/passwd"  # noqa: S105  # a file's name
PROCESSORS = "/sys/devices/system/cpu/online"
ASKED = (PASSWD, NSSWITCH, HOSTS, "/etc/resolv.conf", PROCESSORS, *SOCKETS)
COVERAGE = "/dev/envguard"
_LAST_ID = 2**32 - 2  # mapped only where no user namespace is
_STAGING = "/tmp"


def plan_files(draft: Draft) -> None:
    """Plan what the tests see of the file system, and everything else that is a step of the launcher."""
    network_steps, draft.steps = draft.steps, []
    covers = profile_covers(draft)
    covers += opened(draft, covers)
    noexec = _noexec_tmp(draft)
    readonly = draft.value("root") == "read-only" and draft.by_kernel(
        "root", "read-only root", (*MOUNTS, facility.READ_ONLY)
    )
    if draft.value("root") == "read-only" and not readonly and draft.by_calls("root", "read-only root"):
        draft.mounts.append(("/", True, False, None))
        draft.promises["readonly"] = ["/", draft.surroundings.project]
    devices = _devices(draft)
    proc = _proc(draft)
    hostname = _hostname(draft)
    files = _generated(draft)
    if not (draft.namespaces or files):
        return
    draft.namespaces.update(MOUNTS)
    own_proc = draft.abilities.facilities[facility.PROCESS].works
    shaped_proc = own_proc or (bool(proc) and proc == draft.surroundings.proc_style)
    moving: list[Step] = []
    if draft.move is not None:
        from pytest_envguard.planning.relocation import relocation_steps

        moving = relocation_steps(draft, covers)
    taken, put = put_back(draft, covers)
    draft.steps += [("private", {}), *moving, *taken]
    if files:
        draft.steps.append(
            ("files", {"contents": files, "staging": _STAGING, "covered": draft.value("tmp") == "private"})
        )
    if own_proc:
        draft.namespaces.add(facility.PROCESS)
        draft.steps.append(("proc", {"style": "container" if proc == "container" else "plain"}))
    draft.steps += network_steps
    draft.steps += hostname
    if readonly:
        draft.promises["readonly"] = ["/", draft.surroundings.project]
        draft.steps.append(("readonly", {}))
    if shaped_proc and readonly != (proc == "read-only"):
        draft.steps.append(("change", {"path": "/proc", "readonly": proc == "read-only"}))
    draft.steps += [("hide", {"path": path}) for path in _sockets(draft)]
    draft.steps += devices
    draft.steps += put
    draft.steps += noexec
    if draft.trusting:
        draft.steps.append(_trusting(draft))


def _trusting(draft: Draft) -> Step:
    """Return the step that adds an authority's certificate to bundles: the last one, when all that is shown is there."""
    certificate = draft.surroundings.certificate
    assert certificate is not None
    return "trust", {"paths": draft.trusting, "text": certificate.authority}


def _proc(draft: Draft) -> str:
    """Return the style of ``/proc`` if one is wanted and can be had, else ""."""
    root_readonly = draft.value("root") == "read-only"
    style = draft.value("proc")
    if style is None:
        return "read-only" if root_readonly else ""  # it is one of "all mounts"
    if style == "host":
        if root_readonly:
            draft.mounts.append(("/proc", False, True, None))
        return ""
    shown = "/proc as in a container" if style == "container" else "read-only /proc"
    # An environment around that has done the same can't be repeated (its masks lie on top) and need not be.
    present = style == draft.surroundings.proc_style
    own = facility.READ_ONLY if present or (style == "read-only" and root_readonly) else facility.PROCESS
    if draft.by_kernel("proc", shown, (facility.USER, facility.MOUNT, own)):
        return str(style)
    readable = "files that are masked there can be read" if style == "container" else ""
    if draft.by_calls("proc", shown, readable):
        if style == "read-only":
            draft.mounts.append(("/proc", True, False, None))
        else:
            draft.mounts.append(("/proc", False, True, None))
            draft.mounts += [(f"/proc/{name}", True, True, None) for name in mounts.READ_ONLY_IN_CONTAINERS]
    return ""


def _hostname(draft: Draft) -> list[Step]:
    name = draft.value("hostname")
    if name is None:
        return []
    if not draft.by_kernel("hostname", f"host name {name}", (*MOUNTS, facility.HOST_NAME)):
        if draft.by_calls("hostname", f"host name {name}"):
            draft.promises["hostname"] = draft.shown_hostname = str(name)
        return []
    draft.promises["hostname"] = name
    return [("hostname", {"name": name})]


def _noexec_tmp(draft: Draft) -> list[Step]:
    """The host's own /tmp without execution: impossible where the interpreter lies in it."""
    if draft.value("tmp") == "private" or draft.value("tmp_exec") is not False:
        return []
    for path, what in draft.surroundings.needed.items():
        if what == "the interpreter" and below(path, "/tmp"):
            raise EnvguardError(
                f"profile `{draft.profile.name}`: `tmp_exec = false` for the host's own /tmp is impossible here: "
                f"the interpreter itself lies in {path}",
                'set `tmp = "private"` (the interpreter is then bound back in), or use an environment outside of /tmp',
            )
    noexec = draft.by_kernel("tmp", "/tmp noexec", MOUNTS)
    if not noexec:
        if not draft.by_calls("tmp", "/tmp noexec"):
            return []
        draft.mounts.append(("/tmp", draft.value("root") == "read-only", True, None))
    draft.promises["tmp"] = {"size": None, "mode": None, "exec": False}
    if not noexec:
        return []
    # The flag belongs to a mount, and /tmp may be a plain folder of another one: mount it on itself first.
    return [
        ("take", {"path": "/tmp"}),
        ("put", {"path": "/tmp", "readonly": False}),
        ("change", {"path": "/tmp", "noexec": True}),
    ]


def _sockets(draft: Draft) -> list[str]:
    """Daemons that would reach beyond a network that is cut; not where something that's needed lies."""
    if "network" not in draft.promises:
        return []
    present = draft.surroundings.present
    return [path for path in SOCKETS if path in present and not any(below(needed, path) for needed in draft.needed)]


# -- generated files ---------------------------------------------------------------------------------------------------


def _generated(draft: Draft) -> dict[str, str]:
    if not all(draft.abilities.facilities[name].works for name in MOUNTS):
        return {}
    files = network_files(draft) if "network" in draft.promises else {}
    if "ids" in draft.promises and draft.value("user") is not None:
        files[PASSWD] = passwd_with(draft)
        # Directory services and systemd know uids that the file does not.
        files.update(without_daemons(files.get(NSSWITCH, draft.surroundings.nsswitch), "passwd", "files"))
    count = draft.value("cpus")
    if isinstance(count, int) and count <= draft.surroundings.processors:
        files[PROCESSORS] = f"0-{count - 1}\n" if count > 1 else "0\n"
    return {path: text for path, text in files.items() if path in draft.surroundings.present}


# -- /dev --------------------------------------------------------------------------------------------------------------


def _devices(draft: Draft) -> list[Step]:
    shm, style = draft.value("shm", "host"), draft.value("devices", "host")
    sheltered = _shelters_coverage(draft)
    if shm == "host" and style == "host" and not sheltered:
        return []
    size, executable = draft.value("shm_size"), bool(draft.value("shm_exec", shm == "host"))
    shown = {
        "absent": "/dev/shm absent",
        "private": f"/dev/shm {show_size(size) if isinstance(size, int) else 'of half the memory'}",
        "host": "/dev of its own",
    }[str(shm)]
    if not draft.by_kernel("shm" if shm != "host" else "devices", shown, (*MOUNTS, facility.DEVICES)):
        _devices_by_calls(draft, shown)
        return []
    if shm != "host":
        draft.promises["shm"] = {"state": shm, "size": size, "exec": executable}
    # A mapped process would own the folder and could create in it, where a deployment answers EACCES.
    mode = 0o555 if draft.how == "mapped" and draft.uid else 0o755
    # Root without a user namespace can make nodes; six binds take three times as long.
    own = draft.abilities.privileged and draft.how in ("host", "real") and draft.abilities.has_id(_LAST_ID)
    arguments: dict[str, object] = {"shm": shm, "shm_size": size, "shm_exec": executable, "mode": mode}
    steps: list[Step] = [("dev", {**arguments, "make_nodes": own})]
    if sheltered:
        arguments = {"path": COVERAGE, "size": None, "mode": 0o1777, "executable": False}
        steps += [("folder", {"path": COVERAGE}), ("tmpfs", arguments)]
        draft.notes.append(f"coverage keeps its data in {COVERAGE}, as long as the environment lives")
    if style == "read-only":
        steps.append(("seal_dev", {}))
    return steps


def _devices_by_calls(draft: Draft, shown: str) -> None:
    """Rules for /dev and /dev/shm, where they can't be made anew."""
    shm = draft.value("shm", "host")
    if shm == "absent":
        unseen = "what only looks (stat, opening to read) still finds it"
        if draft.by_calls("shm", shown, unseen):
            draft.absent.append("/dev/shm")
    elif shm == "private":
        size = draft.value("shm_size")
        stand_in(draft, "shm", "/dev/shm", size, executable=bool(draft.value("shm_exec", True)))
    elif not draft.by_calls("devices", shown):
        return
    if draft.value("devices", "host") != "read-only" and draft.trapped:
        draft.mounts.append(("/dev", False, False, None))


def _shelters_coverage(draft: Draft) -> bool:
    """Whether coverage's data needs a place of its own: the project is read-only, belongs to another user, or lies elsewhere.

    Trap: a mount that is attached nowhere (``/proc/PID/fd/N``) won't do, because SQLite resolves links in the path.
    """
    elsewhere = draft.value("root") == "read-only" or draft.how in ("real", "subordinate") or draft.move is not None
    return draft.surroundings.coverage and elsewhere
