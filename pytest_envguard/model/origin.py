"""Hosts that are served from folders of this machine: what a user writes of them, and what it means.

A host has a folder, and what goes wrong with it if that was asked for::

    "huggingface.co" = "models"
    "huggingface.co" = "models; status=503:2"
    "huggingface.co" = { folder = "models", fault = ["delay=1", "cut=1000:1"] }
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

VARIABLE = "PYTEST_ENVGUARD_ORIGINS"  # names the hosts to whatever runs in the environment
FILES, HUB, CDN = "files", "hub", "cdn"
_HUBS = frozenset(("huggingface.co",))
_HUB_PREFIX = "hub:"
# Name of a fault to what stands behind its `=`: the word for it and its pattern; two empty texts for nothing.
FAULTS = {
    "delay": ("SECONDS", r"[0-9]+(?:\.[0-9]+)?"),
    "cut": ("BYTES", r"[0-9]+"),
    "status": ("CODE", r"[45][0-9][0-9]"),
    "corrupt": ("", ""),
    "tarpit": ("", ""),
    "reset": ("", ""),
}
_EXAMPLE = 'a table of hosts, each with its folder, such as `{ "huggingface.co" = "models" }`'


class Fault(NamedTuple):
    """One thing that goes wrong with requests.

    Attributes:
        name: A key of `FAULTS`.
        amount: Seconds, bytes of the body, or a status code; 0 where there is none.
        times: With how many requests; 0 for every one.
    """

    name: str
    amount: float = 0
    times: int = 0


class Origin(NamedTuple):
    """One host.

    Attributes:
        host: Its name, in small letters.
        folder: What it serves, as the user wrote it.
        kind: `FILES` (the path of an address is a path in the folder), `HUB` (repositories, as huggingface.co answers)
            or `CDN` (where a hub sends clients for large files).
        faults: As they are written.
    """

    host: str
    folder: str
    kind: str = FILES
    faults: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """What is served, in words."""
        kind = "hub, " if self.kind == HUB else ""
        return f"{self.host} ({'; '.join((f'{kind}from {self.folder}', *self.faults))})"


class Certificate(NamedTuple):
    """What the hosts are trusted by, all in PEM.

    Attributes:
        authority: The certificate that clients must trust.
        chain: That of the hosts.
        key: Its private key.
    """

    authority: str
    chain: str
    key: str


def read_fault(text: str) -> Fault:
    """Return the fault that ``text`` such as "status=503:2" stands for.

    Raises:
        ValueError: Says what was expected.
    """
    text = re.sub(r"\s+", "", text).lower()
    name = re.split("[=:]", text)[0]
    if name not in FAULTS:
        from pytest_envguard.errors import nearest

        raise ValueError(f"a fault ({nearest(name, FAULTS)})")
    word, pattern = FAULTS[name]
    match = re.fullmatch(rf"{name}{f'=({pattern})' if word else '()'}(?::([1-9][0-9]*))?", text)
    if not match:
        shape = f"{name}={word}" if word else name
        raise ValueError(f"`{shape}`, or `{shape}:TIMES`{' with a code from 400 to 599' if word == 'CODE' else ''}")
    return Fault(name, float(match[1] or 0), int(match[2] or 0))


def read_origins(raw: object) -> Mapping[str, str]:
    """Return each host with what is served for it, in one spelling: "FOLDER; FAULT; …".

    Args:
        raw: A table as in the examples above, or text of the command line: "HOST=FOLDER[;FAULT…][;HOST=FOLDER…]".

    Raises:
        ValueError: Says what was expected.
    """
    table = _from_text(raw) if isinstance(raw, str) else raw
    if not isinstance(table, Mapping) or not table:
        raise ValueError(_EXAMPLE)
    found: dict[str, str] = {}
    for name, written in table.items():
        host = _host(name)
        if host in found:
            raise ValueError(f"each host once (`{host}` stands there twice)")
        found[host] = _served(host, written)
    return found


def _from_text(text: str) -> dict[str, str]:
    """Split what stands on the command line: a word before `=` that isn't a fault's name is a host's."""
    table: dict[str, str] = {}
    host = ""
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, rest = (word.strip() for word in part.partition("="))
        if host and (name.partition(":")[0].lower() in FAULTS or not equals):
            table[host] += f";{part}"
        elif not equals:
            raise ValueError('hosts with their folders, such as "huggingface.co=models;example.org=files"')
        else:
            host = name
            table[host] = rest
    return table


_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"


def _host(name: object) -> str:
    """Return a host's name in small letters."""
    host = str(name).strip().lower().rstrip(".")
    fits = re.fullmatch(rf"{_LABEL}(?:\.{_LABEL})*", host) and len(host) <= 253
    if not fits or host == "localhost" or host.endswith(".localhost") or host.rpartition(".")[2].isdigit():
        raise ValueError(f'names of hosts such as "huggingface.co" ({_why_no_host(host)})')
    return host


def _why_no_host(host: str) -> str:
    if "://" in host or "/" in host:
        return f"`{host}` is an address: leave out all but the host"
    if "*" in host:
        return f"`{host}` is a pattern: name each host"
    if re.search(r":\d*$", host):
        return f"`{host}` has a port: every host is served at 443, and at 80"
    if host.endswith("localhost"):
        return f"`{host}` is this machine itself, whose servers can be reached anyway"
    return f"`{host}` is none"


def _served(host: str, written: object) -> str:
    folder, faults = _parts(host, written)
    if not folder.removeprefix(_HUB_PREFIX).strip() or "\0" in folder:
        raise ValueError(f"a folder for `{host}`")
    for fault in faults:
        try:
            read_fault(fault)
        except ValueError as error:
            raise ValueError(f"for `{host}` {error}") from None
    return "; ".join((folder.strip(), *(re.sub(r"\s+", "", fault).lower() for fault in faults)))


def _parts(host: str, written: object) -> tuple[str, list[str]]:
    """Return folder and faults as they are written."""
    if isinstance(written, str):
        folder, *faults = written.split(";")
        return folder, [fault for fault in faults if fault.strip()]
    if not isinstance(written, Mapping):
        raise ValueError(f"for `{host}` a folder, or a table with `folder` and `fault`")
    unknown = [key for key in written if key not in ("folder", "fault")]
    if unknown or not isinstance(written.get("folder"), str):
        # Without quotes, TOML reads the dots of a name as tables in tables.
        raise ValueError(f"for `{host}` a folder, or a table with `folder` and `fault` (names with dots need quotes)")
    faults = written.get("fault", [])
    faults = [faults] if isinstance(faults, str) else faults
    if ";" in written["folder"] or not (isinstance(faults, Iterable) and all(isinstance(one, str) for one in faults)):
        raise ValueError(f"for `{host}` `fault` as text, or as a list of texts, and no `;` in `folder`")
    return written["folder"], list(faults)


def origins_of(values: Mapping[str, Any]) -> tuple[Origin, ...]:
    """Return the hosts that a profile with these ``values`` serves."""
    return tuple(_origin(host, served) for host, served in values.get("origins", {}).items())


def _origin(host: str, served: str) -> Origin:
    folder, *faults = served.split("; ")
    hub = host in _HUBS or folder.startswith(_HUB_PREFIX)
    return Origin(host, folder.removeprefix(_HUB_PREFIX), HUB if hub else FILES, tuple(faults))


def rooted(values: Mapping[str, str], place: Any) -> dict[str, str]:
    """Return the dimension's value with every folder as ``place`` (text to text) says it."""
    found = {}
    for host, served in values.items():
        folder, *faults = served.split("; ")
        prefix = _HUB_PREFIX if folder.startswith(_HUB_PREFIX) else ""
        found[host] = "; ".join((prefix + place(folder.removeprefix(prefix)), *faults))
    return found


def with_companions(origins: Iterable[Origin]) -> tuple[Origin, ...]:
    """Return ``origins`` and the hosts that come with them: a hub sends clients elsewhere for large files."""
    origins = tuple(origins)
    names = {origin.host for origin in origins}
    further = (Origin(f"cdn-lfs.{hub.host}", hub.folder, CDN) for hub in origins if hub.kind == HUB)
    return (*origins, *(cdn for cdn in further if cdn.host not in names))
