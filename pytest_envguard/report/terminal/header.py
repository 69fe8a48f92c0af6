"""pytest's header, above the tests: each environment's plan, and which cells there are and what became of them."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_envguard.model.cell import NotReady, Ready
from pytest_envguard.model.plan import Enforcement, Plan, Strength
from pytest_envguard.report.enforcement import STRENGTHS, SURE
from pytest_envguard.report.folding import folded
from pytest_envguard.report.groups import count, together


def plan_lines(plan: Plan, verbose: bool) -> list[str]:
    """Return the lines of pytest's header about one environment: what is enforced, how strongly, what isn't."""
    if plan.is_host:
        return [f"envguard: {plan.name}: nothing restricted"]
    title = f"envguard: {plan.name}" + (f" ({plan.summary})" if plan.summary and plan.summary != plan.name else "")
    lines = folded(title, "  ")
    for strength in sorted(Strength, reverse=True):
        items = [item for item in plan.enforcements if item.strength is strength]
        if not items:
            continue
        if strength in SURE and not verbose:
            lines += _wrapped(f"{STRENGTHS[strength]}: " + ", ".join(item.shown for item in items))
            if strength is not Strength.KERNEL:
                lines += _wrapped(f"  because {together(dict.fromkeys(item.reason for item in items))}")
        elif strength in SURE:
            lines += [f"  {item.dimension}: {item.shown} ({_because(item)})" for item in items]
        else:
            for reason in dict.fromkeys(item.reason for item in items):
                shown = ", ".join(f"{item.dimension}: {item.shown}" for item in items if item.reason == reason)
                lines += _wrapped(f"{STRENGTHS[strength]}: {shown}: {reason}")
    for note in plan.notes:
        lines += _wrapped(f"note: {note}")
    return lines


def _because(item: Enforcement) -> str:
    return f"{item.mechanism}, because {item.reason}" if item.reason else item.mechanism


def cell_lines(cells: Sequence[Ready | NotReady], contents: str) -> list[str]:
    """Return the lines of pytest's header about the cells of a matrix.

    Args:
        cells: All of them.
        contents: What is installed besides the versions, in words.
    """
    ready = [cell for cell in cells if isinstance(cell, Ready)]
    axes = list(dict.fromkeys(axis for cell in cells for axis, _ in cell.cell.versions))
    rest: dict[str, int] = {}
    for cell in cells:
        if isinstance(cell, NotReady):
            rest[cell.kind] = rest.get(cell.kind, 0) + 1
    counts = ", ".join([f"{len(ready)} ready", *(f"{number} {kind}" for kind, number in rest.items())])
    lines = [f"envguard: {count(len(cells), 'cell')} of {' × '.join(axes)}: {counts}"]
    if contents:
        lines += _wrapped(" ".join(f"in each: {contents}".split()))
    for note in dict.fromkeys(note for cell in ready for note in cell.notes):
        having = [cell.cell.name for cell in ready if note in cell.notes]
        where = "" if len(having) == len(cells) else f" ({having[0]}{_more(len(having) - 1)})"
        lines += _wrapped(" ".join(f"note: {note}{where}".split()))
    return lines


def _more(number: int) -> str:
    return f" and {number} more" if number else ""


def _wrapped(text: str) -> list[str]:
    return folded(f"  {text}", "    ")
