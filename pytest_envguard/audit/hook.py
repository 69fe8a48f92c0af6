"""The audit hook: raises what the environment would have answered to one of Python's own calls."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pytest_envguard.audit.files import Files
from pytest_envguard.audit.mappings import Mappings
from pytest_envguard.audit.network import Network
from pytest_envguard.audit.place import settled
from pytest_envguard.audit.programs import Programs
from pytest_envguard.model.rules import Mounts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_envguard.audit.refusing import Refused

__tracebackhide__ = True  # a failing test shows the call that failed, not who refused it


class _Hook:
    """The one hook of this interpreter: it can't be removed, so it is switched.

    Attributes:
        installed: Whether it is there.
        checks: Audit event to the check of its arguments; None while nothing is refused.
        told: Who hears of a refusal.
    """

    installed = False
    checks: Mapping[str, Callable[..., Refused | None]] | None = None
    told: Callable[[str, str, str], None] | None = None


def install(rules: dict[str, Any] | None, refused: Callable[[str, str, str], None] | None = None) -> None:
    """Refuse from now on, in this interpreter and in processes forked from it, what ``rules`` forbid.

    Args:
        rules: See `pytest_envguard.model.rules`. On Windows "/" is the root of every drive, and other paths have theirs.
        refused: Called with the audit event, its target and the errno's name before each refusal is raised.
    """
    _Hook.told = refused
    enforce(rules)
    if not _Hook.installed:
        _Hook.installed = True
        sys.addaudithook(_hear)


def enforce(rules: dict[str, Any] | None) -> None:
    """Replace the rules of the installed hook; None refuses nothing."""
    _Hook.checks = None if rules is None else _checks(rules)


def _checks(rules: dict[str, Any]) -> dict[str, Callable[..., Refused | None]]:
    mounts = Mounts([[settled(path), *others] for path, *others in rules.get("mounts") or ()])
    absent = frozenset(settled(path, itself=True) for path in rules.get("absent") or ())
    files = Files(mounts, absent, links=rules.get("symlinks", True))
    network = Network(rules.get("network"), rules.get("nameservers") or (), rules.get("daemons") or (), absent)
    memory = {} if rules.get("mmap_limit") is None else {"mmap.__new__": Mappings(rules["mmap_limit"]).make}
    return {**files.checks(), **Programs(mounts, absent, files).checks(), **network.checks(), **memory}


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    """Hear of an operation before it happens. What is no matter of the environment costs one look-up."""
    checks = _Hook.checks
    if checks is None:
        return
    check = checks.get(event)
    if check is None:
        return
    found = check(*arguments)
    if found is not None:
        if _Hook.told is not None:
            _Hook.told(event, found.target, found.name)
        raise found.error
