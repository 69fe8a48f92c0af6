"""Hosts that are served from folders: their addresses, who trusts them, what the server is told."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from pytest_envguard.model.origin import CDN, VARIABLE, Origin, origins_of, with_companions
from pytest_envguard.model.plan import Enforcement, Strength
from pytest_envguard.planning.draft import SYSTEM_CALLS, Draft
from pytest_envguard.planning.network import HOSTS, SERVED, network_mode, served_around

# What OpenSSL (so Python's `ssl`) and native Rust clients read, and what adds to the roots that Node.js has built in.
# Others read bundles of their own, or these variables if somebody has set them: the files themselves are covered.
_SET = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
BUNDLE_VARIABLES = (
    *_SET,
    "AWS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
    "CURL_CA_BUNDLE",
    "DENO_CERT",
    "GIT_SSL_CAINFO",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "HTTPLIB2_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
)
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
NO_PROXY_VARIABLES = ("no_proxy", "NO_PROXY")
ASKED = (*BUNDLE_VARIABLES, *PROXY_VARIABLES, *NO_PROXY_VARIABLES)


def plan_origins(draft: Draft) -> None:
    """Serve the profile's hosts, and nothing else, in the network that `plan_network` has cut."""
    origins = origins_of(draft.profile.values)
    if not origins:
        return
    shown = f"network: only {_and([_shown(draft, origin) for origin in origins])}"
    # Before what happens to the rest of the network.
    at = next(number for number, item in enumerate(draft.enforcements) if item.dimension == "network")
    if weak := _why_not(draft):
        draft.enforcements.insert(at, Enforcement("origins", shown, Strength.NONE, "none", *weak))
        return
    mechanism = "the environment around" if served_around(draft) else "namespaces"
    draft.enforcements.insert(at, Enforcement("origins", shown, Strength.KERNEL, mechanism))
    hosts = with_companions(origins)
    draft.addresses = {origin.host: _address(number) for number, origin in enumerate(hosts)}
    draft.promises["origins"] = {"addresses": draft.addresses}
    draft.set_variables[VARIABLE] = " ".join(draft.addresses)
    _avoid_proxies(draft)
    given = _name_bundle(draft)
    if not served_around(draft):
        _serve(draft, hosts)
        _trust(draft, given)


def _shown(draft: Draft, origin: Origin) -> str:
    """Return what is served, in words, its folder as the user would write it."""
    return origin._replace(folder=origin.folder.removeprefix(draft.surroundings.project + "/")).shown


def _why_not(draft: Draft) -> tuple[str, str] | None:
    """Return why nothing can be served, and what would mend it."""
    if "network" not in draft.promises:
        cut = next(item for item in draft.enforcements if item.dimension == "network")
        reason = f"a server can't stand in at the system call; {cut.reason}" if SYSTEM_CALLS in cut.mechanism else ""
        return reason or cut.reason, cut.mend
    if HOSTS not in draft.surroundings.present:
        return f"there is no {HOSTS} to name them in", f"make one: `sudo touch {HOSTS}`"
    if draft.surroundings.certificate is None and not served_around(draft):
        return "no certificate was made for them", ""
    return None


def _address(number: int) -> str:
    return f"{SERVED}.{number // 250}.{number % 250 + 1}"


def _serve(draft: Draft, hosts: tuple[Origin, ...]) -> None:
    certificate = draft.surroundings.certificate
    assert certificate is not None
    sites = [
        {
            "host": origin.host,
            "address": draft.addresses[origin.host],
            "kind": origin.kind,
            "folder": origin.folder,
            # A large file comes from elsewhere, and shall break as the rest does.
            "hub": origin.host.partition(".")[2] if origin.kind == CDN else "",
            "faults": list(origin.faults),
        }
        for origin in hosts
    ]
    draft.origins = {
        "sites": sites,
        "certificate": certificate.chain + certificate.key,
        "network": network_mode(draft),
    }
    draft.steps.append(("listen", {"addresses": list(draft.addresses.values())}))


def _name_bundle(draft: Draft) -> list[str]:
    """Set the variables without which some clients would read no bundle that can be covered; return their names."""
    environ = {**_left(draft), **_own_variables(draft)}
    bundles = draft.surroundings.bundles
    given = [name for name in _SET if name not in environ and bundles]
    draft.set_variables.update(dict.fromkeys(given, *bundles[:1]))
    return given


def _trust(draft: Draft, given: list[str]) -> None:
    """Let every client trust what is served, besides what it trusts already."""
    environ = {**_left(draft), **_own_variables(draft)}
    here = draft.surroundings.bundles
    named = [environ[name] for name in BUNDLE_VARIABLES if posixpath.isabs(environ.get(name, ""))]
    draft.trusting = list(dict.fromkeys((*here, *named)))
    draft.promises["trusted"] = list(here)
    others = len(draft.trusting) - 1
    if given:
        draft.notes.append(
            f"{_and(given)} name{'s' * (len(given) == 1)} {here[0]}, which trusts what is served"
            + (f", as {others} more bundle{'s' * (others > 1)} of certificates do" if others else "")
        )


def _left(draft: Draft) -> Mapping[str, str]:
    """Return the caller's variables that the profile leaves."""
    unset = draft.value("env_unset", ())
    assert isinstance(unset, tuple)
    prefixes = tuple(name[:-1] for name in unset if name.endswith("*"))
    variables = draft.surroundings.variables
    return {
        name: text
        for name, text in variables.items()
        if name not in unset and not (prefixes and name.startswith(prefixes))
    }


def _own_variables(draft: Draft) -> Mapping[str, str]:
    own = draft.value("env", {})
    assert isinstance(own, Mapping)
    return own


def _avoid_proxies(draft: Draft) -> None:
    """A proxy, which isn't there in a network like this, would be asked for the hosts."""
    left = _left(draft)
    if not any(name in left for name in PROXY_VARIABLES):
        return
    for name in NO_PROXY_VARIABLES:
        draft.set_variables[name] = ",".join(filter(None, (left.get(name, ""), *draft.addresses)))


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
