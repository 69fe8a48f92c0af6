"""The run as the summary of a job of GitHub Actions, in Markdown. Text only; who writes it where is the session's."""

from __future__ import annotations

from pytest_envguard.report.markdown.fitting import LIMIT, fitted
from pytest_envguard.report.markdown.story import Frame, parts
from pytest_envguard.report.summary import Summary

_FRAME = Frame(steps=(10, 256), text=1000)


def job_summary(summary: Summary, limit: int = LIMIT) -> str:
    """Return the run in Markdown, surely not more than ``limit`` bytes of UTF-8; what has no room is named at the end."""
    return fitted(parts(summary, _FRAME), limit)
