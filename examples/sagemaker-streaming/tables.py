"""Run the bot with many releases of LiteLLM and write what comes out into README.md: `python tables.py`.

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
COMMAND = "pytest --envguard-versions=default"
WAYS = ("sync", "async")
ENDPOINTS = ("uncut", "last_line", "paragraphs", "joined")


def run(*releases: str) -> dict[str, Any]:
    """Run the releases of pyproject.toml, or these, and return the report.

    Raises:
        SystemExit: pytest could not run it at all.
    """
    versions = f"litellm=={','.join(releases)}" if releases else "default"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        words = [sys.executable, "-m", "pytest", f"--envguard-versions={versions}", f"--envguard-report={file}"]
        words += ["--tb=no", "-q"]
        done = subprocess.run(words, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode not in (0, 1) or not file.exists():
            raise SystemExit(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}")
        return json.loads(file.read_text(encoding="utf-8"))


def rows(way: str, report: dict[str, Any]) -> list[str]:
    """Return a line of the table for each release, from the oldest on."""
    made = []
    for cell in sorted(report["cells"], key=by_release):
        release = cell["versions"]["litellm"]
        if cell["state"] != "ready":
            made.append(f"| {release} | *{cell['state']}* | | | |")
            continue
        (environment,) = (each["name"] for each in report["environments"] if each["cell"] == cell["name"])
        tests = {test["nodeid"].rpartition("::")[2]: test for test in report["tests"]}
        said = [outcome(tests[f"test_answer[{way}-{endpoint}]"], environment) for endpoint in ENDPOINTS]
        made.append(f"| {release} | {' | '.join(said)} |")
    return made


def by_release(cell: dict[str, Any]) -> list[int]:
    """Return what puts releases into their order."""
    return [int(number) for number in re.findall(r"\d+", cell["versions"]["litellm"])]


def outcome(test: dict[str, Any], environment: str) -> str:
    """Return what a test did in an environment: the text is all there, lacks something, or there was an error."""
    failure = test.get("failures", {}).get(environment)
    if failure is None:
        return "all" if test["outcomes"][environment] == "passed" else test["outcomes"][environment]
    message = " ".join(failure["message"].split())
    if found := re.search(r"([\d,]+) of [\d,]+ characters, and no error", message):
        return f"**{found[1]} of them**"
    if "'utf-8' codec can't decode" in message:
        return "`UnicodeDecodeError`"
    return f"`{re.split(': | - ', message.strip(': '))[-1].removeprefix('litellm.')}`"


def block(way: str, report: dict[str, Any]) -> str:
    """Return what stands between the markers of a table."""
    head = ["litellm", *(f"`{way}-{endpoint}`" for endpoint in ENDPOINTS)]
    return "\n".join([f"| {' | '.join(head)} |", "| --- " * len(head) + "|", *rows(way, report)])


def written(readme: str, way: str, text: str) -> str:
    """Return the README with another table.

    Raises:
        SystemExit: It has no place for it.
    """
    around = re.compile(rf"(<!-- {way}: by tables\.py -->\n).*?(<!-- end -->)", re.DOTALL)
    if not around.search(readme):
        raise SystemExit(f"README.md has no markers for `{way}`")
    return around.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", readme)


def main() -> None:
    """Run all and write both tables."""
    report = run()
    readme = README.read_text(encoding="utf-8")
    for way in WAYS:
        readme = written(readme, way, block(way, report))
    README.write_text(readme, encoding="utf-8")
    print(f"{len(report['cells'])} releases")


if __name__ == "__main__":
    main()
