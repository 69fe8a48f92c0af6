"""The pictures of README.md, from real runs of examples/token-counter: `python .github/pictures/make.py`.

It copies the example to a home folder of its own, makes it a virtual environment with uv, runs pytest there in a terminal
and removes the folder. The terminal becomes `terminal.svg`, the page `report.png` (by Debian's Chromium).
It takes some minutes and a network, so nothing runs it but a person who looks at what comes out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from recording import frames, record, svg

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
UV = [sys.executable, "-m", "uv"]
COLUMNS, ROWS = 92, 34
PAGE = (1280, 1000)
COMMAND = ["pytest", "--envguard=lambda,container,offline", "--tb=no", "-rN"]
MATRIX = ["--envguard=lambda,container,offline", "--envguard-versions=default", "--tb=no", "-q", "-rN"]


def main() -> None:
    """Make them all, or those that were asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pictures", nargs="*", default=["terminal", "report"], help="terminal, report (default: both)")
    parser.add_argument(
        "--home", type=Path, default=Path("/home/me"), help="a folder to be made; pictures show its name"
    )
    parser.add_argument("--python", default="3.11", help="an interpreter, where other users may go (default: 3.11)")
    options = parser.parse_args()
    project = options.home / "token-counter"
    options.home.mkdir()
    try:
        shutil.copytree(ROOT / "examples/token-counter", project)
        _install(project, options.python)
        if "terminal" in options.pictures:
            _terminal(project)
        if "report" in options.pictures:
            _page(project)
    finally:
        shutil.rmtree(options.home)


def _install(project: Path, python: str) -> None:
    subprocess.run([*UV, "venv", "--quiet", "--python", python, ".venv"], cwd=project, check=True)
    words = [*UV, "pip", "install", "--quiet", "--python", ".venv", "-e", ".[test]", f"{ROOT}[matrix,report]"]
    subprocess.run(words, cwd=project, check=True)


def _variables(project: Path) -> dict[str, str]:
    index = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_CERT"))}
    return {**index, "PATH": f"{project}/.venv/bin:/usr/bin:/bin", "HOME": str(project.parent), "LANG": "C.UTF-8"}


def _terminal(project: Path) -> None:
    # The first run fills caches, as on a machine where the suite has run before.
    subprocess.run([f"{project}/.venv/bin/pytest", "-q"], cwd=project, env=_variables(project), check=True)
    shots = record(COMMAND, project, COLUMNS, ROWS, _variables(project))
    drawn = svg(frames(shots, COLUMNS, ROWS), " ".join(COMMAND), COLUMNS, ROWS)
    (HERE / "terminal.svg").write_text(drawn, encoding="utf-8")


def _page(project: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "report.html")
        words = [f"{project}/.venv/bin/pytest", *MATRIX, f"--envguard-report={page}"]
        ended = subprocess.run(
            words, cwd=project, env=_variables(project), check=False, stderr=subprocess.PIPE, text=True
        )
        if ended.returncode != 1 or "Traceback" in ended.stderr:  # Python ends with 1 as well
            raise SystemExit(
                f"the run was expected to fail in some environments, exit code 1; it was {ended.returncode}\n{ended.stderr}"
            )
        photograph(page, HERE / "report.png")


def photograph(page: Path, picture: Path) -> None:
    """Let Chromium show a page and keep what it looks like."""
    with tempfile.TemporaryDirectory() as profile:
        words = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
        words += [f"--user-data-dir={profile}", f"--window-size={PAGE[0]},{PAGE[1]}", f"--screenshot={picture}"]
        subprocess.run([*words, page.as_uri()], check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    main()
