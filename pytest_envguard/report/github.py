"""The run as the summary of a job of GitHub Actions, in Markdown. Text only; who writes it where is the session's.

A job summary may have 1 MiB for each step (https://docs.github.com/actions: "Workflow commands", "Adding a job summary");
the runner drops a larger one whole (actions/runner, src/Runner.Worker/FileCommandManager.cs, AttachmentSizeLimit).
"""

from __future__ import annotations

from pytest_envguard.report.markup import plain
from pytest_envguard.report.story import Frame, parts
from pytest_envguard.report.summary import Summary

LIMIT = 1_048_576
_ROOM = 8192  # kept for saying what was left out
_FRAME = Frame(rows=256, text=1000)
_MOST_NAMED = 20


def job_summary(summary: Summary, limit: int = LIMIT) -> str:
    """Return the run in Markdown, surely not more than ``limit`` bytes of UTF-8; what has no room is named at the end.

    Details are left out first: as long as there is room, each part has at least its short form.
    """
    room = limit - _ROOM
    told = list(parts(summary, _FRAME))
    texts: list[str] = []
    for part in told:
        texts.append(part.short if _size(part.short) <= room else "")
        room -= _size(texts[-1])
    left_out = []
    for number, part in enumerate(told):
        more = _size(part.whole) - _size(texts[number])
        if more <= room:
            texts[number] = part.whole
            room -= more
        else:
            left_out.append(part.title)
    if left_out:
        named = left_out[:_MOST_NAMED]
        more_left = f" and {len(left_out) - len(named)} more" if len(left_out) > len(named) else ""
        texts.append(
            f"\n_Left out, because a job summary has a limit of size: {plain(', '.join(named))}{more_left}._\n"
        )
    return _cut("".join(texts), limit)


def _size(text: str) -> int:
    return len(text.encode())


def _cut(text: str, limit: int) -> str:
    """Cut at the end of a line, if there is no other way."""
    raw = text.encode()
    return text if len(raw) <= limit else raw[: max(limit, 0)].rpartition(b"\n")[0].decode()
