"""Words of findings: names as they can be printed, sizes, lists that stay short."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_envguard.model.modelfolder import ERROR, NOTE, WARNING, FolderFinding

_LONGEST = 300
_LONGEST_PLACE = 4096
_MOST = 3
_ORDER = {ERROR: 0, WARNING: 1, NOTE: 2}


def shown(text: str, most: int = _LONGEST) -> str:
    """Return a name as it can be printed anywhere: what isn't printable, and bytes that are no text, are escaped."""
    if len(text) > most:
        text = f"{text[: most - 1]}…"
    return text if text.isprintable() else "".join(map(_printable, text))


def _printable(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"  # a byte that isn't UTF-8, by PEP 383
    return char.encode("unicode_escape", "backslashreplace").decode("ascii")


def listed(names: Sequence[str], most: int = _MOST) -> str:
    """Return the first names and how many there are more: "a, b and 3 more"."""
    text = ", ".join(shown(name) for name in names[:most])
    return f"{text} and {len(names) - most} more" if len(names) > most else text


def size_of(count: int) -> str:
    """Return a number of bytes in words."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def error(kind: str, where: str, what: str, why: str = "", remedy: str = "") -> FolderFinding:
    """Return a finding that keeps the folder from being loaded."""
    return FolderFinding(kind, ERROR, shown(where, _LONGEST_PLACE), what, why, remedy)


def warning(kind: str, where: str, what: str, why: str = "", remedy: str = "") -> FolderFinding:
    """Return a finding that matters somewhere."""
    return FolderFinding(kind, WARNING, shown(where, _LONGEST_PLACE), what, why, remedy)


def note(kind: str, where: str, what: str, why: str = "", remedy: str = "") -> FolderFinding:
    """Return something worth knowing."""
    return FolderFinding(kind, NOTE, shown(where, _LONGEST_PLACE), what, why, remedy)


def in_order(findings: Sequence[FolderFinding], most: int = 10) -> tuple[FolderFinding, ...]:
    """Return findings, the worst first, then by place; of those of one kind at most so many, and how many there are more."""
    ordered = sorted(findings, key=lambda one: (_ORDER[one.severity], one.where, one.kind))
    counts: dict[tuple[str, str], int] = {}
    kept: list[FolderFinding] = []
    for one in ordered:
        key = one.severity, one.kind
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= most:
            kept.append(one)
    more = [
        FolderFinding(
            kind, severity, "", f"{count - most} more of these were found", "", "mend the first ones, then look again"
        )
        for (severity, kind), count in counts.items()
        if count > most
    ]
    return tuple(sorted([*kept, *more], key=lambda one: _ORDER[one.severity]))
