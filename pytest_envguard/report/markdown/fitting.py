"""Markdown within a limit of size: a summary of a job of GitHub Actions, and files that may become one.

A job summary may have 1 MiB for each step (https://docs.github.com/actions: "Workflow commands", "Adding a job summary");
the runner drops a larger one whole (actions/runner, src/Runner.Worker/FileCommandManager.cs, AttachmentSizeLimit).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_envguard.report.markdown.markup import plain
from pytest_envguard.report.markdown.story import Part

LIMIT = 1_048_576
_ROOM = 8192  # kept for saying what was left out
_MOST_NAMED = 20


def fitted(parts: Iterable[Part], limit: int) -> str:
    """Return the parts, surely not more than ``limit`` bytes of UTF-8; what has no room is named at the end.

    Details are left out first: as long as there is room, each part has at least its shortest form, then each the next.
    """
    told = list(parts)
    texts = _fitting([part.forms for part in told], max(limit - _ROOM, limit // 2))
    left_out = [part.title for part, text in zip(told, texts, strict=True) if text != part.forms[-1]]
    if left_out:
        named = left_out[:_MOST_NAMED]
        more_left = f" and {len(left_out) - len(named)} more" if len(left_out) > len(named) else ""
        texts.append(
            f"\n_Not told in full, because a job summary has a limit of size: {plain(', '.join(named))}{more_left}; "
            "JSON and the page have no such limit._\n"
        )
    return _cut("".join(texts), limit)


def _fitting(several: Sequence[Sequence[str]], room: int) -> list[str]:
    """Return of each text the longest form that fits, each a step longer before one gets two."""
    texts = [""] * len(several)
    for step in range(max(map(len, several))):
        for number, forms in enumerate(several):
            more = _size(forms[step]) - _size(texts[number]) if step < len(forms) else 0
            if step < len(forms) and more <= room:
                texts[number] = forms[step]
                room -= more
    return texts


def _size(text: str) -> int:
    return len(text.encode())


def _cut(text: str, limit: int) -> str:
    """Cut at the end of a line, if there is no other way."""
    raw = text.encode()
    return text if len(raw) <= limit else raw[: max(limit, 0)].rpartition(b"\n")[0].decode()
