"""Which machines were asked for: specifications of execnet's, from this plugin's option and from xdist's own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import execnet
import pytest

from pytest_envguard import options
from pytest_envguard.errors import EnvguardError, nearest

_KINDS = ("ssh", "socket", "popen", "vagrant_ssh")
_FURTHER = ("python", "chdir", "id", "nice", "via", "ssh_config", "execmodel", "dont_write_bytecode")
_FIELDS = (*_KINDS, *_FURTHER)
_EXAMPLE = "for example `ssh=me@build1//python=/opt/venv/bin/python`"


class Address(NamedTuple):
    """A machine that was asked for.

    Attributes:
        text: The specification without its multiplier.
        name: What the machine is called; "" for the one that pytest runs on.
        times: The multiplier of xdist's ``3*ssh=…``; 0 without one.
    """

    text: str
    name: str
    times: int = 0

    @property
    def spec(self) -> execnet.XSpec:
        """As execnet reads it."""
        return execnet.XSpec(self.text)


def asked_for(config: pytest.Config) -> list[str]:
    """Return the specifications of machines that the user gave: ``--envguard-hosts``, and xdist's ``--tx``."""
    given = options.values(config, options.HOSTS)
    if given == [options.OFF]:
        given = []
    # `-n` replaces the option by plain workers.
    transports: list[str] = getattr(config.known_args_namespace, "tx", None) or []
    return [*given, *(text for text in transports if elsewhere(text))]


def elsewhere(text: str) -> bool:
    """Whether a specification needs a connection: all but this interpreter in this folder."""
    fields = re.sub(r"^\d+\*", "", text).split("//")
    return "popen" not in fields or any(field.startswith(("python=", "chdir=", "via=")) for field in fields)


def read(texts: Iterable[str]) -> list[Address]:
    """Return the machines that ``texts`` name.

    Raises:
        EnvguardError: Not a specification of execnet's.
    """
    addresses: list[Address] = []
    for text in texts:
        times, _, rest = text.partition("*")
        plain, count = (rest, int(times)) if times.isdigit() else (text, 0)
        spec = _checked(plain.strip(), text)
        name = (spec.id or _name(spec)) if elsewhere(plain) else ""
        taken = {address.name for address in addresses}
        if spec.id and name in taken:
            raise EnvguardError(f"`{options.HOSTS.flag}`: two machines have the id `{name}`", "give each its own")
        if not name and name in taken:
            raise EnvguardError(
                f"`{options.HOSTS.flag}`: this machine (`popen`) is named twice", "leave out one of them"
            )
        number = 2
        while name in taken:
            name, number = f"{name.rpartition('-')[0] if number > 2 else name}-{number}", number + 1
        addresses.append(Address(plain.strip(), name, count))
    return addresses


def _checked(text: str, given: str) -> execnet.XSpec:
    where = f"`{options.HOSTS.flag}`: `{given}`"
    for field in text.split("//"):
        key = field.partition("=")[0]
        if key not in _FIELDS and not key.startswith("env:"):
            hint = nearest(key, _FIELDS) if "=" in field else _EXAMPLE
            raise EnvguardError(f"{where}: no field is named `{key}`", hint)
    try:
        spec = execnet.XSpec(text)
    except (ValueError, AttributeError) as error:
        raise EnvguardError(f"{where}: {error}", _EXAMPLE) from None
    kinds = [kind for kind in _KINDS if getattr(spec, kind)]
    if len(kinds) != 1 or (kinds != ["popen"] and getattr(spec, kinds[0]) is True):
        raise EnvguardError(f"{where}: expected `ssh=HOST`, `socket=HOST:PORT` or `popen` (this machine)", _EXAMPLE)
    if spec.socket and not re.fullmatch(r".+:\d+", spec.socket):
        raise EnvguardError(f"{where}: expected `socket=HOST:PORT`", "for example `socket=build2:8888`")
    if spec.nice and not re.fullmatch(r"-?\d+", spec.nice):
        raise EnvguardError(f"{where}: `nice` expects a number", "for example `nice=10`")
    for field in ("python", "via"):
        if spec.socket and getattr(spec, field):
            raise EnvguardError(
                f"{where}: a socket server is reached directly and has its own interpreter", f"leave out `{field}=`"
            )
    return spec


def _name(spec: execnet.XSpec) -> str:
    """Return what a machine is called that has no id."""
    if spec.ssh:
        return str(spec.ssh.split()[-1].rpartition("@")[2])
    if spec.socket:
        return str(spec.socket).rpartition(":")[0]
    return str(spec.vagrant_ssh or "popen")
