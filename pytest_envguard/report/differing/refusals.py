"""Whether what was refused in one run is what was refused in another: pure.

The same operation on the same folder by the same library is the same, with whatever name, number, line and test: else two
runs of one suite would differ.
"""

from __future__ import annotations

import re

from pytest_envguard.model.matrix import Matrix
from pytest_envguard.model.refusal import Refusal
from pytest_envguard.report.summary import folder_of

_TEMPORARY = re.compile(r"(?<![\w.])(/tmp|/var/tmp|/dev/shm)/[^\s'\"]+")
_CHANGING = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # a UUID
    r"|\b(?:tmp|pip-[a-z]+-)[a-z0-9_]{8}\b"  # tempfile's names
    r"|(?<=[-_.])(?=[a-z_]*[0-9])[a-z0-9_]{8}(?![a-z0-9_])"  # those with a prefix
    r"|(?<![0-9a-z])[0-9a-f]{16,}(?![0-9a-z])"  # hashes
    r"|\d+"  # of processes, runs and releases
)
_ADDRESS = re.compile(r"([^/@\0]+):(\d{1,5})")
_FIRST_EPHEMERAL = 32768  # Linux' ip_local_port_range: ports from here on are given by chance


def key(refusal: Refusal, environment: str, matrix: Matrix | None) -> tuple[str, ...]:
    """Return what is the same for refusals that differ by chance only.

    Args:
        refusal: What was refused.
        environment: Where.
        matrix: Tells which part of a path belongs to a version cell; None without versions.
    """
    texts = (refusal.target, refusal.library, refusal.process)
    target, *others = (matrix.plain(environment, text) if matrix else text for text in texts)
    address = _ADDRESS.fullmatch(target)
    where = _server(address[1], int(address[2])) if address else _steady(folder_of(_TEMPORARY.sub(r"\1/x", target)))
    return (refusal.operation, refusal.error, where, *map(_steady, others))


def _steady(text: str) -> str:
    return _CHANGING.sub("#", _TEMPORARY.sub(r"\1/#", text))


def _server(host: str, port: int) -> str:
    return f"{host}:{port if port < _FIRST_EPHEMERAL else '#'}"
