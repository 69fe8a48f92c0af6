"""What the tests see of the file system: covered, hidden, generated, read-only, and put back because it's needed."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pytest_envguard.errors import EnvguardError
from pytest_envguard.linux import abilities as facility
from pytest_envguard.model.dimensions import show_size
from pytest_envguard.planning.draft import Draft, Step
from pytest_envguard.planning.network import SOCKETS, network_files

_MOUNTS = (facility.USER, facility.MOUNT, facility.TMPFS)
PASSWD = "/etc/passwd"  # noqa: S105  # a file's name
NSSWITCH = "/etc/nsswitch.conf"
PROCESSORS = "/sys/devices/system/cpu/online"
ASKED = (PASSWD, NSSWITCH, "/etc/resolv.conf", PROCESSORS, "/tmp", "/dev/shm", *SOCKETS)
_STAGING = "/tmp"
COVERAGE = "/dev/envguard"


@dataclass(frozen=True)
class Cover:
    """A folder that something else is mounted on.

    Attributes:
        path: The folder.
        why: What the profile or the machine wants there.
        step: The mount.
        readonly: Whether what is put back below it must be read-only even where the root isn't.
    """

    path: str
    why: str
    step: Step
    readonly: bool = False


def plan_files(draft: Draft) -> None:
    """Order all mounts: take what is needed, generate files, make the rest read-only, cover, put back."""
    network_steps, draft.steps = draft.steps, []
    covers = _profile_covers(draft)
    noexec_steps, draft.steps = draft.steps, []
    covers += _opened(draft, covers)
    files = _generated(draft)
    hidden = [path for path in SOCKETS if path in draft.surroundings.present] if "network" in draft.promises else []
    readonly = draft.value("root") == "read-only" and draft.by_kernel(
        "root", "read-only root", (*_MOUNTS, facility.READ_ONLY)
    )
    devices = _devices(draft)
    if not (covers or files or readonly or devices or draft.namespaces):
        return
    draft.namespaces.update((facility.USER, facility.MOUNT, facility.TMPFS))
    processes = draft.abilities.facilities[facility.PROCESS].works
    if processes:
        draft.namespaces.add(facility.PROCESS)
    if draft.value("proc"):
        draft.by_kernel(
            "proc",
            f"/proc as in a {'container' if draft.value('proc') == 'container' else 'read-only root'}",
            (facility.PROCESS,),
        )
    taken, put = _put_back(draft, covers)
    draft.steps += [("private", {}), *taken]
    if files:
        draft.steps.append(("files", {"contents": files, "staging": _STAGING}))
    if processes:
        draft.steps.append(("proc", {"style": "container" if draft.value("proc") == "container" else "plain"}))
    draft.steps += network_steps
    if "hostname" in draft.profile.values and draft.by_kernel(
        "hostname", f"host name {draft.value('hostname')}", (*_MOUNTS, facility.HOST_NAME)
    ):
        draft.steps.append(("hostname", {"name": draft.value("hostname")}))
        draft.promises["hostname"] = draft.value("hostname")
    if readonly:
        draft.promises["readonly"] = ["/", draft.surroundings.project]
        draft.steps.append(("readonly", {}))
        if processes and draft.value("proc") != "read-only":
            draft.steps.append(("change", {"path": "/proc", "readonly": False}))
    draft.steps += [("hide", {"path": path}) for path in hidden]
    draft.steps += devices
    draft.steps += [cover.step for cover in covers]
    draft.steps += put
    draft.steps += noexec_steps


# -- covers ------------------------------------------------------------------------------------------------------------


def _profile_covers(draft: Draft) -> list[Cover]:
    covers = []
    if draft.value("tmp") == "private":
        size, mode = draft.value("tmp_size"), draft.value("tmp_mode", 0o1777)
        executable = bool(draft.value("tmp_exec", True))
        assert isinstance(mode, int)
        shown = f"/tmp {show_size(size) if isinstance(size, int) else 'of half the memory'}"
        shown += "" if executable else ", noexec"
        if draft.by_kernel("tmp", shown, _MOUNTS):
            draft.promises["tmp"] = {"size": size, "mode": mode, "exec": executable}
            covers.append(_tmpfs("/tmp", "a fresh /tmp", size, mode, executable))
    elif draft.value("tmp_exec") is False and draft.by_kernel("tmp", "/tmp noexec", _MOUNTS):
        _refuse_impossible_noexec(draft)
        # The flag belongs to a mount, and /tmp may be a plain folder of another one: mount it on itself first.
        draft.steps += [
            ("take", {"path": "/tmp"}),
            ("put", {"path": "/tmp", "readonly": False}),
            ("change", {"path": "/tmp", "noexec": True}),
        ]
    covers += [
        _tmpfs(path, "a fresh folder", None, 0o1777, True)
        for path in _paths(draft, "writable")
        if draft.by_kernel("writable", f"{path} writable, private", _MOUNTS)
    ]
    hidden: list[str] = []
    for path in _paths(draft, "hidden"):
        if draft.by_kernel("hidden", f"{path} hidden", _MOUNTS):
            hidden.append(path)
            draft.promises["hidden"] = hidden
            open_below = any(_below(needed, path) for needed in draft.needed)
            step: Step = ("hide", {"path": path})
            if open_below:
                step = ("tmpfs", {"path": path, "size": 1 << 20, "mode": 0o711, "executable": True})
            covers.append(Cover(path, "the profile hides it", step))
    return covers


def _tmpfs(path: str, why: str, size: object, mode: int, executable: bool) -> Cover:
    arguments = {"path": path, "size": size, "mode": mode, "executable": executable}
    return Cover(path, why, ("tmpfs", arguments), readonly=True)


def _paths(draft: Draft, name: str) -> tuple[str, ...]:
    value = draft.value(name, ())
    assert isinstance(value, tuple)
    return value


def _refuse_impossible_noexec(draft: Draft) -> None:
    for path, what in draft.needed.items():
        if what == "the interpreter" and _below(path, "/tmp"):
            raise EnvguardError(
                f"profile `{draft.profile.name}`: `tmp_exec = false` for the host's own /tmp is impossible here: "
                f"the interpreter itself lies in {path}",
                'set `tmp = "private"` (the interpreter is then bound back in), or use an environment outside of /tmp',
            )


def _opened(draft: Draft, replaced: list[Cover]) -> list[Cover]:
    """Folders such as ``/root`` (0700) that the new uid may not search, on the way to something it needs.

    Not those below a folder that is ``replaced`` anyway: the way to what is put back is made anew there.
    """
    if draft.how not in ("real", "subordinate"):
        return []
    uid, gid = (draft.uid, draft.gid) if draft.how == "real" else (-1, -1)
    covers: list[Cover] = []
    here = draft.surroundings
    for path, folder in sorted(here.folders.items()):
        if any(_below(path, cover.path) for cover in (*replaced, *covers)) and path not in draft.needed:
            continue
        if path in draft.needed:
            if not folder.open_to(uid, gid, 5):
                covers.append(_open_cover(path, 0o755))
                draft.notes.append(
                    f"{draft.needed[path]} ({path}) is shown with mode 0755 instead of {folder.mode:04o}"
                )
        elif not folder.open_to(uid, gid, 1) and any(_below(needed, path) for needed in draft.needed):
            covers.append(_open_cover(path, 0o711))
            draft.notes.append(
                f"{path} (mode {folder.mode:04o}) can be searched, because "
                f"{_and(what for needed, what in draft.needed.items() if _below(needed, path))} "
                f"lies in it; nothing else in it is visible"
            )
    return covers


def _open_cover(path: str, mode: int) -> Cover:
    return Cover(path, "opened", ("tmpfs", {"path": path, "size": 1 << 20, "mode": mode, "executable": True}))


def _and(words: Iterable[str]) -> str:
    return " and ".join(dict.fromkeys(words))


# -- putting back ------------------------------------------------------------------------------------------------------


def _put_back(draft: Draft, covers: list[Cover]) -> tuple[list[Step], list[Step]]:
    """Return the steps that hold what is needed before it is covered, and those that attach it again afterwards."""
    taken: list[Step] = []
    put: list[Step] = []
    needed = draft.needed
    all_readonly = draft.value("root") == "read-only"
    opened = {cover.path for cover in covers if cover.why == "opened"}
    done: set[str] = set()
    for path in sorted(needed):
        over = [cover for cover in covers if _below(path, cover.path) or path == cover.path]
        if not over:
            continue
        _refuse_covered_itself(draft, path, needed[path], over)
        readonly = all_readonly or any(cover.readonly for cover in over)
        if path in opened:
            entries = draft.surroundings.folders[path].entries
            pieces = [(posixpath.join(path, name), target) for name, target in entries]
            if any(_below(path, other.path) for other in over):
                # Its place is made only when the outer cover is there, so its own cover comes after that.
                (own,) = (cover for cover in covers if cover.path == path)
                covers.remove(own)
                put += [("folder", {"path": path}), own.step]
        elif any(_below(path, earlier) for earlier in done):
            continue
        else:
            pieces = [(path, "")]
        for piece, target in pieces:
            if piece in done:
                continue
            done.add(piece)
            if target:
                put.append(("link", {"path": piece, "target": target}))
            else:
                taken.append(("take", {"path": piece}))
                put.append(("put", {"path": piece, "readonly": readonly}))
        outer = [cover for cover in over if cover.why != "opened"]
        if outer:
            state = "read-only" if readonly else "writable"
            draft.notes.append(f"{needed[path]} ({path}) lies under {outer[0].path} and was put back, {state}")
    if all_readonly:
        put += [("change", {"path": path, "readonly": True}) for path in sorted(opened)]
    return taken, put


def _refuse_covered_itself(draft: Draft, path: str, what: str, over: list[Cover]) -> None:
    for cover in over:
        if cover.path == path and cover.why != "opened":
            raise EnvguardError(
                f"profile `{draft.profile.name}` replaces {path} with {cover.why}, but {what} is {path} itself",
                "run from a folder of its own below it, or elsewhere",
            )


def _below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")


# -- generated files, /dev ---------------------------------------------------------------------------------------------


def _generated(draft: Draft) -> dict[str, str]:
    files = network_files(draft) if "network" in draft.promises else {}
    if "ids" in draft.promises and draft.value("user") is not None:
        files[PASSWD] = _passwd(draft)
        nsswitch = files.get(NSSWITCH, draft.surroundings.nsswitch)
        # Directory services and systemd know uids that the file does not.
        files[NSSWITCH] = re.sub(r"(?m)^passwd:.*$", "passwd: files", nsswitch)
    if "cpus" in draft.profile.values:
        count = draft.value("cpus")
        assert isinstance(count, int)
        if count <= draft.surroundings.processors:
            files[PROCESSORS] = f"0-{count - 1}\n" if count > 1 else "0\n"
    return {path: text for path, text in files.items() if path in draft.surroundings.present}


def _passwd(draft: Draft) -> str:
    lines = [
        line
        for line in draft.surroundings.passwd.splitlines()
        if line.split(":")[2:3] != [str(draft.uid)] and line.split(":")[0] != draft.value("user")
    ]
    if draft.value("user"):
        lines.append(f"{draft.value('user')}:x:{draft.uid}:{draft.gid}::{draft.value('user_home', '/')}:/sbin/nologin")
    return "\n".join(lines) + "\n"


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
    if not draft.by_kernel("shm" if shm != "host" else "devices", shown, (*_MOUNTS, facility.DEVICES)):
        return []
    if shm != "host":
        draft.promises["shm"] = {"state": shm, "size": size, "exec": executable}
    steps: list[Step] = [("dev", {"shm": shm, "shm_size": size, "shm_exec": executable})]
    if sheltered:
        arguments: dict[str, object] = {"path": COVERAGE, "size": None, "mode": 0o1777, "executable": False}
        steps += [("folder", {"path": COVERAGE}), ("tmpfs", arguments)]
        draft.notes.append(f"coverage keeps its data in {COVERAGE}, as long as the environment lives")
    if style == "read-only":
        steps.append(("seal_dev", {}))
    return steps


def _shelters_coverage(draft: Draft) -> bool:
    """Whether coverage's data needs a place of its own: the project is read-only, or belongs to another user.

    Trap: a mount that is attached nowhere (``/proc/PID/fd/N``) won't do, because SQLite resolves links in the path.
    """
    elsewhere = draft.value("root") == "read-only" or draft.how in ("real", "subordinate")
    return draft.surroundings.coverage and elsewhere
