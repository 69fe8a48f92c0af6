"""What is mounted over the machine's folders, and what is put back because a run needs it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import NamedTuple

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.dimensions import show_size
from pytest_envguard.model.plan import Enforcement, Strength
from pytest_envguard.planning.draft import MOUNTS, SYSTEM_CALLS, Draft, Step

_SEARCH, _READ_AND_SEARCH = 1, 5


class Cover(NamedTuple):
    """A folder that something else is mounted on.

    Attributes:
        path: The folder.
        does: What that means for the folder, as the verb of a sentence about the profile.
        step: The mount; None if another step makes it.
        keeps_readonly: Whether what is put back below it must be read-only even where the root isn't.
        shows: Whether something can be put back below it.
    """

    path: str
    does: str
    step: Step | None
    keeps_readonly: bool = False
    shows: bool = True


def profile_covers(draft: Draft) -> list[Cover]:
    """Return what the profile itself replaces or hides."""
    covers = []
    if draft.value("tmp") == "private":
        size, mode = draft.value("tmp_size"), draft.value("tmp_mode", 0o1777)
        executable = bool(draft.value("tmp_exec", True))
        assert isinstance(mode, int)
        shown = f"/tmp {show_size(size) if isinstance(size, int) else 'of half the memory'}"
        if draft.by_kernel("tmp", shown + ("" if executable else ", noexec"), MOUNTS):
            draft.promises["tmp"] = {"size": size, "mode": mode, "exec": executable}
            covers.append(_tmpfs("/tmp", size, mode, executable=executable))
        else:
            stand_in(draft, "tmp", "/tmp", size, executable=executable)
    for path in _paths(draft, "writable"):
        if draft.by_kernel("writable", f"{path} writable, private", MOUNTS):
            covers.append(_tmpfs(path, None, 0o1777, executable=True))
        else:
            stand_in(draft, "writable", path, None, executable=True)
    if draft.value("shm") in ("private", "absent"):
        present = draft.value("shm") == "private"
        does = "replaces" if present else "removes"
        covers.append(Cover("/dev/shm", does, None, keeps_readonly=True, shows=present))
    hidden = [path for path in _paths(draft, "hidden") if draft.by_kernel("hidden", f"{path} hidden", MOUNTS)]
    if hidden:
        draft.promises["hidden"] = hidden
    return covers + [_hidden(draft, path) for path in hidden]


def stand_in(draft: Draft, dimension: str, path: str, size: object, *, executable: bool) -> None:
    """Let the machine's own folder take the place of a private one, under rules; what is needed in it is read-only."""
    if not draft.by_calls(dimension, path, "the machine's own folder, with all that lies in it"):
        return
    draft.mounts.append((path, False, not executable, size if isinstance(size, int) else None))
    draft.mounts += [(needed, True, False, None) for needed in draft.needed if below(needed, path)]
    if not executable:
        draft.enforcements.append(
            Enforcement(f"{dimension}_exec", f"{path} noexec", Strength.EXACT, SYSTEM_CALLS, draft.without_namespaces)
        )
        draft.promises[dimension] = {"state": "private", "size": None, "mode": None, "exec": False}
    if isinstance(size, int):
        reason = "by the files that are made in it: writes below 64 KiB are noticed at the next large one"
        draft.approximately(f"{dimension}_size", f"{path} {show_size(size)}", SYSTEM_CALLS, reason)


def _tmpfs(path: str, size: object, mode: int, *, executable: bool) -> Cover:
    arguments = {"path": path, "size": size, "mode": mode, "executable": executable}
    return Cover(path, "replaces", ("tmpfs", arguments), keeps_readonly=True)


def _hidden(draft: Draft, path: str) -> Cover:
    """A hidden folder can't be entered, unless something that's needed lies in it: then only that can be reached."""
    if any(below(needed, path) for needed in draft.needed):
        return Cover(path, "hides", _open_step(path, 0o711))
    return Cover(path, "hides", ("hide", {"path": path}))


def _paths(draft: Draft, name: str) -> tuple[str, ...]:
    value = draft.value(name, ())
    assert isinstance(value, tuple)
    return value


def opened(draft: Draft, covers: list[Cover]) -> list[Cover]:
    """Return covers for folders such as ``/root`` (0700) that the new uid can't pass on the way to what it needs.

    A folder below one of the ``covers`` is made anew, and open, when what is needed is put back; but not if it lies
    in something that is put back as a whole.
    """
    if draft.how not in ("real", "subordinate"):
        return []
    uid, gid = (draft.uid, draft.gid) if draft.how == "real" else (-1, -1)
    found: list[Cover] = []
    for path, folder in sorted(draft.surroundings.folders.items()):
        below_it = [what for needed, what in draft.needed.items() if below(needed, path)]
        if path in draft.needed:
            if not folder.open_to(uid, gid, _READ_AND_SEARCH):
                found.append(_opened(path, 0o755))
                draft.notes.append(
                    f"{draft.needed[path]} ({path}) is shown with mode 0755 instead of {folder.mode:04o}"
                )
        elif below_it and not folder.open_to(uid, gid, _SEARCH) and not _made_anew(draft, path, [*covers, *found]):
            found.append(_opened(path, 0o711))
            draft.notes.append(
                f"{path} (mode {folder.mode:04o}) can be searched, because {_and(below_it)} "
                f"lie{'s' * (len(set(below_it)) == 1)} in it; nothing else in it is visible"
            )
    return found


def _opened(path: str, mode: int) -> Cover:
    return Cover(path, "opens", _open_step(path, mode))


def _open_step(path: str, mode: int) -> Step:
    return "tmpfs", {"path": path, "size": 1 << 20, "mode": mode, "executable": True}


def _made_anew(draft: Draft, path: str, covers: list[Cover]) -> bool:
    cover = _deepest((cover.path for cover in covers), path)
    # What is needed and was opened is put back entry by entry, each with its own mode.
    return bool(cover) and cover not in draft.needed and len(_deepest(draft.needed, path)) <= len(cover)


def _deepest(folders: Iterable[str], path: str) -> str:
    """Return the longest of ``folders`` that ``path`` lies in, "" if it lies in none."""
    return max((folder for folder in folders if below(path, folder)), key=len, default="")


def put_back(draft: Draft, covers: list[Cover]) -> tuple[list[Step], list[Step]]:
    """Return the steps that hold what is needed before it is covered, and those that cover and attach it again.

    Both are in the order of paths, so that a mount point exists when it's needed: outer covers make room for inner ones.
    """
    open_paths = {cover.path for cover in covers if cover.does == "opens"}
    all_readonly = draft.value("root") == "read-only"
    taken: list[Step] = []
    put: list[Step] = []
    back: set[str] = set()
    covered: list[Cover] = []
    for path in sorted({cover.path for cover in covers} | set(draft.needed), key=_components):
        here = [cover for cover in covers if cover.path == path]
        _refuse_covered_itself(draft, path, [cover for cover in here if path not in open_paths])
        for cover in here:
            if cover.step is not None:
                if _deepest((outer.path for outer in covered), path):
                    put.append(("folder", {"path": path}))
                put.append(cover.step)
            covered.append(cover)
        replaced = any(cover.path == path for cover in covers if path not in open_paths)
        if path not in draft.needed or replaced or not _hides(covered, back, path):
            continue
        over = [cover for cover in covered if below(path, cover.path) or cover.path == path]
        readonly = all_readonly or any(cover.keeps_readonly for cover in over)
        for piece, target in _pieces(draft, path, whole=path not in open_paths):
            back.add(piece)
            if target:
                put.append(("link", {"path": piece, "target": target}))
            else:
                taken.append(("take", {"path": piece}))
                put.append(("put", {"path": piece, "readonly": readonly}))
        _note(draft, path, over, readonly=readonly)
    if all_readonly:
        put += [("change", {"path": path, "readonly": True}) for path in sorted(open_paths)]
    return taken, put


def _hides(covered: list[Cover], back: set[str], path: str) -> bool:
    """Whether ``path`` can't be seen now: the deepest cover above it lies in no piece that was put back after it."""
    cover = max((c.path for c in covered if c.path == path or below(path, c.path)), key=len, default="")
    piece = max((p for p in back if p == path or below(path, p)), key=len, default="")
    return bool(cover) and len(piece) <= len(cover) and not (piece == path and cover != path)


def _pieces(draft: Draft, path: str, *, whole: bool) -> list[tuple[str, str]]:
    """Return what is put back for ``path``: itself, or each entry of a folder whose own mode is in the way."""
    if whole:
        return [(path, "")]
    return [(posixpath.join(path, name), target) for name, target in draft.surroundings.folders[path].entries]


def _note(draft: Draft, path: str, over: list[Cover], *, readonly: bool) -> None:
    outer = [cover for cover in over if cover.does != "opens"]
    if outer:
        state = "read-only" if readonly else "writable"
        draft.notes.append(f"{draft.needed[path]} ({path}) lies under {outer[0].path} and was put back, {state}")


def _refuse_covered_itself(draft: Draft, path: str, covers: list[Cover]) -> None:
    name = draft.profile.name
    for cover in covers:
        # A HOME that the profile replaces or hides as a whole is what somebody asked for.
        if draft.needed.get(path, "HOME") != "HOME":
            raise EnvguardError(
                f"profile `{name}` {cover.does} {path}, but {draft.needed[path]} is {path} itself",
                "run from a folder of its own below it, or elsewhere",
            )
        for needed, what in draft.needed.items():
            if not cover.shows and below(needed, path) and what != "HOME":
                raise EnvguardError(
                    f"profile `{name}` {cover.does} {path}, but {what} ({needed}) lies in it",
                    "move it elsewhere",
                )


def _components(path: str) -> list[str]:
    return path.split("/")


def _and(words: Iterable[str]) -> str:
    return " and ".join(dict.fromkeys(words))


def below(path: str, folder: str) -> bool:
    """Whether ``path`` lies in ``folder``, at any depth."""
    return path.startswith(folder.rstrip("/") + "/")
