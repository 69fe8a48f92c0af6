"""A plan with remedies applied: environment variables set and removed, over what the profile says of them."""

from __future__ import annotations

import base64
import json
import shlex
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from pytest_envguard.model.diagnosis import Remedy
from pytest_envguard.model.plan import Plan

_FIELDS = "//"  # separates those of an execnet specification
# A program that stands before an interpreter on the host, where there is no launcher: execnet's own `env:` can't remove
# a variable, sets it when the interpreter has started already, and ends a value at its first double slash.
_ENTER = (
    "import json,os,sys;from base64 import urlsafe_b64decode as d;e=json.loads(d(sys.argv[1]));"
    "[os.environ.pop(n,0)for n in e['unset']];os.environ.update(e['set']);os.execvp(sys.argv[2],sys.argv[2:])"
)


def variables(remedies: Iterable[Remedy], folders: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return what remedies set and remove; of several that set the same variable, the last one holds.

    Args:
        remedies: All that are applied together.
        folders: Variable of a seed to the folder that was filled for it.
    """
    given: dict[str, str] = {}
    removed: dict[str, None] = {}
    for remedy in remedies:
        for name in remedy.unset:
            given.pop(name, None)
            removed[name] = None
        seeded = {remedy.seed.variable: folders[remedy.seed.variable]} if remedy.seed else {}
        for name, value in {**remedy.set, **seeded}.items():
            given[name] = value
            removed.pop(name, None)
    return given, list(removed)


def compatible(remedies: Iterable[Remedy]) -> bool:
    """Whether remedies can be applied together: no variable is given two values, or both set and removed."""
    given: dict[str, str | None] = {}
    for remedy in remedies:
        seeded = {remedy.seed.variable: repr(remedy.seed)} if remedy.seed else {}
        changes: dict[str, str | None] = {**remedy.set, **seeded, **dict.fromkeys(remedy.unset)}
        if any(given.get(name, value) != value for name, value in changes.items()):
            return False
        given.update(changes)
    return True


def with_remedies(plan: Plan, remedies: Iterable[Remedy], folders: Mapping[str, str] | None = None) -> Plan:
    """Return ``plan`` with the variables of ``remedies``, which win over the profile's; its promises say so as well.

    Args:
        plan: Any: by namespaces, by answered calls, for Python code only, in a cell, or the host.
        remedies: What to apply. A requirement of another version can't be applied to a plan.
        folders: Variable of a seed to the folder that was filled for it.
    """
    given, removed = variables(remedies, folders or {})
    if not given and not removed:
        return plan

    def changed(environ: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in environ["set"].items() if name not in removed}
        # A pattern such as "AWS_*" stays: what is set is set after it.
        unset = [name for name in environ["unset"] if name not in given]
        return {"set": {**kept, **given}, "unset": list(dict.fromkeys([*unset, *removed]))}

    script: dict[str, Any] = dict(plan.script)
    if plan.hooked:
        script["hook"] = {**script["hook"], "environ": changed(script["hook"]["environ"])}
    else:
        script["environ"] = changed(script.get("environ", {"set": {}, "unset": []}))
    promises: dict[str, Any] = dict(plan.promises)
    if "environ" in promises:
        promises["environ"] = changed(promises["environ"])
    return plan._replace(script=script, promises=promises)


def on_host(plan: Plan) -> list[str]:
    """Return the words before an interpreter that give it the variables of a plan that restricts nothing; else none."""
    environ = plan.script.get("environ") if plan.is_host else None
    if not environ:
        return []
    told = base64.urlsafe_b64encode(json.dumps(environ).encode()).decode()
    python = plan.machine.python if plan.machine else sys.executable
    return [python, "-I", "-S", "-c", _ENTER, told]


def specification(plan: Plan, made: str) -> str:
    """Return the execnet specification ``made`` of a worker with the variables of a plan that restricts nothing."""
    words = on_host(plan)
    if not words:
        return made
    fields = made.split(_FIELDS)
    given = [field.removeprefix("python=") for field in fields if field.startswith("python=")]
    others = [field for field in fields if not field.startswith("python=")]
    words += shlex.split(given[0]) if given else [sys.executable]
    return _FIELDS.join([*others, "python=" + shlex.join(words).replace(_FIELDS, "/")])
