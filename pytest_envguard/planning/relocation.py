"""The project at another place: first of all steps, so that everything else is planned as if it had always lain there."""

from __future__ import annotations

import posixpath

from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.machine import Folder, Movable, Surroundings
from pytest_envguard.model.relocation import Move
from pytest_envguard.planning.covers import Cover, below
from pytest_envguard.planning.draft import MOUNTS, Draft, Step

_OF_THE_PROJECT = ("the project", "the tests", "the current folder", "what is imported")
_IMPOSSIBLE = ("/dev", "/proc", "/sys")
_MOST_BESIDE = 10_000  # entries that are put back one by one, in 20 µs each


def plan_relocation(draft: Draft) -> None:
    """Show the project in the folder `cwd`, and let the rest be planned for a machine on which it lies there.

    Raises:
        EnvguardError: The folder can't be that: it lies in the project, or what a run needs lies in it.
    """
    target, movable = draft.value("cwd"), draft.surroundings.movable
    assert isinstance(target, str) and movable is not None
    source = movable.names[-1]
    if target == source:
        draft.directly("cwd", f"the project in {target}, where it is", "chdir")
        draft.promises["project"] = {"at": target, "node": movable.node, "gone": [], "kept": []}
        return
    if not draft.by_kernel("cwd", f"the project in {target}", MOUNTS):
        return
    draft.move = _move(draft, movable, target)
    _refuse(draft, draft.move)
    draft.surroundings = _moved(draft.surroundings, draft.move)
    draft.__dict__.pop("needed", None)  # what was needed before
    inside = below(source, target)
    if draft.value("root") != "read-only":
        draft.notes.append(
            f"what is written into {posixpath.dirname(source)} itself, where the project isn't shown, is lost"
        )
    draft.promises["project"] = {
        "at": target,
        "node": movable.node,
        "gone": [] if inside else [source],
        "kept": [] if inside else list(draft.move.kept),
    }
    for folder in draft.move.kept:
        draft.notes.append(f"{draft.needed[folder]} ({folder}) lies in the project's folder and keeps its place")
    if movable.variables:
        are, their = ("s", "their") if len(movable.variables) > 1 else ("", "its")
        named = ", ".join(movable.variables)
        draft.notes.append(
            f"the variable{are} {named} name{'' if are else 's'} the project's own folder: {their} path isn't there"
        )


def _move(draft: Draft, movable: Movable, target: str) -> Move:
    """Return what keeps its place: all that a run needs for itself, such as the interpreter, and no part of the project."""
    inside = [
        path
        for path, what in sorted(draft.needed.items())
        if what not in _OF_THE_PROJECT and any(path == name or below(path, name) for name in movable.names)
    ]
    outermost = [path for path in inside if not any(below(path, other) for other in inside)]
    return Move(movable.names, target, outermost)


def _refuse(draft: Draft, move: Move) -> None:
    target, source, name = move.target, move.sources[-1], draft.profile.name
    where = f'profile `{name}`: `cwd = "{target}"`'
    for path in (place for place in _IMPOSSIBLE if target == place or below(target, place)):
        raise EnvguardError(f"{where}: no project can lie in {path}")
    if below(target, source):
        raise EnvguardError(f"{where} lies in the project's own folder, {source}", "name a folder outside of it")
    for path, what in draft.needed.items():
        if path in move.sources and path in move.kept:
            raise EnvguardError(
                f"{where}: {what} is the project's own folder, {path}, which shall not be there",
                "move it elsewhere" if what != "HOME" else "let the profile have another one, with `home`",
            )
        if (path == target or below(path, target)) and not move.moves(path):
            raise EnvguardError(
                f"{where}: {what} ({path}) {'is that folder' if path == target else 'lies in it'}",
                "name another folder",
            )
    beside = draft.surroundings.movable.beside if draft.surroundings.movable else 0
    if beside > _MOST_BESIDE:
        raise EnvguardError(
            f"{where}: the project lies in {posixpath.dirname(source)} beside {beside} other entries, which would all be put back",
            "move it into a folder of its own",
        )


def _moved(here: Surroundings, move: Move) -> Surroundings:
    """Return the machine as it is with the project elsewhere."""
    source = move.sources[-1]
    gone = [path for path in here.folders if move.moves(path)]
    folders = {path: folder for path, folder in here.folders.items() if path not in gone}
    # What lies around that which keeps its place is made.
    folders.update({path: Folder(0, 0, 0o755) for path in gone if any(below(kept, path) for kept in move.kept)})
    folders[move.target] = here.folders.get(source, Folder(here.uid, here.gid, 0o755))
    needed = {path: what for path, what in here.needed.items() if not move.moves(path)}
    return here._replace(
        project=move.path(here.project) if move.moves(here.project) else move.target,
        needed={**needed, move.target: "the project"},
        folders=folders,
        bundles=tuple(map(move.path, here.bundles)),
    )


def relocation_steps(draft: Draft, covers: list[Cover]) -> list[Step]:
    """Return the step that moves the project, nothing where it stays.

    It need not vanish where something else is mounted over the folder that it lies in, and nothing around it put back.

    Raises:
        EnvguardError: One of the ``covers`` is where it's to be.
    """
    move, movable = draft.move, draft.surroundings.movable
    if move is None or movable is None:
        return []
    source = move.sources[-1]
    around = posixpath.dirname(source)
    covered = any(around == cover.path or below(around, cover.path) for cover in covers)
    shown = any(around == path or below(around, path) or path == source for path in draft.needed)
    there = [cover for cover in covers if cover.path == move.target]
    for cover in (one for one in there if one.does != "opens"):
        raise EnvguardError(
            f"profile `{draft.profile.name}` {cover.does} {cover.path}, where `cwd` is to show the project",
            f"name a folder in it (`{cover.path}/project`), or another one" if cover.shows else "name another folder",
        )
    if there:
        # Its mode is in the way, and what is in it is put back entry by entry.
        promised = draft.promises["project"]
        assert isinstance(promised, dict)
        draft.promises["project"] = {**promised, "node": None}
    arguments = {
        "source": source,
        "target": move.target,
        "vanishes": not below(source, move.target) and not (covered and not shown),
        "kept": list(move.kept),
        "files": {path: move.text(text) for path, text in movable.naming.items()},
    }
    return [("relocate", arguments)]
