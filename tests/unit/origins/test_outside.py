"""The server's process: what it holds, and that it ends."""

from __future__ import annotations

import os
import socket
import time

from pytest_envguard.origins import outside
from pytest_envguard.origins.certificate import issue


def started() -> int:
    """Start a server that waits for its sockets."""
    made = issue(("a.example.org",))
    return outside.start({"sites": [], "certificate": made.chain + made.key, "network": "none"})


def ended(pid: int, patience: float = 10.0) -> int | None:
    """Return the exit code of a child that ends by itself in time."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    return None


def test_it_ends_if_there_is_no_environment() -> None:
    """Nobody has listened, and whoever would have is gone."""
    pid = started()
    assert outside._sender is not None
    outside._sender.close()
    assert ended(pid) == 0


def test_it_holds_nothing_of_the_command_s() -> None:
    """Who reads the command's output would wait for it; the terminal's signals are not for it."""
    read, write = os.pipe()
    pid = started()
    try:
        end = time.monotonic() + 10
        while os.getpgid(pid) != pid or len(os.listdir(f"/proc/{pid}/fd")) > 5:
            assert time.monotonic() < end, [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            time.sleep(0.01)
        held = {os.readlink(f"/proc/{pid}/fd/{name}") for name in ("0", "1")}
        assert held == {"/dev/null"}
    finally:
        os.close(read)
        os.close(write)
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def test_sockets_are_received_in_their_order() -> None:
    """Those of each host, then those for control and names."""
    sender, receiver = socket.socketpair()
    with sender, receiver:
        made = [socket.socket() for _ in range(6)]
        for at in (0, 2, 4):
            socket.send_fds(sender, [b"."], [one.fileno() for one in made[at : at + 2]])
        found = outside.receive(receiver, 2)
        assert [len(pair) for pair in found] == [2, 2, 2]
        inodes = [os.fstat(one.fileno()).st_ino for one in made]
        assert [os.fstat(descriptor).st_ino for pair in found for descriptor in pair] == inodes
        for pair in found:
            for descriptor in pair:
                os.close(descriptor)
        for one in made:
            one.close()
