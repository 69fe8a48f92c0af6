"""Addresses, and which of them lie outside."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

import pytest

from pytest_envguard.seccomp.caller import Caller
from pytest_envguard.seccomp.network import Address, Outside

V4, V6 = socket.AF_INET, socket.AF_INET6


def _v4(host: str, port: int = 9, family: int = V4) -> bytes:
    return family.to_bytes(2, "little") + port.to_bytes(2, "big") + socket.inet_aton(host) + bytes(8)


def _v6(host: str, port: int = 9) -> bytes:
    return V6.to_bytes(2, "little") + struct.pack("!HI", port, 0) + socket.inet_pton(V6, host) + bytes(4)


def _unix(name: bytes) -> bytes:
    return socket.AF_UNIX.to_bytes(2, "little") + name


def _outside(raw: bytes, *daemons: str, nameservers: tuple[str, ...] = ()) -> bool:
    caller = Caller(os.getpid())
    return Outside("none", list(nameservers), list(daemons)).contains(caller, Address.of(raw, sending=True))


@pytest.mark.parametrize(
    "raw",
    [
        *(_v4(host) for host in ("127.0.0.1", "127.255.255.254", "0.0.0.0")),
        *(_v6(host) for host in ("::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0")),
        _unix(b"/run/own\0"),
        _unix(b"\0abstract"),
        _unix(b""),
        b"\x10\0rest of an AF_NETLINK address",
    ],
)
def test_this_machine_is_inside(raw: bytes) -> None:
    """Loopback however it is written, AF_UNIX, and families that lead nowhere."""
    assert not _outside(raw)


@pytest.mark.parametrize(
    "raw",
    [
        *(_v4(host) for host in ("192.0.2.1", "10.0.0.1", "169.254.169.254", "224.0.0.1", "255.255.255.255")),
        *(_v6(host) for host in ("2001:db8::1", "fe80::1", "::ffff:192.0.2.1", "::ffff:1.127.0.1", "::127.0.0.1")),
        _v4("192.0.2.1", family=socket.AF_UNSPEC),  # UDP sends there as to AF_INET
    ],
)
def test_everything_else_is_outside(raw: bytes) -> None:
    """Private, link-local and multicast addresses as well."""
    assert _outside(raw)


def test_a_nameserver_on_loopback_is_outside() -> None:
    """It would answer for the network that isn't there; other ports of it are the machine's own."""
    assert _outside(_v4("127.0.0.53", 53), nameservers=("127.0.0.53",))
    assert not _outside(_v4("127.0.0.53", 80), nameservers=("127.0.0.53",))


def test_a_daemon_is_outside_whatever_leads_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its path, by a link, relative to the working folder, and in a folder of sockets."""
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    daemons = (str(tmp_path / "run" / "daemon"), str(tmp_path / "user"))
    for path in (f"{tmp_path}/run/daemon", f"{tmp_path}/link/daemon", "run/daemon", "link/../run/daemon", "user/1/bus"):
        assert _outside(_unix(path.encode() + b"\0"), *daemons), path
    assert not _outside(_unix(b"run/own\0"), *daemons)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (_v4("192.0.2.1", 80), "192.0.2.1:80"),
        (_v6("2001:db8::1", 80), "[2001:db8::1]:80"),
        (_unix(b"/run/own\0rubbish"), "/run/own"),
        (_unix(b"\0name\0\0"), "@name"),
    ],
)
def test_addresses_are_shown_as_usual(raw: bytes, text: str) -> None:
    """As programs write them."""
    assert str(Address.of(raw)) == text


@pytest.mark.parametrize("raw", [_v4("192.0.2.1")[:6], _v6("2001:db8::1")[:20]])
def test_an_address_that_is_too_short_is_none(raw: bytes) -> None:
    """The kernel refuses it itself."""
    assert Address.of(raw).family == socket.AF_UNSPEC


def test_a_socket_that_connects_to_no_family_is_disconnected() -> None:
    """AF_UNSPEC means no address to connect(2)."""
    assert not Address.of(_v4("192.0.2.1", family=socket.AF_UNSPEC)).internet


def test_only_own_addresses_can_be_bound() -> None:
    """Loopback and the unspecified one."""
    outside = Outside("none", [], [])
    found = [outside.own_address(Address.of(_v4(host))) for host in ("127.0.0.1", "0.0.0.0", "192.0.2.1")]
    assert found == [True, True, False]
