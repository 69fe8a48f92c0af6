"""What is planned where namespaces are forbidden and system calls can be answered."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_envguard.linux import abilities as facility
from pytest_envguard.model.machine import Abilities, Folder
from pytest_envguard.model.plan import Plan, Strength
from pytest_envguard.profiles import load_catalogue
from tests.unit.surroundings import MEND, REFUSED, abilities, enforced, plan, script, steps, surroundings

FORBIDDEN = abilities(*facility.NAMES, answers=True)
IN_DOCKER = abilities(*facility.NAMES, answers=True, may_become=True)
CATALOGUE = load_catalogue(None, (3, 12))


def rules(made: Plan) -> dict[str, Any]:
    """Return what the supervisor is told."""
    found: dict[str, Any] = script(made, "rules")
    return found


@pytest.mark.parametrize(
    ("dimension", "values", "strength", "told"),
    [
        ("root", {"root": "read-only"}, Strength.EXACT, {"mounts": [["/", True, False, None]]}),
        ("tmp", {"tmp": "private"}, Strength.APPROXIMATE, {"mounts": [["/tmp", False, False, None]]}),
        ("tmp_exec", {"tmp": "private", "tmp_exec": False}, Strength.EXACT, {"mounts": [["/tmp", False, True, None]]}),
        ("tmp_size", {"tmp": "private", "tmp_size": "1M"}, Strength.APPROXIMATE, {"mounts": [["/tmp", False, False, 1 << 20]]}),
        ("tmp", {"tmp_exec": False}, Strength.EXACT, {"mounts": [["/tmp", False, True, None]]}),
        ("shm", {"shm": "absent"}, Strength.APPROXIMATE, {"absent": ["/dev/shm"]}),
        ("network", {"network": "drop"}, Strength.EXACT, {"network": "drop", "nameservers": ["127.0.0.53", "10.0.0.2"]}),
        ("hostname", {"hostname": "box"}, Strength.EXACT, {"hostname": "box"}),
        ("uid", {"uid": 993, "gid": 990}, Strength.EXACT, {"ids": [993, 990]}),
        ("ownership", {"uid": 993, "gid": 990}, Strength.APPROXIMATE, {"ids": [993, 990]}),
        ("proc", {"proc": "read-only"}, Strength.EXACT, {"mounts": [["/proc", True, False, None]]}),
    ],
)  # fmt: skip
def test_each_dimension_has_its_rule(
    dimension: str, values: dict[str, object], strength: Strength, told: dict[str, object]
) -> None:
    """What the supervisor can answer exactly is called exact, what it can't is called approximated, and why."""
    made = plan(FORBIDDEN, surroundings()._replace(resolver="nameserver 127.0.0.53\nnameserver 10.0.0.2\n"), **values)
    item = enforced(made)[dimension]
    assert (item.strength, item.mechanism) == (strength, "seccomp")
    assert item.reason
    assert {name: rules(made)[name] for name in told} == told
    assert (script(made, "trapped"), script(made, "namespaces")) == (True, 0)
    assert {verb for verb, _ in steps(made)} <= {"share"}
    assert made.weaker_than(Strength.EXACT) == []
    assert made.weaker_than(Strength.KERNEL) or strength is Strength.APPROXIMATE


def test_the_reason_is_the_kernels_and_the_mend_stays() -> None:
    """Who wants the kernel's own enforcement reads why it isn't there, and what would bring it."""
    item = enforced(plan(FORBIDDEN, root="read-only"))["root"]
    assert item.reason == f"no namespaces here: user namespace: {REFUSED}"
    assert item.mend == MEND


@pytest.mark.parametrize("values", [{"memory": "1G"}, {"hidden": ["/srv"]}])
def test_what_can_only_be_mounted_is_refused(values: dict[str, object]) -> None:
    """A limit of all memory and a hidden folder are not enforced, and nothing weaker takes their place."""
    made = plan(FORBIDDEN, **values)
    assert [item.strength for item in made.weaker_than(Strength.PYTHON)] == [Strength.NONE]


def test_namespaces_come_first() -> None:
    """Where both work, the kernel enforces, and only what it can't is answered."""
    made = plan(abilities(facility.NETWORK, answers=True), root="read-only", network="none")
    found = enforced(made)
    assert (found["root"].strength, found["network"].strength) == (Strength.KERNEL, Strength.EXACT)
    assert rules(made)["mounts"] == []
    assert rules(made)["network"] == "none"
    assert script(made, "trapped") is True


def test_what_is_needed_below_tmp_is_read_only_there() -> None:
    """A project in the machine's own /tmp is protected as one that is put back under a private /tmp."""
    here = surroundings({"/tmp/work/project": "the project"})
    made = plan(FORBIDDEN, here, tmp="private", tmp_exec=False)
    assert ["/tmp/work/project", True, False, None] in rules(made)["mounts"]


def identity(machine: Abilities, *, closed: str = "", uid: int = 0, **values: object) -> Plan:
    """Return the plan for uid 993 of a starter with this ``uid``, with a ``closed`` folder on the way."""
    here = surroundings(uid=uid)
    folders = {**here.folders, **({closed: Folder(0, 0, 0o700)} if closed else {})}
    return plan(machine, here._replace(folders=folders), uid=993, gid=990, **values)


def test_root_becomes_the_user_where_it_may() -> None:
    """With CAP_SETUID, as in most containers, the uid is real: nothing about it is approximated."""
    made = identity(IN_DOCKER)
    assert script(made, "identity")["how"] == "real"
    assert (enforced(made)["uid"].strength, rules(made)["ids"]) == (Strength.KERNEL, None)
    assert "ownership" not in enforced(made)
    assert made.promises["ids"] == [993, 990]


def test_root_only_shows_the_user_where_he_could_not_get_in() -> None:
    """A closed folder on the way to what is needed can't be opened without a mount."""
    made = identity(IN_DOCKER, closed="/home/me")
    assert script(made, "identity")["how"] == "shown"
    assert (enforced(made)["uid"].strength, rules(made)["ids"]) == (Strength.EXACT, [993, 990])
    assert "/home/me can't be entered by other users" in enforced(made)["ownership"].reason
    assert rules(made)["closed"] == ["/dev", "/proc/sys"]


def test_a_user_who_is_the_profiles_already_is_shown_nothing() -> None:
    """Where the uid is the caller's own, no call has to be answered for it."""
    made = plan(FORBIDDEN, surroundings(uid=993)._replace(gid=990), uid=993, gid=990)
    assert rules(made)["ids"] is None
    assert "ownership" not in enforced(made)


def test_each_way_to_be_a_user_has_its_temporary_folder() -> None:
    """Nobody meets pytest's folders of another who was shown under the same name; in an environment inside, it's kept."""
    shown, real = identity(FORBIDDEN, uid=1000), identity(IN_DOCKER)
    found = [made.script["environ"]["set"]["PYTEST_DEBUG_TEMPROOT"] for made in (shown, real)]  # type: ignore[index]
    assert found == ["/tmp/envguard-of-1000-shown-993", "/tmp/envguard-of-0-real-993"]
    assert steps(shown) == [("share", {"path": found[0]})]
    inside = surroundings(uid=993)._replace(temporary=found[0])
    made = plan(FORBIDDEN, inside, uid=61184, gid=61184)
    assert "PYTEST_DEBUG_TEMPROOT" not in script(made, "environ")["set"]
    assert steps(made) == []


@pytest.mark.parametrize(("user", "entry"), [("sbx", "sbx:x:993:990::/:/sbin/nologin\n"), ("", "")])
def test_passwd_entries_are_answered(user: str, entry: str) -> None:
    """The C library is told the profile's entry, or that there is none, beside the machine's others."""
    made = identity(FORBIDDEN, user=user)
    others = "".join(f"{line}\n" for line in surroundings().passwd.splitlines())
    assert rules(made)["passwd"] == others + entry
    assert made.promises["user"] == user


def test_a_c_library_that_asks_nobody_is_said() -> None:
    """Without the C library's question the entry is the machine's own, and the plan says so."""
    made = identity(abilities(*facility.NAMES, facility.USERS, answers=True), user="sbx")
    item = enforced(made)["user"]
    assert (item.strength, item.shown) == (Strength.APPROXIMATE, "uid 993 has no passwd entry")
    assert "is called sbx there" in item.reason
    assert "user" not in made.promises


@pytest.mark.parametrize("name", CATALOGUE.names())
def test_every_shipped_environment_is_accepted(name: str) -> None:
    """With system calls answered, no shipped environment is refused to the fidelity `exact`."""
    from pytest_envguard.planning import make_plan

    made = make_plan(CATALOGUE.one(name), FORBIDDEN, surroundings())
    assert made.weaker_than(Strength.EXACT) == []
