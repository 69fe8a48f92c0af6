"""A connection to another machine: opened with a time limit, refused in the words of whoever refused, then asked."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import execnet
from execnet import gateway_base, gateway_bootstrap, gateway_io, gateway_socket

from pytest_envguard.engine.hosts import remote
from pytest_envguard.engine.hosts.addresses import Address
from pytest_envguard.errors import EnvguardError
from pytest_envguard.model.host import PREFIX, Machine

_CONNECT = 10  # seconds until a machine that doesn't answer can't be reached
_BEGIN = 30  # seconds in which a machine that was reached must have started Python
_PING = 10.0  # seconds that a machine may take to say that it's there
_ANSWER = 120.0  # seconds that it may take to answer a question
_SSH = (
    "-o BatchMode=yes",  # nobody is there to type a password
    f"-o ConnectTimeout={_CONNECT}",
    "-o ServerAliveInterval=15",  # a machine that is switched off says no goodbye
    "-o ServerAliveCountMax=2",
)


class _Ssh(gateway_io.Popen2IOMaster):
    """The ssh client, whose own words are kept; once Python runs there, they are passed on."""

    def __init__(self, words: list[str], execmodel: Any, address: str) -> None:
        pipe = subprocess.PIPE
        # A session of its own: Ctrl-C is for pytest, which then ends its workers one after the other.
        self.popen = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
        gateway_base.Popen2IO.__init__(self, self.popen.stdin, self.popen.stdout, execmodel=execmodel)
        self.remoteaddress = address
        self.connected = False
        self._said: list[str] = []
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def _listen(self) -> None:
        assert self.popen.stderr is not None
        for line in io.TextIOWrapper(self.popen.stderr, errors="replace"):
            if self.connected:
                sys.stderr.write(line)
                sys.stderr.flush()
            self._said = [*self._said[-3:], line.strip()]

    def said(self) -> str:
        """Return its last words, of which the very last tell most."""
        self._reader.join(1.0)
        return " ".join(line for line in self._said[-2:] if line)


class Host:
    """The connection to a machine.

    Attributes:
        machine: What it told of itself.
        gateway: execnet's.
    """

    machine: Machine

    def __init__(self, gateway: execnet.Gateway) -> None:
        self.gateway = gateway
        gateway.envguard = self  # type: ignore[attr-defined]  # as xdist does with its workers
        self._asking = threading.Lock()
        self._channel = gateway.remote_exec(remote)

    def ask(
        self, name: str, *, timeout: float = _ANSWER, tell: Callable[..., None] | None = None, **arguments: object
    ) -> Any:
        """Return the answer to a request; see `remote`.

        Args:
            name: Of the request.
            timeout: Seconds.
            tell: Called with what is told before.
            arguments: Of the request, in plain values or tuples of such.

        Raises:
            EnvguardError: As it was raised there.
            OSError: The connection is gone.
        """
        with self._asking:
            try:
                self._channel.send((name, remote.plain(arguments)))
                while (answer := self._channel.receive(timeout))[0] == "told":
                    if tell:
                        tell(*answer[1])
                told, value, hint = answer
            except self._channel.TimeoutError:
                raise OSError(f"no answer within {timeout:.0f} s") from None
            except EOFError as error:
                raise OSError(str(error) or "connection closed") from None
        if told == "done":
            return value
        raise EnvguardError(value, hint)

    def is_lost(self) -> bool:
        """Whether the connection has ended; the machine is asked, since execnet notices it at several places in turn."""
        try:
            self.ask("ended", timeout=_PING, mark="", patience=0.0)
        except OSError:
            return True
        return False

    def last_words(self) -> str:
        """Return what the ssh client said when the connection ended."""
        client = self.gateway._io  # noqa: SLF001  # execnet has no public name for it
        return client.said() if isinstance(client, _Ssh) else ""

    def lost(self) -> str:
        """Return that the connection is lost, in words."""
        words = self.last_words()
        return f"the connection to {self.machine.name} was lost" + (f": {words}" if words else "")


def connect(group: execnet.Group, address: Address) -> execnet.Gateway:
    """Connect to a machine.

    Raises:
        EnvguardError: With the reason, in the words of whoever refused.
    """
    spec = address.spec
    # What execnet would do for these it does without a look at what is there.
    dropped = ("chdir=", "nice=", "env:", "id=", "execmodel=")
    fields = [field for field in address.text.split("//") if not field.startswith(dropped)]
    if spec.ssh and not spec.via:
        fields = [field for field in fields if not field.startswith(("ssh=", "python="))]
        fields += [f"ssh={' '.join(_SSH)} {spec.ssh}", f"python={spec.python or sys.executable}"]
    plain = execnet.XSpec("//".join([*fields, f"id={PREFIX}{address.name}", "execmodel=thread"]))
    try:
        if plain.ssh and not plain.via:
            return _over_ssh(group, plain, spec.python or sys.executable)
        if plain.socket:
            return _over_socket(group, plain)
        return group.makegateway(plain)
    except EnvguardError:
        raise
    except (OSError, EOFError, KeyError, AssertionError, execnet.HostNotFound, execnet.RemoteError) as error:
        raise EnvguardError(f"{type(error).__name__}: {error}") from None


def _over_ssh(group: execnet.Group, spec: execnet.XSpec, python: str) -> execnet.Gateway:
    try:
        client = _Ssh(gateway_io.ssh_args(spec), group.execmodel, str(spec.ssh))
    except OSError as error:
        raise EnvguardError(f"ssh: {error.strerror}", "install OpenSSH's client") from None
    try:
        gateway = _began(group, client, spec, client.kill)
    except (OSError, EOFError, AssertionError, execnet.HostNotFound) as error:
        code = client.popen.poll()
        client.kill()
        if isinstance(error, AssertionError):
            raise EnvguardError(
                "something was printed before Python began", "let the shell's start-up files there print nothing"
            ) from None
        missing = code in (126, 127)
        raise EnvguardError(
            client.said() or (f"no Python within {_BEGIN} s" if code is None or code < 0 else f"ssh ended with {code}"),
            f"name the interpreter there that has pytest-envguard; it was started as `{python}`" if missing else "",
        ) from None
    client.connected = True
    return gateway


def _over_socket(group: execnet.Group, spec: execnet.XSpec) -> execnet.Gateway:
    place, _, port = str(spec.socket).rpartition(":")
    try:
        connection = socket.create_connection((place, int(port)), _CONNECT)
    except (OSError, OverflowError) as error:
        raise EnvguardError(f"{place} port {port}: {getattr(error, 'strerror', '') or error}") from None
    connection.settimeout(None)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, seconds in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), seconds)
    wire = gateway_socket.SocketIO(connection, group.execmodel)
    wire.remoteaddress = str(spec.socket)
    try:
        return _began(group, wire, spec, lambda: connection.shutdown(socket.SHUT_RDWR))
    except (OSError, EOFError, AssertionError):
        connection.close()
        raise EnvguardError(
            f"{place} port {port}: nothing answered within {_BEGIN} s",
            "is it a socket server of execnet's, and does it serve somebody else just now?",
        ) from None


def _began(group: execnet.Group, wire: Any, spec: execnet.XSpec, stop: Callable[[], object]) -> execnet.Gateway:
    """Start Python at the other end of ``wire``, or ``stop`` it after a while."""
    alarm = threading.Timer(_BEGIN, stop)
    alarm.daemon = True
    alarm.start()
    try:
        gateway = gateway_bootstrap.bootstrap(wire, spec)
        gateway.remote_exec("channel.send(1)").receive()  # execnet takes a client that has ended for a start
        gateway.spec = spec
        group._register(gateway)  # noqa: SLF001  # as `makegateway` does
    finally:
        alarm.cancel()
    return gateway


def host_of(gateway: execnet.Gateway) -> Host:
    """Return the connection through which a worker was started."""
    host: Host = gateway._group[str(gateway.spec.via)].envguard  # type: ignore[attr-defined]  # noqa: SLF001  # set above
    return host
