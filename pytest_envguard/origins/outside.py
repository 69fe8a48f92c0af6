"""The server's process and its sockets.

The keeper forks the server before it leaves its namespaces, so that the server sees the machine's files and isn't seen
inside. A socket belongs to the network namespace that it was made in: init makes them, with the privilege for port 443,
and sends them over. From then on clients can connect; they wait until the server is ready.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # see `launcher`
import os
import sys

from pytest_envguard.linux import syscalls as call
from pytest_envguard.linux.network import RESOLVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any

HTTPS, HTTP = 443, 80
CONTROL = "\0pytest-envguard-origins"  # an abstract address: it's in no file system, and each network has its own
_BACKLOG = 128

_sender: socket.socket | None = None


def start(told: dict[str, Any]) -> int:
    """Fork the server of ``told`` (sites and certificate) and return its process id."""
    global _sender  # the process that listens is a fork of this one
    import socket

    _sender, receiver = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        _serve(receiver, told)
    receiver.close()
    return pid


def _serve(receiver: socket.socket, told: dict[str, Any]) -> None:
    try:
        call.prctl(call.PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setpgid(0, 0)  # a terminal's Ctrl-C is for the command
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        _close_all_but(receiver.fileno())
        from pytest_envguard.origins import server

        server.run(receiver, told, len(told["sites"]))
    except BaseException as error:  # noqa: BLE001  # it must not run the keeper's code any further
        os.write(2, f"envguard: the server of `origins` ended: {type(error).__name__}: {error}\n".encode())
    os._exit(1)


def _close_all_but(kept: int) -> None:
    """Hold nothing of the command's: whoever reads its output waits until all who could write have ended."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(null, descriptor)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != kept:
            try:
                os.close(int(name))
            except OSError:  # the one that has listed them
                pass


def listen(addresses: list[str]) -> None:
    """Make the sockets of all hosts, for names and for control, and send them to the server."""
    import socket

    sender = _sender
    if sender is None:
        raise OSError(0, "nobody serves what is listened for")
    for address in addresses:
        pair = [_listening(socket.socket(), (address, port)) for port in (HTTPS, HTTP)]
        socket.send_fds(sender, [b"."], [one.fileno() for one in pair])
    control = _listening(socket.socket(socket.AF_UNIX), CONTROL)
    names = socket.socket(type=socket.SOCK_DGRAM)
    names.bind((RESOLVER, 53))
    socket.send_fds(sender, [b"."], [control.fileno(), names.fileno()])
    sender.close()


def _listening(made: socket.socket, address: Any) -> socket.socket:
    made.bind(address)
    made.listen(_BACKLOG)
    return made


def receive(receiver: socket.socket, count: int) -> list[list[int]]:
    """Return the descriptors of ``count`` hosts' sockets, then those for control and names; ends this process if none come."""
    import socket

    received = []
    for _ in range(count + 1):
        message, descriptors, _, _ = socket.recv_fds(receiver, 1, 2)
        if not message:  # the environment could not be made
            sys.stderr.flush()
            os._exit(0)
        received.append(list(descriptors))
    return received
