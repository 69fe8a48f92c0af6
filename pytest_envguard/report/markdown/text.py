"""The run as a Markdown file, as GitHub shows it: the same story as a job's summary, with no limit of size."""

from __future__ import annotations

from pytest_envguard.report.markdown.story import Frame, parts
from pytest_envguard.report.summary import Summary

_FRAME = Frame(rows=1_000_000, text=10_000, forms=100)


def markdown_text(summary: Summary) -> str:
    """Return the whole run in Markdown; what is long is folded."""
    return "".join(part.forms[-1] for part in parts(summary, _FRAME))
