"""The run as a Markdown file, as GitHub shows it: the same story as a job's summary, with longer messages and tables.

It has the summary's limit as well: `envguard report merge … --format md >> "$GITHUB_STEP_SUMMARY"` becomes one.
"""

from __future__ import annotations

from pytest_envguard.report.markdown.fitting import LIMIT, fitted
from pytest_envguard.report.markdown.story import Frame, parts
from pytest_envguard.report.summary import Summary

_FRAME = Frame(steps=(10, 256, 1_000_000), text=10_000, forms=100)


def markdown_text(summary: Summary) -> str:
    """Return the whole run in Markdown, as far as it fits; what is long is folded."""
    return fitted(parts(summary, _FRAME), LIMIT)
