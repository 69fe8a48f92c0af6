"""What a test sees of the server: the requests that came, and faults on demand."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TextIO

from pytest_envguard.errors import EnvguardError, nearest
from pytest_envguard.model.origin import VARIABLE, read_fault
from pytest_envguard.origins.outside import CONTROL

_PATIENCE = 10.0  # seconds in which a server that is there answers


class Served(NamedTuple):
    """A request that was answered, or not.

    Attributes:
        method: Such as "GET".
        host: Who was asked.
        path: With the query.
        status: Of the answer; 0 if there was none (a fault).
        bytes: Of the body that were sent.
    """

    method: str
    host: str
    path: str
    status: int
    bytes: int


class Origins:
    """The fixture's value; see `envguard_origins`.

    Attributes:
        hosts: Names of the hosts that are served.
    """

    def __init__(self, lines: TextIO, hosts: tuple[str, ...]) -> None:
        self._lines = lines
        self.hosts = hosts

    @property
    def requests(self) -> list[Served]:
        """Every request since the test began, in the order in which they came."""
        return [Served(*row) for row in self._ask("requests")]

    def fault(self, host: str, *faults: str, path: str = "*") -> None:
        """Let something go wrong with requests to ``host`` from now on, until the test ends.

        Args:
            host: Its name.
            faults: Such as "status=503:2" (the next two), "delay=1", "cut=1000", "corrupt", "tarpit", "reset".
            path: Pattern for the paths (without the query) that it holds for, such as "*/model.safetensors".

        Raises:
            EnvguardError: No such host or fault.
        """
        self._known(host)
        for fault in faults:
            try:
                read_fault(fault)
            except ValueError as error:
                raise EnvguardError(f"`envguard_origins`: expected {error}, got {fault!r}") from None
        for fault in faults:
            self._ask("fault", host.lower(), fault, path)

    def clear(self) -> None:
        """Let nothing go wrong any more, neither what this test has asked for nor what the profile does."""
        self._ask("clear")

    def url(self, host: str) -> str:
        """Return the address of ``host``, without a slash at its end."""
        self._known(host)
        return f"https://{host.lower()}"

    def begin(self) -> None:
        """Wait until the server listens to this test: what is requested from here on belongs to it."""
        self._ask("begin")

    def end(self) -> None:
        """Let all be as it was before this test; when it returns, that is so."""
        self._ask("end")

    def _known(self, host: str) -> None:
        if host.lower() not in self.hosts:
            raise EnvguardError(f"`envguard_origins`: `{host}` is not served here", nearest(host, self.hosts))

    def _ask(self, *words: str) -> Any:
        try:
            self._lines.write(json.dumps(words) + "\n")
            self._lines.flush()
            return json.loads(self._lines.readline())
        except (OSError, ValueError):
            raise EnvguardError("`envguard_origins`: the server of this environment has ended") from None


@contextmanager
def connected() -> Iterator[Origins]:
    """Yield a connection to the server of the environment that this process runs in.

    Raises:
        EnvguardError: There is none.
    """
    hosts = os.environ.get(VARIABLE)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_PATIENCE)
        try:
            if not hosts:
                raise ConnectionRefusedError
            connection.connect(CONTROL)
        except OSError:
            raise EnvguardError(
                "`envguard_origins` needs an environment with `origins`, and this test runs in none",
                'for example `@pytest.mark.envguard("offline", origins={"huggingface.co": "models"})`',
            ) from None
        with connection.makefile("rw", encoding="utf-8") as lines:
            origins = Origins(lines, tuple(hosts.split()))
            origins.begin()
            try:
                yield origins
            finally:
                origins.end()
