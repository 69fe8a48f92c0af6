"""What reports of a large run cost: ``python tests/benchmarks/reports.py [write|browse]``; nothing is asserted.

A run of 5,000 tests in 12 environments: a usual one (a test in twenty fails in four of them) and one in which all fail, each
in its own way.
write: seconds and bytes of each report, against `json.dumps` of the same document.
browse: milliseconds until Chromium has painted the page, and until a filter is drawn (asked for: no visible delay).
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from pytest_envguard.report.document.reading import read
from pytest_envguard.report.document.writing import document, dumps
from pytest_envguard.report.markdown.annotations import annotation_lines
from pytest_envguard.report.markdown.text import markdown_text
from pytest_envguard.report.page import page_text
from pytest_envguard.report.summary import Summary
from tests.unit.report.page.samples import many, usual, worst

ROUNDS = 3
FILTERS = [("environment", "0"), ("name", "case"), ("name", "[123"), ("name", ""), ("environment", "")]
FILTER = """async ([id, value]) => {
    const field = document.getElementById(id); field.value = value; const begun = performance.now();
    field.dispatchEvent(new Event('input', {bubbles: true}));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return performance.now() - begun }"""
PAINTED = (
    """() => performance.getEntriesByType('paint').map((one) => one.startTime).reduce((a, b) => Math.max(a, b), 0)"""
)


def main(names: list[str]) -> None:
    """Print the figures asked for, or all."""
    for title, happened in (("usual", usual), ("worst", worst)):
        summary = many(5000, happened)
        if not names or "write" in names:
            write(title, summary)
        if not names or "browse" in names:
            browse(title, summary)


def write(title: str, summary: Summary) -> None:
    """Make each report several times."""
    facts = document(summary)
    peer, size = taken(lambda: json.dumps(facts))
    print(f"{title}: json.dumps of the document: {peer:.2f} s, {size / 1e6:.2f} MB")
    made: dict[str, Callable[[], str]] = {
        "JSON": lambda: dumps(summary),
        "page": lambda: page_text(summary),
        "Markdown": lambda: markdown_text(summary),
        "annotations": lambda: "\n".join(annotation_lines(summary)),
    }
    for name, make in made.items():
        seconds, size = taken(make)
        print(f"{title}: {name}: {seconds:.2f} s ({seconds / peer:.1f} of json.dumps), {size / 1e6:.2f} MB")
    text = dumps(summary)
    seconds, _ = taken(lambda: (read(text, "it"), "")[1])
    print(f"{title}: JSON read back: {seconds:.2f} s ({seconds / peer:.1f} of json.dumps)")


def taken(make: Callable[[], str]) -> tuple[float, int]:
    """Return the median of its seconds, and the bytes of its text."""
    seconds, text = [], ""
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        text = make()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds), len(text.encode("utf-8", "backslashreplace"))


def browse(title: str, summary: Summary) -> None:
    """Open the page in Chromium and filter it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as browsers, tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "report.html")
        file.write_text(page_text(summary), encoding="utf-8")
        browser = browsers.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        painted: list[float] = []
        filtered: dict[tuple[str, str], list[float]] = {one: [] for one in FILTERS}
        for _ in range(ROUNDS):
            page: Any = browser.new_page()
            page.goto(file.as_uri())
            painted.append(page.evaluate(PAINTED))
            for one in FILTERS:
                filtered[one].append(page.evaluate(FILTER, list(one)))
            page.close()
        browser.close()
    print(f"{title}: painted after {statistics.median(painted):.0f} ms")
    for (field, value), times in filtered.items():
        print(f"{title}: filter {field} = `{value}`: {statistics.median(times):.0f} ms")


if __name__ == "__main__":
    main(sys.argv[1:])
