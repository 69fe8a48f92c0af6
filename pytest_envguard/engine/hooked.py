"""An environment that only Python code is in: entered by the process itself, as soon as the plugin is loaded."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

from pytest_envguard.model.plan import Plan

HOOK = "PYTEST_ENVGUARD_HOOK"  # what to enter; set for the worker's process only


def encode(plan: Plan) -> str:
    """Return what is to be entered as the value of an environment variable, without the ``//`` that execnet splits at."""
    return base64.urlsafe_b64encode(json.dumps(plan.script["hook"]).encode()).decode()


def enter() -> None:
    """Change this process's variables and folder, and let the audit hook refuse what the environment would."""
    from pytest_envguard.audit.hook import install
    from pytest_envguard.engine import refusals

    hook: dict[str, Any] = json.loads(base64.urlsafe_b64decode(os.environ.pop(HOOK)))
    for pattern in hook["environ"]["unset"]:
        for name in [name for name in os.environ if name == pattern or _begins(name, pattern)]:
            del os.environ[name]
    os.environ.update(hook["environ"]["set"])
    if hook["folder"] != "project":
        os.chdir(hook["folder"])
    refusals.begin_hearing()
    install(hook["rules"], refusals.hear)


def _begins(name: str, pattern: str) -> bool:
    return pattern.endswith("*") and name.startswith(pattern[:-1])
