"""The network: a namespace of its own, and name resolution that fails as it would there."""

from __future__ import annotations

import re

from pytest_envguard.linux import abilities as facility
from pytest_envguard.linux.network import RESOLVER
from pytest_envguard.planning.draft import MOUNTS, Draft

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
    mode = draft.value("network", "open")
    if mode == "open":
        return
    assert isinstance(mode, str)
    if not draft.by_kernel("network", SHOWN[mode], (*MOUNTS, facility.NETWORK)):
        _without_namespace(draft, mode)
        return
    draft.promises["network"] = mode
    draft.steps.append(("network", {"mode": mode}))
    if mode in ("drop", "nxdomain") and RESOLVER_FILE not in draft.surroundings.present:
        draft.approximately("name resolution", "names fail at once (EAI_AGAIN)", "none", f"there is no {RESOLVER_FILE}")


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
    """Return the addresses that this machine asks for names, as far as they lie on loopback or are IP addresses."""
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
    mode = draft.value("network", "open")
    if mode == "open":
        return {}
    files = without_daemons(draft.surroundings.nsswitch, "hosts", "files dns")
    if mode == "drop":
        files[RESOLVER_FILE] = f"nameserver {_SILENT}\n"
    elif mode == "nxdomain":
        files[RESOLVER_FILE] = f"nameserver {RESOLVER}\n"
    return files
