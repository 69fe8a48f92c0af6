"""Who the tests run as: the most exact way that this machine allows."""

from __future__ import annotations

from pytest_envguard.planning.draft import MOUNTS, Draft

FOR_EXACT_OWNERSHIP = (
    "install `uidmap` and give yourself subordinate ids "
    "(`sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER`), or run as root"
)


def plan_identity(draft: Draft) -> None:
    """Choose between a real uid, a subordinate one and a mapped one, and say what each leaves inexact."""
    if draft.value("capabilities") == "none":
        draft.promises["capabilities"] = "none"
        draft.directly("capabilities", "no capabilities, no_new_privs", "capset")
    if "uid" not in draft.profile.values and "gid" not in draft.profile.values:
        draft.how = "host" if draft.abilities.privileged else "mapped"
        return
    uid, gid = draft.value("uid", draft.uid), draft.value("gid", draft.gid)
    assert isinstance(uid, int) and isinstance(gid, int)
    user = draft.value("user")
    shown = f"uid {uid} gid {gid}" + (f" ({user})" if user else " without a passwd entry" if user == "" else "")
    draft.how = _how(draft, uid, gid)
    if not draft.by_kernel("uid", shown, MOUNTS):
        draft.how = "host"
        return
    draft.uid, draft.gid = uid, gid
    draft.promises["ids"] = [uid, gid]
    if user is not None:
        draft.promises["user"] = user
    if draft.how == "mapped" and (uid, gid) != (draft.surroundings.uid, draft.surroundings.gid):
        draft.approximately(
            "ownership",
            "your files look like the process's own",
            "uid map",
            "a plain user namespace shows you as the profile's uid, so chmod of your own files is not refused",
            FOR_EXACT_OWNERSHIP,
        )


def _how(draft: Draft, uid: int, gid: int) -> str:
    abilities = draft.abilities
    if abilities.privileged and abilities.has_id(uid) and abilities.has_id(gid):
        return "real"
    if (uid, gid) == (draft.surroundings.uid, draft.surroundings.gid):
        return "mapped"
    # newuidmap maps the caller to 0 inside: a profile that asks for uid or gid 0 leaves no place for a second one.
    if abilities.subordinate and uid and not abilities.privileged:
        return "subordinate"
    return "mapped"
