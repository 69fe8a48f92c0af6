"""Run the timelines and write what comes out into README.md: `python tables.py`, or `python tables.py SET…` for some.

The tables are made of what `pytest --envguard-report=FILE.json` writes, and of nothing else.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent
README = PROJECT / "README.md"

# Set of [tool.envguard.versions] to the rest of its command.
TIMELINES = {
    "slow-tokenizer": "tests/test_house.py",
    "cache-variable": "--envguard=offline tests/test_cache.py",
    "offline-load": "--envguard=offline tests/test_offline.py",
    "tokenizers-pairs": "tests/test_letters.py",
    "old-litellm": "--envguard=offline tests/test_chat.py",
    "old-litellm-today": "--envguard=offline tests/test_chat.py",
}
# What else is worth a column, though it isn't an axis: it was chosen by the resolution.
CHOSEN = {
    "slow-tokenizer": ("tokenizers",),
    "cache-variable": ("huggingface-hub",),
    "tokenizers-pairs": ("huggingface-hub",),
    "old-litellm": ("openai", "httpx"),
    "old-litellm-today": ("openai", "httpx"),
}


def command(name: str) -> str:
    """Return what a user types."""
    return f"pytest --envguard-versions={name} {TIMELINES[name]}"


def run(name: str) -> dict[str, Any]:
    """Run a timeline and return its report.

    Raises:
        SystemExit: pytest could not run it at all.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        words = [sys.executable, "-m", *command(name).split(), f"--envguard-report={file}"]
        # Each failure stands for itself: what the host, which may have a network, says about it isn't asked.
        words += ["--envguard-baseline=never", "--tb=no", "-q"]
        done = subprocess.run(words, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode not in (0, 1) or not file.exists():
            raise SystemExit(f"{command(name)}: exit code {done.returncode}\n{done.stdout}")
        return json.loads(file.read_text(encoding="utf-8"))


def block(name: str, report: dict[str, Any]) -> str:
    """Return what stands between the markers of a timeline: its command and its table."""
    chosen = CHOSEN.get(name, ())
    axes = list(dict.fromkeys(axis for cell in report["cells"] for axis in cell["versions"]))
    tests = [test["nodeid"] for test in report["tests"]]
    head = [*axes, *chosen, *(f"`{test.rpartition('::')[2]}`" for test in tests)]
    rows = [head, ["---"] * len(head)]
    for cell in sorted(report["cells"], key=by_release):
        packages = cell.get("packages", {})
        row = [cell["versions"].get(axis) or packages.get(axis, "") for axis in axes]
        row += [packages.get(package, "") for package in chosen]
        rows.append([*row, *outcomes(cell, report)])
    return "\n".join([f"    {command(name)}", "", *(f"| {' | '.join(row)} |" for row in rows)])


def by_release(cell: dict[str, Any]) -> list[list[int]]:
    """Return what puts cells into the order of their releases, axis by axis."""
    return [[int(number) for number in re.findall(r"\d+", version)] for version in cell["versions"].values()]


def outcomes(cell: dict[str, Any], report: dict[str, Any]) -> list[str]:
    """Return one cell's outcome of each test; that of a cell that couldn't be had stands in the first column."""
    if cell["state"] != "ready":
        # uv goes on to draw its conclusion, which is that these versions don't go together.
        reason = " ".join(cell["reason"].split()).removeprefix("Because ").partition(", we can conclude")[0]
        return [f"*{cell['state']}*: {shown(reason)}", *[""] * (len(report["tests"]) - 1)]
    (environment,) = (each["name"] for each in report["environments"] if each["cell"] == cell["name"])
    return [outcome(test, environment) for test in report["tests"]]


def outcome(test: dict[str, Any], environment: str) -> str:
    """Return what a test did in an environment, with the first words of its failure."""
    failure = test.get("failures", {}).get(environment)
    return f"**{shown(failure['message'])}**" if failure else test["outcomes"][environment]


def shown(text: str) -> str:
    """Return a text as one short line of code that a table can have."""
    text = " ".join(text.split()).removeprefix("AssertionError: ").replace("`", "'").replace("|", "\\|")
    return f"`{text if len(text) <= 150 else text[:149] + '…'}`"


def written(readme: str, name: str, text: str) -> str:
    """Return the README with another block of a timeline.

    Raises:
        SystemExit: It has no place for it.
    """
    around = re.compile(rf"(<!-- {name}: by tables\.py -->\n).*?(<!-- end -->)", re.DOTALL)
    if not around.search(readme):
        raise SystemExit(f"README.md has no markers for `{name}`")
    return around.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", readme)


def main(names: list[str]) -> None:
    """Run timelines, all if none is named, and write each of them at once."""
    for name in names or TIMELINES:
        if name not in TIMELINES:
            raise SystemExit(f"no timeline is named `{name}`: {', '.join(TIMELINES)}")
        report = run(name)
        README.write_text(written(README.read_text(encoding="utf-8"), name, block(name, report)), encoding="utf-8")
        print(f"{name}: {len(report['cells'])} cells")


if __name__ == "__main__":
    main(sys.argv[1:])
