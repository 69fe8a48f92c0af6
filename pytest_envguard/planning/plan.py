"""The order in which a plan is made: who the process is, what it sees, what it may use."""

from __future__ import annotations

from pytest_envguard.linux import abilities as facility
from pytest_envguard.linux import syscalls as call
from pytest_envguard.linux.identity import ORDINARY_CAPABILITIES
from pytest_envguard.model.machine import Abilities, Surroundings
from pytest_envguard.model.plan import Plan
from pytest_envguard.model.profile import Profile
from pytest_envguard.planning.draft import Draft
from pytest_envguard.planning.files import COVERAGE, plan_files
from pytest_envguard.planning.identity import plan_identity
from pytest_envguard.planning.mappings import plan_mappings
from pytest_envguard.planning.network import SOCKETS, nameservers, network_mode, plan_network
from pytest_envguard.planning.process import plan_environment, plan_limits

_FLAGS = {
    facility.MOUNT: call.CLONE_NEWNS,
    facility.NETWORK: call.CLONE_NEWNET,
    facility.HOST_NAME: call.CLONE_NEWUTS,
    facility.PROCESS: call.CLONE_NEWPID | call.CLONE_NEWIPC,
}


def make_plan(profile: Profile, abilities: Abilities, surroundings: Surroundings) -> Plan:
    """Return how ``profile`` is enforced on this machine.

    Raises:
        EnvguardError: The profile asks for something impossible here (the project is the folder that is replaced, …).
    """
    draft = Draft(profile, abilities, surroundings, uid=surroundings.uid, gid=surroundings.gid)
    if "cwd" in profile.values:
        from pytest_envguard.planning.relocation import plan_relocation  # few profiles move the project

        plan_relocation(draft)
    plan_identity(draft)
    plan_network(draft)
    if "origins" in profile.values:
        from pytest_envguard.planning.origins import plan_origins  # few profiles have any

        plan_origins(draft)
    plan_files(draft)
    plan_limits(draft)
    plan_environment(draft)
    forbidden = plan_mappings(draft)
    return Plan(
        name=profile.name,
        summary=profile.summary,
        enforcements=tuple(draft.enforcements),
        notes=tuple(draft.notes),
        script={**_script(draft), "mappings": forbidden},
        promises=draft.promises,
    )


def _script(draft: Draft) -> dict[str, object]:
    here = draft.surroundings
    flags = 0
    for name in draft.namespaces:
        flags |= _FLAGS.get(name, 0)
    own_user_namespace = flags and (not draft.abilities.privileged or draft.how in ("mapped", "subordinate"))
    if own_user_namespace:
        flags |= call.CLONE_NEWUSER
    if draft.value("capabilities") == "none":
        capabilities: int | None = 0
    elif flags:
        # Whoever keeps SYS_ADMIN could remount what was made read-only: the environment would not be there any more.
        capabilities = ORDINARY_CAPABILITIES if not own_user_namespace else 0
    else:
        capabilities = None
    folder = draft.value("folder", "project")
    moved = {"moved": draft.move.sendable()} if draft.move else {}
    return {
        **moved,
        "name": draft.profile.name,
        "namespaces": flags,
        "identity": {
            "how": draft.how,
            "uid": draft.uid,
            "gid": draft.gid,
            "outer": [here.uid, here.gid],
            "subordinate": list(draft.abilities.subordinate or ()),
        },
        "proc": list(here.proc),
        "steps": [*(["share", {"path": path}] for path in draft.shared), *(list(step) for step in draft.steps)],
        "limits": draft.limits,
        "cpus": draft.value("cpus"),
        "memory": draft.memory,
        "capabilities": capabilities,
        "environ": {"set": draft.set_variables, "unset": draft.unset_variables},
        "folder": here.project if folder == "project" else folder,
        "resolver": draft.promises.get("network") == "nxdomain" and not draft.addresses,
        "origins": draft.origins,
        "rules": _rules(draft),
        "trapped": draft.trapped,
        "ledger": False,
        "coverage": COVERAGE if ("folder", {"path": COVERAGE}) in draft.steps else None,
    }


def _rules(draft: Draft) -> dict[str, object]:
    """Return what is forbidden, for whoever answers call by call or lists what was refused (see `model.rules`)."""
    here, mode = draft.surroundings, network_mode(draft)
    cut = mode != "open" and ("network" in draft.promises or "connections" in draft.promises)
    closed = ["/dev", "/proc/sys"] if draft.how == "shown" and here.uid == 0 and draft.uid else []
    if closed and draft.value("root") == "read-only":
        draft.mounts.append(("/proc/sys", True, True, None))
    return {
        "mounts": [list(row) for row in draft.mounts],
        "absent": draft.absent or (["/dev/shm"] if draft.value("shm") == "absent" else []),
        "network": mode if cut else None,
        "nameservers": nameservers(draft) if cut else [],
        "daemons": [path for path in SOCKETS if path in draft.surroundings.present] if cut else [],
        "closed": closed,
        "passwd": draft.passwd,
        "ids": [draft.uid, draft.gid]
        if draft.how == "shown" and (draft.uid, draft.gid) != (here.uid, here.gid)
        else None,
        "hostname": draft.shown_hostname,
        "symlinks": draft.promises.get("symlinks", True),
    }
