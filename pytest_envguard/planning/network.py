"""The network: a namespace of its own, and name resolution that fails as it would there."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pytest_envguard.linux import abilities as facility
from pytest_envguard.linux.network import RESOLVER
from pytest_envguard.planning.draft import MOUNTS, Draft

HOSTS = "/etc/hosts"
SERVED = "127.71"  # where hosts are that are served; all of 127.0.0.0/8 is loopback, and each has an address of its own
NSSWITCH = "/etc/nsswitch.conf"
RESOLVER_FILE = "/etc/resolv.conf"
# TEST-NET-1 (RFC 5737): nobody's address; with the default route through `lo` a question to it is never answered.
_SILENT = "192.0.2.53"
SHOWN = {
    "none": "no network (ENETUNREACH)",
    "drop": "network drops everything (connects hang)",
    "refuse": "network refuses everything (ECONNREFUSED)",
    "nxdomain": "no network, no name exists",
}
# The same where some hosts are served.
_SHOWN_ELSE = {
    "none": "no other network (ENETUNREACH)",
    "drop": "the network drops everything else (connects hang)",
    "refuse": "the network refuses everything else (ECONNREFUSED)",
    "nxdomain": "no other network, no other name exists",
}
# Daemons that would answer over AF_UNIX, which a network namespace does not cut: name services, message buses, and
# container engines, each with the whole machine behind it.
SOCKETS = (
    "/run/systemd/resolve/io.systemd.Resolve",
    "/run/nscd/socket",
    "/run/avahi-daemon/socket",
    "/run/dbus/system_bus_socket",
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/run/user",
)


def plan_network(draft: Draft) -> None:
    """Cut the network the way the profile says; loopback and AF_UNIX sockets of the tests' own stay."""
    mode = network_mode(draft)
    if mode == "open":
        return
    shown = (_SHOWN_ELSE if draft.value("origins") else SHOWN)[mode]
    if served_around(draft):
        draft.directly("network", shown, "the environment around")
        draft.promises["network"] = mode
        return
    if not draft.by_kernel("network", shown, (*MOUNTS, facility.NETWORK)):
        _without_namespace(draft, mode)
        return
    draft.promises["network"] = mode
    draft.steps.append(("network", {"mode": mode}))
    if mode in ("drop", "nxdomain") and RESOLVER_FILE not in draft.surroundings.present:
        draft.approximately("name resolution", "names fail at once (EAI_AGAIN)", "none", f"there is no {RESOLVER_FILE}")


def network_mode(draft: Draft) -> str:
    """Return the profile's network; where hosts are served, nothing else of an open one is there."""
    mode = draft.value("network", "open")
    return "none" if mode == "open" and draft.value("origins") else str(mode)


def served_around(draft: Draft) -> bool:
    """Whether an environment around has this very network already: the same hosts, and the same instead of the rest."""
    return draft.surroundings.served == (draft.value("origins"), network_mode(draft))


def _without_namespace(draft: Draft, mode: str) -> None:
    if not draft.by_calls("network", SHOWN[mode]):
        return
    draft.promises["connections"] = mode
    if mode == "nxdomain":
        draft.approximately(
            "name resolution",
            "names fail with EAI_AGAIN",
            "seccomp",
            "no resolver can be put in place of this machine's",
        )


def nameservers(draft: Draft) -> list[str]:
    """Return the addresses that names are asked of, as far as they lie on loopback or are IP addresses."""
    if draft.addresses and network_mode(draft) != "nxdomain":
        return [RESOLVER]  # which knows what is served, and for all the rest stands for one that can't be reached
    return re.findall(r"(?m)^\s*nameserver\s+(\S+)", draft.surroundings.resolver)


def without_daemons(nsswitch: str, database: str, sources: str) -> dict[str, str]:
    """Return the file that lets ``database`` be looked up in ``sources`` only; none where it already is.

    (Other sources than files and DNS ask daemons, or know more than the files.)
    """
    lines = re.findall(rf"(?m)^{database}:(.*)$", nsswitch)
    if all(set(line.split("#")[0].split()) <= {"files", "dns"} for line in lines):
        return {}
    return {NSSWITCH: re.sub(rf"(?m)^{database}:.*$", f"{database}: {sources}", nsswitch)}


def network_files(draft: Draft) -> dict[str, str]:
    """Return the generated files that name resolution needs: path to text."""
    mode = network_mode(draft)
    if mode == "open" or served_around(draft):
        return {}
    files = without_daemons(draft.surroundings.nsswitch, "hosts", "files dns")
    if draft.addresses:
        files[HOSTS] = hosts_with(draft.surroundings.hosts, draft.addresses)
        # Before DNS, which would be asked for nothing, or not answer.
        nsswitch = files.get(NSSWITCH, draft.surroundings.nsswitch)
        if not re.search(r"(?m)^hosts:\s*files\b", nsswitch) and "hosts:" in nsswitch:
            files[NSSWITCH] = re.sub(r"(?m)^hosts:.*$", "hosts: files dns", nsswitch)
    elif is_served_outside(draft):
        files[HOSTS] = hosts_without(draft.surroundings.hosts)
    if draft.addresses:
        files[RESOLVER_FILE] = f"nameserver {RESOLVER}\n"
    elif mode == "drop":
        files[RESOLVER_FILE] = f"nameserver {_SILENT}\n"
    elif mode == "nxdomain":
        files[RESOLVER_FILE] = f"nameserver {RESOLVER}\n"
    return files


def is_served_outside(draft: Draft) -> bool:
    """Whether an environment around serves hosts that can't be reached from this one."""
    return network_mode(draft) != "open" and not draft.addresses and f"\n{SERVED}." in f"\n{draft.surroundings.hosts}"


def hosts_without(text: str) -> str:
    """Return ``/etc/hosts`` without what an environment around serves: its names would be found, and nobody would answer."""
    return "".join(f"{line}\n" for line in text.splitlines() if not line.startswith(f"{SERVED}."))


def hosts_with(text: str, addresses: Mapping[str, str]) -> str:
    """Return ``/etc/hosts`` with the names of ``addresses`` at these and at no other ones."""
    kept = []
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        left = [name for name in names if name.lower() not in addresses]
        if left == names:
            kept.append(line)
        elif left:
            kept.append(" ".join((address, *left)))
    return "".join(f"{line}\n" for line in (*kept, *(f"{address} {name}" for name, address in addresses.items())))
