"""Certificates that real clients accept."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest
import trustme

from pytest_envguard.model.origin import Certificate
from pytest_envguard.origins.certificate import issue
from pytest_envguard.origins.server import _context


def handshake(certificate: Certificate, authority: str, name: str) -> str:
    """Let a strict client connect to a server that has ``certificate``; return the name that it found in it."""
    client, server = socket.socketpair()
    context = _context(certificate.chain + certificate.key)
    thread = threading.Thread(target=_serve, args=(context, server))
    thread.start()
    trusting = ssl.create_default_context(cadata=authority)
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT  # Python 3.13's default
    try:
        with trusting.wrap_socket(client, server_hostname=name) as connection:
            return str(connection.getpeercert()["subjectAltName"])  # type: ignore[index]
    finally:
        client.close()
        thread.join(5)


def _serve(context: ssl.SSLContext, server: socket.socket) -> None:
    try:
        context.wrap_socket(server, server_side=True).close()
    except OSError:
        server.close()


def test_a_certificate_for_all_hosts() -> None:
    """It's accepted for each of them, and for no other name; the same hosts have the same one."""
    made = issue(("a.example.org", "b.example.org"))
    assert handshake(made, made.authority, "b.example.org") == "(('DNS', 'a.example.org'), ('DNS', 'b.example.org'))"
    assert issue(("a.example.org", "b.example.org")) is made
    with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for 'c\.example\.org'"):
        handshake(made, made.authority, "c.example.org")


def test_one_authority_for_a_process() -> None:
    """Who trusts one of the certificates trusts all of this process's, and nobody else does."""
    first, second = issue(("a.example.org",)), issue(("z.example.org",))
    assert first.authority == second.authority
    assert handshake(second, first.authority, "z.example.org")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(first, trustme.CA().cert_pem.bytes().decode(), "a.example.org")


def test_nothing_is_left_in_files(tmp_path: Path) -> None:
    """The key is loaded from memory."""
    made = issue(("a.example.org",))
    before = set(Path("/proc/self/fd").iterdir())
    _context(made.chain + made.key)
    assert set(Path("/proc/self/fd").iterdir()) == before and list(tmp_path.iterdir()) == []
