"""The server: connections, what goes wrong with them on demand, and the list of requests."""

from __future__ import annotations

import os
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from pytest_envguard.model.origin import CDN, FILES
from pytest_envguard.origins import files, names, outside, wire
from pytest_envguard.origins.faults import BODY, Faults

_RETRY_AFTER = "1"  # seconds


class Site(NamedTuple):
    """One host.

    Attributes:
        host: Its name.
        folder: What it serves.
        kind: See `pytest_envguard.model.origin.Origin`.
        hub: Host whose faults it has as well; "" for none.
    """

    host: str
    folder: str
    kind: str = FILES
    hub: str = ""

    def answer(self, request: wire.Request) -> wire.Answer:
        """Return what it answers."""
        if self.kind == FILES:
            return files.respond(request, self.folder, self.host)
        from pytest_envguard.origins import hub

        return (hub.fetch if self.kind == CDN else hub.respond)(request, hub.Hub(self.folder, self.host))


class Server:
    """What all connections share.

    Attributes:
        log: A row for each request: method, host, path with query, status (0: none was sent), bytes of the body that were sent.
    """

    def __init__(self, sites: list[dict[str, Any]], context: ssl.SSLContext) -> None:
        self.sites = [Site(one["host"], one["folder"], one["kind"], one["hub"]) for one in sites]
        self.log: list[list[Any]] = []
        self.faults = Faults()
        for one in sites:
            for fault in one["faults"]:
                self.faults.add(one["host"], fault)
        self._context = context

    # -- clients -------------------------------------------------------------------------------------------------------

    def converse(self, plain: socket.socket, site: Site, *, encrypted: bool) -> None:
        """Answer one client until it leaves."""
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = self._context.wrap_socket(plain, server_side=True) if encrypted else plain
        except OSError:  # it doesn't trust the certificate, or has left
            plain.close()
            return
        with connection:
            try:
                self._converse(connection, site, encrypted=encrypted)
            except OSError:
                pass

    def _converse(self, connection: socket.socket, site: Site, *, encrypted: bool) -> None:
        reader = wire.Reader(connection)
        goes_on = True
        while goes_on:
            try:
                request = reader.next()
            except wire.Unreadable as error:
                connection.sendall(wire.head(error.answer, keeps=False) + error.answer.body)
                return
            if request is None:
                return
            goes_on = self._handle(connection, site, request, encrypted=encrypted)

    def _handle(self, connection: socket.socket, site: Site, request: wire.Request, *, encrypted: bool) -> bool:
        """Answer one request; return whether the connection goes on."""
        target = request.path + (f"?{request.query}" if request.query else "")
        row: list[Any] = [request.method, site.host, target, 0, 0]
        self.log.append(row)
        if not encrypted:
            return _send(connection, request, wire.plain(301, "", ("Location", f"https://{site.host}{target}")), row)
        hosts = (site.host, site.hub)
        asked = self.faults.take(hosts, request.path, ("delay", "tarpit", "reset", "status"))
        if "delay" in asked:
            self.faults.hang(asked["delay"].amount)
        if "tarpit" in asked:
            self.faults.hang(None)
            return False
        if "reset" in asked:
            # With a time of zero to linger, the kernel answers a close with RST.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if "status" in asked:
            status = int(asked["status"].amount)
            return _send(connection, request, wire.plain(status, "", ("Retry-After", _RETRY_AFTER)), row)
        answer = _answer(site, request)
        has_body = request.method != "HEAD" and answer.status in (200, 206) and answer.size
        spoilt = self.faults.take(hosts, request.path, BODY) if has_body else {}
        cut = int(spoilt["cut"].amount) if "cut" in spoilt else None
        return _send(connection, request, answer, row, flipped="corrupt" in spoilt, cut=cut)

    # -- control -------------------------------------------------------------------------------------------------------

    def obey(self, connection: socket.socket) -> None:
        """Follow the orders of one test (lines of JSON); when it leaves, the faults are as they were before."""
        import json

        begun, kept = len(self.log), self.faults.kept()
        try:
            with connection, connection.makefile("rw", encoding="utf-8") as lines:
                for line in lines:
                    order, *words = json.loads(line)
                    if order == "end":
                        break
                    lines.write(json.dumps(self._follow(begun, order, *words)) + "\n")
                    lines.flush()
                # Before the answer: the next test may begin as soon as it's there.
                self.faults.restore(kept)
                lines.write("null\n")
        except (OSError, ValueError):  # it ended without a word
            self.faults.restore(kept)

    def _follow(self, begun: int, order: str, *words: str) -> Any:
        if order == "requests":
            return self.log[begun:]
        if order == "clear":
            return self.faults.clear()
        if order == "fault":
            try:
                return self.faults.add(*words)
            except ValueError as error:
                return str(error)
        return None


def _answer(site: Site, request: wire.Request) -> wire.Answer:
    try:
        return site.answer(request)
    except Exception as error:  # noqa: BLE001  # a server says so and goes on
        return wire.plain(500, f"{type(error).__name__}: {error}")


def _send(
    connection: socket.socket,
    request: wire.Request,
    answer: wire.Answer,
    row: list[Any],
    *,
    flipped: bool = False,
    cut: int | None = None,
) -> bool:
    """Send an answer and note it; return whether the connection goes on.

    The note is made before each piece is sent: who has received it may look at once.
    """
    row[3] = answer.status
    keeps = request.keeps and cut is None
    first = wire.head(answer, keeps=keeps)
    if request.method == "HEAD":
        connection.sendall(first)
        return keeps

    def send(piece: bytes) -> None:
        nonlocal first
        row[4] += len(piece)
        connection.sendall(first + piece)
        first = b""

    wire.send_body(answer, send, flipped=flipped, cut=cut)
    if first:
        connection.sendall(first)
    return keeps


# -- the process -------------------------------------------------------------------------------------------------------


def run(receiver: socket.socket, told: dict[str, Any], count: int) -> None:
    """Serve for as long as this process lives.

    Args:
        receiver: Where the sockets come from.
        told: See `pytest_envguard.planning.origins`.
        count: How many hosts there are.
    """
    server = Server(told["sites"], _context(told["certificate"]))
    *pairs, (control, asked) = outside.receive(receiver, count)
    receiver.close()
    addresses = {one["host"]: one["address"] for one in told["sites"]}
    questions = socket.socket(fileno=asked)
    threading.Thread(target=names.serve, args=(questions, addresses, told["network"]), daemon=True).start()
    poll = select.poll()
    served: dict[int, tuple[socket.socket, Callable[[socket.socket], None]]] = {}
    for site, (https, http) in zip(server.sites, pairs, strict=True):
        served[https] = _listener(https), partial(server.converse, site=site, encrypted=True)
        served[http] = _listener(http), partial(server.converse, site=site, encrypted=False)
    served[control] = _listener(control), server.obey
    for descriptor in served:
        poll.register(descriptor, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            listener, function = served[descriptor]
            try:
                connection, _ = listener.accept()
            except OSError:  # the client has left already, or there are too many
                continue
            threading.Thread(target=function, args=(connection,), daemon=True).start()


def _listener(descriptor: int) -> socket.socket:
    listener = socket.socket(fileno=descriptor)
    listener.setblocking(False)
    return listener


def _context(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    # OpenSSL's function takes nothing but a file.
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    os.write(descriptor, certificate.encode())
    context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    os.close(descriptor)
    return context
