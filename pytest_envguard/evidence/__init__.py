"""What a failure leaves behind, collected where it happens: in a process inside of an environment, as soon as a test fails.

Every worker imports this file and what it imports. What only a failure needs waits until there is one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from pytest_envguard.evidence import filters, overwriting
from pytest_envguard.evidence.chain import chain_of, raised_of
from pytest_envguard.evidence.output import output_of
from pytest_envguard.model.evidence import EVIDENCE, Evidence


def begin() -> None:
    """From now on note what can't be found out when something has failed; once in a process."""
    filters.begin()
    overwriting.begin()


def leave(report: Any, call: Any, root: str, noexec: Iterable[str] = ()) -> None:
    """Put what a failure leaves behind into its report.

    Whatever goes wrong on the way costs the evidence, and not the user's run.

    Args:
        report: pytest's, of a test's phase or of an import.
        call: pytest's `CallInfo` that the report was made of; None where nothing was called.
        root: See `evidence_of`.
        noexec: See `evidence_of`.
    """
    if report.failed and call is not None and call.excinfo is not None:
        with suppress(Exception):
            found = evidence_of(call.excinfo.value, report.sections, root, noexec)
            setattr(report, EVIDENCE, found.sendable())


def promised_noexec(promises: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the folders that nothing may be executed in, by a plan's promises."""
    folders = {"tmp": "/tmp", "shm": "/dev/shm"}
    return tuple(folder for name, folder in folders.items() if not promises.get(name, {}).get("exec", True))


def evidence_of(
    error: BaseException, sections: Iterable[tuple[str, str]], root: str, noexec: Iterable[str] = ()
) -> Evidence:
    """Return all that a failure left behind.

    Args:
        error: What was raised.
        sections: Titles and texts of a report's captured output.
        root: The project's folder.
        noexec: Folders that nothing may be executed in, where only Python code is told so and the kernel isn't.
    """
    errors = chain_of(error)
    raised = raised_of(error, root)
    found = Evidence(raised, overwriting.overwritten(root), output=output_of(errors, sections))
    try:
        from pytest_envguard.evidence.facts import facts_of
        from pytest_envguard.evidence.mentions import mentions_of
        from pytest_envguard.evidence.variables import variables_of
    except OSError:
        return found  # if it's too many open files that the test failed by, no more can be read
    return found._replace(
        facts=facts_of(raised, found.output, noexec),
        variables=variables_of(os.environ),
        mentions=mentions_of(errors, root),
    )
