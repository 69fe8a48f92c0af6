"""Who the tests run as: the most exact way that this machine allows."""

from __future__ import annotations

from pytest_envguard.linux import abilities as facility
from pytest_envguard.planning.draft import MOUNTS, Draft

TEMPORARY = "PYTEST_DEBUG_TEMPROOT"  # pytest's own, read when it makes the first temporary folder
SHARED = "/tmp/envguard-of-"
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
        _without_namespaces(draft, uid, gid, shown)
        return
    draft.uid, draft.gid = uid, gid
    draft.promises["ids"] = [uid, gid]
    if user is not None:
        draft.promises["user"] = user
        if draft.value("tmp") != "private":
            _own_folder_in_tmp(draft)
    if draft.how == "mapped" and (uid, gid) != (draft.surroundings.uid, draft.surroundings.gid):
        draft.approximately(
            "ownership",
            "your files look like the process's own",
            "uid map",
            "a plain user namespace shows you as the profile's uid, so chmod of your own files is not refused",
            FOR_EXACT_OWNERSHIP,
        )


def _without_namespaces(draft: Draft, uid: int, gid: int, shown: str) -> None:
    """Really become the user where that is allowed, as in most containers; else only say so when asked."""
    draft.how = "host"
    here, abilities = draft.surroundings, draft.abilities
    may_become = abilities.may_become and abilities.has_id(uid) and abilities.has_id(gid)
    closed = _closed(draft, uid, gid)
    if may_become and not closed:
        draft.enforcements.pop()
        draft.directly("uid", shown, "setuid")
        draft.how = "real"
    elif draft.by_calls("uid", shown):
        draft.how = "shown"
    else:
        return
    draft.uid, draft.gid = uid, gid
    draft.promises["ids"] = [uid, gid]
    if draft.how == "shown" and (uid, gid) != (here.uid, here.gid):
        reason = f"{closed} can't be entered by other users" if may_become else "only root can become another user"
        mend = draft.enforcements[-1].mend
        draft.approximately(
            "ownership",
            "your files look like the process's own",
            "seccomp",
            f"{reason}: permissions are those of uid {here.uid}, which is shown as {uid}",
            mend,
        )
    _answer_for_passwd(draft)
    _own_folder_in_tmp(draft)


def _own_folder_in_tmp(draft: Draft) -> None:
    """Keep pytest's folders apart that belong to different users under the same name, in a /tmp that all of them share."""
    if draft.surroundings.temporary:
        return  # which is by the real uid; in here, one is shown
    folder = f"{SHARED}{draft.surroundings.uid}-{draft.how}-{draft.uid}"
    draft.shared.append(folder)
    draft.set_variables[TEMPORARY] = folder


def _closed(draft: Draft, uid: int, gid: int) -> str:
    """Return a folder that is needed and that the profile's user could not enter; "" if there is none."""
    for path, folder in sorted(draft.surroundings.folders.items()):
        on_the_way = any(needed.startswith(f"{path}/") for needed in draft.needed)
        wanted = 5 if path in draft.needed else 1 if on_the_way else 0
        if not folder.open_to(uid, gid, wanted):
            return path
    return ""


def _answer_for_passwd(draft: Draft) -> None:
    """/etc/passwd stays the machine's: answer the C library's own question, or say what it finds."""
    user = draft.value("user")
    if user is None:
        return
    rows = [line.split(":") for line in draft.surroundings.passwd.splitlines()]
    present = next((row[0] for row in rows if row[2:3] == [str(draft.uid)]), "")
    ability = draft.abilities.facilities[facility.USERS]
    if ability.works:
        draft.passwd, draft.trapped = passwd_with(draft), True
    if ability.works or present == user:
        draft.promises["user"] = user
        return
    there, here = (f"is called {name}" if name else "has no passwd entry" for name in (user, present))
    draft.approximately("user", f"uid {draft.uid} {here}", "none", f"it {there} there, and {ability.answer}")


def passwd_with(draft: Draft) -> str:
    """Return ``/etc/passwd`` with the profile's user, and nobody else of that name or uid."""
    user = draft.value("user")
    rows = draft.surroundings.passwd.splitlines()
    kept = [row for row in rows if row.split(":")[2:3] != [str(draft.uid)] and row.split(":")[0] != user]
    if user:
        kept.append(f"{user}:x:{draft.uid}:{draft.gid}::{draft.value('user_home', '/')}:/sbin/nologin")
    return "\n".join(kept) + "\n"


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
