"""Texts in GitHub's Markdown that stay what they are: nothing that a test says is markup, a mention or a link.

What GitHub makes links of (mentions, issues, commits, addresses), it looks for in the finished page, where a backslash has
long gone; only code is left alone. So a word that might become a link is shown as code. See GitHub Flavored Markdown
0.29, and for what is done besides https://github.com/github/markup ("other filters").
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Iterable, Iterator, Sequence

from pytest_envguard.report.printable import printable

# A mention, an issue, an address, mathematics, an emoji's name, a commit, an issue's other form
_LINKED = re.compile(r"[@#$]|://|www\.|:[\w+-]+:|\b[0-9a-f]{7,}\b|\bGH-\d", re.IGNORECASE)
_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]~"})
_BEGINS_A_BLOCK = re.compile(r"-+|\++|=+|\d+[.)]")  # as the whole first word
_AROUND = re.compile(
    r"([(\[{\"']*)(.*?)([)\]}\"'.,:;!?]*)", re.DOTALL
)  # a word: what a sentence has before and behind it


def visible(text: str) -> str:
    """Return a text as one line, with what can't be seen (control characters, turns of direction) as escapes."""
    return printable(" ".join(text.split()))


def plain(text: str) -> str:
    """Return a text as words of a sentence."""
    first, *others = visible(text).split(" ")
    if _BEGINS_A_BLOCK.fullmatch(first):
        marked = f"{first[:-1]}\\{first[-1]}" if first[0].isdigit() else f"\\{first}"
    else:
        marked = _word(first)
    return " ".join((marked, *map(_word, others)))


def _word(word: str) -> str:
    if not _LINKED.search(word):
        return _shown(word)
    before, inside, behind = _parts(word)
    return f"{_shown(before)}{code(inside)}{_shown(behind)}"


def _shown(text: str) -> str:
    return entities.escape(text.translate(_MARKS), quote=False)


def _parts(word: str) -> tuple[str, str, str]:
    """Return what of a word must be code, between the brackets and marks that a sentence has around it."""
    parts = _AROUND.fullmatch(word)
    assert parts
    before, inside, behind = parts.groups()
    return (before, inside, behind) if _LINKED.search(inside) else ("", word, "")


def html(text: str) -> str:
    """Return the same for within HTML, where Markdown isn't read."""
    return " ".join(map(_html_word, visible(text).split(" ")))


def _html_word(word: str) -> str:
    if not _LINKED.search(word):
        return entities.escape(word, quote=False)
    before, inside, behind = (entities.escape(part, quote=False) for part in _parts(word))
    return f"{before}<code>{inside}</code>{behind}"


def code(text: str) -> str:
    """Return a text as code, between more backquotes than it has in a row itself."""
    line = visible(text)
    gap = " " if "`" in line else ""
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    return f"{fence}{gap}{line}{gap}{fence}" if line else ""


def cell(text: str) -> str:
    """Return a text as code for a table, where a bar ends a cell even in code, unless *one* backslash is before it."""
    return "<!-- -->".join(map(code, re.split(r"(?<=\\)(?=\|)", visible(text))))


def row(texts: Iterable[str]) -> str:
    """Return a row of a table; the texts are marked up already."""
    return f"| {' | '.join(text.replace('|', chr(92) + '|') for text in texts)} |"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a table with an empty line on each side."""
    yield from ("", row(head), row(["---"] * len(head)), *map(row, rows), "")


def folded(title: str, lines: Iterable[str], about: str = "") -> Iterator[str]:
    """Yield lines that are shown on a click; ``title`` is a plain text, ``about`` goes on behind it."""
    yield from ("", f"<details><summary><b>{html(title)}</b>{html(about)}</summary>", "", *lines, "", "</details>")


def pasted(text: str) -> Iterator[str]:
    """Yield a text as a block of code within a list, between more backquotes than it has."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    shown = ("\t".join(map(printable, line.split("\t"))) for line in text.splitlines())
    yield from ("", f"    {fence}", *(f"    {line}".rstrip() for line in shown), f"    {fence}", "")


def lines(several: Iterable[str]) -> str:
    """Return lines as a text."""
    return "".join(f"{line}\n" for line in several)
