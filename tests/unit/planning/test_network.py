"""The network of an environment, and name resolution in it."""

from __future__ import annotations

import pytest

from pytest_envguard.linux import abilities as facility
from pytest_envguard.linux.network import RESOLVER
from pytest_envguard.linux.syscalls import CLONE_NEWNET
from pytest_envguard.model.plan import Strength
from tests.unit.surroundings import (
    MEND,
    NO_ANSWERS,
    ORDINARY,
    PRESENT,
    REFUSED,
    abilities,
    enforced,
    plan,
    script,
    surroundings,
    verbs,
)

CUT = ["none", "drop", "refuse", "nxdomain"]
FILES = "passwd: files systemd sss\nhosts: files dns\n"


@pytest.mark.parametrize("mode", CUT)
def test_a_cut_network(mode: str) -> None:
    """Each mode is a namespace of its own, configured and promised as what it is."""
    made = plan(network=mode)
    assert script(made, "namespaces") & CLONE_NEWNET
    assert verbs(made, "network") == [("network", {"mode": mode})]
    assert made.promises["network"] == mode
    assert enforced(made)["network"].strength is Strength.KERNEL
    assert script(made, "resolver") is (mode == "nxdomain")


@pytest.mark.parametrize(
    ("mode", "files"),
    [
        ("none", {"/etc/nsswitch.conf": FILES}),
        ("refuse", {"/etc/nsswitch.conf": FILES}),
        ("drop", {"/etc/nsswitch.conf": FILES, "/etc/resolv.conf": "nameserver 192.0.2.53\n"}),
        ("nxdomain", {"/etc/nsswitch.conf": FILES, "/etc/resolv.conf": f"nameserver {RESOLVER}\n"}),
    ],
)
def test_name_resolution(mode: str, files: dict[str, str]) -> None:
    """Names go through DNS alone, to nobody, or to a server inside; users' names are looked up as before."""
    ((_, arguments),) = verbs(plan(network=mode), "files")
    assert arguments["contents"] == files


def test_an_open_network_is_left_alone() -> None:
    """`open` enters no namespace, generates nothing and promises nothing."""
    made = plan(tmp="private", network="open")
    assert not script(made, "namespaces") & CLONE_NEWNET
    assert not verbs(made, "network", "files", "hide")
    assert "network" not in made.promises and "network" not in enforced(made)


@pytest.mark.parametrize("mode", CUT)
def test_a_network_that_the_kernel_refuses(mode: str) -> None:
    """Without a network namespace nothing is cut or promised, and the plan has the kernel's answer."""
    made = plan(abilities(facility.NETWORK), network=mode, tmp="private")
    item = enforced(made)["network"]
    assert (item.strength, item.reason, item.mend) == (
        Strength.NONE,
        f"{facility.NETWORK}: {REFUSED}; {NO_ANSWERS}",
        MEND,
    )
    assert not verbs(made, "network", "files", "hide")
    assert "network" not in made.promises
    assert not script(made, "namespaces") & CLONE_NEWNET


def test_daemons_that_answer_over_sockets_are_hidden_only_without_a_network() -> None:
    """A name service's socket would answer although the network is cut; with an open network it stays."""
    here = surroundings(present=PRESENT | {"/run/nscd/socket", "/run/docker.sock"})
    hidden = [arguments["path"] for _, arguments in verbs(plan(ORDINARY, here, network="none"), "hide")]
    assert hidden == ["/run/nscd/socket", "/run/docker.sock"]
    assert not verbs(plan(ORDINARY, here, tmp="private"), "hide")


@pytest.mark.parametrize(("mode", "said"), [("drop", True), ("nxdomain", True), ("none", False), ("refuse", False)])
def test_without_a_resolver_file_names_are_approximated(mode: str, said: bool) -> None:
    """Where there is no resolv.conf to replace, the modes that need it say what happens instead."""
    made = plan(ORDINARY, surroundings(present=PRESENT - {"/etc/resolv.conf"}), network=mode)
    item = enforced(made).get("name resolution")
    assert (item is not None) is said
    assert item is None or item.strength is Strength.APPROXIMATE
    ((_, arguments),) = verbs(made, "files")
    assert "/etc/resolv.conf" not in arguments["contents"]
