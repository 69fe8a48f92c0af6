"""Hosts that are served: what the plan says, and what it tells the launcher, the server and the probe."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_envguard.linux import abilities as facility
from pytest_envguard.linux.network import RESOLVER
from pytest_envguard.model.machine import Surroundings
from pytest_envguard.model.origin import VARIABLE, Certificate, read_origins
from pytest_envguard.model.plan import Strength
from pytest_envguard.planning.network import hosts_with
from tests.unit.surroundings import (
    ORDINARY,
    PRESENT,
    PROJECT,
    REFUSED,
    abilities,
    enforced,
    plan,
    script,
    steps,
    surroundings,
    verbs,
)

SYSTEM = "/etc/ssl/certs/ca-certificates.crt"
CERTIFI = "/usr/lib/python3/certifi/cacert.pem"
TINY = {"a.org": "/srv/a", "huggingface.co": "/srv/models; status=503:1"}
CDN = "cdn-lfs.huggingface.co"
ADDRESSES = {"a.org": "127.71.0.1", "huggingface.co": "127.71.0.2", CDN: "127.71.0.3"}


def here(**changes: Any) -> Surroundings:
    """Return surroundings of a caller who can serve hosts."""
    told = {
        "hosts": "127.0.0.1 localhost\n",
        "bundles": (SYSTEM, CERTIFI),
        "certificate": Certificate("authority", "chain", "key"),
        **changes,
    }
    return surroundings(present=PRESENT | {"/etc/hosts"})._replace(**told)


def test_what_is_said() -> None:
    """What can be reached stands before what becomes of the rest; folders are as a user would write them."""
    made = plan(
        ORDINARY, here(), origins={"a.org": f"{PROJECT}/blobs", "huggingface.co": "/srv/m; tarpit"}, network="drop"
    )
    shown = [item.shown for item in made.enforcements if item.dimension in ("origins", "network")]
    assert shown == [
        "network: only a.org (from blobs) and huggingface.co (hub, from /srv/m; tarpit)",
        "the network drops everything else (connects hang)",
    ]
    assert enforced(made)["origins"].strength is Strength.KERNEL


@pytest.mark.parametrize(
    ("given", "mode"), [({}, "none"), ({"network": "open"}, "none"), ({"network": "drop"}, "drop")]
)
def test_the_rest_of_the_network(given: dict[str, str], mode: str) -> None:
    """It's cut, also where the profile alone would leave it open."""
    made = plan(ORDINARY, here(), origins=TINY, **given)
    assert verbs(made, "network") == [("network", {"mode": mode})]
    assert made.promises["network"] == mode and script(made, "rules")["network"] == mode
    assert script(made, "origins")["network"] == mode


def test_what_the_server_is_told() -> None:
    """Each host with its address, kind and faults; a hub's large files come from a host of their own, with its faults."""
    made = plan(ORDINARY, here(), origins=TINY)
    told = script(made, "origins")
    assert told["certificate"] == "chainkey"
    assert [
        (one["host"], one["address"], one["kind"], one["folder"], one["hub"], one["faults"]) for one in told["sites"]
    ] == [
        ("a.org", "127.71.0.1", "files", "/srv/a", "", []),
        ("huggingface.co", "127.71.0.2", "hub", "/srv/models", "", ["status=503:1"]),
        (CDN, "127.71.0.3", "cdn", "/srv/models", "huggingface.co", []),
    ]
    assert verbs(made, "listen") == [("listen", {"addresses": list(ADDRESSES.values())})]
    assert made.promises["origins"] == {"addresses": ADDRESSES}
    assert script(made, "environ")["set"][VARIABLE] == " ".join(ADDRESSES)


def test_a_hub_by_another_name() -> None:
    """`hub:` makes one of any host."""
    made = plan(ORDINARY, here(), origins={"mirror.org": "hub:/srv/models"})
    assert [(one["host"], one["kind"]) for one in script(made, "origins")["sites"]] == [
        ("mirror.org", "hub"),
        ("cdn-lfs.mirror.org", "cdn"),
    ]


def test_many_hosts_have_addresses_of_their_own() -> None:
    """More than a byte has room for."""
    made = plan(ORDINARY, here(), origins={f"h{number}.org": "/srv" for number in range(600)})
    addresses = [one["address"] for one in script(made, "origins")["sites"]]
    assert len(set(addresses)) == 600 and addresses[250] == "127.71.1.1"


def test_names() -> None:
    """They stand in the file, which is asked before DNS; DNS knows them too, and is asked nowhere else."""
    ((_, arguments),) = verbs(
        plan(ORDINARY, here(nsswitch="hosts: dns [NOTFOUND=return] files\n"), origins=TINY), "files"
    )
    contents = arguments["contents"]
    assert contents["/etc/hosts"] == "127.0.0.1 localhost\n" + "".join(
        f"{at} {host}\n" for host, at in ADDRESSES.items()
    )
    assert contents["/etc/nsswitch.conf"] == "hosts: files dns\n"
    assert contents["/etc/resolv.conf"] == f"nameserver {RESOLVER}\n"


@pytest.mark.parametrize("mode", ["none", "nxdomain"])
def test_the_server_answers_for_names(mode: str) -> None:
    """No second resolver is started, where the profile has one."""
    assert script(plan(ORDINARY, here(), origins=TINY, network=mode), "resolver") is False


def test_hosts_file() -> None:
    """A host has one address: other lines lose its name, and their own if nothing is left."""
    text = "127.0.0.1 localhost\n# a.org\n10.0.0.1 a.org\n10.0.0.2 b.org A.org c.org # both\n\n::1 localhost"
    assert hosts_with(text, {"a.org": "127.71.0.1"}) == (
        "127.0.0.1 localhost\n# a.org\n10.0.0.2 b.org c.org\n\n::1 localhost\n127.71.0.1 a.org\n"
    )


def test_bundles_are_covered_when_all_is_mounted() -> None:
    """The last step; the variables that clients need name the system's bundle, and a note says so."""
    made = plan(ORDINARY, here(), origins=TINY, root="read-only", tmp="private")
    assert steps(made)[-1] == ("trust", {"paths": [SYSTEM, CERTIFI], "text": "authority"})
    variables = script(made, "environ")["set"]
    assert variables["SSL_CERT_FILE"] == variables["NODE_EXTRA_CA_CERTS"] == SYSTEM
    assert made.promises["trusted"] == [SYSTEM, CERTIFI]
    assert any("SSL_CERT_FILE and NODE_EXTRA_CA_CERTS name" in note and "1 more bundle " in note for note in made.notes)


def test_variables_of_the_user_s() -> None:
    """They stay as they are, and what they name is covered, also what the profile itself sets; what it unsets isn't there."""
    told = {
        "SSL_CERT_FILE": "/home/me/own.pem",
        "CURL_CA_BUNDLE": "/home/me/curl.pem",
        "GIT_SSL_CAINFO": "/home/me/git.pem",
    }
    made = plan(
        ORDINARY, here(variables=told), origins=TINY, env={"REQUESTS_CA_BUNDLE": "/srv/r.pem"}, env_unset=["GIT_*"]
    )
    ((_, arguments),) = verbs(made, "trust")
    assert arguments["paths"] == [SYSTEM, CERTIFI, "/home/me/own.pem", "/home/me/curl.pem", "/srv/r.pem"]
    assert "SSL_CERT_FILE" not in script(made, "environ")["set"]
    assert script(made, "environ")["set"]["NODE_EXTRA_CA_CERTS"] == SYSTEM


def test_proxies() -> None:
    """They aren't asked for what is served; without any, nothing is said about them."""
    told = {"https_proxy": "http://proxy:3128", "no_proxy": "localhost"}
    variables = script(plan(ORDINARY, here(variables=told), origins={"a.org": "/srv"}), "environ")["set"]
    assert (variables["no_proxy"], variables["NO_PROXY"]) == ("localhost,a.org", "a.org")
    for quiet in ({}, {"env_unset": ["https_proxy"]}):
        made = plan(ORDINARY, here(variables=told if quiet else {}), origins={"a.org": "/srv"}, **quiet)
        assert "no_proxy" not in script(made, "environ")["set"]


@pytest.mark.parametrize(
    ("machine", "changes", "reason"),
    [
        (abilities(facility.NETWORK), {}, f"{facility.NETWORK}: {REFUSED}"),
        (
            abilities(facility.NETWORK, answers=True),
            {},
            "a server can't stand in at the system call; no namespaces here",
        ),
        (ORDINARY, {"present": PRESENT}, "there is no /etc/hosts to name them in"),
        (ORDINARY, {"certificate": None}, "no certificate was made for them"),
    ],
    ids=["nothing", "calls", "hosts", "certificate"],
)
def test_where_nothing_can_be_served(machine: Any, changes: dict[str, Any], reason: str) -> None:
    """It's not enforced, which every fidelity refuses; nothing is promised."""
    made = plan(machine, here(**changes), origins=TINY)
    item = enforced(made)["origins"]
    assert item.strength is Strength.NONE and reason in item.reason
    assert item in made.weaker_than(Strength.PYTHON)
    assert script(made, "origins") is None and not verbs(made, "listen", "trust") and "origins" not in made.promises


def test_within_an_environment_that_serves_the_same() -> None:
    """Its network stays, and its server, its names and its bundles with it."""
    around = here(served=(read_origins(TINY), "none"), certificate=None)
    made = plan(ORDINARY, around, origins=TINY, tmp="private")
    assert script(made, "origins") is None and not verbs(made, "network", "listen", "trust")
    assert {"origins", "network"} <= set(made.promises) and enforced(made)[
        "origins"
    ].mechanism == "the environment around"
    assert script(made, "environ")["set"][VARIABLE] == " ".join(ADDRESSES)
    more = plan(
        ORDINARY, around._replace(certificate=here().certificate), origins={**TINY, "b.org": "/srv"}, tmp="private"
    )
    assert verbs(more, "listen") and verbs(more, "network")
    other = plan(ORDINARY, around._replace(certificate=here().certificate), origins=TINY, network="drop", tmp="private")
    assert verbs(other, "network") == [("network", {"mode": "drop"})]


def test_without_origins_nothing_is_different() -> None:
    """No step, no variable, no promise."""
    made = plan(ORDINARY, here(), network="none", root="read-only")
    assert script(made, "origins") is None and not verbs(made, "listen", "trust")
    assert VARIABLE not in script(made, "environ")["set"] and "origins" not in made.promises


def test_a_network_that_is_cut_inside_of_one_with_origins_knows_none_of_them() -> None:
    """Their names would lead to loopback addresses at which nobody listens there; a network that stays keeps them."""
    around = here(hosts="127.0.0.1 localhost\n127.71.0.1 a.org\n", certificate=None)
    cut = plan(ORDINARY, around, network="none")
    ((_, files),) = verbs(cut, "files")
    assert files["contents"]["/etc/hosts"] == "127.0.0.1 localhost\n"
    assert VARIABLE in script(cut, "environ")["unset"]
    left = plan(ORDINARY, around, root="read-only")
    assert not any("/etc/hosts" in step["contents"] for _, step in verbs(left, "files"))
    assert VARIABLE not in script(left, "environ")["unset"]
