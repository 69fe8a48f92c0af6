"""Who the tests run as, and how exact that is on each kind of machine."""

from __future__ import annotations

import pytest

from pytest_envguard.linux import abilities as facility
from pytest_envguard.linux.identity import ORDINARY_CAPABILITIES
from pytest_envguard.linux.syscalls import CLONE_NEWNS, CLONE_NEWUSER
from pytest_envguard.model.machine import Abilities
from pytest_envguard.model.plan import Strength
from tests.unit.surroundings import (
    AS_ROOT,
    ME,
    MEND,
    NO_ANSWERS,
    ORDINARY,
    REFUSED,
    ROOT,
    WITH_SUBORDINATE,
    abilities,
    enforced,
    plan,
    script,
    surroundings,
)

IN_CONTAINER = abilities(privileged=True, mapped_ids=((0, 1), (100, 900)))
ROOT_WITH_SUBORDINATE = abilities(privileged=True, subordinate=(100000, 100000), mapped_ids=((0, 1),))


@pytest.mark.parametrize(
    ("machine", "caller", "values", "how", "exact"),
    [
        pytest.param(AS_ROOT, ROOT, {"uid": 993, "gid": 990}, "real", True, id="root"),
        pytest.param(AS_ROOT, ROOT, {"uid": 0, "gid": 0}, "real", True, id="root-stays-root"),
        pytest.param(AS_ROOT, ROOT, {"gid": 5}, "real", True, id="root-gid-only"),
        pytest.param(IN_CONTAINER, ROOT, {"uid": 993, "gid": 990}, "real", True, id="root-ids-exist"),
        pytest.param(IN_CONTAINER, ROOT, {"uid": 1000, "gid": 990}, "mapped", False, id="root-uid-not-mapped"),
        pytest.param(IN_CONTAINER, ROOT, {"uid": 993, "gid": 99}, "mapped", False, id="root-gid-not-mapped"),
        pytest.param(ROOT_WITH_SUBORDINATE, ROOT, {"uid": 993}, "mapped", False, id="root-never-takes-newuidmap"),
        pytest.param(WITH_SUBORDINATE, ME, {"uid": 993, "gid": 990}, "subordinate", True, id="subordinate"),
        pytest.param(WITH_SUBORDINATE, ME, {"uid": 993, "gid": 0}, "subordinate", True, id="subordinate-gid-0"),
        pytest.param(WITH_SUBORDINATE, ME, {"uid": 0, "gid": 0}, "mapped", False, id="subordinate-has-no-second-0"),
        pytest.param(WITH_SUBORDINATE, ME, {"uid": ME, "gid": ME}, "mapped", True, id="subordinate-same-ids"),
        pytest.param(ORDINARY, ME, {"uid": 993, "gid": 990}, "mapped", False, id="ordinary"),
        pytest.param(ORDINARY, ME, {"uid": ME, "gid": 5}, "mapped", False, id="ordinary-other-gid"),
        pytest.param(ORDINARY, ME, {"uid": ME, "gid": ME}, "mapped", True, id="ordinary-same-ids"),
        pytest.param(ORDINARY, ME, {"tmp": "private"}, "mapped", True, id="ordinary-no-ids"),
        pytest.param(AS_ROOT, ROOT, {"tmp": "private"}, "host", True, id="root-no-ids"),
    ],
)
def test_the_most_exact_way_is_chosen(
    machine: Abilities, caller: int, values: dict[str, object], how: str, exact: bool
) -> None:
    """Real before subordinate before mapped; where files look like the process's own, the plan says so."""
    made = plan(machine, surroundings(uid=caller), **values)
    uid, gid = values.get("uid", caller), values.get("gid", caller)
    assert script(made, "identity") == {
        "how": how,
        "uid": uid,
        "gid": gid,
        "outer": [caller, caller],
        "subordinate": list(machine.subordinate or ()),
    }
    asked = "uid" in values or "gid" in values
    assert made.promises.get("ids") == ([uid, gid] if asked else None)
    assert ("ownership" in enforced(made)) is not exact
    assert bool(script(made, "namespaces") & CLONE_NEWUSER) is (how in ("mapped", "subordinate"))


def test_approximated_ownership_is_said_and_not_refused() -> None:
    """A plain map is an approximation with its mend: no fidelity refuses it, since the uid itself is the kernel's."""
    made = plan(ORDINARY, uid=993, gid=990)
    ownership = enforced(made)["ownership"]
    assert (enforced(made)["uid"].strength, ownership.strength) == (Strength.KERNEL, Strength.APPROXIMATE)
    assert "subordinate ids" in ownership.mend and "chmod" in ownership.reason
    assert made.weaker_than(Strength.KERNEL) == []


@pytest.mark.parametrize(
    ("user", "shown", "promised"),
    [
        ({"user": "sbx"}, "uid 993 gid 990 (sbx)", "sbx"),
        ({"user": ""}, "uid 993 gid 990 without a passwd entry", ""),
        ({}, "uid 993 gid 990", None),
    ],
)
def test_the_passwd_entry_is_shown_and_promised(user: dict[str, object], shown: str, promised: str | None) -> None:
    """The header has the ids and the name; an entry that must not be there is a promise as well."""
    made = plan(ORDINARY, uid=993, gid=990, **user)
    assert (enforced(made)["uid"].shown, made.promises.get("user")) == (shown, promised)


@pytest.mark.parametrize("broken", [facility.USER, facility.MOUNT, facility.TMPFS])
@pytest.mark.parametrize("privileged", [True, False])
def test_an_identity_that_the_kernel_refuses(broken: str, privileged: bool) -> None:
    """Without namespaces the uid is not enforced, for the kernel's reason, and nothing about it is promised."""
    made = plan(abilities(broken, privileged=privileged), uid=993, gid=990, user="sbx")
    item = enforced(made)["uid"]
    assert (item.strength, item.reason, item.mend) == (Strength.NONE, f"{broken}: {REFUSED}; {NO_ANSWERS}", MEND)
    assert made.weaker_than(Strength.PYTHON) == [item]
    assert script(made, "identity")["how"] == "host"
    assert not {"ids", "user"} & made.promises.keys()
    assert script(made, "namespaces") == 0


@pytest.mark.parametrize(
    ("machine", "values", "kept"),
    [
        pytest.param(AS_ROOT, {"capabilities": "none"}, 0, id="profile-wants-none"),
        pytest.param(ORDINARY, {"capabilities": "none"}, 0, id="profile-wants-none-ordinary"),
        pytest.param(AS_ROOT, {"tmp": "private"}, ORDINARY_CAPABILITIES, id="root-loses-what-could-undo-it"),
        pytest.param(ORDINARY, {"tmp": "private"}, 0, id="ordinary-loses-what-its-namespace-gave"),
        pytest.param(AS_ROOT, {"open_files": 64}, None, id="nothing-to-undo"),
    ],
)
def test_capabilities(machine: Abilities, values: dict[str, object], kept: int | None) -> None:
    """No environment can be undone from inside: what could remount is dropped even where the profile says nothing."""
    made = plan(machine, surroundings(uid=ROOT if machine.privileged else ME), **values)
    assert script(made, "capabilities") == kept
    assert made.promises.get("capabilities") == ("none" if "capabilities" in values else None)


def test_sys_admin_is_not_an_ordinary_capability() -> None:
    """CAP_SYS_ADMIN (21), CAP_NET_ADMIN (12) and CAP_SYS_PTRACE (19) are never kept."""
    assert not any(ORDINARY_CAPABILITIES >> bit & 1 for bit in (12, 19, 21))


def test_a_user_namespace_comes_with_a_mount_namespace() -> None:
    """Changing the identity enters both, because generated files are mounted for it."""
    flags = script(plan(ORDINARY, uid=993, user="sbx"), "namespaces")
    assert flags & CLONE_NEWUSER and flags & CLONE_NEWNS
